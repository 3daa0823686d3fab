//! Taking and leaving a seat: adds and removes the seat's entities.

use super::{
    Allegiance, Arena, ArenaEntity, Kit, Mode, Score, Team, spawn,
    state::{Player, Published, publish_new},
};
use crate::id::SeatId;

impl Arena {
    /// Occupies a seat, on the smaller team in a team match. A seat outside the room is ignored.
    pub(super) fn take_seat(&mut self, seat: SeatId) {
        if seat.index() >= self.seats.len() {
            return;
        }
        let team = self.side_for_next();
        let body = self.body_at_spawn(Allegiance { seat, team });
        let (fighter, kit, score) =
            (spawn::fighter(seat, team, body), Kit::new(seat), Score::new(seat, team));
        let entities = &mut self.entities;
        let player = Player {
            fighter: Published {
                id: publish_new(entities, ArenaEntity::Fighter(fighter.clone())),
                state: fighter,
            },
            kit: Published { id: publish_new(entities, ArenaEntity::Kit(kit.clone())), state: kit },
            score: Published { id: publish_new(entities, ArenaEntity::Score(score.clone())), state: score },
        };
        self.seats[seat.index()] = Some(player);
    }

    /// Clears a seat: removes its entities, positions and recent hits, and its bolts, because their hits could no longer be
    /// attributed.
    pub(super) fn leave_seat(&mut self, seat: SeatId) {
        let Some(player) = self.seats.get_mut(seat.index()).and_then(Option::take) else { return };
        self.history.remove_seat(seat);
        self.recent_hits.remove_seat(seat);
        for id in [player.fighter.id, player.kit.id, player.score.id] {
            self.entities.remove(id);
        }
        let bolts: Vec<_> =
            self.bolts.iter().filter(|(_, bolt)| bolt.owner == seat).map(|(&id, _)| id).collect();
        bolts.into_iter().for_each(|id| self.remove_bolt(id));
    }

    /// The smaller team; red when they are equal.
    fn side_for_next(&self) -> Option<Team> {
        if self.settings.mode == Mode::FreeForAll {
            return None;
        }
        let on = |team| self.players().filter(|player| player.fighter.state.team == Some(team)).count();
        Some(if on(Team::Blue) < on(Team::Red) { Team::Blue } else { Team::Red })
    }
}
