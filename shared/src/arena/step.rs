//! One tick of Arena, in order.

use super::{Arena, Event, Input, Seated, weapons::Pose};
use crate::game::{Inputs, Outbox, Step};

impl Arena {
    /// Moves everybody, lets bolts fly, works the weapons, deals out pickups, and sees whether the match is over.
    pub(super) fn advance(&mut self, step: Step<'_, Self>) {
        let Step { tick, inputs, rewind, events } = step;
        self.tick = tick;
        self.begin_match_when_due(events);
        self.respawn_when_due(events);
        let poses = self.move_fighters(inputs);
        self.remember_places();
        self.blows.forget_old(tick, self.rate);
        if self.bout.state.is_played_in(tick) {
            // Bolts first: one that is shot in this tick begins to fly in the next.
            self.fly_bolts(&poses, events);
            self.use_weapons(inputs, rewind, events);
            self.end_match_when_due(events);
        }
        self.forage(events);
        self.publish();
    }

    /// Moves everybody, and says where those who stand were and are.
    fn move_fighters(&mut self, inputs: Inputs<'_, Input>) -> Vec<Pose> {
        let Self { seats, map, .. } = self;
        let pose = |seated: &mut Seated| {
            let input = seated.input(inputs);
            let fighter = &mut seated.fighter.state;
            let was = fighter.body.at;
            fighter.go(&input, map);
            fighter.is_alive().then(|| Pose { allegiance: fighter.allegiance(), was, at: fighter.body.at })
        };
        seats.iter_mut().flatten().filter_map(pose).collect()
    }
}

impl Seated {
    /// What this seat wants; without an input it stands and keeps its aim and its weapon. A drawn longbow is held, for to let go
    /// is to shoot, and nothing is shot by who says nothing.
    pub(super) fn input(&self, inputs: Inputs<'_, Input>) -> Input {
        let fighter = &self.fighter.state;
        let (aim, weapon, fire) = (fighter.body.aim, fighter.weapon, fighter.is_drawing);
        let idle = || Input { aim, weapon, fire, ..Input::default() };
        inputs.of(fighter.seat).copied().unwrap_or_else(idle)
    }
}

/// Where a tick's events go.
pub(super) type Events = Outbox<Event>;
