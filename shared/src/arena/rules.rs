//! When a match begins and ends, and who has won it.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

use super::{
    Arena, ArenaEntity, Bolt, Event, Map, Match, Mode, Phase, Score, Seated, Settings, Team, Tracked, Winner,
    blows::Blows, step::Events, trail::Past,
};
use crate::{
    game::{Audience, Entities, GameRng, Outcome, Setup},
    id::{EntityId, SeatId},
    tick::{Tick, TickRate},
};

/// The stream of randomness that a room's rules draw from.
const STREAM: u64 = 0x0061_7265_6e61;
/// What sets the hashes of [`map_seed`] apart from any other of a room's seed.
const MAP_SALT: &[u8] = b"arena map";
/// Milliseconds in a second.
const MS: u32 = 1000;

impl Arena {
    /// A room whose first match is about to begin.
    pub(super) fn begin(setup: &Setup<Settings>) -> Self {
        let settings = setup.settings.clone();
        let seed = map_seed(setup.seed, 0);
        let state = fresh_match(&settings, setup.tick_rate, Tick(0), seed, 0);
        let mut entities = Entities::with_reserved(Bolt::slots(setup.seats));
        let mut arena = Self {
            bout: Tracked { id: publish_new(&mut entities, ArenaEntity::Match(state.clone())), state },
            settings,
            rate: setup.tick_rate,
            tick: Tick(0),
            seed: setup.seed,
            rng: GameRng::new(setup.seed, STREAM),
            map: Map::from_seed(seed),
            seats: vec![None; usize::from(setup.seats)],
            bolts: BTreeMap::new(),
            pickups: BTreeMap::new(),
            past: Past::new(setup.tick_rate),
            blows: Blows::default(),
            entities,
        };
        arena.lay_out_pickups();
        arena
    }

    /// Counts for the seat and for its team.
    pub(super) fn count_elimination(&mut self, by: SeatId) {
        let Some(seated) = self.at_seat(by) else { return };
        let score = &mut seated.score.state;
        score.eliminations = score.eliminations.saturating_add(1);
        if let Some(team) = score.team {
            let total = &mut self.bout.state.team_scores[team.index()];
            *total = total.saturating_add(1);
        }
    }

    /// Ends the match when somebody has the score to win, or time is up.
    pub(super) fn end_match_when_due(&mut self, events: &mut Events) {
        let is_won = self.best_score() >= self.settings.score_to_win;
        if !is_won && !self.bout.state.is_due(self.tick) {
            return;
        }
        self.bout.state.phase = Phase::Result;
        self.bout.state.ends = self.tick.after(self.rate.ticks(u32::from(self.settings.result_s) * MS));
        let bolts: Vec<_> = self.bolts.keys().copied().collect();
        bolts.into_iter().for_each(|id| self.remove_bolt(id));
        self.seated_mut().for_each(Seated::lower_weapon);
        events.push(Audience::All, Event::MatchEnded { winner: self.winner() });
    }

    /// Begins the next match, on a new map, when the result has been shown long enough.
    pub(super) fn begin_match_when_due(&mut self, events: &mut Events) {
        if self.bout.state.phase == Phase::Playing || !self.bout.state.is_due(self.tick) {
            return;
        }
        let number = self.bout.state.number.saturating_add(1);
        let seed = map_seed(self.seed, number);
        self.map = Map::from_seed(seed);
        self.past.clear();
        self.blows = Blows::default();
        self.bout.state = fresh_match(&self.settings, self.rate, self.tick, seed, number);
        self.lay_out_pickups();
        for seated in self.seated_mut() {
            seated.score.state = Score::fresh(seated.score.state.seat, seated.score.state.team);
        }
        events.push(Audience::All, Event::MatchStarted { seed });
        self.place_everybody(events);
    }

