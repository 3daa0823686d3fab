//! The reader: parses a journal from bytes, up to the last complete block. A killed server may leave a part of a block after it.

use std::io;

use super::{
    annotation::Annotation,
    block::{self, Block, BlockError, IndexEntry, MAGIC, MAX_PAYLOAD_BYTES},
    checkpoint::Checkpoint,
    chunk::ChunkKind,
    compression::Decompressor,
    header::Header,
    tail::Tail,
    ticks::{TickCoder, TickRecord},
};
use crate::{
    bits::{BitReader, Bits, BitsError},
    limits::MAX_ROOM_SEATS,
    tick::Tick,
};

/// A parsed journal: its header and the positions of its complete blocks.
#[derive(Clone, Debug)]
pub struct Journal<'a> {
    bytes: &'a [u8],
    header: Header,
    /// The complete blocks without the End block.
    blocks: Vec<Block>,
    /// The indices of the checkpoints in `blocks`.
    checkpoints: Vec<usize>,
    /// The reason for the room's end, and its last tick.
    end: Option<(String, Tick)>,
    tail: Option<Tail>,
}

/// Errors of reading a journal. A part of a block at the end of the file is not an error: see [`Journal::tail`].
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The magic bytes are missing, or the format version is 0, which never existed.
    #[error("this is not a journal")]
    NotAJournal,
    /// The format is newer than this build.
    #[error("the journal is of format {0}, and this build reads up to format {newest}: use a newer build", newest = MAGIC[7])]
    NewerFormat(u8),
    /// The first block is not a readable header.
    #[error("the journal's header cannot be read: {0}")]
    Header(String),
    /// A block has a correct checksum and a malformed payload.
    #[error("the block at byte {offset} cannot be read: {reason}")]
    Block {
        /// The offset of the block in bytes.
        offset: usize,
        /// The error in the payload.
        reason: String,
    },
    /// There is no checkpoint to play from, or no segment with the requested index.
    #[error("the journal has no complete checkpoint")]
    Empty,
    /// The decompressor cannot allocate memory.
    #[error("the journal cannot be decompressed: {0}")]
    Compression(#[from] io::Error),
}

impl<'a> Journal<'a> {
    /// Reads the header and checks the blocks up to the first that is not complete. Payloads are not decompressed yet.
    ///
    /// # Errors
    /// When the bytes are not a journal of a known format, or the header cannot be read.
    pub fn open(bytes: &'a [u8]) -> Result<Self, JournalError> {
        let (magic, _) = bytes.split_first_chunk::<8>().ok_or(JournalError::NotAJournal)?;
        if magic[..7] != MAGIC[..7] {
            return Err(JournalError::NotAJournal);
        }
        // Earlier formats than this build's are supported.
        match magic[7] {
            0 => return Err(JournalError::NotAJournal),
            format if format > MAGIC[7] => return Err(JournalError::NewerFormat(format)),
            _ => {}
        }
        let first = block::read(bytes, MAGIC.len(), Tick(0));
        let first = first.map_err(|reason| JournalError::Header(reason.to_string()))?;
        let header = read_header(bytes, &first)?;
        let mut journal =
            Self { bytes, header, blocks: vec![first], checkpoints: Vec::new(), end: None, tail: None };
        journal.read_blocks();
        Ok(journal)
    }

    /// Returns the header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the reason for the room's end; `None` if the room still runs or the server was killed. The trailer after the End block
    /// need not be complete.
    #[must_use]
    pub fn end(&self) -> Option<&str> {
        self.end.as_ref().map(|(reason, _)| reason.as_str())
    }

    /// Returns the last tick of a room that ended. If it is later than [`Self::last_playable`], the ticks between the two could not be
    /// written.
    #[must_use]
    pub fn end_tick(&self) -> Option<Tick> {
        self.end.as_ref().map(|(_, tick)| *tick)
    }

    /// Returns the bytes after the last complete block, if there are any besides a complete trailer.
    #[must_use]
    pub const fn tail(&self) -> Option<Tail> {
        self.tail
    }

    /// Returns the offset after the last complete block before the End block.
    #[must_use]
    pub fn valid_bytes(&self) -> usize {
        self.blocks.last().map_or(0, |block| block.end)
    }

    /// Returns the tick of the last complete block before the End block.
    #[must_use]
    pub fn last_tick(&self) -> Tick {
        self.blocks.last().map_or(Tick(0), |block| block.tick)
    }

    /// Returns the last tick that can be played. Annotations after it are about missing ticks.
    #[must_use]
    pub fn last_playable(&self) -> Tick {
        let is_played = |block: &&Block| matches!(block.kind, ChunkKind::Ticks | ChunkKind::Checkpoint);
        self.blocks.iter().rfind(is_played).map_or(Tick(0), |block| block.tick)
    }

