//! Blocks: the framing of chunks in a file. Each block has its own checksum, so that all blocks before an
//! interrupted write can be read.
//!
//! ```text
//! file    = magic block… [trailer]
//! block   = kind length tick payload crc      kind: one byte, its high bit set when the payload is compressed
//!                                             length of the payload, ticks since the previous block: LEB128
//!                                             crc: CRC-32 (IEEE) of the block before it, 4 bytes, little-endian
//! trailer = offset of the End block, 8 bytes, little-endian; "QRL.END\n"
//! ```
//!
//! The payload of the End block is the [index](IndexEntry), then the reason for the room's end as text. The trailer contains the
//! offset of that block, so that a reader finds the index without reading the entire file.

use std::ops::Range;

use crate::{journal::ChunkKind, tick::Tick};

/// The first bytes of every journal; the last of them is the format version.
pub const MAGIC: [u8; 8] = *b"QRLJRN\x00\x01";

/// The last bytes of every journal whose room ended.
pub const TRAILER: [u8; 8] = *b"QRL.END\n";

/// The length of the trailer: an offset and [`TRAILER`].
pub const TRAILER_BYTES: usize = 16;

/// The maximum payload of a block in bytes, compressed or not: the state of a room with ten thousand seats is well under a megabyte.
pub const MAX_PAYLOAD_BYTES: usize = 16 << 20;

/// The maximum size of a journal that is read into memory, in bytes: a busy room of sixteen seats writes as much in some 25 days.
pub const MAX_JOURNAL_BYTES: u64 = 4 << 30;

/// The position of a checkpoint or an annotation in a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// [`ChunkKind::Checkpoint`] or [`ChunkKind::Annotation`].
    pub kind: ChunkKind,
    /// For a checkpoint, the tick whose resulting state it contains. For an annotation, the tick that it follows.
    pub tick: Tick,
    /// The offset of the block, in bytes from the start of the file.
    pub offset: u64,
}

/// A block whose checksum is correct: its kind, its tick and its location. Offsets are in bytes from the start of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The kind of the payload.
    pub kind: ChunkKind,
    /// Whether the payload is compressed.
    pub is_compressed: bool,
    /// The same as [`Chunk::tick`](super::Chunk::tick).
    pub tick: Tick,
    /// The offset of the block's first byte.
    pub offset: usize,
    /// The offsets of the payload.
    pub payload: Range<usize>,
    /// The offset after the block's last byte.
    pub end: usize,
}

/// Reasons why the bytes at an offset are not a complete block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// The bytes end within the block: the writer was killed while it wrote.
    #[error("the last block is cut off")]
    Truncated,
    /// The checksum does not match the bytes.
    #[error("a block's checksum does not match its bytes")]
    Damaged,
    /// The kind is not known to this version.
    #[error("a block is of the unknown kind {0}")]
    Unknown(u8),
    /// The payload is longer than [`MAX_PAYLOAD_BYTES`], or another number is out of range.
    #[error("a block is longer than the maximum of {MAX_PAYLOAD_BYTES} bytes")]
    TooLarge,
}

/// Appends a block to `out`; `last` is the tick of the previous block.
pub fn write(
    kind: ChunkKind,
    is_compressed: bool,
    tick: Tick,
    last: Tick,
    payload: &[u8],
    out: &mut Vec<u8>,
) {
    let start = out.len();
    out.push(kind as u8 | if is_compressed { COMPRESSED_FLAG } else { 0 });
    write_leb(payload.len() as u64, out);
    write_leb(u64::from(tick.since(last)), out);
    out.extend(payload);
    let crc = crc32fast::hash(&out[start..]);
    out.extend(crc.to_le_bytes());
}

/// Reads the block at `offset`; `last` is the tick of the previous block.
///
/// # Errors
/// The reason why there is no complete block at `offset`.
pub fn read(bytes: &[u8], offset: usize, last: Tick) -> Result<Block, BlockError> {
    let Head { first, ticks, payload } = read_head(bytes, offset)?;
    let crc = bytes.get(payload.end..).and_then(|rest| rest.first_chunk()).ok_or(BlockError::Truncated)?;
    if crc32fast::hash(&bytes[offset..payload.end]) != u32::from_le_bytes(*crc) {
        return Err(BlockError::Damaged);
    }
    let kind = ChunkKind::from_number(first & !COMPRESSED_FLAG).ok_or(BlockError::Unknown(first))?;
    let tick = last.after(u32::try_from(ticks).map_err(|_| BlockError::TooLarge)?);
    let end = payload.end + CRC_BYTES;
    Ok(Block { kind, is_compressed: first & COMPRESSED_FLAG != 0, tick, offset, payload, end })
}

