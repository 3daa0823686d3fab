//! The journal of a room: a binary log of everything that changed the room, from which the room can be played again.
//!
//! `state(t+1) = step(state(t), entries(t))`: the initial state and the entries determine the state at every tick. Replays,
//! desync checks, crash recovery and hand-over all read a journal. This module handles bytes only; files belong to the server.
//!
//! ```text
//!  room task                      storage                     reader
//!  entries ─▶ Recorder ─▶ Chunk ─▶ JournalWriter ─▶ bytes ─▶ Journal ─▶ Playback ─▶ states
//!             (bits)               (zstd, CRC, index)       (checks)   (steps the game)
//! ```
//!
//! A journal is a header, then *segments*. A segment is a checkpoint (the complete state of the room at one tick) and the ticks after
//! it, up to the next checkpoint. Each segment can be read without the earlier ones. Between ticks there are *annotations*: operators'
//! marks, lost ticks, restores.
//!
//! A room passes its data to the storage as *chunks*; in the file each chunk is a *block*, with its length and a checksum.
//!
//! - [`entry`]: the entries of one tick (seat changes, inputs and displayed times), and their application to a game.
//! - [`seat`]: seats taken, left and resumed, with the data that a restore needs.
//! - [`header`]: the setup of the room.
//! - [`annotation`]: records between ticks.
//! - [`ticks`]: the encoding of entries as bits.
//! - [`checkpoint`]: the encoding of a complete state.
//! - [`recorder`]: the room side: turns ticks into chunks.
//! - [`chunk`]: the unit that a room passes to the storage.
//! - [`block`]: the encoding of chunks in a file: lengths, CRCs, the index at the end.
//! - `compression`: zstd, one stream per segment.
//! - [`writer`]: the storage side: turns chunks into blocks.
//! - [`tail`]: the bytes after the last complete block: an interrupted write, or damage.
//! - [`reader`]: parses a journal up to its last complete block.
//! - [`playback`]: plays a journal again.
//! - [`bisect`]: finds the first tick at which a journal and a game, or two journals, diverge.
//! - [`mod@slice`]: cuts out a part of a journal as a complete journal.

pub mod annotation;
pub mod bisect;
pub mod block;
pub mod checkpoint;
pub mod chunk;
mod compression;
pub mod entry;
pub mod header;
pub mod playback;
pub mod reader;
pub mod recorder;
pub mod seat;
pub mod slice;
pub mod tail;
pub mod ticks;
pub mod writer;

#[cfg(test)]
mod tests;

pub use self::{
    annotation::Annotation,
    checkpoint::Checkpoint,
    chunk::{Chunk, ChunkKind},
    entry::{Entries, SeatChange},
    header::{Header, HeaderError},
    playback::{Divergence, Playback, PlaybackError, PlaybackStep},
    reader::{Journal, JournalError, Segment},
    recorder::Recorder,
    seat::{Holder, SeatEntry},
    tail::{FollowedBy, Tail},
    ticks::TickRecord,
    writer::JournalWriter,
};
