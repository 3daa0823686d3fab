//! Start, end and winner of a match.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

use super::{
    Arena, ArenaEntity, Bolt, Event, Map, Match, Mode, Phase, Score, Settings, Team, Winner,
    event::Events,
    history::PositionHistory,
    recent_hits::RecentHits,
    state::{Player, Published, publish_new},
};
use crate::{
    game::{Audience, Entities, GameRng, Outcome, Setup},
    id::SeatId,
    tick::{Tick, TickRate},
};

/// The random stream of a room's rules.
const STREAM: u64 = 0x0061_7265_6e61;
/// Salt that separates the hashes of [`map_seed`] from other hashes of a room's seed.
const MAP_SALT: &[u8] = b"arena map";
/// Milliseconds in a second.
const MS_PER_S: u32 = 1000;

impl Arena {
    /// Creates a room at the start of its first match.
    pub(super) fn create(setup: &Setup<Settings>) -> Self {
        let settings = setup.settings.clone();
        let seed = map_seed(setup.seed, 0);
        let state = new_match(&settings, setup.tick_rate, Tick(0), seed, 0);
        let mut entities = Entities::with_reserved(Bolt::slots(setup.seats));
        let mut arena = Self {
            current_match: Published {
                id: publish_new(&mut entities, ArenaEntity::Match(state.clone())),
                state,
            },
            settings,
            rate: setup.tick_rate,
            tick: Tick(0),
            seed: setup.seed,
            rng: GameRng::new(setup.seed, STREAM),
            map: Map::from_seed(seed),
            seats: vec![None; usize::from(setup.seats)],
            bolts: BTreeMap::new(),
            pickups: BTreeMap::new(),
            history: PositionHistory::new(setup.tick_rate),
            recent_hits: RecentHits::default(),
            entities,
        };
        arena.place_pickups();
        arena
    }

    /// Counts an elimination for the seat and its team.
    pub(super) fn count_elimination(&mut self, by: SeatId) {
        let Some(player) = self.player_mut(by) else { return };
        let score = &mut player.score.state;
        score.eliminations = score.eliminations.saturating_add(1);
        if let Some(team) = score.team {
            let total = &mut self.current_match.state.team_scores[team.index()];
            *total = total.saturating_add(1);
        }
    }

    /// Ends the match when the winning score is reached or the time is over: removes all bolts, lowers all weapons, and starts
    /// the result phase.
    pub(super) fn end_match_when_due(&mut self, events: &mut Events) {
        let is_won = self.best_score() >= self.settings.score_to_win;
        if !is_won && !self.current_match.state.is_due(self.tick) {
            return;
        }
        self.current_match.state.phase = Phase::Result;
        self.current_match.state.ends =
            self.tick.after(self.rate.ticks(u32::from(self.settings.result_s) * MS_PER_S));
        let bolts: Vec<_> = self.bolts.keys().copied().collect();
        bolts.into_iter().for_each(|id| self.remove_bolt(id));
        self.players_mut().for_each(Player::lower_weapon);
        events.push(Audience::All, Event::MatchEnded { winner: self.winner() });
    }

    /// Starts the next match, on a new map, when the time for the result is over.
    pub(super) fn start_match_when_due(&mut self, events: &mut Events) {
        if self.current_match.state.phase == Phase::Playing || !self.current_match.state.is_due(self.tick) {
            return;
        }
        let number = self.current_match.state.number.saturating_add(1);
        let seed = map_seed(self.seed, number);
        self.map = Map::from_seed(seed);
        self.history.clear();
        self.recent_hits = RecentHits::default();
        self.current_match.state = new_match(&self.settings, self.rate, self.tick, seed, number);
        self.place_pickups();
        for player in self.players_mut() {
            player.score.state = Score::new(player.score.state.seat, player.score.state.team);
        }
        events.push(Audience::All, Event::MatchStarted { seed });
        self.respawn_all(events);
    }

    /// The outcome of the match, while its result is shown.
    pub(super) fn result(&self) -> Option<Outcome> {
        if self.current_match.state.phase == Phase::Playing {
            return None;
        }
        let winner = self.winner();
        let has_won = |score: &&Score| match winner {
            Winner::Draw => false,
            Winner::Seat(seat) => score.seat == seat,
            Winner::Team(team) => score.team == Some(team),
        };
        let scores = || self.players().map(|player| &player.score.state);
        Some(Outcome {
            winners: scores().filter(has_won).map(|score| score.seat).collect(),
            scores: scores().map(|score| (score.seat, i32::from(score.eliminations))).collect(),
            seed: self.current_match.state.seed,
        })
    }

    /// The winner: the single leader, or [`Winner::Draw`] when several lead or there is no fighter.
    fn winner(&self) -> Winner {
        let best = self.best_score();
        let leaders: Vec<Winner> = match self.settings.mode {
            Mode::Teams => {
                let has_best = |team: &Team| self.current_match.state.team_scores[team.index()] == best;
                [Team::Red, Team::Blue].into_iter().filter(has_best).map(Winner::Team).collect()
            }
            Mode::FreeForAll => {
                let scores = self.players().map(|player| &player.score.state);
                scores
                    .filter(|score| score.eliminations == best)
                    .map(|score| Winner::Seat(score.seat))
                    .collect()
            }
        };
        if let &[only] = leaders.as_slice() { only } else { Winner::Draw }
    }

    /// The highest number of eliminations of a fighter, or of a team.
    fn best_score(&self) -> u16 {
        let scores = self.players().map(|player| player.score.state.eliminations);
        match self.settings.mode {
            Mode::Teams => self.current_match.state.team_scores.into_iter().max().unwrap_or(0),
            Mode::FreeForAll => scores.max().unwrap_or(0),
        }
    }
}

/// The seed of a match's map, which is public.
///
/// It is not drawn from the room's generator: two outputs reveal the state of a PCG-32, and with it every future spawn
/// position. It is half of a hash, so that no single match carries as many bits as the room's seed.
fn map_seed(room_seed: u64, number: u32) -> u64 {
    xxh3_64(&[MAP_SALT, &room_seed.to_le_bytes(), &number.to_le_bytes()].concat()) >> 32
}

/// A match that starts at `now`.
fn new_match(settings: &Settings, rate: TickRate, now: Tick, seed: u64, number: u32) -> Match {
    let ends = now.after(rate.ticks(u32::from(settings.time_limit_s) * MS_PER_S));
    let team_scores = [0; Team::COUNT];
    Match { seed, mode: settings.mode, phase: Phase::Playing, ends, number, team_scores }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_seed_reveals_no_draw_of_the_room_generator() {
        for room_seed in 0..1000 {
            let (settings, tick_rate) = (Settings::default(), TickRate::default());
            let arena = Arena::create(&Setup { settings, seed: room_seed, seats: 1, tick_rate });
            let public = arena.current_match.state.seed;
            let mut rng = GameRng::new(room_seed, STREAM);
            let is_draw = |_| [public >> 32, public & u64::from(u32::MAX)].contains(&rng.next_u32().into());
            assert!(!(0..64).any(is_draw), "room {room_seed} reveals a draw of its generator");
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
