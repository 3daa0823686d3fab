//! A whole journal from bytes, as far as they are good: what a killed server left is read up to its last whole block.

use std::io;

use super::{
    block::{self, Block, BlockError, IndexEntry, MAGIC, PAYLOAD_BYTES},
    checkpoint::Checkpoint,
    header::Header,
    note::Note,
    piece::PieceKind,
    squeeze::Unsqueezer,
    ticks::{TickCoder, TickRecord},
    torn::Torn,
};
use crate::{
    bits::{BitReader, Bits, BitsError},
    limits::MAX_ROOM_SEATS,
    tick::Tick,
};

/// A journal's blocks, each of which is whole.
#[derive(Clone, Debug)]
pub struct Journal<'a> {
    bytes: &'a [u8],
    header: Header,
    blocks: Vec<Block>,
    /// Which blocks are checkpoints.
    checkpoints: Vec<usize>,
    /// Why the room ended, and after which tick.
    end: Option<(String, Tick)>,
    torn: Option<Torn>,
}

/// Why bytes are no journal, or not what follows in one.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// They begin otherwise; there was never a format 0.
    #[error("this is no journal")]
    NoJournal,
    /// They are of a later version of the format.
    #[error("the journal is of format {0}, and this build reads up to {newest}: use a newer one", newest = MAGIC[7])]
    Newer(u8),
    /// The first block is not a header.
    #[error("the journal's header cannot be read: {0}")]
    Header(String),
    /// A block that is whole does not hold what it says it does.
    #[error("the block at byte {offset} cannot be read: {why}")]
    Block {
        /// Where the block begins.
        offset: usize,
        /// What is wrong with it.
        why: String,
    },
    /// There is no state to begin from.
    #[error("the journal holds no whole checkpoint")]
    Empty,
    /// zstd has no memory.
    #[error("the journal cannot be unsqueezed: {0}")]
    Squeeze(#[from] io::Error),
}

impl<'a> Journal<'a> {
    /// Reads and checks every block; what is squeezed stays so.
    ///
    /// # Errors
    /// When not even the header can be read.
    pub fn open(bytes: &'a [u8]) -> Result<Self, JournalError> {
        let (magic, _) = bytes.split_first_chunk::<8>().ok_or(JournalError::NoJournal)?;
        if magic[..7] != MAGIC[..7] {
            return Err(JournalError::NoJournal);
        }
        // Formats before this build's own are read by it.
        match magic[7] {
            0 => return Err(JournalError::NoJournal),
            format if format > MAGIC[7] => return Err(JournalError::Newer(format)),
            _ => {}
        }
        let first = block::read(bytes, MAGIC.len(), Tick(0));
        let first = first.map_err(|why| JournalError::Header(why.to_string()))?;
        let header = read_header(bytes, &first)?;
        let mut journal =
            Self { bytes, header, blocks: vec![first], checkpoints: Vec::new(), end: None, torn: None };
        journal.read_blocks();
        Ok(journal)
    }

    /// What the room began from.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Why the room ended; `None` when the writer was ended before it, or goes on. A trailer that is cut off changes nothing of it.
    #[must_use]
    pub fn end(&self) -> Option<&str> {
        self.end.as_ref().map(|(reason, _)| reason.as_str())
    }

    /// After which tick the room ended. Where that is later than the last that
    /// can be [played](Self::last_played), those between could not be written.
    #[must_use]
    pub fn end_tick(&self) -> Option<Tick> {
        self.end.as_ref().map(|(_, tick)| *tick)
    }

    /// What is behind the last whole block, and is no trailer.
    #[must_use]
    pub const fn torn(&self) -> Option<Torn> {
        self.torn
    }

    /// How many bytes are whole blocks.
    #[must_use]
    pub fn good_bytes(&self) -> usize {
        self.blocks.last().map_or(0, |block| block.end)
    }

    /// The last tick of its blocks, the end's excepted.
    #[must_use]
    pub fn last_tick(&self) -> Tick {
        self.blocks.last().map_or(Tick(0), |block| block.tick)
    }

    /// The last tick that can be played: what is said behind it is of ticks that are missing.
    #[must_use]
    pub fn last_played(&self) -> Tick {
        let is_played = |block: &&Block| matches!(block.kind, PieceKind::Ticks | PieceKind::Checkpoint);
        self.blocks.iter().rfind(is_played).map_or(Tick(0), |block| block.tick)
    }

