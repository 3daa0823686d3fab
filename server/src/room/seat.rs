//! A taken seat of a room: its occupant, and the inputs received for it.

use quarrel_shared::{
    game::{Brain, Game},
    id::PlayerId,
    journal,
    protocol::{TicketNumber, datagram::StampedInput, messages::Name},
    tick::{Tick, TickRate},
};

use super::{input_buffer::InputBuffer, margin::InputMargin};

/// A taken seat.
pub struct Seat<G: Game> {
    /// The occupant's display name.
    pub name: Name,
    /// The occupant: a player or a bot.
    pub occupant: SeatOccupant<G>,
    /// The player's inputs for future ticks.
    pub inputs: InputBuffer<StampedInput<G::Input>>,
    /// The time by which the player's newest input arrived before its tick.
    pub margin: InputMargin,
    /// The control of the seat while its player is away; `None` if the player is present.
    pub away: Option<AwayControl<G>>,
}

/// The control of a held seat.
pub enum AwayControl<G: Game> {
    /// Nothing: the seat has no inputs.
    Idle,
    /// A bot behaviour (brain), which chooses the inputs. The other players still see the player's name on the seat.
    Bot(Box<dyn Brain<G>>),
}

/// The policy for held seats: who controls a seat while its player is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldSeatPolicy {
    /// No control: the seat has no inputs.
    Idle,
    /// A bot of the room's skill. If the game has no such bot, the seat has no inputs.
    Bot,
}

/// The occupant of a seat.
pub enum SeatOccupant<G: Game> {
    /// A player, connected or away.
    Player {
        /// The player's id.
        id: PlayerId,
        /// The newest ticket that the player has shown, for the journal.
        ticket: TicketNumber,
    },
    /// A bot, with its behaviour (brain).
    Bot(Box<dyn Brain<G>>),
}

impl<G: Game> Seat<G> {
    /// Creates a seat that is taken at `now`, without inputs.
    pub fn new(name: Name, occupant: SeatOccupant<G>, now: Tick, rate: TickRate) -> Self {
        Self {
            name,
            occupant,
            inputs: InputBuffer::new(now, rate),
            margin: InputMargin::new(rate),
            away: None,
        }
    }

    /// Returns the seat to its player, who has shown this ticket on a new connection. Drops the inputs of the old connection. Has no
    /// effect on a bot's seat.
    pub fn resume(&mut self, ticket: TicketNumber, now: Tick, rate: TickRate) {
        if let SeatOccupant::Player { id, .. } = self.occupant {
            let player = SeatOccupant::Player { id, ticket };
            *self = Self::new(std::mem::take(&mut self.name), player, now, rate);
        }
    }

    /// The occupant in the journal's form.
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
