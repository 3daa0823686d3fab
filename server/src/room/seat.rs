//! A place in a room, and who holds it.

use quarrel_shared::{
    game::{Brain, Game},
    id::PlayerId,
    journal,
    protocol::{TicketNumber, datagram::StampedInput, messages::Name},
    tick::{Tick, TickRate},
};

use super::{input_buffer::InputBuffer, margin::Margin};

/// A taken seat.
pub struct Seat<G: Game> {
    /// What they are called.
    pub name: Name,
    /// Who they are.
    pub holder: Holder<G>,
    /// What they want.
    pub inputs: InputBuffer<StampedInput<G::Input>>,
    /// How early the newest input came.
    pub margin: Margin,
    /// What the seat does while its player is away and expected back.
    pub away: Option<Away<G>>,
}

/// What a held seat does.
pub enum Away<G: Game> {
    /// Nothing.
    Idle,
    /// What a bot wants; to everybody it is still its player's.
    Bot(Box<dyn Brain<G>>),
}

/// What becomes of the fighter on a held seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldFighter {
    /// It stands idle.
    Idle,
    /// A bot of the room's skill plays it.
    Bot,
}

/// Who holds a seat.
pub enum Holder<G: Game> {
    /// Somebody behind a connection, and the ticket that brings them back.
    Player(PlayerId, TicketNumber),
    /// One of the server's bots.
    Bot(Box<dyn Brain<G>>),
}

impl<G: Game> Seat<G> {
    /// A seat taken at `now`.
    pub fn new(name: Name, holder: Holder<G>, now: Tick, rate: TickRate) -> Self {
        Self { name, holder, inputs: InputBuffer::new(now, rate), margin: Margin::new(rate), away: None }
    }

    /// Its player is back by this ticket, on a connection that has sent no input yet.
    pub fn come_back(&mut self, ticket: TicketNumber, now: Tick, rate: TickRate) {
        if let Holder::Player(player, _) = self.holder {
            *self = Self::new(std::mem::take(&mut self.name), Holder::Player(player, ticket), now, rate);
        }
    }

    /// Who sits here, as a journal has it.
    pub fn to_journal(&self) -> journal::Holder {
        let player = match self.holder {
            Holder::Player(player, ticket) => Some((player, ticket)),
            Holder::Bot(_) => None,
        };
        journal::Holder { name: self.name.clone(), player }
    }

    /// Whether a bot sits here.
    pub const fn is_bot(&self) -> bool {
        matches!(self.holder, Holder::Bot(_))
    }
}
