//! What is measured, from one bot's input to the whole run's figures. Pure: moments are given.
//!
//! Everything is counted into [`Row`]s, one for each second and group of bots, and rows add up exactly. So one path leads from a bot
//! to the report, whether the bot is in this thread, another one, or another machine: live figures, rules that end a run early,
//! plots and totals are all made of the same rows.
//!
//! - [`Distribution`]: how often which value was seen.
//! - [`Row`]: one second's counts; [`Vitals`]: what the swarm itself cost in it.
//! - `Ledger`: one seat's inputs, from when each was meant to be sent until the server has used it.
//! - [`Batch`]: what a thread or an agent hands over once a second, collected by a `Recorder`.
//! - `Timeline`: all batches together.

mod batch;
mod distribution;
mod ledger;
mod row;
mod timeline;
mod vitals;

pub use self::{
    batch::Batch,
    distribution::Distribution,
    row::{Counts, Row},
    timeline::{Timeline, Totals},
    vitals::Vitals,
};
pub(super) use self::{
    batch::Recorder,
    ledger::{Ledger, Moments},
    timeline::percent,
};
