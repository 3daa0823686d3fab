//! The reader of the bit codec. The bytes may come from peers, so every read checks its bounds.

use super::error::BitsError;

/// Reads bits from a borrowed buffer. A caller can look ahead with a copy of the reader.
#[derive(Clone, Copy, Debug)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    /// The index of the next bit to read.
    at: usize,
}

impl<'a> BitReader<'a> {
    /// Creates a reader at the first bit of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Returns the number of bits that are not read yet.
    #[must_use]
    pub const fn remaining_bits(&self) -> usize {
        self.bytes.len() * 8 - self.at
    }

    /// Skips `count` bits.
    ///
    /// # Errors
    /// [`BitsError::Truncated`] when fewer bits are left; then none is skipped.
    pub const fn skip(&mut self, count: usize) -> Result<(), BitsError> {
        if self.remaining_bits() < count {
            return Err(BitsError::Truncated);
        }
        self.at += count;
        Ok(())
    }

    /// Reads an unsigned number of `count` bits (0 to 32).
    ///
    /// # Errors
    /// [`BitsError::Truncated`] when fewer bits are left; then none is read.
    ///
    /// # Panics
    /// In debug builds if `count` is over 32.
    #[inline]
    pub fn read_bits(&mut self, count: u32) -> Result<u32, BitsError> {
        debug_assert!(count <= 32, "a read of {count} bits");
        if self.remaining_bits() < count as usize {
            return Err(BitsError::Truncated);
        }
        let first = self.at / 8;
        let shift = (self.at % 8) as u32;
        // 32 bits at any offset within a byte span at most five bytes, so a window of eight always contains them.
        let rest = &self.bytes[first..];
        let window =
            rest.first_chunk().map_or_else(|| last_window(rest), |window| u64::from_le_bytes(*window));
        self.at += count as usize;
        let mask = (1u64 << count) - 1;
        Ok(((window >> shift) & mask) as u32)
    }

    /// Reads one bit.
    ///
    /// # Errors
    /// [`BitsError::Truncated`] when no bit is left.
    #[inline]
    pub fn read_bool(&mut self) -> Result<bool, BitsError> {
        // Most reads are of a single bit, which needs no window.
        let byte = self.bytes.get(self.at / 8).ok_or(BitsError::Truncated)?;
        let bit = byte >> (self.at % 8) & 1;
        self.at += 1;
        Ok(bit == 1)
    }

    /// Reads 64 bits.
    ///
    /// # Errors
    /// [`BitsError::Truncated`] when fewer than 64 bits are left.
    pub fn read_u64(&mut self) -> Result<u64, BitsError> {
        let low = self.read_bits(32)?;
        let high = self.read_bits(32)?;
        Ok(u64::from(low) | u64::from(high) << 32)
    }

    /// Reads an unsigned number that [`BitWriter::write_var`](super::BitWriter::write_var) wrote with the same order `k` (0 to 31).
    ///
    /// # Errors
    /// [`BitsError::OutOfRange`] when the number does not fit 32 bits, [`BitsError::Truncated`] when the bits end inside of it.
    pub fn read_var(&mut self, k: u32) -> Result<u32, BitsError> {
        let mut extra = 0;
        while self.read_bool()? {
            extra += 1;
            if extra + k > 32 {
                return Err(BitsError::OutOfRange);
            }
        }
        let low = extra + k;
        let shifted = u64::from(self.read_bits(low)?) | 1u64 << low;
        u32::try_from(shifted - (1u64 << k)).map_err(|_| BitsError::OutOfRange)
    }

    /// Reads a signed number that [`BitWriter::write_signed`](super::BitWriter::write_signed) wrote with the same order `k` (0 to 31).
    ///
    /// # Errors
    /// The errors of [`Self::read_var`].
    pub fn read_signed(&mut self, k: u32) -> Result<i32, BitsError> {
        self.read_var(k).map(unzigzag)
    }

    /// Checks that nothing is left but the zero bits that pad the last byte.
    ///
    /// # Errors
    /// [`BitsError::Trailing`] when eight or more bits are left, or a bit that is not zero.
    pub fn finish(mut self) -> Result<(), BitsError> {
        let remaining = self.remaining_bits();
        if remaining >= 8 || self.read_bits(remaining as u32)? != 0 {
            return Err(BitsError::Trailing);
        }
        Ok(())
    }
}

/// Returns the number that the writer's `zigzag` maps to `value`.
const fn unzigzag(value: u32) -> i32 {
    ((value >> 1) as i32) ^ -((value & 1) as i32)
}

/// Returns the window of fewer than eight bytes at the end of the buffer, padded with zeros. The copy makes it slower than a window of
/// eight bytes.
fn last_window(rest: &[u8]) -> u64 {
    let mut window = [0; 8];
    window[..rest.len()].copy_from_slice(rest);
    u64::from_le_bytes(window)
}
