//! How two builds find out that they do not fit, before a snapshot is misread.

use std::fmt;

use xxhash_rust::xxh3::Xxh3;

use super::{
    PROTOCOL_VERSION,
    codec::{Decode, Encode},
};
use crate::{
    bits::{BitWriter, Bits},
    game::Game,
};

/// One number for all that must be equal on both ends: protocol version, game, its revision and how its inputs are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct Fingerprint(pub u64);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The fingerprint of this build with this game.
///
/// The revision is raised by hand, so a coded default input goes in as well: a forgotten revision often shows there.
#[must_use]
pub fn fingerprint<G: Game>() -> Fingerprint {
    let mut hash = Xxh3::new();
    hash.update(&PROTOCOL_VERSION.to_le_bytes());
    hash_coding::<G>(&mut hash);
    Fingerprint(hash.digest())
}

/// What tells one game's coding from another's: its name, its revision, and what an input is in bits.
pub(crate) fn hash_coding<G: Game>(hash: &mut Xxh3) {
    hash.update(G::NAME.as_bytes());
    hash.update(&G::REVISION.to_le_bytes());
    let mut sample = BitWriter::new();
    G::Input::default().encode(&mut sample);
    hash.update(&(sample.len_bits() as u64).to_le_bytes());
    hash.update(sample.finish());
}
