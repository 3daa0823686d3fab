//! Measurements, from one bot's input to the counts of a complete run. Pure: no clock, no I/O; times are parameters.
//!
//! All counts go into [`Row`]s, one per second and group of bots, and rows add up exactly. The progress display, rules that end a run
//! early, plots and totals are all computed from the same rows, whether a bot is in this thread, in another one, or on another machine.
//!
//! - [`Distribution`]: a histogram of measured values.
//! - [`Row`]: the counts of one second; [`SelfLoad`]: the swarm's own load in one second.
//! - `AckTracker`: one seat's inputs, from the scheduled send of each to its acknowledgement.
//! - `CountRecorder`: collects the counts of one thread's bots; [`Batch`]: the counts of about one second, from a thread or an agent.
//! - `Timeline`: the sum of all batches, by second and in total.

mod ack_tracker;
mod batch;
mod distribution;
mod row;
mod self_load;
mod timeline;

pub(super) use self::{
    ack_tracker::{AckTracker, ScheduledSends},
    batch::CountRecorder,
    timeline::percent,
};
pub use self::{
    batch::{Batch, GroupSecond},
    distribution::Distribution,
    row::{Counts, Row},
    self_load::SelfLoad,
    timeline::{Timeline, Totals},
};
