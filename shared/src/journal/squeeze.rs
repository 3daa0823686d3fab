//! zstd, one stream for a segment: each piece is flushed by itself, and what it repeats of those before costs little.

use std::{fmt, io};

use zstd::stream::raw::{CParameter, DParameter, Decoder, Encoder, InBuffer, Operation as _, OutBuffer};

/// Squeezes the pieces of one journal.
pub(super) struct Squeezer(Encoder<'static>);

/// Gives them back.
pub(super) struct Unsqueezer(Decoder<'static>);

/// The window, as a power of two: 32 KiB, a few minutes of a room of sixteen. It decides how much memory each open journal takes:
/// about 100 kB.
const WINDOW_LOG: u32 = 15;

/// The quickest level but the negative ones: what is squeezed is packed in bits already.
const LEVEL: i32 = 1;

impl Squeezer {
    pub(super) fn new() -> io::Result<Self> {
        let mut encoder = Encoder::new(LEVEL)?;
        encoder.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
        Ok(Self(encoder))
    }

    /// A segment begins.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.0.reinit()
    }

    /// Appends `bytes`, squeezed, so that they can be read without those that follow.
    pub(super) fn squeeze(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let mut input = InBuffer::around(bytes);
        while input.pos() < bytes.len() {
            grow(out, bytes.len() - input.pos(), |out| self.0.run(&mut input, out).map(|_| ()))?;
        }
        loop {
            let mut left = 0;
            grow(out, FLUSH_BYTES, |out| {
                left = self.0.flush(out)?;
                Ok(())
            })?;
            if left == 0 {
                return Ok(());
            }
        }
    }
}

impl Unsqueezer {
    pub(super) fn new() -> io::Result<Self> {
        let mut decoder = Decoder::new()?;
        // A file that asks for a larger window is none of ours.
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW_LOG))?;
        Ok(Self(decoder))
    }

    /// A segment begins.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        self.0.reinit()
    }

    /// Appends what `bytes` were squeezed from, which may be at most `most` bytes.
    pub(super) fn unsqueeze(&mut self, bytes: &[u8], most: usize, out: &mut Vec<u8>) -> io::Result<()> {
        let mut input = InBuffer::around(bytes);
        let began = out.len();
        loop {
            let (read, had) = (input.pos(), out.len());
            grow(out, bytes.len() * 4 + 256, |out| self.0.run(&mut input, out).map(|_| ()))?;
            if out.len() - began > most {
                return Err(io::Error::other("a block holds more than blocks may"));
            }
            if input.pos() == read && out.len() == had {
                break;
            }
        }
        if input.pos() < bytes.len() {
            return Err(io::Error::other("a block goes on behind its end"));
        }
        Ok(())
    }
}

impl fmt::Debug for Squeezer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Squeezer")
    }
}

impl fmt::Debug for Unsqueezer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unsqueezer")
    }
}

/// What a flush needs at the least to get anywhere.
const FLUSH_BYTES: usize = 64;

/// Lets `write` append to `out`, which has room for `more` bytes and a few.
fn grow(
    out: &mut Vec<u8>,
    more: usize,
    write: impl FnOnce(&mut OutBuffer<'_, Vec<u8>>) -> io::Result<()>,
) -> io::Result<()> {
    out.reserve(more + FLUSH_BYTES);
    let at = out.len();
    let mut buffer = OutBuffer::around_pos(out, at);
    write(&mut buffer)
}
