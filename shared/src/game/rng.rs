//! The random number generator of games: seeded, saved with the state, with the same draws on every machine and in every later version.

use rand_pcg::{Pcg32, rand_core::Rng as _};

use crate::bits::{BitReader, BitWriter, Bits, BitsError};

/// A PCG-32 generator (O'Neill 2014) whose state can be saved in a checkpoint.
///
/// It has its own methods for numbers in a range, because `rand` may change its own between versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GameRng(Pcg32);

impl GameRng {
    /// Creates a generator from a room's seed. Generators with one seed and different
    /// `stream`s draw different sequences: use one stream for each purpose.
    #[must_use]
    pub fn new(seed: u64, stream: u64) -> Self {
        Self(Pcg32::new(seed, stream))
    }

    /// Returns the next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// Returns the next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        u64::from(self.next_u32()) << 32 | u64::from(self.next_u32())
    }

    /// Returns a number from 0 to `bound - 1`; 0 if `bound` is 0. Always takes one draw of 32 bits, by multiply and shift (Lemire 2019)
    /// without rejection: the bias of at most `bound / 2^32` is too small for a player to notice.
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// Returns a number from `low` to `high`, both included (except over the full range of `i32`, where `high` is never drawn).
    ///
    /// # Panics
    /// In debug builds if `low > high`.
    pub fn between(&mut self, low: i32, high: i32) -> i32 {
        debug_assert!(low <= high, "the range from {low} to {high} is empty");
        low.wrapping_add(self.below(high.abs_diff(low).saturating_add(1)) as i32)
    }

    /// Returns true with probability `numerator / denominator`. With a denominator of 0, returns true unless the numerator is 0.
    pub fn chance(&mut self, numerator: u32, denominator: u32) -> bool {
        self.below(denominator) < numerator
    }

    /// Returns a random item; `None` if `items` is empty. Takes one draw in both cases.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u32) as usize)
    }
}

impl Bits for GameRng {
    fn encode(&self, out: &mut BitWriter) {
        out.write_u64(self.0.state());
        out.write_u64(self.0.stream());
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let state = from.read_u64()?;
        let stream = from.read_u64()?;
        Ok(Self(Pcg32::from_state(state, stream)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loaded_generator_continues_the_saved_sequence() {
        let mut rng = GameRng::new(7, 3);
        rng.next_u64();
        let mut out = BitWriter::new();
        rng.encode(&mut out);
        let mut copy = GameRng::decode(&mut BitReader::new(out.finish())).unwrap();
        for _ in 0..100 {
            assert_eq!(rng.next_u32(), copy.next_u32());
        }
    }

    #[test]
    fn the_first_draws_of_a_seed_never_change() {
        let mut rng = GameRng::new(42, 54);
        let draws: Vec<u32> = (0..4).map(|_| rng.next_u32()).collect();
        // The published test vector of PCG-32 for this state and stream (pcg-c, check-pcg32.out).
        assert_eq!(draws, [0xa15c_02b7, 0x7b47_f409, 0xba1d_3330, 0x83d2_f293]);
    }
}
