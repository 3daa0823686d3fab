//! What was sent: sums, a running hash by which two runs are compared, and on request the list that shows where they part.

use std::{net::SocketAddr, time::Duration};

/// What was sent one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// UDP packets.
    pub packets: u64,
    /// Their contents, headers not counted.
    pub bytes: u64,
    /// Packets that never arrived.
    pub lost: u64,
    /// Packets that arrived twice.
    pub duplicated: u64,
}

/// What was sent both ways, as a player has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// To the server.
    pub up: Counts,
    /// To the player.
    pub down: Counts,
}

/// One packet as an eavesdropper would note it who cannot decrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sighting {
    /// When it was sent.
    pub at: Duration,
    /// By whom.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
    /// The how many-th it is of this player's, one way.
    pub number: u64,
    /// How long it is.
    pub bytes: usize,
    /// Whether it never arrives.
    pub lost: bool,
}

/// Everything that was sent: by time, and within an instant by player, since nothing depends on who of several was served first.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    hash: u64,
    packets: u64,
    sightings: Option<Vec<Sighting>>,
}

impl Trace {
    /// From now on all packets are kept, for tests that want to know where two runs part.
    pub fn keep(&mut self) {
        self.sightings.get_or_insert_default();
    }

    /// Notes a packet.
    pub fn push(&mut self, seen: Sighting) {
        self.packets += 1;
        // Quick and good enough: whoever compares has no reason to cheat.
        let mix = |hash: u64, part: u64| (hash.rotate_left(23) ^ part).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let parts = [seen.at.as_nanos() as u64, key(seen.from), key(seen.to), seen.number, seen.bytes as u64];
        let hash = parts.into_iter().fold(0, mix);
        // A sum does not know the order in which it was made.
        self.hash = self.hash.wrapping_add(hash ^ (hash >> 29));
        if let Some(sightings) = &mut self.sightings {
            sightings.push(seen);
        }
    }

    /// The same for two runs in which the same packets were sent: times, sizes and addresses.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// How many packets were sent.
    #[must_use]
    pub const fn packets(&self) -> u64 {
        self.packets
    }

    /// What was kept, in order.
    #[must_use]
    pub fn sightings(&self) -> Vec<Sighting> {
        let mut sightings = self.sightings.clone().unwrap_or_default();
        sightings.sort_unstable();
        sightings
    }
}

fn key(address: SocketAddr) -> u64 {
    let ip = match address {
        SocketAddr::V4(address) => u64::from(address.ip().to_bits()),
        SocketAddr::V6(address) => address.ip().to_bits() as u64,
    };
    ip << 16 ^ u64::from(address.port())
}
