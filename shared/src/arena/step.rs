//! One tick of Arena: its phases, in order.

use super::{Arena, Input, state::Player, weapons::TickMotion};
use crate::game::{Inputs, Step};

impl Arena {
    /// Simulates one tick: starts a due match, respawns and moves fighters, moves bolts, fires weapons, ends a decided match,
    /// and lets fighters take pickups (also while a result is shown).
    pub(super) fn advance(&mut self, step: Step<'_, Self>) {
        let Step { tick, inputs, rewind, events } = step;
        self.tick = tick;
        self.start_match_when_due(events);
        self.respawn_when_due(events);
        let motions = self.move_fighters(inputs);
        self.record_positions();
        self.recent_hits.expire(tick, self.rate);
        if self.current_match.state.is_played_in(tick) {
            // Bolts first: a bolt fired in this tick starts to move in the next.
            self.step_bolts(&motions, events);
            self.use_weapons(inputs, rewind, events);
            self.end_match_when_due(events);
        }
        self.collect_pickups(events);
        self.publish();
    }

    /// Moves all fighters, and returns the motion of the living ones.
    fn move_fighters(&mut self, inputs: Inputs<'_, Input>) -> Vec<TickMotion> {
        let Self { seats, map, .. } = self;
        let motion = |player: &mut Player| {
            let input = player.input(inputs);
            let fighter = &mut player.fighter.state;
            let from = fighter.body.at;
            fighter.step(&input, map);
            fighter.is_alive().then(|| TickMotion {
                allegiance: fighter.allegiance(),
                from,
                to: fighter.body.at,
            })
        };
        seats.iter_mut().flatten().filter_map(motion).collect()
    }

    /// Records the position of every living fighter in this tick.
    fn record_positions(&mut self) {
        let position = |seat: &Option<Player>| {
            let fighter = &seat.as_ref()?.fighter.state;
            fighter.is_alive().then_some(fighter.body.at)
        };
        let positions = self.seats.iter().map(position).collect();
        self.history.record(self.tick, positions);
    }
}
