//! Chunks: the units of data that a room passes to the storage of its journal.

use crate::tick::Tick;

/// One piece of a journal before compression: the header, a checkpoint, an annotation, or a range of ticks. Created by
/// [`Recorder`](super::Recorder), [`Chunk::header`] and [`Chunk::annotation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The kind of the bytes.
    pub kind: ChunkKind,
    /// For ticks, the last of them. For a checkpoint, the tick whose resulting state it contains. For an annotation, the tick that it
    /// follows. For the header, 0.
    pub tick: Tick,
    /// The content, as the kind encodes it.
    pub bytes: Vec<u8>,
}

/// The kinds of chunks. A chunk that is written to a file is a *block*, so these numbers are part of the file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ChunkKind {
    /// A [`Header`](super::Header) as JSON.
    Header = 0,
    /// A [`Checkpoint`](super::Checkpoint), with which a segment starts.
    Checkpoint = 1,
    /// A count (16 bits, little-endian), then that many [`TickRecord`](super::TickRecord)s as bits. Each is coded against the tick before it,
    /// so the earlier chunks of the segment must be decoded first.
    Ticks = 2,
    /// An [`Annotation`](super::Annotation) as JSON.
    Annotation = 3,
    /// The journal's index (the positions of checkpoints and annotations), then the reason for the room's end as text. There is no chunk of
    /// this kind: [`JournalWriter::end`](super::JournalWriter::end) writes the block itself.
    End = 4,
}

impl ChunkKind {
    /// Returns the kind with this number, if there is one.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Header,
            1 => Self::Checkpoint,
            2 => Self::Ticks,
            3 => Self::Annotation,
            4 => Self::End,
            _ => return None,
        })
    }

    /// Returns true for kinds that the writer compresses, unless a payload is too short to gain. All compressed blocks of a segment form one
    /// zstd stream.
    #[must_use]
    pub const fn is_compressible(self) -> bool {
        matches!(self, Self::Checkpoint | Self::Ticks)
    }
}
