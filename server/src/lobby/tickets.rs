//! Resume tickets: a player's id and the number of the ticket, signed by the server. Has no I/O.
//!
//! ```text
//! 0        8         16                             32 bytes
//! | player | number  | tag: HMAC-SHA256, truncated  |
//! ```
//!
//! The number has the run of the server in its high half and the count of the player's tickets in its low half, little-endian as the id.
//!
//! The key is derived from the endpoint's secrets, so a ticket stays valid across a restart and returns a player to a restored seat. The
//! number contains the run because each run counts a player's tickets from 0. The tag is truncated to 128 bits, which cannot
//! be guessed, least of all at the rate at which the server accepts handshakes.

use quarrel_shared::{
    id::PlayerId,
    protocol::{Ticket, TicketNumber},
};
use ring::hmac;

/// The verified contents of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketClaims {
    /// The player that the ticket was issued to.
    pub player: PlayerId,
    /// The number of the ticket, which orders all tickets of the player.
    pub number: TicketNumber,
}

/// Issues and verifies resume tickets.
#[derive(Debug)]
pub struct Tickets {
    key: hmac::Key,
}

/// The number of bytes of a ticket that the tag covers.
const SIGNED_BYTES: usize = 16;

impl Tickets {
    /// Creates an issuer that signs with this secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret) }
    }

    /// Issues the ticket of a player with this number.
    #[must_use]
    pub fn issue(&self, player: PlayerId, number: TicketNumber) -> Ticket {
        let TicketNumber { run, count } = number;
        let mut bytes = [0; Ticket::BYTES];
        let (signed, tag) = bytes.split_at_mut(SIGNED_BYTES);
        signed[..8].copy_from_slice(&player.0.to_le_bytes());
        signed[8..].copy_from_slice(&(u64::from(run) << 32 | u64::from(count)).to_le_bytes());
        let full_tag = hmac::sign(&self.key, signed);
        tag.copy_from_slice(&full_tag.as_ref()[..tag.len()]);
        Ticket::new(bytes)
    }

    /// Returns the contents of a ticket; `None` if the ticket was not signed with this server's key.
    #[must_use]
    pub fn verify(&self, ticket: &Ticket) -> Option<TicketClaims> {
        let (signed, tag) = ticket.bytes().split_at(SIGNED_BYTES);
        let full_tag = hmac::sign(&self.key, signed);
        // ring compares only full tags in constant time. So both truncated tags are signed, and the full tags of these signatures are
        // compared: the time until the comparison fails reveals nothing about the expected tag.
        let tag_of_tag = hmac::sign(&self.key, tag);
        hmac::verify(&self.key, &full_tag.as_ref()[..tag.len()], tag_of_tag.as_ref()).ok()?;
        let read_u64 = |at: usize| {
            let bytes = signed[at..].first_chunk().copied();
            bytes.map(u64::from_le_bytes)
        };
        let (player, number) = (read_u64(0)?, read_u64(8)?);
        let number = TicketNumber { run: (number >> 32) as u32, count: number as u32 };
        Some(TicketClaims { player: PlayerId(player), number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: PlayerId = PlayerId(7);
    const THIRD: TicketNumber = TicketNumber { run: 1, count: 3 };

    #[test]
    fn a_ticket_contains_player_and_number_and_is_valid_in_a_server_with_the_same_secret() {
        let ticket = Tickets::new(b"secret").issue(ADA, THIRD);
        let restarted = Tickets::new(b"secret");
        assert_eq!(restarted.verify(&ticket), Some(TicketClaims { player: ADA, number: THIRD }));
    }

    #[test]
    fn a_ticket_with_any_changed_bit_is_rejected() {
        let tickets = Tickets::new(b"secret");
        let good = *tickets.issue(ADA, THIRD).bytes();
        for bit in 0..Ticket::BYTES * 8 {
            let mut bytes = good;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(tickets.verify(&Ticket::new(bytes)), None, "bit {bit}");
        }
    }

    #[test]
    fn another_servers_ticket_is_rejected() {
        let ticket = Tickets::new(b"another").issue(ADA, THIRD);
        assert_eq!(Tickets::new(b"secret").verify(&ticket), None);
    }
}
