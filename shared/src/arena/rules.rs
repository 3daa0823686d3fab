//! When a match begins and ends, and who has won it.

use std::collections::BTreeMap;

use super::{
    Arena, ArenaEntity, Event, Map, Match, Mode, Phase, Score, Seated, Settings, Team, Tracked, Winner,
    step::Events,
};
use crate::{
    game::{Audience, Entities, GameRng, Outcome, Setup},
    id::{EntityId, SeatId},
    tick::{Tick, TickRate},
};

/// The stream of randomness that a room's rules draw from.
const STREAM: u64 = 0x0061_7265_6e61;
/// Milliseconds in a second.
const MS: u32 = 1000;

impl Arena {
    /// A room whose first match is about to begin.
    pub(super) fn begin(setup: &Setup<Settings>) -> Self {
        let mut rng = GameRng::new(setup.seed, STREAM);
        let settings = setup.settings.bounded();
        let seed = rng.next_u64();
        let state = fresh_match(&settings, setup.tick_rate, Tick(0), seed, 0);
        let mut entities = Entities::new();
        let mut arena = Self {
            bout: Tracked { id: publish_new(&mut entities, ArenaEntity::Match(state.clone())), state },
            settings,
            rate: setup.tick_rate,
            tick: Tick(0),
            rng,
            map: Map::from_seed(seed),
            seats: vec![None; usize::from(setup.seats)],
            bolts: BTreeMap::new(),
            pickups: BTreeMap::new(),
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
        if !is_won && self.tick < self.bout.state.ends {
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
        if self.bout.state.phase == Phase::Playing || self.tick < self.bout.state.ends {
            return;
        }
        let seed = self.rng.next_u64();
        self.map = Map::from_seed(seed);
        let number = self.bout.state.number.saturating_add(1);
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

/// A match that begins at `now`.
fn fresh_match(settings: &Settings, rate: TickRate, now: Tick, seed: u64, number: u32) -> Match {
    let ends = now.after(rate.ticks(u32::from(settings.time_limit_s) * MS));
    let team_scores = [0; Team::COUNT];
    Match { seed, mode: settings.mode, phase: Phase::Playing, ends, number, team_scores }
}

/// Gives a new state its id. A room has at most [`ROOM_SEATS`](crate::limits::ROOM_SEATS) seats of three things each, far
/// below what [`Entities`] holds; were it full, the thing would go unpublished rather than take the room down.
pub(super) fn publish_new(entities: &mut Entities<ArenaEntity>, state: ArenaEntity) -> EntityId {
    entities.insert(state).unwrap_or(EntityId { slot: u16::MAX, generation: u16::MAX })
}
