//! The checksum of a game's state. Two rooms with equal setups and equal entries (seat changes and inputs) must have equal checksums at
//! every tick; a journal stores checksums, so that a replay detects a difference.

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

/// Computes the checksum of a game's complete state, as [`Game::save`] writes it. `scratch` is overwritten, and holds the saved state
/// afterwards.
pub fn checksum<G: Game>(game: &G, scratch: &mut BitWriter) -> Checksum {
    scratch.clear();
    game.save(scratch);
    Checksum(xxh3_64(scratch.finish()))
}
