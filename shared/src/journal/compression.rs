//! zstd compression, one stream per segment: each chunk is flushed by itself and refers back to the earlier chunks of its
//! segment.

use std::{fmt, io};

use zstd::stream::raw::{CParameter, DParameter, Decoder, Encoder, InBuffer, Operation as _, OutBuffer};

/// Compresses the chunks of one journal.
pub(super) struct Compressor(Encoder<'static>);

/// Decompresses the chunks of one segment.
pub(super) struct Decompressor(Decoder<'static>);

/// The window size as a power of two: 32 KiB, a few minutes of a room of sixteen. It determines the memory of each open
/// journal: about 100 kB.
const WINDOW_LOG: u32 = 15;

/// The fastest level that is not negative, because the input is packed in bits already.
const LEVEL: i32 = 1;

impl Compressor {
    pub(super) fn new() -> io::Result<Self> {
        let mut encoder = Encoder::new(LEVEL)?;
        encoder.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
        Ok(Self(encoder))
    }

    /// Begins a segment.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.0.reinit()
    }

    /// Appends the compressed `bytes`, flushed, so that they can be read without later chunks.
    pub(super) fn compress(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let mut input = InBuffer::around(bytes);
        while input.pos() < bytes.len() {
            grow(out, bytes.len() - input.pos(), |out| self.0.run(&mut input, out).map(|_| ()))?;
        }
        loop {
            let mut left = 0;
            grow(out, MIN_FLUSH_BYTES, |out| {
                left = self.0.flush(out)?;
                Ok(())
            })?;
            if left == 0 {
                return Ok(());
            }
        }
    }
}

impl Decompressor {
    pub(super) fn new() -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        // Larger windows are rejected, because no writer of journals uses them.
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
        Ok(Self(decoder))
    }

    /// Begins a segment.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.0.reinit()
    }

    /// Appends the decompressed `bytes`, of which there may be at max_bytes `max_bytes`.
    pub(super) fn decompress(&mut self, bytes: &[u8], max_bytes: usize, out: &mut Vec<u8>) -> io::Result<()> {
        let mut input = InBuffer::around(bytes);
        let began = out.len();
        loop {
            let (read, had) = (input.pos(), out.len());
            grow(out, bytes.len() * 4 + 256, |out| self.0.run(&mut input, out).map(|_| ()))?;
            if out.len() - began > max_bytes {
                return Err(io::Error::other("a block decompresses to more than the maximum"));
            }
            if input.pos() == read && out.len() == had {
                break;
            }
        }
        if input.pos() < bytes.len() {
            return Err(io::Error::other("a compressed block has bytes behind its end"));
        }
        Ok(())
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Compressor")
    }
}

impl fmt::Debug for Decompressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decompressor")
    }
}

/// The minimum output space for a flush to make progress.
const MIN_FLUSH_BYTES: usize = 64;

/// Calls `write` with an output buffer at the end of `out` that has room for `more` bytes and [`MIN_FLUSH_BYTES`].
fn grow(
    out: &mut Vec<u8>,
    more: usize,
    write: impl FnOnce(&mut OutBuffer<'_, Vec<u8>>) -> io::Result<()>,
) -> io::Result<()> {
    out.reserve(more + MIN_FLUSH_BYTES);
    let at = out.len();
    let mut buffer = OutBuffer::around_pos(out, at);
    write(&mut buffer)
}
