//! The storage side of a journal: encodes chunks into bytes to append to a file.

use std::io;

use super::{
    block::{self, IndexEntry, MAGIC},
    chunk::{Chunk, ChunkKind},
    compression::Compressor,
    reader::Journal,
};
use crate::tick::Tick;

/// Shorter chunks are stored uncompressed, because compression would not make them shorter.
const MIN_COMPRESSED_BYTES: usize = 24;

/// Encodes one journal.
#[derive(Debug)]
pub struct JournalWriter {
    compressor: Compressor,
    position: Position,
    index: Vec<IndexEntry>,
    compressed: Vec<u8>,
}

/// A position in the file: the writer rolls back to it when later bytes could not be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The length of the file in bytes.
    pub bytes: u64,
    tick: Tick,
    indexed: usize,
}

impl Position {
    /// Returns the last tick that the file contains.
    #[must_use]
    pub const fn tick(self) -> Tick {
        self.tick
    }
}

impl JournalWriter {
    /// A writer for a new file.
    ///
    /// # Errors
    /// When the compressor cannot allocate memory.
    pub fn new() -> io::Result<Self> {
        let (position, index) = (Position::default(), Vec::new());
        Ok(Self { compressor: Compressor::new()?, position, index, compressed: Vec::new() })
    }

    /// A writer that continues a file of this journal, which must be cut to [`Position::bytes`]: behind the last block that can
    /// be played. The next chunk must be an annotation or a checkpoint.
    ///
    /// # Errors
    /// When the compressor cannot allocate memory.
    /// When there is no memory for it.
    pub fn resume(journal: &Journal<'_>) -> io::Result<Self> {
        let (bytes, tick) =
            journal.playable_blocks().last().map_or((0, Tick(0)), |block| (block.end as u64, block.tick));
        let mut index = journal.index();
        index.retain(|entry| entry.offset < bytes);
        let position = Position { bytes, tick, indexed: index.len() };
        Ok(Self { position, index, ..Self::new()? })
    }

    /// Returns the current position.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// Discards everything behind `position`, which is not in the file. The next chunk must be an annotation or a checkpoint.
    pub fn roll_back(&mut self, position: Position) {
        self.index.truncate(position.indexed);
        self.position = position;
    }

    /// Appends the block of this chunk to `out`.
    ///
    /// # Errors
    /// When the compressor cannot allocate memory; nothing is appended then.
    pub fn write(&mut self, chunk: &Chunk, out: &mut Vec<u8>) -> io::Result<()> {
        let begin = out.len();
        let magic = if self.position.bytes == 0 { &MAGIC[..] } else { &[] };
        if chunk.kind == ChunkKind::Checkpoint {
            self.compressor.restart()?;
        }
        let is_compressed = chunk.kind.is_compressed() && chunk.bytes.len() >= MIN_COMPRESSED_BYTES;
        self.compressed.clear();
        if is_compressed {
            self.compressor.compress(&chunk.bytes, &mut self.compressed)?;
        }
        out.extend(magic);
        let offset = self.position.bytes + magic.len() as u64;
        if matches!(chunk.kind, ChunkKind::Checkpoint | ChunkKind::Annotation) {
            self.index.push(IndexEntry { kind: chunk.kind, tick: chunk.tick, offset });
        }
        let payload = if is_compressed { &self.compressed } else { &chunk.bytes };
        block::write(chunk.kind, is_compressed, chunk.tick, self.position.tick, payload, out);
        self.advance(chunk.tick, out.len() - begin);
        Ok(())
    }

    /// Appends the End block: the room ended after this tick for this reason.
    pub fn end(&mut self, reason: &str, tick: Tick, out: &mut Vec<u8>) {
        let begin = out.len();
        let tick = tick.max(self.position.tick);
        block::write_end(reason, tick, self.position.tick, &self.index, self.position.bytes, out);
        self.advance(tick, out.len() - begin);
    }

    const fn advance(&mut self, tick: Tick, bytes: usize) {
        let indexed = self.index.len();
        self.position = Position { bytes: self.position.bytes + bytes as u64, tick, indexed };
    }
}
