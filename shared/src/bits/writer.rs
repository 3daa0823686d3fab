//! The writer of the bit codec.

/// Appends bits to a buffer. Callers clear and reuse one writer, so that a packet does not allocate.
#[derive(Clone, Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    /// The last bits, which do not fill a byte yet.
    pending: u64,
    /// The number of bits in `pending`; less than 8 between calls.
    pending_bits: u32,
}

impl BitWriter {
    /// Creates an empty writer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Discards the written bits and keeps the allocation.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.pending = 0;
        self.pending_bits = 0;
    }

    /// Returns the number of bits that were written; after [`Self::finish`] the padding counts too.
    #[must_use]
    pub fn len_bits(&self) -> usize {
        self.bytes.len() * 8 + self.pending_bits as usize
    }

    /// Writes the lowest `count` bits (0 to 32) of `value`. A value that does not fit is cut, so that it does not change the values after
    /// it.
    ///
    /// # Panics
    /// If `count` is over 32.
    pub fn write_bits(&mut self, value: u32, count: u32) {
        assert!(count <= 32, "a value has at most 32 bits, not {count}");
        let mask = (1u64 << count) - 1;
        self.pending |= (u64::from(value) & mask) << self.pending_bits;
        self.pending_bits += count;
        while self.pending_bits >= 8 {
            self.bytes.push(self.pending as u8);
            self.pending >>= 8;
            self.pending_bits -= 8;
        }
    }

    /// Writes one bit.
    pub fn write_bool(&mut self, value: bool) {
        self.write_bits(u32::from(value), 1);
    }

    /// Writes 64 bits.
    pub fn write_u64(&mut self, value: u64) {
        self.write_bits(value as u32, 32);
        self.write_bits((value >> 32) as u32, 32);
    }

    /// Writes an unsigned number as an Exp-Golomb code of order `k` (0 to 31): `k + 1` bits for values below `2^k`, two more bits each time
    /// that `value + 2^k` doubles.
    pub fn write_var(&mut self, value: u32, k: u32) {
        // In 64 bits, because value + 2^k may not fit 32 bits.
        let shifted = u64::from(value) + (1u64 << k);
        let extra = shifted.ilog2() - k;
        // `extra` ones and a zero, then the bits of the shifted number below its leading one.
        for _ in 0..extra {
            self.write_bool(true);
        }
        self.write_bool(false);
        let low = extra + k;
        let rest = shifted & ((1u64 << low) - 1);
        self.write_bits(rest as u32, low.min(32));
    }

    /// Writes a signed number as an Exp-Golomb code of order `k` (0 to 31) of its zigzag mapping, in which small magnitudes are small
    /// numbers: `k + 1` bits for magnitudes below `2^(k-1)`.
    pub fn write_signed(&mut self, value: i32, k: u32) {
        self.write_var(zigzag(value), k);
    }

    /// Pads the last byte with zero bits and returns all bytes. Call [`Self::clear`] before the next write: without it, the next value
    /// would follow the padding.
    pub fn finish(&mut self) -> &[u8] {
        if self.pending_bits > 0 {
            self.bytes.push(self.pending as u8);
            self.pending = 0;
            self.pending_bits = 0;
        }
        &self.bytes
    }
}

/// Maps a signed number to an unsigned one such that small magnitudes are small numbers: 0, -1, 1, -2 become 0, 1, 2, 3.
const fn zigzag(value: i32) -> u32 {
    ((value << 1) ^ (value >> 31)) as u32
}
