//! The authoritative Quarrel server: sessions, rooms, lobby, storage and the admin HTTP server. It is a library, so that the server of
//! another game is a `main` of three lines: see [`main`](fn@main) and the example `tag`.
//!
//! # Modules
//!
//! In the order in which a player's data passes through them:
//!
//! - [`net`]: the QUIC endpoint, and the admission of new connections.
//! - [`session`]: one player's connection, from the handshake to the last message.
//! - [`room`]: one game world with its seats, its tick loop and its journal.
//! - [`lobby`]: the directory of rooms, matchmaking, and the registry of held seats.
//! - [`storage`]: match results and journals on disk.
//! - [`server`]: the composition root, which starts and stops the parts above.
//!
//! For operators:
//!
//! - [`config`]: the configuration, from a file, the environment and flags.
//! - [`cli`]: the command line.
//! - [`replay`]: the commands that replay journals.
//! - [`telemetry`]: log lines and metrics.
//! - [`admin`]: the admin HTTP server, for health checks, metrics and listings.
//! - [`signals`]: stop signals and reloads.
//! - [`shutdown`]: the reason of a stop.
//! - [`data_dir`]: the folder of all files of a server.
//!
//! The rest of this page is the operators' guide.
//!
#![doc = include_str!("../README.md")]

// In the order of the list above; the blank lines keep rustfmt from sorting them.
pub mod net;

pub mod session;

pub mod room;

pub mod lobby;

pub mod storage;

pub mod server;

// For operators, and small parts that several of the above use.
pub mod admin;
mod bucket;
pub mod cli;
pub mod config;
pub mod data_dir;
mod exit_code;
mod heartbeat;
#[cfg(test)]
mod hooked_store;
mod program;
mod recovery;
pub mod reloadable;
pub mod replay;
mod serve;
mod server_status;
pub mod shutdown;
pub mod signals;
mod system_limits;
pub mod telemetry;
mod tick_or_time;
pub mod wall_clock;

pub use self::program::{GameEntry, main, main_with};
