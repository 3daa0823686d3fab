//! Classifies a client's outgoing packets by the phase of their connection: TLS handshake, hello (the client's first message) or
//! play.
//!
//! The hello follows the handshake at once. A server that misses the end of the handshake cannot decrypt the hello and drops it, so
//! the packets of both phases must be repeated (`repeat`). Has no clock and no I/O: times are arguments.

use std::{collections::VecDeque, time::Duration};

/// The time after a handshake packet within which a packet counts as part of the hello. The hello is sent within the same
/// millisecond as the last handshake packet, on a busy machine a few milliseconds later.
const HELLO_WINDOW: Duration = Duration::from_millis(10);

/// The maximum number of connections tracked at once. When more are opened at once, the hello of the oldest is not repeated.
const MAX_CONNECTIONS: usize = 64;

/// The maximum size of a hello packet, in bytes: the size that every path supports (RFC 9000, section 14). Larger packets are MTU
/// probes and carry no data.
const MAX_HELLO_BYTES: usize = 1200;

/// The bit in a packet's first byte that marks a long header. All handshake packets have a long header (RFC 9000, section 17.2).
const LONG_HEADER: u8 = 0x80;

/// The offset of the connection id's length in a long header: after the flags and a version of 4 bytes.
const LONG_ID_OFFSET: usize = 5;

/// The offset of the connection id in a short header, which does not contain its length.
const SHORT_ID_OFFSET: usize = 1;

/// The phase of a connection that a packet belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PacketPhase {
    /// The TLS handshake: packets with a long header.
    Handshake,
    /// Right after the handshake, when the hello is sent.
    Hello,
    /// Everything after the hello.
    Play,
}

/// Recent handshakes: the destination connection id of each, which the server chose for the last packets, with the end of the time in
/// which the hello is expected.
#[derive(Debug, Default)]
pub(crate) struct Openings {
    recent: VecDeque<(Vec<u8>, Duration)>,
}

impl Openings {
    /// Returns the phase of a packet that is sent at `now`, and remembers the connection id of a handshake packet.
    pub(crate) fn classify(&mut self, packet: &[u8], now: Duration) -> PacketPhase {
        while self.recent.pop_front_if(|(_, until)| *until < now).is_some() {}
        if packet.first().is_some_and(|first| first & LONG_HEADER != 0) {
            if let Some(id) = long_id(packet) {
                self.push(id, now);
            }
            return PacketPhase::Handshake;
        }
        let is_to = |id: &[u8]| packet.get(SHORT_ID_OFFSET..).is_some_and(|rest| rest.starts_with(id));
        if packet.len() <= MAX_HELLO_BYTES && self.recent.iter().any(|(id, _)| is_to(id)) {
            return PacketPhase::Hello;
        }
        PacketPhase::Play
    }

    /// Starts the hello window of this connection id again.
    fn push(&mut self, id: &[u8], now: Duration) {
        self.recent.retain(|(other, _)| other != id);
        if self.recent.len() == MAX_CONNECTIONS {
            self.recent.pop_front();
        }
        self.recent.push_back((id.to_vec(), now + HELLO_WINDOW));
    }
}

/// Returns the destination connection id of a packet with a long header; `None` if the packet is malformed or the id is empty.
fn long_id(packet: &[u8]) -> Option<&[u8]> {
    let (length, rest) = packet.get(LONG_ID_OFFSET..)?.split_first()?;
    // An empty id would match every short header.
    rest.get(..usize::from(*length)).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1);

    fn long(id: &[u8]) -> Vec<u8> {
        [&[0xc0, 0, 0, 0, 1, id.len() as u8][..], id, b"handshake"].concat()
    }

    fn short(id: &[u8]) -> Vec<u8> {
        [&[0x40][..], id, b"data"].concat()
    }

    #[test]
    fn a_packet_right_after_a_handshake_counts_as_hello() {
        let mut openings = Openings::default();
        let mut classify = |packet: &[u8], later| openings.classify(packet, NOW + later);
        assert_eq!(classify(&short(b"ada"), Duration::ZERO), PacketPhase::Play, "no handshake was seen");
        assert_eq!(classify(&long(b"ada"), Duration::ZERO), PacketPhase::Handshake);
        assert_eq!(classify(&short(b"ada"), HELLO_WINDOW / 2), PacketPhase::Hello);
        assert_eq!(
            classify(&[&short(b"ada")[..], &[0; MAX_HELLO_BYTES]].concat(), HELLO_WINDOW / 2),
            PacketPhase::Play,
            "an MTU probe carries no data"
        );
        assert_eq!(
            classify(&short(b"ben"), HELLO_WINDOW / 2),
            PacketPhase::Play,
            "another connection on the same socket has not opened"
        );
        assert_eq!(
            classify(&short(b"ada"), HELLO_WINDOW * 2),
            PacketPhase::Play,
            "the hello window has passed"
        );
    }

    #[test]
    fn the_number_of_tracked_handshakes_is_bounded() {
        let mut openings = Openings::default();
        for connection in 0..10_000_u32 {
            openings.classify(&long(&connection.to_le_bytes()), NOW);
        }
        assert_eq!(openings.recent.len(), MAX_CONNECTIONS);
        let mut classify = |connection: u32| openings.classify(&short(&connection.to_le_bytes()), NOW);
        assert_eq!(classify(9_999), PacketPhase::Hello, "the newest are tracked");
        assert_eq!(classify(0), PacketPhase::Play, "the oldest are not");
    }

    #[test]
    fn malformed_packets_are_ignored() {
        let mut openings = Openings::default();
        for packet in
            [&b""[..], &[0x40], &[0xc0], &[0xc0, 0, 0, 0, 1], &[0xc0, 0, 0, 0, 1, 20, 1], &long(b"")]
        {
            openings.classify(packet, NOW);
        }
        assert_eq!(
            openings.classify(&short(b"ada"), NOW),
            PacketPhase::Play,
            "a handshake without a connection id matches no packet"
        );
    }
}