    /// Returns the tick of each checkpoint.
    pub fn checkpoints(&self) -> impl ExactSizeIterator<Item = Tick> + '_ {
        self.checkpoints.iter().map(|at| self.blocks[*at].tick)
    }

    /// Returns the index of the last segment whose checkpoint is at or before this tick.
    #[must_use]
    pub fn segment_before(&self, tick: Tick) -> Option<usize> {
        self.checkpoints.partition_point(|at| self.blocks[*at].tick <= tick).checked_sub(1)
    }

    /// Returns the index of the last segment whose checkpoint is before this tick, so that its ticks lead to this tick. A room that was
    /// saved and restored has two checkpoints of one tick, and no ticks between them.
    #[must_use]
    pub fn segment_to(&self, tick: Tick) -> Option<usize> {
        self.checkpoints.partition_point(|at| self.blocks[*at].tick < tick).checked_sub(1)
    }

    /// Returns every annotation with the tick after which it was written.
    pub fn annotations(&self) -> impl Iterator<Item = Result<(Tick, Annotation), JournalError>> + '_ {
        self.blocks.iter().filter(|block| block.kind == ChunkKind::Annotation).map(|block| {
            let annotation = serde_json::from_slice(&self.bytes[block.payload.clone()]);
            Ok((block.tick, annotation.map_err(|error| block_error(block, error))?))
        })
    }

    /// Returns every complete block before the End block.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Returns the blocks up to the last tick that can be played. A writer that resumes the journal drops the later annotations: they
    /// are about lost ticks before a checkpoint that was never written.
    #[must_use]
    pub fn playable_blocks(&self) -> &[Block] {
        let tick = self.last_playable();
        &self.blocks[..self.blocks.partition_point(|block| block.tick <= tick)]
    }

    /// Returns the payload of a block as it is in the file, possibly compressed.
    #[must_use]
    pub fn payload(&self, block: &Block) -> &'a [u8] {
        &self.bytes[block.payload.clone()]
    }

    /// Returns the index as [`JournalWriter::end`](super::JournalWriter::end) would write it.
    #[must_use]
    pub fn index(&self) -> Vec<IndexEntry> {
        let is_indexed = |block: &&Block| matches!(block.kind, ChunkKind::Checkpoint | ChunkKind::Annotation);
        let entry =
            |block: &Block| IndexEntry { kind: block.kind, tick: block.tick, offset: block.offset as u64 };
        self.blocks.iter().filter(is_indexed).map(entry).collect()
    }

    /// Opens the segment with this index for reading its checkpoint and its ticks.
    ///
    /// # Errors
    /// [`JournalError::Empty`] when there is no such segment, or the error of reading its checkpoint.
    pub fn segment<I: Bits + Clone + PartialEq>(
        &self,
        number: usize,
    ) -> Result<Segment<'_, I>, JournalError> {
        let first = *self.checkpoints.get(number).ok_or(JournalError::Empty)?;
        let end = self.checkpoints.get(number + 1).copied().unwrap_or(self.blocks.len());
        let mut segment = Segment {
            journal: self,
            blocks: &self.blocks[first + 1..end],
            decompressor: Decompressor::new()?,
            coder: TickCoder::new(&self.header),
            checkpoint: Checkpoint {
                tick: Tick(0),
                checksum: crate::game::Checksum(0),
                holders: Vec::new(),
                state: Vec::new(),
            },
            payload: Vec::new(),
            at_bit: 0,
            ticks_left: 0,
            tick: Tick(0),
        };
        segment.read_checkpoint(&self.blocks[first])?;
        Ok(segment)
    }

    fn read_blocks(&mut self) {
        while let Some(at) = self.blocks.last().map(|block| block.end).filter(|at| *at < self.bytes.len()) {
            let block = match block::read(self.bytes, at, self.last_tick()) {
                Ok(block) => block,
                Err(reason) => {
                    self.tail = Some(Tail::of(self.bytes, at, reason));
                    return;
                }
            };
            if block.kind == ChunkKind::End {
                self.read_end(&block);
                return;
            }
            if block.kind == ChunkKind::Checkpoint {
                self.checkpoints.push(self.blocks.len());
            }
            self.blocks.push(block);
        }
    }

    fn read_end(&mut self, block: &Block) {
        let reason = block::read_end(&self.bytes[block.payload.clone()]);
        let reason = reason.map_or_else(|error| error.to_string(), |(reason, _)| reason);
        self.end = Some((reason, block.tick));
        // Only the trailer may follow the End block.
        let (rest, trailer) = (&self.bytes[block.end..], block::trailer(block.offset as u64));
        if rest != trailer {
            let reason = if trailer.starts_with(rest) { BlockError::Truncated } else { BlockError::Damaged };
            self.tail = Some(Tail::of(self.bytes, block.end, reason));
        }
    }
}

