//! What is behind the last whole block of a journal: the end of what a killed writer wrote, or damage.
//!
//! A writer that is killed leaves a part of a block, and nothing behind it. So where whole blocks follow, or the trailer of a journal
//! that was written to its end, the file was changed after it was written: what can be read of it is not all that there was.

use super::block::{self, BlockError};
use crate::tick::Tick;

/// What is behind the last whole block of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// Where it begins.
    pub offset: usize,
    /// How many bytes it has.
    pub bytes: usize,
    /// What is wrong with it.
    pub why: BlockError,
    /// What is there behind that.
    pub follows: Follows,
}

/// What is behind bytes that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// Nothing that is whole: the writer was ended while it wrote, or writes now.
    Nothing,
    /// Whole blocks.
    Blocks,
    /// The trailer, of an end that cannot be reached.
    Trailer,
}

impl Torn {
    /// What is wrong with the bytes from `offset` on, and what follows them.
    pub(super) fn of(bytes: &[u8], offset: usize, why: BlockError) -> Self {
        let follows = if blocks_follow(bytes, offset) {
            Follows::Blocks
        } else if block::read_trailer(&bytes[offset..]).is_some() {
            Follows::Trailer
        } else {
            Follows::Nothing
        };
        Self { offset, bytes: bytes.len() - offset, why, follows }
    }

    /// Whether the file is damaged, and not just cut off where its writer was ended: to go on in front of it would take back play that
    /// everybody saw.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        !matches!(self.follows, Follows::Nothing)
    }
}

/// How far behind the damage a block may begin that is searched for, and the longest that is found so. Rooms write four times a second:
/// one of sixteen makes blocks of 200 bytes and checkpoints of 3 KB, so hundreds of its blocks are within. Blocks that are longer are
/// damaged in their payload, nearly always, and then still say where the next one begins.
const SEARCHED_BYTES: usize = 64 << 10;

/// How many bytes are summed in the search, which takes some 20 ms. In squeezed bytes six of 256 could begin a block, and half of the
/// lengths behind them have one byte, a quarter two: 1,500 places of 2 KB on average, 3 MB. Only a file made for it comes to
/// more, and is searched no further.
const SUMMED_BYTES: usize = 32 << 20;

