//! Code that Quarrel's server and clients share: the protocol, the simulation and the games.
//!
//! # Tour of the code
//!
//! In reading order:
//!
//! - [`tick`], [`sub_tick`], [`id`], [`limits`]: time, ids, bounds.
//! - [`bits`]: the bit codec of games, snapshots and datagrams.
//! - [`game`]: the [`Game`](game::Game) trait, and the types that a game works with.
//! - [`journal`]: the log of all changes to a room, which replays and crash recovery read.
//! - [`snapshot`]: the room's state at one tick, the view of each seat, and its encoding as a delta.
//! - [`protocol`]: control messages, datagram headers and close codes.
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