/// Returns the end of the block at `offset` by its declared length, without checking the checksum. `None` if the length is invalid or
/// the end is after the last byte.
pub(super) fn declared_end(bytes: &[u8], offset: usize) -> Option<usize> {
    let end = read_head(bytes, offset).ok()?.payload.end + CRC_BYTES;
    (end <= bytes.len()).then_some(end)
}

/// Returns [`declared_end`] if the first byte may be that of a block other than the header; otherwise `None`. This test is cheap, so
/// callers make it before they compute a checksum.
pub(super) fn plausible_end(bytes: &[u8], offset: usize) -> Option<usize> {
    let first = *bytes.get(offset)?;
    let kind = ChunkKind::from_number(first & !COMPRESSED_FLAG).filter(|kind| *kind != ChunkKind::Header)?;
    let is_valid = first & COMPRESSED_FLAG == 0 || kind.is_compressible();
    is_valid.then(|| declared_end(bytes, offset)).flatten()
}

/// Appends the End block, which starts at `offset` in the file, and the trailer to `out`. `last` is the tick of the previous block.
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
    write(ChunkKind::End, false, tick, last, &payload, out);
    out.extend(trailer(offset));
}

/// Returns the trailer for an End block at `offset`.
pub(super) fn trailer(offset: u64) -> [u8; TRAILER_BYTES] {
    let mut trailer = [0; TRAILER_BYTES];
    trailer[..8].copy_from_slice(&offset.to_le_bytes());
    trailer[8..].copy_from_slice(&TRAILER);
    trailer
}

/// Decodes the payload of an End block: the reason and the index.
///
/// # Errors
/// When the payload is malformed.
pub fn read_end(payload: &[u8]) -> Result<(String, Vec<IndexEntry>), BlockError> {
    let mut at = 0;
    let count = read_leb(payload, &mut at)?;
    let mut index = Vec::new();
    let (mut tick, mut offset) = (0u64, 0u64);
    for _ in 0..count {
        let kind = *payload.get(at).ok_or(BlockError::Truncated)?;
        at += 1;
        tick = tick.saturating_add(read_leb(payload, &mut at)?);
        offset = offset.saturating_add(read_leb(payload, &mut at)?);
        let kind = ChunkKind::from_number(kind).ok_or(BlockError::Unknown(kind))?;
        let tick = Tick(u32::try_from(tick).map_err(|_| BlockError::TooLarge)?);
        index.push(IndexEntry { kind, tick, offset });
    }
    Ok((String::from_utf8_lossy(&payload[at..]).into_owned(), index))
}

/// Returns the offset of the End block, given the last bytes of a file. `None` if they do not end with a trailer: the room has not
/// ended.
#[must_use]
pub fn read_trailer(tail: &[u8]) -> Option<u64> {
    let tail = tail.last_chunk::<TRAILER_BYTES>()?;
    let (offset, magic) = tail.split_first_chunk()?;
    (*magic == TRAILER).then_some(u64::from_le_bytes(*offset))
}

const COMPRESSED_FLAG: u8 = 0x80;

const CRC_BYTES: usize = 4;

/// The fields of a block before its payload.
struct Head {
    /// The kind and [`COMPRESSED_FLAG`].
    first: u8,
    /// The ticks since the previous block.
    ticks: u64,
    payload: Range<usize>,
}

fn read_head(bytes: &[u8], offset: usize) -> Result<Head, BlockError> {
    let mut at = offset;
    let first = *bytes.get(at).ok_or(BlockError::Truncated)?;
    at += 1;
    let length = read_leb(bytes, &mut at)?;
    let ticks = read_leb(bytes, &mut at)?;
    let length = usize::try_from(length).ok().filter(|length| *length <= MAX_PAYLOAD_BYTES);
    let payload = at..at + length.ok_or(BlockError::TooLarge)?;
    Ok(Head { first, ticks, payload })
}

/// Unsigned LEB128: <https://en.wikipedia.org/wiki/LEB128>.
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
        let byte = *bytes.get(*at).ok_or(BlockError::Truncated)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(BlockError::TooLarge)
}
