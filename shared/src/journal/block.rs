//! Pieces as bytes. Whatever a crash leaves of a file, each block says by itself whether it is whole.
//!
//! ```text
//! file    = magic block… [trailer]
//! block   = kind length tick payload crc      kind: one byte, its high bit set when the payload is squeezed
//!                                             length of the payload, ticks since the block before: LEB128
//!                                             crc: CRC-32 (IEEE) of all before it in the block, 4 bytes, little-endian
//! trailer = offset of the End block, 8 bytes, little-endian; "QRL.END\n"
//! ```
//!
//! The End block's payload is the [index](IndexEntry), then the reason as text; then the trailer, so that whoever only wants to know
//! what a file holds reads its end and nothing else.

use std::ops::Range;

use crate::{journal::PieceKind, tick::Tick};

/// What every journal begins with; the last byte is the format's version.
pub const MAGIC: [u8; 8] = *b"QRLJRN\x00\x01";

/// What every journal ends with whose room ended.
pub const TRAILER: [u8; 8] = *b"QRL.END\n";

/// How many bytes the trailer has.
pub const TRAILER_BYTES: usize = 16;

/// The most bytes of a payload, squeezed or not: a room of ten thousand saves well under a megabyte.
pub const PAYLOAD_BYTES: usize = 16 << 20;

/// The most bytes of a journal that are read into memory: a busy room of sixteen plays for some 25 days to write as much.
pub const JOURNAL_BYTES: u64 = 4 << 30;

/// Where something stands in a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// A checkpoint or a note.
    pub kind: PieceKind,
    /// After which tick.
    pub tick: Tick,
    /// Where its block begins, in bytes from the file's first.
    pub offset: u64,
}

/// A block that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What it holds.
    pub kind: PieceKind,
    /// Whether its payload is squeezed.
    pub is_squeezed: bool,
    /// As in [`Piece::tick`](super::Piece::tick).
    pub tick: Tick,
    /// Where it begins.
    pub offset: usize,
    /// Where its payload is.
    pub payload: Range<usize>,
    /// Where it ends.
    pub end: usize,
}

/// Why no whole block follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// The bytes end within it: the writer was ended while it wrote.
    #[error("the last block is cut off")]
    Torn,
    /// Its bytes are not those that were written.
    #[error("a block's checksum does not match its bytes")]
    Damaged,
    /// It is of a kind that this version does not know.
    #[error("a block is of the unknown kind {0}")]
    Unknown(u8),
    /// It is larger than any block.
    #[error("a block says that it is larger than blocks are")]
    TooLarge,
}

/// Appends a block; `last` is the tick of the block before.
pub fn write(kind: PieceKind, is_squeezed: bool, tick: Tick, last: Tick, payload: &[u8], out: &mut Vec<u8>) {
    let begin = out.len();
    out.push(kind as u8 | if is_squeezed { SQUEEZED } else { 0 });
    write_leb(payload.len() as u64, out);
    write_leb(u64::from(tick.since(last)), out);
    out.extend(payload);
    let crc = crc32fast::hash(&out[begin..]);
    out.extend(crc.to_le_bytes());
}

/// The block at `offset`, behind one of tick `last`.
///
/// # Errors
/// Why there is none; the caller has seen that `offset` is not the end.
pub fn read(bytes: &[u8], offset: usize, last: Tick) -> Result<Block, BlockError> {
    let Head { first, ticks, payload } = read_head(bytes, offset)?;
    let crc = bytes.get(payload.end..).and_then(|rest| rest.first_chunk()).ok_or(BlockError::Torn)?;
    if crc32fast::hash(&bytes[offset..payload.end]) != u32::from_le_bytes(*crc) {
        return Err(BlockError::Damaged);
    }
    let kind = PieceKind::of(first & !SQUEEZED).ok_or(BlockError::Unknown(first))?;
    let tick = last.after(u32::try_from(ticks).map_err(|_| BlockError::TooLarge)?);
    let end = payload.end + CRC_BYTES;
    Ok(Block { kind, is_squeezed: first & SQUEEZED != 0, tick, offset, payload, end })
}

/// Where the block at `offset` would end by its length, whatever else is wrong with it; `None` behind the last byte.
pub(super) fn would_end(bytes: &[u8], offset: usize) -> Option<usize> {
    let end = read_head(bytes, offset).ok()?.payload.end + CRC_BYTES;
    (end <= bytes.len()).then_some(end)
}

