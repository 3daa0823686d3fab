//! A taken seat of a room: its occupant, and the inputs received for it.
//!
//! A seat is *held* while the connection of its player is lost and the player may still return; the player is then *away*.

use quarrel_shared::{
    game::{Brain, Game},
    id::PlayerId,
    journal,
    protocol::{TicketNumber, datagram::StampedInput, messages::Name},
    tick::{Tick, TickRate},
};

use super::{input_buffer::InputBuffer, margin::InputMargin};

/// A seat that a player or a bot occupies.
pub struct Seat<G: Game> {
    /// The occupant's display name.
    pub name: Name,
    /// The occupant: a player or a bot.
    pub occupant: SeatOccupant<G>,
    /// The buffered inputs for future ticks; empty for a bot.
    pub inputs: InputBuffer<StampedInput<G::Input>>,
    /// The earliness of the player's inputs; negative when they are late.
    pub margin: InputMargin,
    /// The control of the seat while its player is away; `None` while the player is present, and for a bot's seat.
    pub away: Option<AwayControl<G>>,
}

/// The present control of a held seat.
pub enum AwayControl<G: Game> {
    /// The seat has no inputs.
    Idle,
    /// A bot behaviour (brain), which chooses the inputs. The other players still see the player's name on the seat.
    Bot(Box<dyn Brain<G>>),
}

/// The setting for held seats, from which an [`AwayControl`] is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldSeatPolicy {
    /// Held seats have no inputs.
    Idle,
    /// A bot of the same skill as the room's other bots controls the seat. If the game has no such bot, the seat has no inputs.
    Bot,
}

/// The occupant of a seat.
pub enum SeatOccupant<G: Game> {
    /// A player, connected or away.
    Player {
        /// The player's id.
        id: PlayerId,
        /// The resume ticket that the player showed last. The journal records it, so that a restarted server can give the seat back.
        ticket: TicketNumber,
    },
    /// A bot, with its behaviour (brain).
    Bot(Box<dyn Brain<G>>),
}

impl<G: Game> Seat<G> {
    /// Creates a seat without inputs that is taken at `now`, the room's newest tick.
    pub fn new(name: Name, occupant: SeatOccupant<G>, now: Tick, rate: TickRate) -> Self {
        Self {
            name,
            occupant,
            inputs: InputBuffer::new(now, rate),
            margin: InputMargin::new(rate),
            away: None,
        }
    }

    /// Gives the seat back to its player, who has shown this ticket on a new connection. Buffered inputs, counts, the margin and the bot that
    /// controlled the seat are dropped. Has no effect on a bot's seat.
    pub fn resume(&mut self, ticket: TicketNumber, now: Tick, rate: TickRate) {
        if let SeatOccupant::Player { id, .. } = self.occupant {
            let player = SeatOccupant::Player { id, ticket };
            *self = Self::new(std::mem::take(&mut self.name), player, now, rate);
        }
    }

    /// Returns the name and the player of this seat as the journal stores them; a bot has no player. A [`journal::Holder`] is unrelated to
    /// held seats.
    pub fn to_journal(&self) -> journal::Holder {
        let player = match self.occupant {
            SeatOccupant::Player { id, ticket } => Some((id, ticket)),
            SeatOccupant::Bot(_) => None,
        };
        journal::Holder { name: self.name.clone(), player }
    }

    /// Returns true if the occupant is a bot; false for a held seat that a bot controls.
    pub const fn is_bot(&self) -> bool {
        matches!(self.occupant, SeatOccupant::Bot(_))
    }
}
