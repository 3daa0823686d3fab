//! The storage's side of a journal: pieces become bytes for the end of a file.

use std::io;

use super::{
    block::{self, IndexEntry, MAGIC},
    piece::{Piece, PieceKind},
    reader::Journal,
    squeeze::Squeezer,
};
use crate::tick::Tick;

/// Pieces shorter than this are written as they are: squeezed they would be no shorter.
const SQUEEZE_FROM_BYTES: usize = 24;

/// Makes one journal's bytes.
#[derive(Debug)]
pub struct Packer {
    squeezer: Squeezer,
    place: Place,
    index: Vec<IndexEntry>,
    squeezed: Vec<u8>,
}

/// How far a packer has come: what to go back to when what it made could not be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// How many bytes the file has.
    pub bytes: u64,
    tick: Tick,
    indexed: usize,
}

impl Place {
    /// The last tick that the file knows of.
    #[must_use]
    pub const fn tick(self) -> Tick {
        self.tick
    }
}

impl Packer {
    /// For a new file.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn new() -> io::Result<Self> {
        let (place, index) = (Place::default(), Vec::new());
        Ok(Self { squeezer: Squeezer::new()?, place, index, squeezed: Vec::new() })
    }

    /// For a file that holds this journal and is cut to [`Place::bytes`]: behind the last block that can be played. The first piece to
    /// follow is a note or a checkpoint.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn resume(journal: &Journal<'_>) -> io::Result<Self> {
        let (bytes, tick) =
            journal.playable().last().map_or((0, Tick(0)), |block| (block.end as u64, block.tick));
        let mut index = journal.index();
        index.retain(|entry| entry.offset < bytes);
        let place = Place { bytes, tick, indexed: index.len() };
        Ok(Self { place, index, ..Self::new()? })
    }

    /// How far it has come.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    /// What came after `place` is not in the file. The next piece is to be a note or a checkpoint.
    pub fn go_back(&mut self, place: Place) {
        self.index.truncate(place.indexed);
        self.place = place;
    }

    /// Appends what this piece is in the file.
    ///
    /// # Errors
    /// When there is no memory to squeeze it; nothing is appended then.
    pub fn pack(&mut self, piece: &Piece, out: &mut Vec<u8>) -> io::Result<()> {
        let begin = out.len();
        let magic = if self.place.bytes == 0 { &MAGIC[..] } else { &[] };
        if piece.kind == PieceKind::Checkpoint {
            self.squeezer.restart()?;
        }
        let is_squeezed = piece.kind.is_squeezed() && piece.bytes.len() >= SQUEEZE_FROM_BYTES;
        self.squeezed.clear();
        if is_squeezed {
            self.squeezer.squeeze(&piece.bytes, &mut self.squeezed)?;
        }
        out.extend(magic);
        let offset = self.place.bytes + magic.len() as u64;
        if matches!(piece.kind, PieceKind::Checkpoint | PieceKind::Note) {
            self.index.push(IndexEntry { kind: piece.kind, tick: piece.tick, offset });
        }
        let payload = if is_squeezed { &self.squeezed } else { &piece.bytes };
        block::write(piece.kind, is_squeezed, piece.tick, self.place.tick, payload, out);
        self.advance(piece.tick, out.len() - begin);
        Ok(())
    }

    /// Appends the end: the room ended after this tick, for this reason.
    pub fn end(&mut self, reason: &str, tick: Tick, out: &mut Vec<u8>) {
        let begin = out.len();
        let tick = tick.max(self.place.tick);
        block::write_end(reason, tick, self.place.tick, &self.index, self.place.bytes, out);
        self.advance(tick, out.len() - begin);
    }

    const fn advance(&mut self, tick: Tick, bytes: usize) {
        let indexed = self.index.len();
        self.place = Place { bytes: self.place.bytes + bytes as u64, tick, indexed };
    }
}
