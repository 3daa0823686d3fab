//! Code that Quarrel's server and clients share: the protocol, the simulation and the games. It uses no sockets, no clock, no OS
//! randomness and no hash order, so that the same entries give the same state on every machine.
//!
//! The modules, in reading order:
//!
//! - [`tick`], [`sub_tick`], [`id`], [`limits`]: time, ids, bounds.
//! - [`bits`]: the bit codec of games, snapshots and datagrams.
//! - [`game`]: the [`Game`](game::Game) trait, and the types that a game works with.
//! - [`journal`]: the log of all changes to a room, which replays and crash recovery read.
//! - [`snapshot`]: the room's state at one tick, the view of each seat, and its encoding as a delta.
//! - [`protocol`]: control messages, datagram headers and close codes.
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
