//! The code that Quarrel's server and clients share: the protocol, the `Game` interface, and the two games that ship with Quarrel. Has no
//! sockets, no clock, no OS randomness and no hash order, so that equal entries (seat changes and inputs) give equal state on every
//! machine.
//!
//! To write a game, start at [`Game`](game::Game).
//!
//! # Tour of the code
//!
//! In reading order:
//!
//! - [`tick`], [`sub_tick`], [`id`], [`limits`]: time, ids, bounds.
//! - [`bits`]: the bit codec of games, snapshots and datagrams.
//! - [`game`]: the [`Game`](game::Game) trait, and the types that a game uses.
//! - [`journal`]: the log of all changes to a room, which replays and crash recovery read.
//! - [`snapshot`]: the room's state at one tick, the view of each seat, and its encoding as a delta.
//! - [`protocol`]: control messages, datagrams and close codes.
//! - [`arena`], [`crowd`]: the two games that ship with Quarrel.
//!
//! The rest of this page describes the architecture of the whole project: its parts, the rules between them, and the glossary.
//!
#![doc = include_str!("../README.md")]

// In reading order; the blank lines keep rustfmt from sorting them.
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
