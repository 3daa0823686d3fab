//! What goes from a room to the storage: bytes of one kind, for a stretch of ticks.

use crate::tick::Tick;

/// A part of a journal on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// What it holds.
    pub kind: PieceKind,
    /// Checkpoints and notes: the tick after which they stand. Ticks: the last of them.
    pub tick: Tick,
    /// What it says, uncompressed.
    pub bytes: Vec<u8>,
}

/// What a piece holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum PieceKind {
    /// A [`Header`](super::Header), as JSON.
    Header = 0,
    /// A [`Checkpoint`](super::Checkpoint), which begins a segment.
    Checkpoint = 1,
    /// [`TickRecord`](super::TickRecord)s.
    Ticks = 2,
    /// A [`Note`](super::Note), as JSON.
    Note = 3,
    /// Why the room ended, as text; then the journal's index. Written by [`Packer::end`](super::Packer::end) alone.
    End = 4,
}

impl PieceKind {
    /// The kind of this number.
    #[must_use]
    pub const fn of(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Header,
            1 => Self::Checkpoint,
            2 => Self::Ticks,
            3 => Self::Note,
            4 => Self::End,
            _ => return None,
        })
    }

    /// Whether it is squeezed with the segment that it belongs to.
    #[must_use]
    pub const fn is_squeezed(self) -> bool {
        matches!(self, Self::Checkpoint | Self::Ticks)
    }
}
