//! A room at one tick, who sees what of it, and how that travels: as a delta against a view that both ends are known to have.
//!
//! - [`frame`]: the whole room at one tick, immutable, shared by every session.
//! - [`interest`]: picks the view of one seat out of a frame; its [`grid`](mod@grid) finds the nearest.
//! - [`view`]: the part of a frame that one seat may see.
//! - [`delta`]: a view against a baseline, to bits and back.
//! - [`updates`]: what each entity adds to a delta, and a view without some of its news.
//! - [`history`]: which views may serve as baseline, on either end.

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
