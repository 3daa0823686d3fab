//! A part of a journal as a journal of its own: the evidence of a moment, and nothing else of the room's hour.
//!
//! What was recorded stays as it was, checksums and checkpoints included: a slice is evidence of what the room did, not of what this
//! build makes of it. Only the state that it begins with is played, and only as long as that comes to what the journal says.

use std::io;

use super::{
    block::Block,
    checkpoint::Checkpoint,
    note::Note,
    packer::Packer,
    piece::{Piece, PieceKind},
    playback::{Playback, PlaybackError, Played},
    reader::{Journal, JournalError, Segment},
    ticks::{TickCoder, TickRecord},
};
use crate::{
    bits::{BitWriter, Bits},
    game::Game,
    tick::Tick,
};

/// A journal that was cut out of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The journal.
    pub bytes: Vec<u8>,
    /// After which tick it begins.
    pub begin: Tick,
    /// Its last tick.
    pub end: Tick,
}

/// Cuts out what led from the state after tick `from` to the one after tick `to`.
///
/// It begins earlier, at a checkpoint, where the game on its way to `from` does not come to what the journal says; and later, where
/// that tick was lost or the journal begins behind it.
///
/// # Errors
/// When the journal cannot be played so far.
pub fn slice<G: Game>(journal: &Journal<'_>, from: Tick, to: Tick) -> Result<Slice, PlaybackError> {
    let first = journal.segment_before(from).unwrap_or(0);
    let (segment, begin) = beginning::<G>(journal, first, from)?;
    let mut cutter = Cutter::<G::Input>::open(journal, &begin)?;
    cutter.note(&Note::Sliced { from: from.0, to: to.0 }, begin.tick)?;
    let end = cutter.cut(journal, segment, begin.tick, to)?;
    cutter.packer.end(END, end, &mut cutter.bytes);
    Ok(Slice { bytes: cutter.bytes, begin: begin.tick, end })
}

/// Why a slice ends.
const END: &str = "sliced";

/// What the slice begins with, and in which segment it goes on from there.
fn beginning<G: Game>(
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
            Some(Played::Tick(_)) => {}
            // What is played from here on is not what the room had.
            Some(_) => return recorded(first),
            None if first + 1 < journal.checkpoints().len() => return recorded(first + 1),
            None => break,
        }
    }
    let (tick, holders) = (playback.tick(), playback.holders().to_vec());
    Ok((first, Checkpoint::of(playback.game(), tick, holders, &mut BitWriter::new())))
}

/// Writes the slice.
struct Cutter<I> {
    packer: Packer,
    coder: TickCoder<I>,
    bytes: Vec<u8>,
}

impl<I: Bits + Clone + PartialEq> Cutter<I> {
    fn open(journal: &Journal<'_>, begin: &Checkpoint) -> Result<Self, JournalError> {
        let coder = TickCoder::new(journal.header());
        let mut cutter = Self { packer: Packer::new()?, coder, bytes: Vec::new() };
        cutter.write(&Piece::header(journal.header()))?;
        cutter.checkpoint(begin)?;
        Ok(cutter)
    }

    /// Copies everything behind tick `begin` and up to tick `to`, in the order in which it stands; gives the last tick.
    fn cut(
        &mut self,
        journal: &Journal<'_>,
        number: usize,
        begin: Tick,
        to: Tick,
    ) -> Result<Tick, JournalError> {
        let mut segments = number..;
        let mut segment: Segment<'_, I> = journal.segment(number)?;
        let mut end = begin;
        for block in blocks_of(journal, number) {
            if block.kind != PieceKind::Ticks && block.tick > to {
                break;
            }
            match block.kind {
                PieceKind::Checkpoint => {
                    let Some(number) = segments.next() else { break };
                    segment = journal.segment(number)?;
                    if block.tick > begin {
                        self.checkpoint(segment.checkpoint())?;
                        end = block.tick;
                    }
                }
                PieceKind::Ticks => end = self.ticks(&mut segment, block, begin, to)?.unwrap_or(end),
                PieceKind::Note if block.tick > begin => self.copy(journal, block)?,
                PieceKind::Note | PieceKind::Header | PieceKind::End => {}
            }
        }
        Ok(end)
    }

    /// The ticks of one block, as far as they are within; gives the last of them.
    fn ticks(
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
            self.write(&Piece { kind: PieceKind::Ticks, tick, bytes })?;
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
        self.write(&Piece { kind: PieceKind::Checkpoint, tick: checkpoint.tick, bytes })
    }

    fn note(&mut self, note: &Note, tick: Tick) -> Result<(), JournalError> {
        self.write(&Piece::note(note, tick))
    }

    fn copy(&mut self, journal: &Journal<'_>, block: &Block) -> Result<(), JournalError> {
        let bytes = journal.payload(block).to_vec();
        self.write(&Piece { kind: block.kind, tick: block.tick, bytes })
    }

    fn write(&mut self, piece: &Piece) -> Result<(), JournalError> {
        self.packer.pack(piece, &mut self.bytes).map_err(|error: io::Error| error.into())
    }
}

/// The blocks from this segment's checkpoint on.
fn blocks_of<'j>(journal: &'j Journal<'_>, number: usize) -> impl Iterator<Item = &'j Block> {
    let checkpoints = journal.blocks().iter().enumerate().filter(|(_, it)| it.kind == PieceKind::Checkpoint);
    let at = checkpoints.map(|(at, _)| at).nth(number).unwrap_or_else(|| journal.blocks().len());
    journal.blocks()[at..].iter()
}
