#![doc = include_str!("../README.md")]
//!
//! # Tour of the code
//!
//! In reading order. The four folders are those of the picture above.
//!
//! - `session/`: `handle` (the [`Client`]), `driver` (the task behind it, [`Driver`]) and `state` (the pure state machine inside the
//!   task). `controller` and `event` are the two sides of a seat: a [`Controller`] returns inputs and receives [`ClientEvent`]s.
//!   `resume` connects again after a connection broke; `requests` repeats what was not answered.
//! - `net/`: [`connect`](net::connect) (the handshake), [`tls`](net::tls) (trust), [`transport`](net::transport) (QUIC settings and
//!   sockets), `server_connection` (an open connection). `opening`, `repeat` and `nudge` make joins quick over links that lose packets.
//! - `input/`, pure: `clock` (the schedule of inputs), `margin` (how early they arrive), `inputs` and `redundancy` (repetition
//!   against loss), `slip` (a server that skipped ticks).
//! - `view/`, pure: [`baseline`](view::baseline) (snapshots to views), `events` (game events in step with the picture), `screen` (the
//!   drawn state), which consists of `playout` (the drawn time), `interpolation` (others), `prediction`, `matching` and `correction`
//!   (the player's own entities).

mod input;
pub mod net;
mod session;
pub mod view;

pub use self::{
    input::clock::InputSlot,
    net::{
        connect::{ConnectConfig, ConnectError, Connector, Welcome},
        ending::Ending,
        tls::Trust,
    },
    session::{
        command::ClientCommand,
        controller::{ConnectionCounts, Controller},
        driver::{ConnectionSummary, Driver},
        event::{ClientEvent, Joined},
        handle::{Client, RequestError},
    },
    view::{
        baseline::SnapshotCounts,
        interpolation::Motion,
        prediction::PredictionCounts,
        screen::{Drawn, Screen, SharedScreen},
    },
};
pub use quarrel_transport::traffic::Traffic;
