//! One player's connection, from hello to goodbye. Sessions know no world: they hear facts and frames, and send bytes.
//!
//! - [`handshake`]: whether the two builds fit. Pure.
//! - [`conversation`]: which message is allowed when. Pure.
//! - [`replicator`]: frames to snapshots: interest, baseline, delta, bytes. Pure.
//! - [`rate_limit`]: how much a peer may send. Pure.
//! - `seat`: the seat it holds: news of the room out, inputs in.
//! - [`ending`]: why a session ends, and what the peer is told.
//! - [`task`]: the thin part that waits and moves bytes.

pub mod conversation;
pub mod ending;
pub mod handshake;
pub mod rate_limit;
pub mod replicator;
mod seat;
pub mod task;

pub use self::task::{SessionServices, run};
