//! Checksum of a game's state. Two rooms with the same entries must have the same checksum at every tick.

use std::fmt;

use xxhash_rust::xxh3::xxh3_64;

use super::Game;
use crate::bits::BitWriter;

/// The XXH3-64 hash of a saved state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checksum(pub u64);

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Computes the checksum of a game's whole state. `scratch` is overwritten.
pub fn checksum<G: Game>(game: &G, scratch: &mut BitWriter) -> Checksum {
    scratch.clear();
    game.save(scratch);
    Checksum(xxh3_64(scratch.finish()))
}
