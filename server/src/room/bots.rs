//! The bots of a room: how many it keeps, and the inputs that they choose.

use quarrel_shared::{
    game::{Brain, Game, GameRng, Observation},
    id::SeatId,
    protocol::messages::Name,
    snapshot::{Frame, Interest, View},
    tick::TickRate,
};

/// Creates a room's bots and computes their inputs from their views.
pub struct Bots<G: Game> {
    max_bots: u16,
    skill: String,
    rng: GameRng,
    created: u32,
    interest: Interest,
    view: View<G::Entity>,
}

/// The random stream for brains, separate from the game's.
const BRAIN_STREAM: u64 = 0xB0;

impl<G: Game> Bots<G> {
    /// The bots of a room that keeps at most `max_bots` of them, with this skill.
    pub fn new(max_bots: u16, skill: &str, seed: u64) -> Self {
        Self {
            max_bots,
            skill: skill.to_owned(),
            rng: GameRng::new(seed, BRAIN_STREAM),
            created: 0,
            interest: Interest::new(),
            view: View::default(),
        }
    }

    /// The number of bots in a room with `seats` seats and `players` players: bots take the seats that players leave empty.
    pub fn wanted(&self, seats: u16, players: u16) -> u16 {
        self.max_bots.min(seats.saturating_sub(players))
    }

    /// Creates a bot and its name; `None` when the game has no bot of this skill.
    pub fn create(&mut self) -> Option<(Name, Box<dyn Brain<G>>)> {
        let brain = self.brain()?;
        self.created += 1;
        Some((Name::lossy(&format!("{} {}", self.skill, self.created)), brain))
    }

    /// Creates a brain of this skill for a seat that has a name already; `None` when the game has no such bot.
    pub fn brain(&mut self) -> Option<Box<dyn Brain<G>>> {
        G::brain(&self.skill, self.rng.next_u64())
    }

    /// Computes a bot's input from its seat's view of the newest frame.
    pub fn decide(
        &mut self,
        brain: &mut dyn Brain<G>,
        seat: SeatId,
        frame: &Frame<G::Entity>,
        rate: TickRate,
    ) -> G::Input {
        self.interest.pick(frame, seat, &mut self.view);
        brain.decide(Observation { tick: frame.tick(), rate, seat, entities: &self.view.entities })
    }
}
