//! How many bots a room keeps, and how they are asked what they want.

use quarrel_shared::{
    game::{Brain, Game, GameRng, Observation},
    id::SeatId,
    protocol::messages::Name,
    snapshot::{Frame, Interest, View},
    tick::TickRate,
};

/// Keeps a room's bots: makes their brains and shows them their views.
pub struct Bots<G: Game> {
    most: u16,
    skill: String,
    rng: GameRng,
    made: u32,
    interest: Interest,
    view: View<G::Entity>,
}

/// Random numbers of a room that are not its game's.
const BRAIN_STREAM: u64 = 0xB0;

impl<G: Game> Bots<G> {
    /// For a room that keeps at most `most` bots of this skill.
    pub fn new(most: u16, skill: &str, seed: u64) -> Self {
        Self {
            most,
            skill: skill.to_owned(),
            rng: GameRng::new(seed, BRAIN_STREAM),
            made: 0,
            interest: Interest::new(),
            view: View::default(),
        }
    }

    /// How many bots a room of `seats` keeps beside this many people: they have what people leave empty.
    pub fn wanted(&self, seats: u16, players: u16) -> u16 {
        self.most.min(seats.saturating_sub(players))
    }

    /// A new bot and its name; `None` when the game has none of this skill.
    pub fn make(&mut self) -> Option<(Name, Box<dyn Brain<G>>)> {
        let brain = self.brain()?;
        self.made += 1;
        Some((Name::lossy(&format!("{} {}", self.skill, self.made)), brain))
    }

    /// A brain of this skill, for a seat that has a name already.
    pub fn brain(&mut self) -> Option<Box<dyn Brain<G>>> {
        G::brain(&self.skill, self.rng.next_u64())
    }

    /// What this bot wants, given what its seat sees of the newest frame.
    pub fn ask(
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
