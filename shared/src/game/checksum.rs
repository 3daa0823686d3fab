//! One number for a whole state: two rooms with the same entries must show the same at every tick.

use std::fmt;

use xxhash_rust::xxh3::xxh3_64;

use super::Game;
use crate::bits::BitWriter;

/// XXH3-64 of a saved state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checksum(pub u64);

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The checksum of a game's whole state. `scratch` is overwritten.
pub fn checksum<G: Game>(game: &G, scratch: &mut BitWriter) -> Checksum {
    scratch.clear();
    game.save(scratch);
    Checksum(xxh3_64(scratch.finish()))
}
