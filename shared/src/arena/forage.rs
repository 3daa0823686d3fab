//! Pickups: laid out for a match, taken, and back after a while.

use super::{Arena, ArenaEntity, Event, Pickup, PickupKind, rules::publish_new, step::Events};
use crate::{
    game::Point,
    id::{EntityId, SeatId},
};

/// How long a pickup stays away, in milliseconds.
const AWAY_MS: u32 = 10_000;

impl Arena {
    /// Puts a pickup at each of the map's places.
    pub(super) fn lay_out_pickups(&mut self) {
        for id in std::mem::take(&mut self.pickups).into_keys() {
            self.entities.remove(id);
        }
        for (place, at) in self.map.pickups().enumerate() {
            let pickup = Pickup { at, kind: PickupKind::of_place(place), away_ticks: 0 };
            let id = publish_new(&mut self.entities, ArenaEntity::Pickup(pickup.clone()));
            self.pickups.insert(id, pickup);
        }
    }

    /// Lets those who stand at a pickup take it, the first seat first.
    pub(super) fn forage(&mut self, events: &mut Events) {
        let away_ticks = self.rate.ticks(AWAY_MS) as u16;
        for pickup in self.pickups.values_mut() {
            pickup.away_ticks = pickup.away_ticks.saturating_sub(1);
        }
        let there: Vec<EntityId> =
            self.pickups.iter().filter(|(_, pickup)| pickup.is_there()).map(|(&id, _)| id).collect();
        for id in there {
            if let Some((seat, at)) = self.take(id, away_ticks) {
                let kind = self.pickups[&id].kind;
                let audience = self.who_see(at, seat);
                events.push(audience, Event::Taken { seat, kind });
            }
        }
    }

    /// Gives a pickup to the first who stands there and wants it.
    fn take(&mut self, id: EntityId, away_ticks: u16) -> Option<(SeatId, Point)> {
        let Self { pickups, seats, .. } = self;
        let pickup = pickups.get_mut(&id)?;
        let taker = seats.iter_mut().flatten().find_map(|seated| {
            let (fighter, kit) = (&mut seated.fighter.state, &mut seated.kit.state);
            let is_near = fighter.body.at.distance(pickup.at) <= Pickup::REACH as u32;
            (fighter.is_alive() && is_near && pickup.kind.give(fighter, kit)).then_some(fighter.seat)
        })?;
        pickup.away_ticks = away_ticks;
        Some((taker, pickup.at))
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
    fn a_pickup_goes_to_who_needs_it_and_is_back_after_ten_seconds() {
        let tick_rate = TickRate::default();
        let mut arena = Arena::new(&Setup { settings: Settings::default(), seed: 1, seats: 1, tick_rate });
        arena.seat_taken(SeatId(0), Occupant::Player);
        let (id, at) = arena
            .pickups
            .iter()
            .find(|(_, one)| one.kind == PickupKind::Health)
            .map(|(id, one)| (*id, one.at))
            .unwrap();
        arena.at_seat(SeatId(0)).unwrap().fighter.state.body.at = at;
        let step = |arena: &mut Arena, health: u8| {
            arena.at_seat(SeatId(0)).unwrap().fighter.state.health = health;
            let inputs = [Some(Input::default())];
            let mut events = Outbox::new();
            let tick = arena.tick.next();
            let rewind = Rewind::new(tick, arena.rate, &[]);
            arena.step(Step { tick, inputs: Inputs::new(&inputs), rewind, events: &mut events });
            arena.seats[0].as_ref().unwrap().fighter.state.health
        };
        assert_eq!(step(&mut arena, 100), 100);
        assert!(arena.pickups[&id].is_there(), "nobody takes what they do not need");
        assert_eq!(step(&mut arena, 30), 80);
        let away = (1..).find(|_| step(&mut arena, 30) == 80);
        assert_eq!(away, Some(300));
    }
}
