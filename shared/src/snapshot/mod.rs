//! Snapshots: the room at one tick, the view of each seat, and its encoding as a delta against a view that both ends have.
//!
//! - [`frame`]: the whole room at one tick, immutable, shared by every session.
//! - [`interest`]: selects the view of one seat from a frame; its [`grid`](mod@grid) finds the nearest entities.
//! - [`view`]: the part of a frame that one seat may see.
//! - [`delta`]: the encoding of a view against a baseline.
//! - [`updates`]: the cost of each entity's update, and deferring some of them when a delta does not fit.
//! - [`history`]: the views that may serve as baselines, on either end.

pub mod delta;
pub mod frame;
pub mod grid;
pub mod history;
pub mod interest;
#[cfg(test)]
mod mover;
pub mod updates;
pub mod view;

pub use self::{
    delta::{apply, diff},
    frame::{Frame, SeatFrame},
    history::{ReceivedHistory, SentHistory},
    interest::Interest,
    view::View,
};
