#![doc = include_str!("../README.md")]
//!
//! # Tour of the code
//!
//! In reading order. The four folders are those of the picture above.
//!
//! - `session/`: `handle` (the [`Client`]), `driver` (the task behind a client, [`Driver`]) and `state` (the state machine inside the
//!   task, without I/O). `controller` and `event` are the two directions: [`ClientCommand`]s and the inputs of a [`Controller`] one way,
//!   [`ClientEvent`]s the other. `resume` connects again after a connection broke; `requests` repeats requests that were not answered.
//! - `net/`: [`connect`] (the handshake), [`net::find`] (the addresses of a name), [`tls`] (trust), [`transport`] (QUIC settings and
//!   sockets), `server_connection` (an open connection). `opening`, `repeat` and `nudge` make joins quick over links that lose packets.
//! - `input/`, without I/O: `clock` (the schedule of inputs), `margin` (the time by which inputs arrive early), `inputs` and
//!   `redundancy` (repetition against loss), `slip` (a server that skipped ticks).
//! - `view/`, without I/O: [`baseline`] (snapshots to views), `events` (game events in step with the picture), `screen`
//!   (the drawn state), which consists of `playout` (the displayed time), `interpolation` (others), `prediction`, `matching` and
//!   `correction` (the player's own entities).

mod input;
pub mod net;
mod session;
pub mod view;

pub use self::{
    input::clock::InputSlot,
    net::{
        connect::{self, ConnectConfig, ConnectError, Connector, Welcome},
        ending::Ending,
        find::{FindError, find_answering, find_server},
        tls::{self, Trust},
        transport,
    },
    session::{
        controller::{ClientCommand, ConnectionCounts, Controller},
        driver::{ConnectionSummary, Driver},
        event::{ClientEvent, Joined},
        handle::{Client, RequestError},
    },
    view::{
        baseline::{self, SnapshotCounts},
        interpolation::Motion,
        prediction::PredictionCounts,
        screen::{Drawn, Screen, SharedScreen},
    },
};
pub use quarrel_transport::traffic::Traffic;
