//! The storage side of a journal: encodes chunks as bytes to append to a file.

use std::io;

use super::{
    block::{self, IndexEntry, MAGIC},
    chunk::{Chunk, ChunkKind},
    compression::Compressor,
    reader::Journal,
};
use crate::tick::Tick;

/// The minimum size of a chunk that is compressed: shorter chunks would not become shorter.
const MIN_COMPRESSED_BYTES: usize = 24;

/// A writer of one journal, which produces bytes and has no I/O.
#[derive(Debug)]
pub struct JournalWriter {
    compressor: Compressor,
    position: Position,
    index: Vec<IndexEntry>,
    compressed: Vec<u8>,
}

/// A position in the file, to which the writer rolls back when later bytes could not be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The length of the file up to this position, in bytes.
    pub bytes: u64,
    tick: Tick,
    /// The number of index entries before this position.
    indexed: usize,
}

impl Position {
    /// Returns the tick of the last block before this position.
    #[must_use]
    pub const fn tick(self) -> Tick {
        self.tick
    }
}

impl JournalWriter {
    /// Creates a writer for a new file.
    ///
    /// # Errors
    /// When the compressor cannot allocate memory.
    pub fn new() -> io::Result<Self> {
        let (position, index) = (Position::default(), Vec::new());
        Ok(Self { compressor: Compressor::new()?, position, index, compressed: Vec::new() })
    }

    /// Creates a writer that continues the file of this journal after the last block that can be played. The caller must truncate the
    /// file to [`Position::bytes`]. The next chunk must be an annotation or a checkpoint.
    ///
    /// # Errors
    /// When the compressor cannot allocate memory.
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

    /// Continues at `position`, because the later bytes are not in the file. The next chunk must be an annotation or a checkpoint.
    pub fn roll_back(&mut self, position: Position) {
        self.index.truncate(position.indexed);
        self.position = position;
    }

    /// Appends the block of this chunk to `out`; at the start of a file, also the magic bytes.
    ///
    /// # Errors
    /// When the compressor fails; nothing is appended then.
    pub fn write(&mut self, chunk: &Chunk, out: &mut Vec<u8>) -> io::Result<()> {
        let start = out.len();
        let magic = if self.position.bytes == 0 { &MAGIC[..] } else { &[] };
        if chunk.kind == ChunkKind::Checkpoint {
            self.compressor.restart()?;
        }
        let is_compressed = chunk.kind.is_compressible() && chunk.bytes.len() >= MIN_COMPRESSED_BYTES;
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
        self.advance(chunk.tick, out.len() - start);
        Ok(())
    }

    /// Appends the End block and the trailer to `out`: the room ended after this tick for this reason.
    pub fn end(&mut self, reason: &str, tick: Tick, out: &mut Vec<u8>) {
        let start = out.len();
        let tick = tick.max(self.position.tick);
        block::write_end(reason, tick, self.position.tick, &self.index, self.position.bytes, out);
        self.advance(tick, out.len() - start);
    }

    const fn advance(&mut self, tick: Tick, bytes: usize) {
        let indexed = self.index.len();
        self.position = Position { bytes: self.position.bytes + bytes as u64, tick, indexed };
    }
}
