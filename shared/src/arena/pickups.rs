//! Rules of pickups: placed for a match, taken by fighters, available again after a while.

use super::{Arena, ArenaEntity, Event, Pickup, PickupKind, event::Events, state::publish_new};
use crate::{
    game::Point,
    id::{EntityId, SeatId},
};

/// Time until a taken pickup is available again, in milliseconds.
const RESPAWN_MS: u32 = 10_000;

impl Arena {
    /// Replaces all pickups by one at each pickup position of the map.
    pub(super) fn place_pickups(&mut self) {
        for id in std::mem::take(&mut self.pickups).into_keys() {
            self.entities.remove(id);
        }
        for (index, at) in self.map.pickups().enumerate() {
            let pickup = Pickup { at, kind: PickupKind::at_index(index), away_ticks: 0 };
            let id = publish_new(&mut self.entities, ArenaEntity::Pickup(pickup.clone()));
            self.pickups.insert(id, pickup);
        }
    }

    /// Lets fighters take the pickups that they touch, in seat order.
    pub(super) fn collect_pickups(&mut self, events: &mut Events) {
        let away_ticks = self.rate.ticks(RESPAWN_MS) as u16;
        for pickup in self.pickups.values_mut() {
            pickup.away_ticks = pickup.away_ticks.saturating_sub(1);
        }
        let available: Vec<EntityId> =
            self.pickups.iter().filter(|(_, pickup)| pickup.is_available()).map(|(&id, _)| id).collect();
        for id in available {
            if let Some((seat, at)) = self.collect(id, away_ticks) {
                let kind = self.pickups[&id].kind;
                let audience = self.seats_seeing(at, seat);
                events.push(audience, Event::PickupTaken { seat, kind });
            }
        }
    }

    /// Gives a pickup to the first fighter in reach that benefits from it.
    fn collect(&mut self, id: EntityId, away_ticks: u16) -> Option<(SeatId, Point)> {
        let Self { pickups, seats, .. } = self;
        let pickup = pickups.get_mut(&id)?;
        let collector = seats.iter_mut().flatten().find_map(|player| {
            let (fighter, kit) = (&mut player.fighter.state, &mut player.kit.state);
            let is_near = fighter.body.at.distance(pickup.at) <= Pickup::REACH as u32;
            (fighter.is_alive() && is_near && pickup.kind.apply(fighter, kit)).then_some(fighter.seat)
        })?;
        pickup.away_ticks = away_ticks;
        Some((collector, pickup.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        arena::{Input, Settings},
        game::{Game, Inputs, Occupant, Outbox, Rewind, Setup, Step},
        tick::TickRate,
    };

    #[test]
    fn a_pickup_is_taken_when_needed_and_available_again_after_ten_seconds() {
        let tick_rate = TickRate::default();
        let mut arena = Arena::new(&Setup { settings: Settings::default(), seed: 1, seats: 1, tick_rate });
        arena.seat_taken(SeatId(0), Occupant::Player);
        let (id, at) = arena
            .pickups
            .iter()
            .find(|(_, one)| one.kind == PickupKind::Health)
            .map(|(id, one)| (*id, one.at))
            .unwrap();
        arena.player_mut(SeatId(0)).unwrap().fighter.state.body.at = at;
        let step = |arena: &mut Arena, health: u8| {
            arena.player_mut(SeatId(0)).unwrap().fighter.state.health = health;
            let inputs = [Some(Input::default())];
            let mut events = Outbox::new();
            let tick = arena.tick.next();
            let rewind = Rewind::new(tick, arena.rate, &[]);
            arena.step(Step { tick, inputs: Inputs::new(&inputs), rewind, events: &mut events });
            arena.seats[0].as_ref().unwrap().fighter.state.health
        };
        assert_eq!(step(&mut arena, 100), 100);
        assert!(arena.pickups[&id].is_available(), "a fighter with full health takes no health");
        assert_eq!(step(&mut arena, 30), 80);
        let away = (1..).find(|_| step(&mut arena, 30) == 80);
        assert_eq!(away, Some(300));
    }
}
