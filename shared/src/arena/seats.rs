//! Who comes and goes: what a seat brings into the room, and takes along.

use super::{
    Allegiance, Arena, ArenaEntity, Kit, Mode, Score, Seated, Team, Tracked, rules::publish_new, spawn,
};
use crate::id::SeatId;

impl Arena {
    /// Seats somebody, on the smaller side of a team match. A seat outside the room stays empty.
    pub(super) fn take_seat(&mut self, seat: SeatId) {
        if seat.index() >= self.seats.len() {
            return;
        }
        let team = self.side_for_next();
        let body = self.body_at_spawn(Allegiance { seat, team });
        let (fighter, kit, score) =
            (spawn::fighter(seat, team, body), Kit::fresh(seat), Score::fresh(seat, team));
        let entities = &mut self.entities;
        let seated = Seated {
            fighter: Tracked {
                id: publish_new(entities, ArenaEntity::Fighter(fighter.clone())),
                state: fighter,
            },
            kit: Tracked { id: publish_new(entities, ArenaEntity::Kit(kit.clone())), state: kit },
            score: Tracked { id: publish_new(entities, ArenaEntity::Score(score.clone())), state: score },
        };
        self.seats[seat.index()] = Some(seated);
    }

    /// Clears a seat, and the bolts that nobody could answer for any more.
    pub(super) fn leave_seat(&mut self, seat: SeatId) {
        let Some(seated) = self.seats.get_mut(seat.index()).and_then(Option::take) else { return };
        self.past.forget_seat(seat);
        self.blows.forget_seat(seat);
        for id in [seated.fighter.id, seated.kit.id, seated.score.id] {
            self.entities.remove(id);
        }
        let bolts: Vec<_> =
            self.bolts.iter().filter(|(_, bolt)| bolt.owner == seat).map(|(&id, _)| id).collect();
        bolts.into_iter().for_each(|id| self.remove_bolt(id));
    }

    /// The smaller side; red when they are even.
    fn side_for_next(&self) -> Option<Team> {
        if self.settings.mode == Mode::FreeForAll {
            return None;
        }
        let on = |team| self.seated().filter(|seated| seated.fighter.state.team == Some(team)).count();
        Some(if on(Team::Blue) < on(Team::Red) { Team::Blue } else { Team::Red })
    }
}
