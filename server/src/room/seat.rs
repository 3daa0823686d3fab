//! A place in a room and its occupant.

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
    /// The occupant.
    pub occupant: SeatOccupant<G>,
    /// The inputs received for ticks to come.
    pub inputs: InputBuffer<StampedInput<G::Input>>,
    /// The margin of the newest input.
    pub margin: InputMargin,
    /// The control of the seat while its player is away; `None` when the player is present.
    pub away: Option<AwayControl<G>>,
}

/// The control of a held seat.
pub enum AwayControl<G: Game> {
    /// No inputs.
    Idle,
    /// A bot's inputs. For all other players the seat is still its player's.
    Bot(Box<dyn Brain<G>>),
}

/// The policy for a held seat: who controls it while its player is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldSeatPolicy {
    /// No control: the seat is idle.
    Idle,
    /// A bot of the room's skill.
    Bot,
}

/// The occupant of a seat.
pub enum SeatOccupant<G: Game> {
    /// A player.
    Player {
        /// The player's id.
        id: PlayerId,
        /// The newest ticket that the player has shown, which returns them to the seat.
        ticket: TicketNumber,
    },
    /// One of the server's bots.
    Bot(Box<dyn Brain<G>>),
}

impl<G: Game> Seat<G> {
    /// A seat taken at `now`.
    pub fn new(name: Name, occupant: SeatOccupant<G>, now: Tick, rate: TickRate) -> Self {
        Self {
            name,
            occupant,
            inputs: InputBuffer::new(now, rate),
            margin: InputMargin::new(rate),
            away: None,
        }
    }

    /// Returns the seat to its player, who has shown this ticket on a new connection without inputs yet.
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

    /// Whether the occupant is a bot.
    pub const fn is_bot(&self) -> bool {
        matches!(self.occupant, SeatOccupant::Bot(_))
    }
}
