//! What both ends of Quarrel must agree on: the protocol, the simulation and the games. No sockets, no clock, no OS
//! randomness, no hash order: the same entries give the same state on every machine.
//!
//! The tour, in reading order:
//!
//! - [`tick`], [`moment`], [`id`], [`limits`]: time, names, bounds.
//! - [`bits`]: how games and snapshots are written.
//! - [`game`]: the [`Game`](game::Game) trait, and what a game is given.
//! - [`journal`]: the entries through which everything that changes a room passes.
//! - [`snapshot`]: a room at one tick, who sees what of it, and how that travels as a delta.
//! - [`protocol`]: what goes over the wire around the snapshots.
//! - [`arena`], [`crowd`]: the two games that ship with Quarrel.

pub mod tick;

pub mod sub_tick;

pub mod id;

pub mod limits;

pub mod bits;

pub mod game;

pub mod journal;

pub mod snapshot;

pub mod protocol;

pub mod arena;

pub mod crowd;
