//! Detection of incompatible builds during the handshake, before one misreads the other's snapshots.

use std::fmt;

use xxhash_rust::xxh3::Xxh3;

use super::encoding::{Decode, Encode};
use crate::{
    bits::{BitWriter, Bits},
    game::Game,
};

/// The protocol version. Raise it with every change of the encoding of messages or datagrams.
pub const PROTOCOL_VERSION: u16 = 3;

/// A hash of everything that must be equal on both ends: protocol version, game, its revision and the encoding of its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Fingerprint(pub u64);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Computes the fingerprint of this build with this game.
///
/// The revision is raised by hand, so the hash covers an encoded default input as well: that often reveals a forgotten revision.
#[must_use]
pub fn fingerprint<G: Game>() -> Fingerprint {
    let mut hash = Xxh3::new();
    hash.update(&PROTOCOL_VERSION.to_le_bytes());
    hash_coding::<G>(&mut hash);
    Fingerprint(hash.digest())
}

/// Hashes the encoding of a game: its name, its revision and the bits of a default input.
pub(crate) fn hash_coding<G: Game>(hash: &mut Xxh3) {
    hash.update(G::NAME.as_bytes());
    hash.update(&G::REVISION.to_le_bytes());
    let mut sample = BitWriter::new();
    G::Input::default().encode(&mut sample);
    hash.update(&(sample.len_bits() as u64).to_le_bytes());
    hash.update(sample.finish());
}
