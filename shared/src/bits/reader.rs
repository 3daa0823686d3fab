//! The reader of the bit codec. It parses bytes from peers, so every read checks its bounds.

use super::error::BitsError;

/// Reads bits from a borrowed buffer. It is `Copy`, so that a caller can look ahead and go back.
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

    /// The number of bits that are not read yet.
    #[must_use]
    pub const fn remaining_bits(&self) -> usize {
        self.bytes.len() * 8 - self.at
    }

    /// Skips `count` bits.
    ///
    /// # Errors
    /// [`BitsError::Truncated`] when fewer are left.
    pub const fn skip(&mut self, count: usize) -> Result<(), BitsError> {
        if self.remaining_bits() < count {
            return Err(BitsError::Truncated);
        }
        self.at += count;
        Ok(())
    }

    /// Reads `count` bits (at most 32).
    ///
    /// # Errors
    /// [`BitsError::Truncated`] when fewer are left.
    #[inline]
    pub fn read_bits(&mut self, count: u32) -> Result<u32, BitsError> {
        debug_assert!(count <= 32, "a read of {count} bits");
        if self.remaining_bits() < count as usize {
            return Err(BitsError::Truncated);
        }
        let first = self.at / 8;
        let shift = (self.at % 8) as u32;
        // 32 bits at any offset span at most five bytes, so a window of eight always holds them.
        let left = &self.bytes[first..];
        let window =
            left.first_chunk().map_or_else(|| last_window(left), |window| u64::from_le_bytes(*window));
        self.at += count as usize;
        let mask = (1u64 << count) - 1;
        Ok(((window >> shift) & mask) as u32)
    }

    /// Reads one bit.
    ///
    /// # Errors
    /// [`BitsError::Truncated`] at the end.
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
    /// [`BitsError::Truncated`] when fewer are left.
    pub fn read_u64(&mut self) -> Result<u64, BitsError> {
        let low = self.read_bits(32)?;
        let high = self.read_bits(32)?;
        Ok(u64::from(low) | u64::from(high) << 32)
    }

    /// Reads an Exp-Golomb code of order `k` (under 32).
    ///
    /// # Errors
    /// [`BitsError::OutOfRange`] when the number does not fit 32 bits, [`BitsError::Truncated`] at the end.
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

    /// Reads what [`BitWriter::write_signed`](super::BitWriter::write_signed) wrote.
    ///
    /// # Errors
    /// As [`Self::read_var`].
    pub fn read_signed(&mut self, k: u32) -> Result<i32, BitsError> {
        self.read_var(k).map(unzigzag)
    }

    /// Checks that only the zero padding of the last byte is left.
    ///
    /// # Errors
    /// [`BitsError::Trailing`] when a whole byte or a set bit is left over.
    pub fn finish(mut self) -> Result<(), BitsError> {
        let left = self.remaining_bits();
        if left >= 8 || self.read_bits(left as u32)? != 0 {
            return Err(BitsError::Trailing);
        }
        Ok(())
    }
}

/// The inverse of the writer's `zigzag`.
const fn unzigzag(value: u32) -> i32 {
    ((value >> 1) as i32) ^ -((value & 1) as i32)
}

/// The window from fewer than eight bytes, padded with zeros. It is slower, so only the end of the buffer is read like this.
fn last_window(left: &[u8]) -> u64 {
    let mut window = [0; 8];
    window[..left.len()].copy_from_slice(left);
    u64::from_le_bytes(window)
}
