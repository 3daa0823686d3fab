//! Traces of the packets sent: counts, a hash that compares two runs, and on request the list of packets.

use std::{net::SocketAddr, time::Duration};

/// The packets of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DirectionCounts {
    /// UDP packets sent.
    pub packets: u64,
    /// UDP payload bytes sent.
    pub bytes: u64,
    /// Packets lost on the link.
    pub lost: u64,
    /// Packets delivered twice.
    pub duplicated: u64,
}

/// The packets of a player's path, in both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathTraffic {
    /// From the player to the server.
    pub up: DirectionCounts,
    /// From the server to the player.
    pub down: DirectionCounts,
}

/// The metadata of one packet, as an eavesdropper without the keys sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PacketRecord {
    /// The time of sending, since the start of the network.
    pub at: Duration,
    /// The sender's address.
    pub from: SocketAddr,
    /// The receiver's address.
    pub to: SocketAddr,
    /// The number of the packet in its path and direction, from 1.
    pub number: u64,
    /// The size of the UDP payload.
    pub bytes: usize,
    /// Whether the link loses it.
    pub lost: bool,
}

/// A trace of all packets. Its hash and its order do not depend on the order of sends within one instant, because that order may
/// differ between runs.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    hash: u64,
    packets: u64,
    records: Option<Vec<PacketRecord>>,
}

impl Trace {
    /// Keeps a record of every later packet, so that a test can find the first difference of two runs.
    pub fn record_packets(&mut self) {
        self.records.get_or_insert_default();
    }

    /// Adds a packet.
    pub fn push(&mut self, packet: PacketRecord) {
        self.packets += 1;
        // A fast hash suffices, because no adversary chooses the packets.
        let mix = |hash: u64, part: u64| (hash.rotate_left(23) ^ part).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let parts = [
            packet.at.as_nanos() as u64,
            key(packet.from),
            key(packet.to),
            packet.number,
            packet.bytes as u64,
        ];
        let hash = parts.into_iter().fold(0, mix);
        // A sum does not depend on the order of its terms.
        self.hash = self.hash.wrapping_add(hash ^ (hash >> 29));
        if let Some(records) = &mut self.records {
            records.push(packet);
        }
    }

    /// A hash of all packets' times, sizes and addresses: equal for two runs that sent the same packets.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// The number of packets sent.
    #[must_use]
    pub const fn packets(&self) -> u64 {
        self.packets
    }

    /// The recorded packets, sorted by time and addresses.
    #[must_use]
    pub fn packet_records(&self) -> Vec<PacketRecord> {
        let mut records = self.records.clone().unwrap_or_default();
        records.sort_unstable();
        records
    }
}

fn key(address: SocketAddr) -> u64 {
    let ip = match address {
        SocketAddr::V4(address) => u64::from(address.ip().to_bits()),
        SocketAddr::V6(address) => address.ip().to_bits() as u64,
    };
    ip << 16 ^ u64::from(address.port())
}
