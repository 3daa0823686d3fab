//! The tail: the bytes after the last complete block of a journal. They are an interrupted write, or damage.
//!
//! A killed writer leaves a part of a block and nothing after it. Complete blocks or a trailer after the first unreadable block show
//! that the file was changed after it was written, so that the blocks in between are missing.

use super::block::{self, BlockError};
use crate::tick::Tick;

/// The bytes after the last complete block of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The offset of the tail's first byte in the file.
    pub offset: usize,
    /// The length of the tail in bytes.
    pub bytes: usize,
    /// The reason why the tail does not start with a complete block.
    pub reason: BlockError,
    /// The readable data after the unreadable block at the start.
    pub followed_by: FollowedBy,
}

/// The readable data after an unreadable block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowedBy {
    /// No readable data: the writer was killed while it wrote, or still writes.
    Nothing,
    /// At least one complete block.
    Blocks,
    /// The trailer of an End block that cannot be read.
    Trailer,
}

impl Tail {
    /// Examines the bytes from `offset` to the end of the file. `reason` is the error of the block at `offset`.
    pub(super) fn of(bytes: &[u8], offset: usize, reason: BlockError) -> Self {
        let followed_by = if blocks_follow(bytes, offset) {
            FollowedBy::Blocks
        } else if block::read_trailer(&bytes[offset..]).is_some() {
            FollowedBy::Trailer
        } else {
            FollowedBy::Nothing
        };
        Self { offset, bytes: bytes.len() - offset, reason, followed_by }
    }

    /// Whether the file is damaged, and not only cut off where its writer was killed. Resuming a damaged journal would discard the
    /// ticks after the damage.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        !matches!(self.followed_by, FollowedBy::Nothing)
    }
}

/// The number of bytes from the damage on in which the search looks for the start of a block, and the maximum length of a block that
/// it finds. Rooms write four times a second: a room of sixteen seats writes blocks of 200 bytes and checkpoints of 3 KB, so this range
/// has hundreds of its blocks. If the damaged block is longer, the damage is nearly always in its payload, and its length, which leads
/// to the next block, is still correct.
const MAX_SEARCHED_BYTES: usize = 64 << 10;

/// The maximum number of bytes that the search checksums, which takes about 20 ms. In compressed bytes, 6 of 256 values may be the first
/// byte of a block, so 64 KiB have 1,500 candidates. Half of the lengths after these have one byte, a quarter two bytes: 2 KB on average,
/// 3 MB together. Only a file made to cost time has more, and the search stops then.
const MAX_CHECKSUMMED_BYTES: usize = 32 << 20;

