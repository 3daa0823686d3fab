//! zstd compression of a journal, with one stream per segment. Each chunk is flushed, so that it
//! can be read without later ones, and refers back to the earlier chunks of its segment.

use std::{fmt, io};

use zstd::stream::raw::{CParameter, DParameter, Decoder, Encoder, InBuffer, Operation as _, OutBuffer};

/// Compresses the chunks of one journal.
pub(super) struct Compressor(Encoder<'static>);

/// Decompresses the chunks of one segment.
pub(super) struct Decompressor(Decoder<'static>);

/// The window size as a power of two: 32 KiB, a few minutes of a room of sixteen seats. The window determines the memory of each open
/// journal: about 100 kB.
const WINDOW_LOG: u32 = 15;

/// The fastest level that is not negative. Slower levels would gain little, because the input is packed in bits already.
const LEVEL: i32 = 1;

impl Compressor {
    pub(super) fn new() -> io::Result<Self> {
        let mut encoder = Encoder::new(LEVEL)?;
        encoder.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
        Ok(Self(encoder))
    }

    /// Starts a segment.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.0.reinit()
    }

    /// Appends the compressed and flushed `bytes` to `out`.
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
        // Reject larger windows, which would take more memory; no writer of journals uses them.
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
        Ok(Self(decoder))
    }

    /// Starts a segment.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.0.reinit()
    }

    /// Decompresses `bytes` and appends the result to `out`. More than `max_bytes` of result are an error.
    pub(super) fn decompress(&mut self, bytes: &[u8], max_bytes: usize, out: &mut Vec<u8>) -> io::Result<()> {
        let mut input = InBuffer::around(bytes);
        let start = out.len();
        loop {
            let (input_before, output_before) = (input.pos(), out.len());
            grow(out, bytes.len() * 4 + 256, |out| self.0.run(&mut input, out).map(|_| ()))?;
            if out.len() - start > max_bytes {
                return Err(io::Error::other("a block decompresses to more than the maximum"));
            }
            if input.pos() == input_before && out.len() == output_before {
                break;
            }
        }
        if input.pos() < bytes.len() {
            return Err(io::Error::other("a compressed block has bytes after its end"));
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
