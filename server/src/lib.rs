//! The authoritative Quarrel server: sessions, rooms, lobby, and the operator's plane. A library, so that a game of one's own is
//! a `main` of three lines: see [`main`](fn@main) and the example `duel`.
//!
//! The tour follows the data round its ring:
//!
//! - [`net`]: bytes in and out.
//! - [`session`]: one player's connection.
//! - [`room`]: one world and its players.
//! - [`lobby`]: how players get to rooms.
//! - [`storage`]: what outlives a match.
//! - [`server`]: the composition root, which starts and stops all of it.
//!
//! And beside it, for the operator: [`config`], [`cli`], [`replay`], [`telemetry`], [`admin`], [`shutdown`], [`data_dir`].

pub mod net;

pub mod session;

pub mod room;

pub mod lobby;

pub mod storage;

pub mod server;

pub mod admin;
pub mod cli;
pub mod config;
pub mod data_dir;
pub mod replay;
pub mod shutdown;
pub mod telemetry;

mod bucket;
mod exit_code;
mod operators_view;
mod program;
mod recovery;
mod tick_or_time;
pub mod wall_clock;

pub use self::program::{GameEntry, main, main_with};
