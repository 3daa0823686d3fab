//! Slices: cuts out a part of a journal as a complete journal, to keep as evidence without the rest of the match.
//!
//! Recorded data is copied unchanged, checksums and checkpoints included: a slice is evidence of the room's states, not of this build's
//! computations. Only the first state is computed, and only if the playback up to it matches the journal.

use std::io;

use super::{
    annotation::Annotation,
    block::Block,
    checkpoint::Checkpoint,
    chunk::{Chunk, ChunkKind},
    playback::{Playback, PlaybackError, PlaybackStep},
    reader::{Journal, JournalError, Segment},
    ticks::{TickCoder, TickRecord},
    writer::JournalWriter,
};
use crate::{
    bits::{BitWriter, Bits},
    game::Game,
    tick::Tick,
};

/// A journal that was cut out of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The bytes of the journal.
    pub bytes: Vec<u8>,
    /// The tick of the slice's first checkpoint.
    pub begin: Tick,
    /// The last tick of the slice.
    pub end: Tick,
}

/// Cuts out the ticks from the state after `from` to the state after `to`.
///
/// The slice starts earlier, at a checkpoint, if the playback on the way to `from` does not match the journal. It starts later, at the
/// next checkpoint, if the tick `from` is missing or before the journal's first tick.
///
/// # Errors
/// When the journal cannot be played that far.
pub fn slice<G: Game>(journal: &Journal<'_>, from: Tick, to: Tick) -> Result<Slice, PlaybackError> {
    let first = journal.segment_before(from).unwrap_or(0);
    let (segment, checkpoint) = first_checkpoint::<G>(journal, first, from)?;
    let mut writer = SliceWriter::<G::Input>::open(journal, &checkpoint)?;
    writer.annotate(&Annotation::Sliced { from: from.0, to: to.0 }, checkpoint.tick)?;
    let end = writer.copy_range(journal, segment, checkpoint.tick, to)?;
    writer.journal.end(END, end, &mut writer.bytes);
    Ok(Slice { bytes: writer.bytes, begin: checkpoint.tick, end })
}

/// The reason for the room's end in a slice.
const END: &str = "sliced";

/// Returns the first checkpoint of the slice, and the index of the segment from which the slice is copied.
fn first_checkpoint<G: Game>(
    journal: &Journal<'_>,
    first: usize,
    from: Tick,
) -> Result<(usize, Checkpoint), PlaybackError> {
    let mut playback = Playback::<G>::from_segment(journal, first)?;
    let recorded = |number| Ok((number, journal.segment::<G::Input>(number)?.into_checkpoint()));
    if playback.tick() >= from {
        return recorded(first);
    }
    while playback.tick() < from {
        match playback.next_tick()? {
            Some(PlaybackStep::Tick(_)) => {}
            // The played state differs from the room's from this tick on.
            Some(_) => return recorded(first),
            None if first + 1 < journal.checkpoints().len() => return recorded(first + 1),
            None => break,
        }
    }
    let (tick, holders) = (playback.tick(), playback.holders().to_vec());
    Ok((first, Checkpoint::of(playback.game(), tick, holders, &mut BitWriter::new())))
}

/// A writer of a slice.
struct SliceWriter<I> {
    journal: JournalWriter,
    coder: TickCoder<I>,
    bytes: Vec<u8>,
}

impl<I: Bits + Clone + PartialEq> SliceWriter<I> {
    fn open(journal: &Journal<'_>, checkpoint: &Checkpoint) -> Result<Self, JournalError> {
        let coder = TickCoder::new(journal.header());
        let mut writer = Self { journal: JournalWriter::new()?, coder, bytes: Vec::new() };
        writer.write(&Chunk::header(journal.header()))?;
        writer.checkpoint(checkpoint)?;
        Ok(writer)
    }

    /// Copies the ticks, checkpoints and annotations after tick `begin` up to tick `to`, in file order. Returns the last tick.
    fn copy_range(
        &mut self,
        journal: &Journal<'_>,
        number: usize,
        begin: Tick,
        to: Tick,
    ) -> Result<Tick, JournalError> {
        let mut segments = number..;
        let mut segment: Segment<'_, I> = journal.segment(number)?;
        let mut end = begin;
        for block in blocks_from(journal, number) {
            if block.kind != ChunkKind::Ticks && block.tick > to {
                break;
            }
            match block.kind {
                ChunkKind::Checkpoint => {
                    let Some(number) = segments.next() else { break };
                    segment = journal.segment(number)?;
                    if block.tick > begin {
                        self.checkpoint(segment.checkpoint())?;
                        end = block.tick;
                    }
                }
                ChunkKind::Ticks => end = self.copy_ticks(&mut segment, block, begin, to)?.unwrap_or(end),
                ChunkKind::Annotation if block.tick > begin => self.copy_block(journal, block)?,
                ChunkKind::Annotation | ChunkKind::Header | ChunkKind::End => {}
            }
        }
        Ok(end)
    }

    /// Copies the ticks of one block that are after `begin` and at most `to`. Returns the last of them, if there is one.
    fn copy_ticks(
        &mut self,
        segment: &mut Segment<'_, I>,
        block: &Block,
        begin: Tick,
        to: Tick,
    ) -> Result<Option<Tick>, JournalError> {
        let (mut bits, mut count, mut last) = (BitWriter::new(), 0u16, None);
        while last.is_none_or(|last| last < block.tick) {
            let Some(record) = segment.next_tick()? else { break };
            if record.tick > to {
                break;
            }
            last = Some(record.tick);
            if record.tick > begin {
                self.record(&record, &mut bits);
                count += 1;
            }
        }
        let last = last.filter(|_| count > 0);
        if let Some(tick) = last {
            let mut bytes = count.to_le_bytes().to_vec();
            bytes.extend(bits.finish());
            self.write(&Chunk { kind: ChunkKind::Ticks, tick, bytes })?;
        }
        Ok(last)
    }

    fn record(&mut self, record: &TickRecord<I>, bits: &mut BitWriter) {
        self.coder.encode(record.tick, &record.seats, &record.entries, bits);
        if let Some(checksum) = record.checksum {
            bits.write_bits(checksum, 32);
        }
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), JournalError> {
        self.coder.restart(&checkpoint.holders);
        let mut bytes = Vec::new();
        checkpoint.encode(&mut bytes);
        self.write(&Chunk { kind: ChunkKind::Checkpoint, tick: checkpoint.tick, bytes })
    }

    fn annotate(&mut self, annotation: &Annotation, tick: Tick) -> Result<(), JournalError> {
        self.write(&Chunk::annotation(annotation, tick))
    }

    fn copy_block(&mut self, journal: &Journal<'_>, block: &Block) -> Result<(), JournalError> {
        let bytes = journal.payload(block).to_vec();
        self.write(&Chunk { kind: block.kind, tick: block.tick, bytes })
    }

    fn write(&mut self, chunk: &Chunk) -> Result<(), JournalError> {
        self.journal.write(chunk, &mut self.bytes).map_err(|error: io::Error| error.into())
    }
}

/// Returns the blocks from the checkpoint of the segment with this index on.
fn blocks_from<'j>(journal: &'j Journal<'_>, number: usize) -> impl Iterator<Item = &'j Block> {
    let checkpoints =
        journal.blocks().iter().enumerate().filter(|(_, block)| block.kind == ChunkKind::Checkpoint);
    let at = checkpoints.map(|(at, _)| at).nth(number).unwrap_or_else(|| journal.blocks().len());
    journal.blocks()[at..].iter()
}
