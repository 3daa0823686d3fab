//! The bots of a room: how many the room has, and which inputs they choose. Has no I/O.

use quarrel_shared::{
    game::{Brain, Game, GameRng, Observation},
    id::SeatId,
    protocol::messages::Name,
    snapshot::{Frame, Interest, View},
    tick::TickRate,
};

/// Creates the bots of a room, and computes a bot's input with its brain (bot behaviour) from what its seat sees.
pub struct Bots<G: Game> {
    max_bots: u16,
    skill: String,
    /// Draws the seeds of brains.
    rng: GameRng,
    /// The number of bots created, which is part of the next bot's name.
    created: u32,
    interest: Interest,
    /// The view of the bot that decides, kept so that a decision does not allocate.
    view: View<G::Entity>,
}

/// The stream of random numbers for brains, separate from the game's own.
const BRAIN_STREAM: u64 = 0xB0;

impl<G: Game> Bots<G> {
    /// Creates the source of a room's bots: at most `max_bots`, with this skill. `seed` determines their behaviour.
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

    /// Sets the maximum number of bots.
    pub const fn set_max(&mut self, max_bots: u16) {
        self.max_bots = max_bots;
    }

    /// The number of bots that a room with `seats` seats and `players` players should have: bots take the seats that players leave empty,
    /// up to the maximum.
    pub fn wanted(&self, seats: u16, players: u16) -> u16 {
        self.max_bots.min(seats.saturating_sub(players))
    }

    /// Creates a bot's name and brain; `None` if the game has no bot of this skill.
    pub fn create(&mut self) -> Option<(Name, Box<dyn Brain<G>>)> {
        let brain = self.brain()?;
        self.created += 1;
        Some((Name::lossy(&format!("{} {}", self.skill, self.created)), brain))
    }

    /// Creates a brain for a seat that has a name already; `None` if the game has no bot of this skill.
    pub fn brain(&mut self) -> Option<Box<dyn Brain<G>>> {
        G::brain(&self.skill, self.rng.next_u64())
    }

    /// Computes a bot's input from its seat's view of this frame.
    pub fn decide(
        &mut self,
        brain: &mut dyn Brain<G>,
        seat: SeatId,
        frame: &Frame<G::Entity>,
        rate: TickRate,
    ) -> G::Input {
        if brain.needs_view() {
            self.interest.pick(frame, seat, &mut self.view);
        } else {
            self.view.entities.clear();
        }
        brain.decide(Observation { tick: frame.tick(), rate, seat, entities: &self.view.entities })
    }
}
