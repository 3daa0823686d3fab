//! Classifies an endpoint's outgoing packets: handshake, hello or play.
//!
//! The hello follows the handshake at once. A server that misses the end of the handshake cannot decrypt the hello and drops it, so
//! both must be repeated. Pure: times are arguments.

use std::{collections::VecDeque, time::Duration};

/// The time after a handshake packet within which a packet counts as hello. The hello is sent within the same millisecond, on a busy
/// machine a few milliseconds later.
const HELLO_WINDOW: Duration = Duration::from_millis(10);

/// The maximum number of connections tracked at once. Beyond it, the hello of the oldest is not repeated.
const MAX_CONNECTIONS: usize = 64;

/// The packet size that every path supports (RFC 9000, section 14), in bytes. Larger packets are MTU probes and carry no data.
const MAX_HELLO_BYTES: usize = 1200;

/// The bit in a packet's first byte that marks a long header. Handshake packets have one (RFC 9000, section 17.2).
const LONG_HEADER: u8 = 0x80;

/// The offset of the connection id's length in a long header: after the flags and a version of 4 bytes.
const LONG_ID_OFFSET: usize = 5;

/// The offset of the connection id in a short header, which does not contain its length.
const SHORT_ID_OFFSET: usize = 1;

/// The part of a connection that a packet belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Part of the TLS handshake.
    Handshake,
    /// Sent right after the handshake: the hello.
    Hello,
    /// Everything later.
    Play,
}

/// Recent handshakes, by the connection ids that the server chose, each with the end of its hello window.
#[derive(Debug, Default)]
pub(crate) struct Openings {
    recent: VecDeque<(Vec<u8>, Duration)>,
}

impl Openings {
    /// Classifies a packet that is sent now.
    pub(crate) fn classify(&mut self, packet: &[u8], now: Duration) -> Part {
        while self.recent.pop_front_if(|(_, until)| *until < now).is_some() {}
        if packet.first().is_some_and(|first| first & LONG_HEADER != 0) {
            if let Some(id) = long_id(packet) {
                self.push(id, now);
            }
            return Part::Handshake;
        }
        let is_to = |id: &[u8]| packet.get(SHORT_ID_OFFSET..).is_some_and(|rest| rest.starts_with(id));
        if packet.len() <= MAX_HELLO_BYTES && self.recent.iter().any(|(id, _)| is_to(id)) {
            return Part::Hello;
        }
        Part::Play
    }

    fn push(&mut self, id: &[u8], now: Duration) {
        self.recent.retain(|(other, _)| other != id);
        if self.recent.len() == MAX_CONNECTIONS {
            self.recent.pop_front();
        }
        self.recent.push_back((id.to_vec(), now + HELLO_WINDOW));
    }
}

/// The destination connection id of a packet with a long header.
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
        assert_eq!(classify(&short(b"ada"), Duration::ZERO), Part::Play, "no handshake was seen");
        assert_eq!(classify(&long(b"ada"), Duration::ZERO), Part::Handshake);
        assert_eq!(classify(&short(b"ada"), HELLO_WINDOW / 2), Part::Hello);
        assert_eq!(
            classify(&[&short(b"ada")[..], &[0; MAX_HELLO_BYTES]].concat(), HELLO_WINDOW / 2),
            Part::Play,
            "an MTU probe carries no data"
        );
        assert_eq!(
            classify(&short(b"ben"), HELLO_WINDOW / 2),
            Part::Play,
            "another connection on the same socket has not opened"
        );
        assert_eq!(classify(&short(b"ada"), HELLO_WINDOW * 2), Part::Play, "the hello window has passed");
    }

    #[test]
    fn the_number_of_tracked_handshakes_is_bounded() {
        let mut openings = Openings::default();
        for connection in 0..10_000_u32 {
            openings.classify(&long(&connection.to_le_bytes()), NOW);
        }
        assert_eq!(openings.recent.len(), MAX_CONNECTIONS);
        let mut classify = |connection: u32| openings.classify(&short(&connection.to_le_bytes()), NOW);
        assert_eq!(classify(9_999), Part::Hello, "the newest are tracked");
        assert_eq!(classify(0), Part::Play, "the oldest are not");
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
            Part::Play,
            "a handshake without a connection id matches no packet"
        );
    }
}