    /// After which tick each checkpoint is.
    pub fn checkpoints(&self) -> impl ExactSizeIterator<Item = Tick> + '_ {
        self.checkpoints.iter().map(|at| self.blocks[*at].tick)
    }

    /// The last segment that begins at or before this tick.
    #[must_use]
    pub fn segment_before(&self, tick: Tick) -> Option<usize> {
        self.checkpoints.partition_point(|at| self.blocks[*at].tick <= tick).checked_sub(1)
    }

    /// The last segment that begins before this tick: its ticks lead there. A room that was saved has two checkpoints of one tick.
    #[must_use]
    pub fn segment_to(&self, tick: Tick) -> Option<usize> {
        self.checkpoints.partition_point(|at| self.blocks[*at].tick < tick).checked_sub(1)
    }

    /// Every note, with the tick after which it stands.
    pub fn notes(&self) -> impl Iterator<Item = Result<(Tick, Note), JournalError>> + '_ {
        self.blocks.iter().filter(|block| block.kind == PieceKind::Note).map(|block| {
            let note = serde_json::from_slice(&self.bytes[block.payload.clone()]);
            Ok((block.tick, note.map_err(|error| unreadable(block, error))?))
        })
    }

    /// Every block that is whole, the end's excepted.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Those of them up to the last tick that can be played. What is said of later ones is in front of a checkpoint that was to follow:
    /// whoever goes on, goes on without it.
    #[must_use]
    pub fn playable(&self) -> &[Block] {
        let tick = self.last_played();
        &self.blocks[..self.blocks.partition_point(|block| block.tick <= tick)]
    }

    /// The bytes of a block's payload, as they are in the file.
    #[must_use]
    pub fn payload(&self, block: &Block) -> &'a [u8] {
        &self.bytes[block.payload.clone()]
    }

    /// What [`Packer::end`](super::Packer::end) would write as the index.
    #[must_use]
    pub fn index(&self) -> Vec<IndexEntry> {
        let marked = |block: &&Block| matches!(block.kind, PieceKind::Checkpoint | PieceKind::Note);
        let entry =
            |block: &Block| IndexEntry { kind: block.kind, tick: block.tick, offset: block.offset as u64 };
        self.blocks.iter().filter(marked).map(entry).collect()
    }

    /// One segment: its checkpoint, and then its ticks.
    ///
    /// # Errors
    /// [`JournalError::Empty`] when there are fewer, or what is wrong with its checkpoint.
    pub fn segment<I: Bits + Clone + PartialEq>(
        &self,
        number: usize,
    ) -> Result<Segment<'_, I>, JournalError> {
        let first = *self.checkpoints.get(number).ok_or(JournalError::Empty)?;
        let end = self.checkpoints.get(number + 1).copied().unwrap_or(self.blocks.len());
        let mut segment = Segment {
            journal: self,
            blocks: &self.blocks[first + 1..end],
            unsqueezer: Unsqueezer::new()?,
            coder: TickCoder::new(&self.header),
            checkpoint: Checkpoint {
                tick: Tick(0),
                checksum: crate::game::Checksum(0),
                holders: Vec::new(),
                state: Vec::new(),
            },
            payload: Vec::new(),
            at_bit: 0,
            left: 0,
            tick: Tick(0),
        };
        segment.begin(&self.blocks[first])?;
        Ok(segment)
    }

    fn read_blocks(&mut self) {
        while let Some(at) = self.blocks.last().map(|block| block.end).filter(|at| *at < self.bytes.len()) {
            let block = match block::read(self.bytes, at, self.last_tick()) {
                Ok(block) => block,
                Err(why) => {
                    self.torn = Some(Torn::of(self.bytes, at, why));
                    return;
                }
            };
            if block.kind == PieceKind::End {
                self.read_end(&block);
                return;
            }
            if block.kind == PieceKind::Checkpoint {
                self.checkpoints.push(self.blocks.len());
            }
            self.blocks.push(block);
        }
    }

    fn read_end(&mut self, block: &Block) {
        let reason = block::read_end(&self.bytes[block.payload.clone()]);
        let reason = reason.map_or_else(|error| error.to_string(), |(reason, _)| reason);
        self.end = Some((reason, block.tick));
        // Behind it there is nothing but the trailer; whatever else is there belongs to nobody.
        let (behind, trailer) = (&self.bytes[block.end..], block::trailer(block.offset as u64));
        if behind != trailer {
            let why = if trailer.starts_with(behind) { BlockError::Torn } else { BlockError::Damaged };
            self.torn = Some(Torn::of(self.bytes, block.end, why));
        }
    }
}

