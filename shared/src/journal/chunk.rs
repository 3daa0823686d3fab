//! Chunks: the units of data that a room passes to the storage of its journal.

use crate::tick::Tick;

/// Uncompressed bytes of one kind, for a range of ticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The kind of the bytes.
    pub kind: ChunkKind,
    /// The last tick in a chunk of ticks; the tick after which a checkpoint or an annotation was written; 0 for the header.
    pub tick: Tick,
    /// The payload, uncompressed.
    pub bytes: Vec<u8>,
}

/// The kinds of chunks and blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ChunkKind {
    /// A [`Header`](super::Header) as JSON.
    Header = 0,
    /// A [`Checkpoint`](super::Checkpoint), with which a segment starts.
    Checkpoint = 1,
    /// A sequence of [`TickRecord`](super::TickRecord)s.
    Ticks = 2,
    /// An [`Annotation`](super::Annotation) as JSON.
    Annotation = 3,
    /// The journal's index, then the reason for the room's end as text. Only [`JournalWriter::end`](super::JournalWriter::end)
    /// writes a block of this kind.
    End = 4,
}

impl ChunkKind {
    /// Returns the kind with this number, if there is one.
    #[must_use]
    pub const fn of(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Header,
            1 => Self::Checkpoint,
            2 => Self::Ticks,
            3 => Self::Annotation,
            4 => Self::End,
            _ => return None,
        })
    }

    /// Whether blocks of this kind may be compressed, in the zstd stream of their segment.
    #[must_use]
    pub const fn is_compressed(self) -> bool {
        matches!(self, Self::Checkpoint | Self::Ticks)
    }
}
