//! Resume tickets: who somebody is, in a form that nobody else can make. Pure.
//!
//! ```text
//! 0       8             16                      32
//! | player | generation | HMAC-SHA256, halved   |
//!           run │ count
//! ```
//!
//! The key follows from the endpoint's secrets, so a ticket stays readable when the server starts again. Players are numbered
//! from 1 by every run of a server, though: were the run not part of the ticket, whoever was player 7 yesterday could take the
//! seat of today's. Half a tag is 128 bits: nobody guesses it, least of all at a few handshakes a second.

use quarrel_shared::{id::PlayerId, protocol::Ticket};
use ring::hmac;

/// What one ticket says, when it is one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who it was given to.
    pub player: PlayerId,
    /// Which run of the server gave it.
    pub run: u32,
    /// How many went before it to the same player in that run.
    pub count: u32,
}

/// Makes and reads them.
#[derive(Debug)]
pub struct Tickets {
    key: hmac::Key,
    run: u32,
}

/// Bytes of a ticket that the tag seals.
const SEALED_BYTES: usize = 16;

impl Tickets {
    /// For this run of a server that has this secret.
    #[must_use]
    pub fn new(secret: &[u8], run: u32) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, secret), run }
    }

    /// This run's ticket for a player who was given `count` before.
    #[must_use]
    pub fn give(&self, player: PlayerId, count: u32) -> Ticket {
        let mut bytes = [0; Ticket::BYTES];
        let (sealed, tag) = bytes.split_at_mut(SEALED_BYTES);
        sealed[..8].copy_from_slice(&player.0.to_le_bytes());
        sealed[8..].copy_from_slice(&(u64::from(self.run) << 32 | u64::from(count)).to_le_bytes());
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
        Some(Claim { player: PlayerId(player), run: (generation >> 32) as u32, count: generation as u32 })
    }

    /// Whether a claim is of this run: those of earlier ones are good, and for nothing that is still there.
    #[must_use]
    pub const fn is_of_this_run(&self, claim: &Claim) -> bool {
        claim.run == self.run
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: PlayerId = PlayerId(7);

    #[test]
    fn a_ticket_says_who_and_which_and_is_read_by_the_next_run_too() {
        let ticket = Tickets::new(b"secret", 1).give(ADA, 3);
        let next = Tickets::new(b"secret", 2);
        let claim = next.read(&ticket).unwrap();
        assert_eq!(claim, Claim { player: ADA, run: 1, count: 3 });
        assert!(!next.is_of_this_run(&claim), "but it opens nobody's seat of the new run");
    }

    #[test]
    fn a_ticket_with_any_bit_changed_is_not_ours() {
        let tickets = Tickets::new(b"secret", 1);
        let good = *tickets.give(ADA, 3).bytes();
        for bit in 0..Ticket::BYTES * 8 {
            let mut bytes = good;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(tickets.read(&Ticket::new(bytes)), None, "bit {bit}");
        }
    }

    #[test]
    fn another_servers_ticket_is_not_ours() {
        let ticket = Tickets::new(b"another", 1).give(ADA, 3);
        assert_eq!(Tickets::new(b"secret", 1).read(&ticket), None);
    }
}