/// A checkpoint and the ticks after it.
#[derive(Debug)]
pub struct Segment<'a, I> {
    journal: &'a Journal<'a>,
    /// Those that are not read yet.
    blocks: &'a [Block],
    unsqueezer: Unsqueezer,
    coder: TickCoder<I>,
    checkpoint: Checkpoint,
    payload: Vec<u8>,
    /// The next bit of `payload`, and how many ticks are left in it.
    at_bit: usize,
    left: u16,
    /// The last tick that was read.
    tick: Tick,
}

impl<I: Bits + Clone + PartialEq> Segment<'_, I> {
    /// What it begins with.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The same, for whoever wants no more of it.
    #[must_use]
    pub fn into_checkpoint(self) -> Checkpoint {
        self.checkpoint
    }

    /// The next tick; `None` at the segment's end.
    ///
    /// # Errors
    /// When what follows is not the tick after the last one; ask no more then.
    pub fn next_tick(&mut self) -> Result<Option<TickRecord<I>>, JournalError> {
        while self.left == 0 {
            let Some((block, rest)) = self.blocks.split_first() else { return Ok(None) };
            self.blocks = rest;
            if block.kind == PieceKind::Ticks {
                self.open(block)?;
            }
        }
        let tick = self.tick.next();
        let mut from = BitReader::new(&self.payload);
        from.skip(self.at_bit).map_err(|why| self.broken(why))?;
        let record = self.coder.decode(tick, &mut from).map_err(|why| self.broken(why))?;
        self.at_bit = self.payload.len() * 8 - from.remaining_bits();
        self.left -= 1;
        self.tick = tick;
        Ok(Some(record))
    }

    fn begin(&mut self, block: &Block) -> Result<(), JournalError> {
        self.unsqueezer.restart()?;
        self.unpack(block)?;
        let seats = self.journal.header.seats;
        self.checkpoint =
            Checkpoint::decode(block.tick, seats, &self.payload).map_err(|why| unreadable(block, why))?;
        self.coder.restart(&self.checkpoint.holders);
        self.tick = block.tick;
        Ok(())
    }

    /// Makes a block of ticks the one that is read.
    fn open(&mut self, block: &Block) -> Result<(), JournalError> {
        self.unpack(block)?;
        let count = self.payload.first_chunk().copied().map(u16::from_le_bytes);
        let count = count.ok_or_else(|| unreadable(block, BitsError::Truncated))?;
        if self.tick.after(count.into()) != block.tick {
            let why = format!("{count} ticks up to {} do not follow tick {}", block.tick, self.tick);
            return Err(unreadable(block, why));
        }
        (self.left, self.at_bit) = (count, 16);
        Ok(())
    }

    fn unpack(&mut self, block: &Block) -> Result<(), JournalError> {
        self.payload.clear();
        let bytes = self.journal.payload(block);
        if !block.is_squeezed {
            self.payload.extend(bytes);
            return Ok(());
        }
        let most = (SQUEEZED_FREE_BYTES + bytes.len() * SQUEEZED_AT_MOST).min(PAYLOAD_BYTES);
        let unsqueezed = self.unsqueezer.unsqueeze(bytes, most, &mut self.payload);
        unsqueezed.map_err(|why| unreadable(block, why))
    }

    fn broken(&self, why: BitsError) -> JournalError {
        let offset = self.journal.blocks.iter().rfind(|block| block.tick <= self.tick);
        JournalError::Block { offset: offset.map_or(0, |block| block.offset), why: why.to_string() }
    }
}

fn read_header(bytes: &[u8], block: &Block) -> Result<Header, JournalError> {
    if block.kind != PieceKind::Header {
        return Err(JournalError::Header("something else stands there".to_owned()));
    }
    let header: Header = serde_json::from_slice(&bytes[block.payload.clone()])
        .map_err(|error| JournalError::Header(error.to_string()))?;
    if header.seats > MAX_ROOM_SEATS {
        return Err(JournalError::Header(format!("no room has {} seats", header.seats)));
    }
    Ok(header)
}

fn unreadable(block: &Block, why: impl ToString) -> JournalError {
    JournalError::Block { offset: block.offset, why: why.to_string() }
}

/// No honest block is squeezed to less than a thousandth and a bit: a file that says so wants to cost time.
const SQUEEZED_AT_MOST: usize = 1000;
const SQUEEZED_FREE_BYTES: usize = 64 << 10;
