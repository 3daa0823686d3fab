//! The writer of the bit codec.

/// Appends bits to a buffer. Callers keep a writer and clear it for each packet, so that no packet allocates.
#[derive(Clone, Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    /// Bits not yet in `bytes`, least significant first.
    pending: u64,
    /// The number of bits in `pending`; always under 8 between calls.
    pending_bits: u32,
}

impl BitWriter {
    /// Creates an empty writer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Discards the written bits and keeps the buffer.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.pending = 0;
        self.pending_bits = 0;
    }

    /// The number of bits written.
    #[must_use]
    pub fn len_bits(&self) -> usize {
        self.bytes.len() * 8 + self.pending_bits as usize
    }

    /// Writes the low `count` bits of `value`; `count` is at most 32 and higher bits of `value` must be zero.
    pub fn write_bits(&mut self, value: u32, count: u32) {
        debug_assert!(
            count <= 32 && (count == 32 || value >> count == 0),
            "{value} does not fit {count} bits"
        );
        self.pending |= u64::from(value) << self.pending_bits;
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

    /// Writes an unsigned number in an Exp-Golomb code of order `k` (under 32): `k + 1` bits for values below `2^k`.
    pub fn write_var(&mut self, value: u32, k: u32) {
        // In 64 bits, because value + 2^k may not fit 32.
        let shifted = u64::from(value) + (1u64 << k);
        let extra = shifted.ilog2() - k;
        // The prefix is `extra` ones and a zero, then the number below its leading one.
        for _ in 0..extra {
            self.write_bool(true);
        }
        self.write_bool(false);
        let low = extra + k;
        let rest = shifted & ((1u64 << low) - 1);
        self.write_bits(rest as u32, low.min(32));
    }

    /// Writes a signed number in a zigzag Exp-Golomb code of order `k`: `k + 1` bits for magnitudes below `2^(k-1)`.
    pub fn write_signed(&mut self, value: i32, k: u32) {
        self.write_var(zigzag(value), k);
    }

    /// Returns the written bytes, the last one padded with zeros. Call [`Self::clear`] before the next write.
    pub fn finish(&mut self) -> &[u8] {
        if self.pending_bits > 0 {
            self.bytes.push(self.pending as u8);
            self.pending = 0;
            self.pending_bits = 0;
        }
        &self.bytes
    }
}

/// Maps a signed number to an unsigned one such that small magnitudes stay small: 0, -1, 1, -2 become 0, 1, 2, 3.
const fn zigzag(value: i32) -> u32 {
    ((value << 1) ^ (value >> 31)) as u32
}