/// A reader of one segment: its checkpoint, then its ticks.
#[derive(Debug)]
pub struct Segment<'a, I> {
    journal: &'a Journal<'a>,
    /// The blocks that were not read yet.
    blocks: &'a [Block],
    decompressor: Decompressor,
    coder: TickCoder<I>,
    checkpoint: Checkpoint,
    /// The decompressed payload of the block that is being read.
    payload: Vec<u8>,
    /// The index of the next bit of `payload`.
    at_bit: usize,
    /// The number of unread ticks in `payload`.
    ticks_left: u16,
    /// The last tick that was read.
    tick: Tick,
}

impl<I: Bits + Clone + PartialEq> Segment<'_, I> {
    /// Returns the checkpoint at the start of the segment.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Returns the checkpoint by value.
    #[must_use]
    pub fn into_checkpoint(self) -> Checkpoint {
        self.checkpoint
    }

    /// Reads the next tick; `None` at the end of the segment.
    ///
    /// # Errors
    /// When the next block of ticks is malformed or does not follow the last tick; the segment must not be used after that.
    pub fn next_tick(&mut self) -> Result<Option<TickRecord<I>>, JournalError> {
        while self.ticks_left == 0 {
            let Some((block, rest)) = self.blocks.split_first() else { return Ok(None) };
            self.blocks = rest;
            if block.kind == ChunkKind::Ticks {
                self.open_ticks(block)?;
            }
        }
        let tick = self.tick.next();
        let mut from = BitReader::new(&self.payload);
        from.skip(self.at_bit).map_err(|reason| self.tick_error(reason))?;
        let record = self.coder.decode(tick, &mut from).map_err(|reason| self.tick_error(reason))?;
        self.at_bit = self.payload.len() * 8 - from.remaining_bits();
        self.ticks_left -= 1;
        self.tick = tick;
        Ok(Some(record))
    }

    /// Reads the checkpoint, with which the segment starts.
    fn read_checkpoint(&mut self, block: &Block) -> Result<(), JournalError> {
        self.decompressor.restart()?;
        self.load_payload(block)?;
        let seats = self.journal.header.seats;
        self.checkpoint = Checkpoint::decode(block.tick, seats, &self.payload)
            .map_err(|reason| block_error(block, reason))?;
        self.coder.restart(&self.checkpoint.holders);
        self.tick = block.tick;
        Ok(())
    }

    /// Loads a block of ticks as the current payload.
    fn open_ticks(&mut self, block: &Block) -> Result<(), JournalError> {
        self.load_payload(block)?;
        let count = self.payload.first_chunk().copied().map(u16::from_le_bytes);
        let count = count.ok_or_else(|| block_error(block, BitsError::Truncated))?;
        if self.tick.after(count.into()) != block.tick {
            let reason = format!("{count} ticks up to {} do not follow tick {}", block.tick, self.tick);
            return Err(block_error(block, reason));
        }
        (self.ticks_left, self.at_bit) = (count, 16);
        Ok(())
    }

    /// Overwrites the current payload with the decompressed payload of this block.
    fn load_payload(&mut self, block: &Block) -> Result<(), JournalError> {
        self.payload.clear();
        let bytes = self.journal.payload(block);
        if !block.is_compressed {
            self.payload.extend(bytes);
            return Ok(());
        }
        let max_bytes =
            (COMPRESSION_ALLOWANCE_BYTES + bytes.len() * MAX_COMPRESSION_RATIO).min(MAX_PAYLOAD_BYTES);
        let decompressed = self.decompressor.decompress(bytes, max_bytes, &mut self.payload);
        decompressed.map_err(|reason| block_error(block, reason))
    }

    /// Returns the error of the current block of ticks.
    fn tick_error(&self, reason: BitsError) -> JournalError {
        let offset = self.journal.blocks.iter().rfind(|block| block.tick <= self.tick);
        JournalError::Block { offset: offset.map_or(0, |block| block.offset), reason: reason.to_string() }
    }
}

fn read_header(bytes: &[u8], block: &Block) -> Result<Header, JournalError> {
    if block.kind != ChunkKind::Header {
        return Err(JournalError::Header("the first block is not a header".to_owned()));
    }
    let header: Header = serde_json::from_slice(&bytes[block.payload.clone()])
        .map_err(|error| JournalError::Header(error.to_string()))?;
    if header.seats > MAX_ROOM_SEATS {
        return Err(JournalError::Header(format!(
            "{} seats are more than the maximum of {MAX_ROOM_SEATS}",
            header.seats
        )));
    }
    Ok(header)
}

fn block_error(block: &Block, reason: impl ToString) -> JournalError {
    JournalError::Block { offset: block.offset, reason: reason.to_string() }
}

/// The maximum ratio of decompressed to compressed bytes that is accepted, beyond [`COMPRESSION_ALLOWANCE_BYTES`]. No real block
/// reaches this ratio; a file that does was made to cost its reader time.
const MAX_COMPRESSION_RATIO: usize = 1000;

/// The number of decompressed bytes that every block may have, regardless of its length.
const COMPRESSION_ALLOWANCE_BYTES: usize = 64 << 10;
