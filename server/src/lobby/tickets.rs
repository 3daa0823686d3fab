//! Resume tickets: who somebody is, in a form that nobody else can make. Pure.
//!
//! ```text
//! 0       8             16                      32
//! | player | generation | HMAC-SHA256, halved   |
//!           run │ count
//! ```
//!
//! The key follows from the endpoint's secrets, so a ticket stays readable when the server starts again, and brings a player back
//! to a seat that was restored. Whoever was restored keeps their number; all others are numbered anew by every run of a server:
//! were the run not part of the ticket, whoever was player 7 yesterday could take the seat of today's. Half a tag is 128 bits: nobody guesses it, least of all at a few handshakes a second.

use quarrel_shared::{
    id::PlayerId,
    protocol::{Ticket, TicketNumber},
};
use ring::hmac;

/// What one ticket says, when it is one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who it was given to.
    pub player: PlayerId,
    /// Which of theirs it is.
    pub number: TicketNumber,
}

/// Makes and reads them.
#[derive(Debug)]
pub struct Tickets {
    key: hmac::Key,
}

/// Bytes of a ticket that the tag seals.
const SEALED_BYTES: usize = 16;

impl Tickets {
    /// Of a server that has this secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret) }
    }

    /// A player's ticket of this number.
    #[must_use]
    pub fn give(&self, player: PlayerId, number: TicketNumber) -> Ticket {
        let TicketNumber { run, count } = number;
        let mut bytes = [0; Ticket::BYTES];
        let (sealed, tag) = bytes.split_at_mut(SEALED_BYTES);
        sealed[..8].copy_from_slice(&player.0.to_le_bytes());
        sealed[8..].copy_from_slice(&(u64::from(run) << 32 | u64::from(count)).to_le_bytes());
        let whole = hmac::sign(&self.key, sealed);
        tag.copy_from_slice(&whole.as_ref()[..tag.len()]);
        Ticket::new(bytes)
    }

    /// What a ticket says; `None` when it is not ours.
    #[must_use]
    pub fn read(&self, ticket: &Ticket) -> Option<Claim> {
        let (sealed, tag) = ticket.bytes().split_at(SEALED_BYTES);
        let whole = hmac::sign(&self.key, sealed);
        // ring compares whole tags in constant time and nothing else, so both halves are signed once more: that of a forger then
        // tells nothing by how long it takes to differ.
        let again = hmac::sign(&self.key, tag);
        hmac::verify(&self.key, &whole.as_ref()[..tag.len()], again.as_ref()).ok()?;
        let number = |at: usize| {
            let bytes = sealed[at..].first_chunk().copied();
            bytes.map(u64::from_le_bytes)
        };
        let (player, generation) = (number(0)?, number(8)?);
        let number = TicketNumber { run: (generation >> 32) as u32, count: generation as u32 };
        Some(Claim { player: PlayerId(player), number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: PlayerId = PlayerId(7);
    const THIRD: TicketNumber = TicketNumber { run: 1, count: 3 };

    #[test]
    fn a_ticket_says_who_and_which_and_is_read_by_the_next_run_too() {
        let ticket = Tickets::new(b"secret").give(ADA, THIRD);
        let next = Tickets::new(b"secret");
        assert_eq!(next.read(&ticket), Some(Claim { player: ADA, number: THIRD }));
    }

    #[test]
    fn a_ticket_with_any_bit_changed_is_not_ours() {
        let tickets = Tickets::new(b"secret");
        let good = *tickets.give(ADA, THIRD).bytes();
        for bit in 0..Ticket::BYTES * 8 {
            let mut bytes = good;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(tickets.read(&Ticket::new(bytes)), None, "bit {bit}");
        }
    }

    #[test]
    fn another_servers_ticket_is_not_ours() {
        let ticket = Tickets::new(b"another").give(ADA, THIRD);
        assert_eq!(Tickets::new(b"secret").read(&ticket), None);
    }
}