    /// How the match ended, while its result is shown.
    pub(super) fn result(&self) -> Option<Outcome> {
        if self.bout.state.phase == Phase::Playing {
            return None;
        }
        let winner = self.winner();
        let has_won = |score: &&Score| match winner {
            Winner::Draw => false,
            Winner::Seat(seat) => score.seat == seat,
            Winner::Team(team) => score.team == Some(team),
        };
        let scores = || self.seated().map(|seated| &seated.score.state);
        Some(Outcome {
            winners: scores().filter(has_won).map(|score| score.seat).collect(),
            scores: scores().map(|score| (score.seat, i32::from(score.eliminations))).collect(),
            seed: self.bout.state.seed,
        })
    }

    /// Whoever has more than anybody else.
    fn winner(&self) -> Winner {
        let best = self.best_score();
        let leaders: Vec<Winner> = match self.settings.mode {
            Mode::Teams => {
                let has_best = |team: &Team| self.bout.state.team_scores[team.index()] == best;
                [Team::Red, Team::Blue].into_iter().filter(has_best).map(Winner::Team).collect()
            }
            Mode::FreeForAll => {
                let scores = self.seated().map(|seated| &seated.score.state);
                scores
                    .filter(|score| score.eliminations == best)
                    .map(|score| Winner::Seat(score.seat))
                    .collect()
            }
        };
        if let &[only] = leaders.as_slice() { only } else { Winner::Draw }
    }

    /// The most eliminations that any fighter, or any team together, has.
    fn best_score(&self) -> u16 {
        let scores = self.seated().map(|seated| seated.score.state.eliminations);
        match self.settings.mode {
            Mode::Teams => self.bout.state.team_scores.into_iter().max().unwrap_or(0),
            Mode::FreeForAll => scores.max().unwrap_or(0),
        }
    }
}

/// The seed of a match's map, which everybody is told.
///
/// It is no draw of the room's generator: two of those give PCG-32 away, and whoever has it knows where everybody will appear
/// next. It is half a hash, so that no one match holds as many bits as the room's seed.
fn map_seed(room_seed: u64, number: u32) -> u64 {
    xxh3_64(&[MAP_SALT, &room_seed.to_le_bytes(), &number.to_le_bytes()].concat()) >> 32
}

/// A match that begins at `now`.
fn fresh_match(settings: &Settings, rate: TickRate, now: Tick, seed: u64, number: u32) -> Match {
    let ends = now.after(rate.ticks(u32::from(settings.time_limit_s) * MS));
    let team_scores = [0; Team::COUNT];
    Match { seed, mode: settings.mode, phase: Phase::Playing, ends, number, team_scores }
}

/// Gives a new state its id. A room has at most [`MAX_ROOM_SEATS`](crate::limits::MAX_ROOM_SEATS) seats of three things each, below
/// what [`Entities`] holds beside the [slots of bolts](Bolt::slots); were it full, the thing would go unpublished rather than
/// take the room down.
pub(super) fn publish_new(entities: &mut Entities<ArenaEntity>, state: ArenaEntity) -> EntityId {
    entities.insert(state).unwrap_or(EntityId { slot: u16::MAX, generation: u16::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_tells_nothing_of_the_draws_that_decide_where_fighters_appear() {
        for room_seed in 0..1000 {
            let (settings, tick_rate) = (Settings::default(), TickRate::default());
            let arena = Arena::begin(&Setup { settings, seed: room_seed, seats: 1, tick_rate });
            let told = arena.bout.state.seed;
            let mut rng = GameRng::new(room_seed, STREAM);
            let is_draw = |_| [told >> 32, told & u64::from(u32::MAX)].contains(&rng.next_u32().into());
            assert!(!(0..64).any(is_draw), "room {room_seed} tells a draw of its generator");
        }
    }

    #[test]
    fn the_map_of_a_room_and_a_match_never_changes() {
        assert_eq!(
            [map_seed(1, 0), map_seed(1, 1), map_seed(2, 0)],
            [455_906_821, 920_359_959, 1_398_191_890]
        );
    }
}
