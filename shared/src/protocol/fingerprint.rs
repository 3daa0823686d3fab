//! Detection of incompatible builds during the handshake, before one decodes the other's messages wrongly.

use std::fmt;

use xxhash_rust::xxh3::Xxh3;

use super::encoding::{Decode, Encode};
use crate::{
    bits::{BitWriter, Bits},
    game::Game,
};

/// The protocol version. Raise it with every change of the encoding of messages or datagrams.
pub const PROTOCOL_VERSION: u16 = 3;

/// A hash of what must be equal on both ends: the protocol version, the game's name and revision, and a sample of its encoding (a default
/// input).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Fingerprint(pub u64);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Computes the fingerprint of this build for the game `G`.
///
/// A game maker raises [`Game::REVISION`] by hand and may forget it. The encoded default input in the hash often reveals that, but not
/// always: entities and events are not part of the hash.
#[must_use]
pub fn fingerprint<G: Game>() -> Fingerprint {
    let mut hash = Xxh3::new();
    hash.update(&PROTOCOL_VERSION.to_le_bytes());
    hash_coding::<G>(&mut hash);
    Fingerprint(hash.digest())
}

/// Adds a game's name, its revision and the bits of an encoded default input to the hash.
pub(crate) fn hash_coding<G: Game>(hash: &mut Xxh3) {
    hash.update(G::NAME.as_bytes());
    hash.update(&G::REVISION.to_le_bytes());
    let mut sample = BitWriter::new();
    G::Input::default().encode(&mut sample);
    hash.update(&(sample.len_bits() as u64).to_le_bytes());
    hash.update(sample.finish());
}