/// Whether a complete block starts after the start of the unreadable one at `offset`, as far as the search finds.
fn blocks_follow(bytes: &[u8], offset: usize) -> bool {
    let is_block = |at| block::read(bytes, at, Tick(0)).is_ok();
    let next = block::declared_end(bytes, offset);
    if next.is_some_and(|next| block::plausible_end(bytes, next).is_some() && is_block(next)) {
        return true;
    }
    let mut left_bytes = MAX_CHECKSUMMED_BYTES;
    for at in offset..bytes.len().min(offset + MAX_SEARCHED_BYTES) {
        let Some(end) = block::plausible_end(bytes, at).filter(|end| end - at <= MAX_SEARCHED_BYTES) else {
            continue;
        };
        let Some(left) = left_bytes.checked_sub(end - at) else { return false };
        if is_block(at) {
            return true;
        }
        left_bytes = left;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crowd::Crowd,
        game::{Game as _, Setup},
        journal::{Annotation, Chunk, ChunkKind, Header, Journal, JournalError, JournalWriter, Recorder},
        tick::TickRate,
    };

    /// A journal of a checkpoint and three annotations, the second with a reason of this length; and the journal's writer.
    fn journal(reason_bytes: usize) -> (Vec<u8>, JournalWriter) {
        let setup = Setup { settings: Default::default(), seed: 1, seats: 1, tick_rate: TickRate::DEFAULT };
        let (game, header) = (Crowd::new(&setup), Header::of::<Crowd>(&setup).unwrap());
        let (mut writer, mut bytes) = (JournalWriter::new().unwrap(), Vec::new());
        let checkpoint = Recorder::<Crowd>::new(&header).checkpoint(&game, Tick(0), vec![None]);
        let annotation = |bytes| Chunk::annotation(&Annotation::Mark { reason: "x".repeat(bytes) }, Tick(0));
        for chunk in
            [Chunk::header(&header), checkpoint, annotation(40), annotation(reason_bytes), annotation(40)]
        {
            writer.write(&chunk, &mut bytes).unwrap();
        }
        (bytes, writer)
    }

    fn tail(bytes: &[u8]) -> Tail {
        Journal::open(bytes).unwrap().tail().expect("the journal has a tail")
    }

    /// The offset of the block with this index.
    fn offset(bytes: &[u8], number: usize) -> usize {
        Journal::open(bytes).unwrap().blocks()[number].offset
    }

    #[test]
    fn blocks_after_any_changed_byte_are_found() {
        let (bytes, _) = journal(40);
        let [from, to] = [2, 4].map(|number| offset(&bytes, number));
        for at in from..to {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x15;
            assert_eq!(tail(&bytes).followed_by, FollowedBy::Blocks, "byte {at}");
        }
    }

    #[test]
    fn after_a_damaged_block_that_is_longer_than_the_search_range_its_length_leads_to_the_next() {
        let (mut bytes, _) = journal(3 * MAX_SEARCHED_BYTES);
        let at = offset(&bytes, 3);
        bytes[at + 100] ^= 1;
        assert_eq!((tail(&bytes).offset, tail(&bytes).followed_by), (at, FollowedBy::Blocks));
    }

    #[test]
    fn a_cut_is_not_damage_wherever_it_is() {
        let (mut bytes, mut writer) = journal(40);
        let start = offset(&bytes, 4);
        writer.end("room_closed", Tick(9), &mut bytes);
        for cut in start + 1..bytes.len() {
            let journal = Journal::open(&bytes[..cut]).unwrap();
            let is_undamaged = journal.tail().is_none_or(|tail| !tail.is_damage());
            assert!(is_undamaged, "cut at byte {cut}: {:?}", journal.tail());
        }
    }

    #[test]
    fn a_trailer_after_an_unreadable_end_block_is_damage() {
        let (mut bytes, mut writer) = journal(40);
        let end = bytes.len();
        writer.end("room_closed", Tick(0), &mut bytes);
        bytes[end + 4] ^= 1;
        assert_eq!((tail(&bytes).offset, tail(&bytes).followed_by), (end, FollowedBy::Trailer));
    }

    #[test]
    fn a_room_with_a_complete_end_block_has_ended_even_when_the_trailer_is_cut_off_or_damaged() {
        let (mut bytes, mut writer) = journal(40);
        writer.end("room_closed", Tick(9), &mut bytes);
        let whole = Journal::open(&bytes).unwrap();
        assert_eq!((whole.tail(), whole.last_tick(), whole.end_tick()), (None, Tick(0), Some(Tick(9))));
        for cut in 1..=block::TRAILER_BYTES {
            let journal = Journal::open(&bytes[..bytes.len() - cut]).unwrap();
            assert_eq!(journal.end(), Some("room_closed"), "{cut} bytes are cut off");
            let tail = journal.tail().unwrap();
            assert_eq!((tail.reason, tail.followed_by), (BlockError::Truncated, FollowedBy::Nothing));
        }
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert_eq!(Journal::open(&bytes).unwrap().end(), Some("room_closed"));
        assert_eq!(tail(&bytes).reason, BlockError::Damaged);
    }

    #[test]
    fn the_search_stops_in_a_tail_made_to_cost_time() {
        let (whole, _) = journal(40);
        let genuine = &whole[offset(&whole, 4)..];
        // Every fourth byte may be the first of a block of ticks with 16,383 bytes: together these blocks are 250 MB.
        for (filler, followed_by) in
            [([0x20; 4], FollowedBy::Blocks), ([0x82, 0xff, 0x7f, 0x01], FollowedBy::Nothing)]
        {
            let mut bytes = whole.clone();
            bytes.extend(filler.repeat(MAX_SEARCHED_BYTES / 8));
            bytes.extend(genuine);
            bytes.extend(filler.repeat(MAX_SEARCHED_BYTES));
            assert_eq!(tail(&bytes).followed_by, followed_by, "after {filler:?}");
        }
    }

    #[test]
    fn format_0_is_not_a_journal_and_newer_formats_are_named() {
        let (mut bytes, _) = journal(40);
        bytes[7] = 0;
        assert!(matches!(Journal::open(&bytes), Err(JournalError::NotAJournal)));
        bytes[7] = block::MAGIC[7] + 1;
        assert!(matches!(Journal::open(&bytes), Err(JournalError::NewerFormat(_))));
    }

    #[test]
    fn bytes_that_cannot_be_the_start_of_a_later_block_are_not_checksummed() {
        let mut bytes = Vec::new();
        block::write(ChunkKind::Header, false, Tick(0), Tick(0), b"{}", &mut bytes);
        assert_eq!(block::plausible_end(&bytes, 0), None, "a header is only the first block");
        bytes[0] = ChunkKind::Annotation as u8 | 0x80;
        assert_eq!(block::plausible_end(&bytes, 0), None, "annotations are never compressed");
        bytes[0] = ChunkKind::Ticks as u8 | 0x80;
        assert_eq!(block::plausible_end(&bytes, 0), Some(bytes.len()));
    }
}
