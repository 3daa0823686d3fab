//! The journal of a room: everything that changed it, written down and played again. Bytes only: files are somebody else's.
//!
//! `state(t+1) = step(state(t), entries(t))`, so whoever has a room's beginning and its entries has every moment of it. Replays,
//! desync checks, crash resume and hand-over are all this.
//!
//! ```text
//!          room's task                       storage                        whoever reads
//!   entries ─▶ Recorder ─▶ Piece ─────────▶ Packer ─▶ bytes ─────────────▶ Journal ─▶ Playback ─▶ states
//!              (bits)                       (zstd, CRC, index)             (checks)    (steps the game)
//! ```
//!
//! A journal is a header, then *segments*: a checkpoint and the ticks after it, up to the next checkpoint. Each segment can be read
//! without those before it. Between ticks stand *notes*: what an operator marked, what was lost, when the room was brought back.
//!
//! - [`entry`]: the entries of one tick, and how they change a game.
//! - [`seat`]: who sat down and left, with their names, for whoever brings the room back.
//! - [`header`]: what a room began from.
//! - [`note`]: what is written between ticks.
//! - [`ticks`]: entries as bits.
//! - [`checkpoint`]: a whole state as bits.
//! - [`recorder`]: a room's side: ticks become pieces.
//! - [`piece`]: what goes from a room to the storage.
//! - [`block`]: pieces as bytes: lengths, CRCs, the index at the end.
//! - `squeeze`: zstd, one stream a segment.
//! - [`packer`]: the storage's side: pieces become bytes.
//! - [`torn`]: what is behind the last whole block: a cut, or damage.
//! - [`reader`]: a whole journal from bytes, as far as they are good.
//! - [`playback`]: a journal played again.
//! - [`bisect`]: where a journal and a game, or two journals, part.
//! - [`mod@slice`]: a part of a journal as a journal of its own.

pub mod bisect;
pub mod block;
pub mod checkpoint;
pub mod entry;
pub mod header;
pub mod note;
pub mod packer;
pub mod piece;
pub mod playback;
pub mod reader;
pub mod recorder;
pub mod seat;
pub mod slice;
mod squeeze;
pub mod ticks;
pub mod torn;

#[cfg(test)]
mod tests;

pub use self::{
    checkpoint::Checkpoint,
    entry::{Entries, SeatChange},
    header::{Header, HeaderError},
    note::Note,
    packer::Packer,
    piece::{Piece, PieceKind},
    playback::{Divergence, Playback, PlaybackError, Played},
    reader::{Journal, JournalError, Segment},
    recorder::Recorder,
    seat::{Holder, SeatNote},
    ticks::TickRecord,
    torn::{Follows, Torn},
};