/// Whether a whole block follows somewhere behind `offset`, where there is none.
fn blocks_follow(bytes: &[u8], offset: usize) -> bool {
    let is_block = |at| block::read(bytes, at, Tick(0)).is_ok();
    let next = block::would_end(bytes, offset);
    if next.is_some_and(|next| block::could_follow(bytes, next).is_some() && is_block(next)) {
        return true;
    }
    let mut left_bytes = SUMMED_BYTES;
    for at in offset..bytes.len().min(offset + SEARCHED_BYTES) {
        let Some(end) = block::could_follow(bytes, at).filter(|end| end - at <= SEARCHED_BYTES) else {
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
        journal::{Header, Journal, JournalError, Note, Packer, Piece, PieceKind, Recorder},
        tick::TickRate,
    };

    /// A journal of a checkpoint and of three notes, the second of which is this long; and its packer.
    fn journal(reason_bytes: usize) -> (Vec<u8>, Packer) {
        let setup = Setup { settings: Default::default(), seed: 1, seats: 1, tick_rate: TickRate::DEFAULT };
        let (game, header) = (Crowd::new(&setup), Header::of::<Crowd>(&setup).unwrap());
        let (mut packer, mut bytes) = (Packer::new().unwrap(), Vec::new());
        let checkpoint = Recorder::<Crowd>::new(&header).checkpoint(&game, Tick(0), vec![None]);
        let note = |bytes| Piece::note(&Note::Mark { reason: "x".repeat(bytes) }, Tick(0));
        for piece in [Piece::header(&header), checkpoint, note(40), note(reason_bytes), note(40)] {
            packer.pack(&piece, &mut bytes).unwrap();
        }
        (bytes, packer)
    }

    fn torn(bytes: &[u8]) -> Torn {
        Journal::open(bytes).unwrap().torn().expect("it is not whole")
    }

    /// Where the block of this number begins.
    fn offset(bytes: &[u8], number: usize) -> usize {
        Journal::open(bytes).unwrap().blocks()[number].offset
    }

    #[test]
    fn blocks_behind_a_changed_byte_are_found_whichever_byte_it_is() {
        let (bytes, _) = journal(40);
        let [from, to] = [2, 4].map(|number| offset(&bytes, number));
        for at in from..to {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x15;
            assert_eq!(torn(&bytes).follows, Follows::Blocks, "byte {at}");
        }
    }

    #[test]
    fn behind_a_block_that_is_longer_than_the_search_its_own_length_leads_on() {
        let (mut bytes, _) = journal(3 * SEARCHED_BYTES);
        let at = offset(&bytes, 3);
        bytes[at + 100] ^= 1;
        assert_eq!((torn(&bytes).offset, torn(&bytes).follows), (at, Follows::Blocks));
    }

    #[test]
    fn a_cut_is_no_damage_wherever_it_is() {
        let (mut bytes, mut packer) = journal(40);
        let begin = offset(&bytes, 4);
        packer.end("room_closed", Tick(9), &mut bytes);
        for cut in begin + 1..bytes.len() {
            let journal = Journal::open(&bytes[..cut]).unwrap();
            let is_whole = journal.torn().is_none_or(|torn| !torn.is_damage());
            assert!(is_whole, "cut at byte {cut}: {:?}", journal.torn());
        }
    }

    #[test]
    fn a_trailer_behind_an_end_that_cannot_be_read_is_damage() {
        let (mut bytes, mut packer) = journal(40);
        let end = bytes.len();
        packer.end("room_closed", Tick(0), &mut bytes);
        bytes[end + 4] ^= 1;
        assert_eq!((torn(&bytes).offset, torn(&bytes).follows), (end, Follows::Trailer));
    }

    #[test]
    fn a_room_whose_end_is_whole_has_ended_whatever_became_of_the_trailer() {
        let (mut bytes, mut packer) = journal(40);
        packer.end("room_closed", Tick(9), &mut bytes);
        let whole = Journal::open(&bytes).unwrap();
        assert_eq!((whole.torn(), whole.last_tick(), whole.end_tick()), (None, Tick(0), Some(Tick(9))));
        for cut in 1..=block::TRAILER_BYTES {
            let journal = Journal::open(&bytes[..bytes.len() - cut]).unwrap();
            assert_eq!(journal.end(), Some("room_closed"), "{cut} bytes are cut off");
            let torn = journal.torn().unwrap();
            assert_eq!((torn.why, torn.follows), (BlockError::Torn, Follows::Nothing));
        }
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert_eq!(Journal::open(&bytes).unwrap().end(), Some("room_closed"));
        assert_eq!(torn(&bytes).why, BlockError::Damaged);
    }

    #[test]
    fn a_tail_that_was_made_to_cost_time_is_given_up() {
        let (whole, _) = journal(40);
        let genuine = &whole[offset(&whole, 4)..];
        // Each fourth byte begins what could be ticks of 16,383 bytes: together they are 250 MB.
        for (filler, follows) in [([0x20; 4], Follows::Blocks), ([0x82, 0xff, 0x7f, 0x01], Follows::Nothing)]
        {
            let mut bytes = whole.clone();
            bytes.extend(filler.repeat(SEARCHED_BYTES / 8));
            bytes.extend(genuine);
            bytes.extend(filler.repeat(SEARCHED_BYTES));
            assert_eq!(torn(&bytes).follows, follows, "behind {filler:?}");
        }
    }

    #[test]
    fn formats_that_never_were_are_no_journal_and_later_ones_are_named() {
        let (mut bytes, _) = journal(40);
        bytes[7] = 0;
        assert!(matches!(Journal::open(&bytes), Err(JournalError::NoJournal)));
        bytes[7] = block::MAGIC[7] + 1;
        assert!(matches!(Journal::open(&bytes), Err(JournalError::Newer(_))));
    }

    #[test]
    fn what_cannot_follow_is_not_summed() {
        let mut bytes = Vec::new();
        block::write(PieceKind::Header, false, Tick(0), Tick(0), b"{}", &mut bytes);
        assert_eq!(block::could_follow(&bytes, 0), None, "a header is the first block");
        bytes[0] = PieceKind::Note as u8 | 0x80;
        assert_eq!(block::could_follow(&bytes, 0), None, "notes are never squeezed");
        bytes[0] = PieceKind::Ticks as u8 | 0x80;
        assert_eq!(block::could_follow(&bytes, 0), Some(bytes.len()));
    }
}
