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

/// What every path takes (RFC 9000, section 14). Longer packets find out whether this one takes more, and say nothing.
const LONGEST: usize = 1200;

/// The first bit of a packet with a long header, of which handshakes are made (RFC 9000, section 17.2).
const LONG_HEADER: u8 = 0x80;

/// Where a long header has its connection id: behind the flags and a version of 4 bytes comes its length.
const LONG_ID: usize = 5;

/// Where a short header has it, without its length, which the reader must know.
const SHORT_ID: usize = 1;

/// What a packet is to its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// It makes it.
    Handshake,
    /// It is said right behind.
    Hello,
    /// Anything later.
    Play,
}

/// The handshakes that were heard of a moment ago, by the connection ids that the server has given them.
#[derive(Debug, Default)]
pub(crate) struct Openings {
    recent: VecDeque<(Vec<u8>, Duration)>,
}

impl Openings {
    /// What a packet that is sent now is to its connection.
    pub(crate) fn hear(&mut self, packet: &[u8], now: Duration) -> Part {
        while self.recent.pop_front_if(|(_, until)| *until < now).is_some() {}
        if packet.first().is_some_and(|first| first & LONG_HEADER != 0) {
            if let Some(id) = long_id(packet) {
                self.push(id, now);
            }
            return Part::Handshake;
        }
        let is_to = |id: &[u8]| packet.get(SHORT_ID..).is_some_and(|rest| rest.starts_with(id));
        if packet.len() <= LONGEST && self.recent.iter().any(|(id, _)| is_to(id)) {
            return Part::Hello;
        }
        Part::Play
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
        let mut hear = |packet: &[u8], later| openings.hear(packet, NOW + later);
        assert_eq!(hear(&short(b"ada"), Duration::ZERO), Part::Play, "nobody shook hands");
        assert_eq!(hear(&long(b"ada"), Duration::ZERO), Part::Handshake);
        assert_eq!(hear(&short(b"ada"), BEHIND / 2), Part::Hello);
        assert_eq!(
            hear(&[&short(b"ada")[..], &[0; LONGEST]].concat(), BEHIND / 2),
            Part::Play,
            "a probe of the path says nothing"
        );
        assert_eq!(hear(&short(b"ben"), BEHIND / 2), Part::Play, "somebody else on the same socket");
        assert_eq!(hear(&short(b"ada"), BEHIND * 2), Part::Play, "it has begun");
    }

    #[test]
    fn a_storm_of_handshakes_is_remembered_in_bounds() {
        let mut openings = Openings::default();
        for connection in 0..10_000_u32 {
            openings.hear(&long(&connection.to_le_bytes()), NOW);
        }
        assert_eq!(openings.recent.len(), CONNECTIONS);
        let mut hear = |connection: u32| openings.hear(&short(&connection.to_le_bytes()), NOW);
        assert_eq!(hear(9_999), Part::Hello, "the youngest are remembered");
        assert_eq!(hear(0), Part::Play, "the eldest are not");
    }

    #[test]
    fn broken_packets_are_no_trouble() {
        let mut openings = Openings::default();
        for packet in
            [&b""[..], &[0x40], &[0xc0], &[0xc0, 0, 0, 0, 1], &[0xc0, 0, 0, 0, 1, 20, 1], &long(b"")]
        {
            openings.hear(packet, NOW);
        }
        assert_eq!(openings.hear(&short(b"ada"), NOW), Part::Play, "a handshake without an id is nobody's");
    }
}
