//! The Quarrel client: connect, take a seat, send inputs, receive views and events. And `swarm`, its load tester.
//!
//! Most programs need [`Client`] alone:
//!
//! ```no_run
//! use quarrel_client::{Client, ConnectConfig, Happening};
//! use quarrel_shared::{crowd::{Crowd, Steering}, protocol::JoinTarget};
//!
//! # async fn play() -> Result<(), Box<dyn std::error::Error>> {
//! let config = ConnectConfig::new("127.0.0.1:7777".parse()?);
//! let mut client = Client::<Crowd>::connect(&config).await?;
//! client.join(JoinTarget::Quick).await?;
//! client.set_input(Steering { bend: 5 });
//! while let Some(happening) = client.next().await {
//!     if let Happening::View(view) = happening {
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
//! - [`driver`]: the one task of a connection. [`pilot`] is what drives its seat: a handle, or a bot.
//! - Pure parts, which know neither tokio nor quinn: [`clock`] (when to send the input of which tick), [`inputs`] (what was
//!   sent may be lost), [`baseline`] (snapshots to views), [`events`] (each once and in order).
//! - [`swarm`]: many bots on one server, and a report.

pub mod handle;

pub mod connect;
pub mod tls;

pub mod congestion;
pub mod transport;

mod control;
mod keyframes;

pub mod driver;
pub mod pilot;
mod session;

pub mod baseline;
pub mod clock;
pub mod events;
pub mod inputs;

pub mod swarm;

pub use self::{
    connect::{ConnectConfig, ConnectError, Connector},
    control::ControlError,
    handle::{Client, RequestError},
    pilot::{Ending, Happening, Joined, Pilot, Welcome},
    session::LinkCounts,
    tls::Trust,
};
