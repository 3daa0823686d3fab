//! A chunk: the unit of data that a room passes to the storage.

use crate::tick::Tick;

/// Uncompressed bytes of one kind, for a range of ticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The kind of the bytes.
    pub kind: ChunkKind,
    /// Checkpoints and annotations: the tick after which they were written. Ticks: the last of them.
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
    /// A [`Checkpoint`](super::Checkpoint), which begins a segment.
    Checkpoint = 1,
    /// A sequence of [`TickRecord`](super::TickRecord)s.
    Ticks = 2,
    /// An [`Annotation`](super::Annotation) as JSON.
    Annotation = 3,
    /// The reason for the room's end as text, then the journal's index. Only [`JournalWriter::end`](super::JournalWriter::end)
    /// writes it.
    End = 4,
}

impl ChunkKind {
    /// Returns the kind of this number.
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

    /// Whether it is compressed in the zstd stream of its segment.
    #[must_use]
    pub const fn is_compressed(self) -> bool {
        matches!(self, Self::Checkpoint | Self::Ticks)
    }
}
