//! Which of an endpoint's packets open a connection: all of a handshake, and what is said right behind it. Pure: it is told the time.
//!
//! What is said right behind a handshake is the hello. A server that misses the handshake's end cannot read it and throws it away, so
//! whoever repeats the one has to repeat the other.

use std::{collections::VecDeque, time::Duration};

/// How long behind a handshake's packet a connection is still opening: its hello leaves within the same millisecond, on a busy machine
/// a few later.
const BEHIND: Duration = Duration::from_millis(10);

/// Connections that are looked after at once. Past that the eldest's hello is said once.
const CONNECTIONS: usize = 64;

/// The first bit of a packet with a long header, of which handshakes are made (RFC 9000, section 17.2).
const LONG_HEADER: u8 = 0x80;

/// Where a long header has its connection id: behind the flags and a version of 4 bytes comes its length.
const LONG_ID: usize = 5;

/// Where a short header has it, without its length, which the reader must know.
const SHORT_ID: usize = 1;

/// The handshakes that were heard of a moment ago, by the connection ids that the server has given them.
#[derive(Debug, Default)]
pub(crate) struct Openings {
    recent: VecDeque<(Vec<u8>, Duration)>,
}

impl Openings {
    /// Whether a packet that is sent now opens a connection.
    pub(crate) fn hear(&mut self, packet: &[u8], now: Duration) -> bool {
        while self.recent.pop_front_if(|(_, until)| *until < now).is_some() {}
        match packet {
            [first, ..] if first & LONG_HEADER != 0 => {
                if let Some(id) = long_id(packet) {
                    self.push(id, now);
                }
                true
            }
            _ => self.recent.iter().any(|(id, _)| packet.get(SHORT_ID..).is_some_and(|rest| rest.starts_with(id))),
        }
    }

    fn push(&mut self, id: &[u8], now: Duration) {
        self.recent.retain(|(other, _)| other != id);
        if self.recent.len() == CONNECTIONS {
            self.recent.pop_front();
        }
        self.recent.push_back((id.to_vec(), now + BEHIND));
    }
}

/// The connection id that a packet with a long header is sent to.
fn long_id(packet: &[u8]) -> Option<&[u8]> {
    let (length, rest) = packet.get(LONG_ID..)?.split_first()?;
    // An empty one would be every short header's beginning.
    rest.get(..usize::from(*length)).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1);

    fn long(id: &[u8]) -> Vec<u8> {
        [&[0xc0, 0, 0, 0, 1, id.len() as u8][..], id, b"shaking hands"].concat()
    }

    fn short(id: &[u8]) -> Vec<u8> {
        [&[0x40][..], id, b"said"].concat()
    }

    #[test]
    fn what_is_said_right_behind_a_handshake_opens_its_connection_too() {
        let mut openings = Openings::default();
        assert!(!openings.hear(&short(b"ada"), NOW), "play");
        assert!(openings.hear(&long(b"ada"), NOW));
        assert!(openings.hear(&short(b"ada"), NOW + BEHIND / 2), "the hello");
        assert!(!openings.hear(&short(b"ben"), NOW + BEHIND / 2), "somebody else's play on the same socket");
        assert!(!openings.hear(&short(b"ada"), NOW + BEHIND * 2), "play");
    }

    #[test]
    fn a_storm_of_handshakes_is_remembered_in_bounds() {
        let mut openings = Openings::default();
        for connection in 0..10_000_u32 {
            assert!(openings.hear(&long(&connection.to_le_bytes()), NOW));
        }
        assert_eq!(openings.recent.len(), CONNECTIONS);
        assert!(openings.hear(&short(&9_999_u32.to_le_bytes()), NOW), "the youngest are remembered");
        assert!(!openings.hear(&short(&0_u32.to_le_bytes()), NOW), "the eldest are not");
    }

    #[test]
    fn broken_packets_are_no_trouble() {
        let mut openings = Openings::default();
        for packet in [&b""[..], &[0x40], &[0xc0], &[0xc0, 0, 0, 0, 1], &[0xc0, 0, 0, 0, 1, 20, 1], &long(b"")] {
            openings.hear(packet, NOW);
        }
        assert!(!openings.hear(&short(b"ada"), NOW), "a handshake without an id is nobody's");
    }
}
