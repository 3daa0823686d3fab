//! Snapshots: the state of a room at one tick, the view of each seat, and the encoding of a view as a delta against a baseline (an
//! earlier view that both ends have).
//!
//! - [`frame`]: the entire room at one tick, immutable, shared by all sessions.
//! - [`interest`]: selects the view of one seat from a frame; its [`grid`](mod@grid) finds the nearest entities.
//! - [`view`]: the part of a frame that one seat may see.
//! - [`delta`]: the encoding of a view against a baseline.
//! - [`updates`]: the size of each entity's update in a delta, and views without some of the updates, for a delta that does not fit.
//! - [`history`]: the views that may be baselines, on either end.

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