/// The same, where what stands there may be a block that has others before it: little is, and nothing was summed to say so.
pub(super) fn could_follow(bytes: &[u8], offset: usize) -> Option<usize> {
    let first = *bytes.get(offset)?;
    let kind = PieceKind::of(first & !SQUEEZED).filter(|kind| *kind != PieceKind::Header)?;
    let is_right = first & SQUEEZED == 0 || kind.is_squeezed();
    is_right.then(|| would_end(bytes, offset)).flatten()
}

/// The last block and the trailer of a journal whose room ended.
pub fn write_end(reason: &str, tick: Tick, last: Tick, index: &[IndexEntry], offset: u64, out: &mut Vec<u8>) {
    let mut payload = Vec::with_capacity(index.len() * 8 + reason.len() + 8);
    write_leb(index.len() as u64, &mut payload);
    let mut before = (0, 0);
    for entry in index {
        payload.push(entry.kind as u8);
        write_leb(u64::from(entry.tick.0) - before.0, &mut payload);
        write_leb(entry.offset - before.1, &mut payload);
        before = (u64::from(entry.tick.0), entry.offset);
    }
    payload.extend(reason.as_bytes());
    write(PieceKind::End, false, tick, last, &payload, out);
    out.extend(trailer(offset));
}

/// The trailer of a journal whose End block begins here.
pub(super) fn trailer(offset: u64) -> [u8; TRAILER_BYTES] {
    let mut trailer = [0; TRAILER_BYTES];
    trailer[..8].copy_from_slice(&offset.to_le_bytes());
    trailer[8..].copy_from_slice(&TRAILER);
    trailer
}

/// What [`write_end`] put into its block: the reason and the index.
///
/// # Errors
/// When it did not.
pub fn read_end(payload: &[u8]) -> Result<(String, Vec<IndexEntry>), BlockError> {
    let mut at = 0;
    let count = read_leb(payload, &mut at)?;
    let mut index = Vec::new();
    let (mut tick, mut offset) = (0u64, 0u64);
    for _ in 0..count {
        let kind = *payload.get(at).ok_or(BlockError::Torn)?;
        at += 1;
        tick = tick.saturating_add(read_leb(payload, &mut at)?);
        offset = offset.saturating_add(read_leb(payload, &mut at)?);
        let kind = PieceKind::of(kind).ok_or(BlockError::Unknown(kind))?;
        let tick = Tick(u32::try_from(tick).map_err(|_| BlockError::TooLarge)?);
        index.push(IndexEntry { kind, tick, offset });
    }
    Ok((String::from_utf8_lossy(&payload[at..]).into_owned(), index))
}

/// Where the End block begins, as the last [`TRAILER_BYTES`] of a file say; `None` when it has no end yet.
#[must_use]
pub fn read_trailer(tail: &[u8]) -> Option<u64> {
    let tail = tail.last_chunk::<TRAILER_BYTES>()?;
    let (offset, magic) = tail.split_first_chunk()?;
    (*magic == TRAILER).then_some(u64::from_le_bytes(*offset))
}

const SQUEEZED: u8 = 0x80;

const CRC_BYTES: usize = 4;

/// What a block says before its payload.
struct Head {
    first: u8,
    ticks: u64,
    payload: Range<usize>,
}

fn read_head(bytes: &[u8], offset: usize) -> Result<Head, BlockError> {
    let mut at = offset;
    let first = *bytes.get(at).ok_or(BlockError::Torn)?;
    at += 1;
    let length = read_leb(bytes, &mut at)?;
    let ticks = read_leb(bytes, &mut at)?;
    let length = usize::try_from(length).ok().filter(|length| *length <= PAYLOAD_BYTES);
    let payload = at..at + length.ok_or(BlockError::TooLarge)?;
    Ok(Head { first, ticks, payload })
}

/// <https://en.wikipedia.org/wiki/LEB128>, unsigned.
fn write_leb(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn read_leb(bytes: &[u8], at: &mut usize) -> Result<u64, BlockError> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let byte = *bytes.get(*at).ok_or(BlockError::Torn)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(BlockError::TooLarge)
}
