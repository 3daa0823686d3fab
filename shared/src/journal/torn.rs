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
/// lengths behind them have one byte, a quarter two: 1,500 places of 2 KB on average, 3 MB. Only a file made for it comes to more.
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
