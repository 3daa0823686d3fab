//! Measurements, from one bot's input to the counts of a whole run. Pure: the time is a parameter.
//!
//! All counts go into [`Row`]s, one per second and group of bots, and rows add up exactly. So one path leads from a bot to the report,
//! whether the bot is in this thread, in another one, or on another machine: live figures, rules that end a run early, plots and totals are
//! all computed from the same rows.
//!
//! - [`Distribution`]: a histogram of measured values.
//! - [`Row`]: the counts of one second; [`SelfLoad`]: the swarm's own load in one second.
//! - `AckTracker`: one seat's inputs, from the scheduled send of each to its acknowledgement.
//! - [`Batch`]: the counts that a thread or an agent hands over once a second, collected by a `CountRecorder`.
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
    batch::Batch,
    distribution::Distribution,
    row::{Counts, Row},
    self_load::SelfLoad,
    timeline::{Timeline, Totals},
};
