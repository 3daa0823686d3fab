//! The Quarrel client: connect, take a seat, send inputs, receive views and events. And `swarm`, its load tester.
//!
//! Most programs need [`Client`] alone:
//!
//! ```no_run
//! use quarrel_client::{Client, ConnectConfig, ClientEvent};
//! use quarrel_shared::{crowd::{Crowd, Steering}, protocol::JoinTarget};
//!
//! # async fn play() -> Result<(), Box<dyn std::error::Error>> {
//! let config = ConnectConfig::new("127.0.0.1:7777".parse()?);
//! let mut client = Client::<Crowd>::connect(&config).await?;
//! client.join(JoinTarget::Quick).await?;
//! client.set_input(Steering { bend: 5 });
//! while let Some(happening) = client.next().await {
//!     if let ClientEvent::View(view) = happening {
//!         println!("tick {}: {} in sight", view.tick, view.entities.len());
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The tour, in reading order:
//!
//! - [`handle`]: a connection as a program holds it.
//! - [`connect`]: from an address to a server that said welcome; [`tls`] whom to trust, [`transport`] and [`congestion`] how
//!   QUIC is set up.
//!   Over a bad link a newcomer is seated as quickly as packets allow: `opening` and `repeat` say more than once what opens a
//!   connection, `nudge` keeps it awake until the seat is there.
//! - [`driver`]: the one task of a player. [`controller`] is what drives their seat: a handle, or a bot. `line` is the connection as that
//!   task waits for it, and lets what says nothing `doze`. When the connection breaks, `resume` makes another one while the seat
//!   is held.
//! - Pure parts, which know neither tokio nor quinn. On the way up: [`clock`] (when to send the input of which tick), [`margin`]
//!   (how early), [`inputs`] and [`redundancy`] (what was sent may be lost). On the way down: [`baseline`] (snapshots to views),
//!   [`events`] (each once, in order, when the screen is there). `slip` tells both ways of a server that stood still.
//! - Pure too, what a player sees: [`screen`], made of [`playout`] (where it is in time), [`interpolation`] (others between two
//!   snapshots), [`prediction`] (own things ahead of the server), [`matching`] (which of them is which of the server's) and
//!   [`correction`] (what was wrong is eased away).
//! - [`swarm`]: many bots on one server, and a report.

pub mod input;
pub mod net;
pub mod session;
pub mod view;

pub use self::{
    input::{clock, inputs, margin, redundancy},
    net::{
        connect::{self, ConnectConfig, ConnectError, Connector},
        tls::{self, Trust},
        transport,
    },
    session::{
        controller::{self, ClientEvent, Controller, Ending, Joined, Welcome},
        driver,
        handle::{self, Client, RequestError},
        state::ConnectionCounts,
    },
    view::{
        baseline, correction, events, interpolation, matching, playout, prediction,
        screen::{self, Drawn, Screen, SharedScreen},
    },
};
pub use quarrel_transport::{control::ControlError, traffic::Traffic};
