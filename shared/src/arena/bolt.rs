//! A crossbow bolt in flight: it flies straight, so that every viewer can compute its later positions.

use super::{
    coding::{read_position, read_rate, read_var, write_position, write_rate},
    fighter::Fighter,
    map::Map,
    weapon::Weapon,
};
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{Angle, Entities, Point, UNIT},
    id::{EntityId, SeatId},
    tick::{Tick, TickRate},
};

/// A bolt. Only its age changes, so an undisturbed bolt costs one bit a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Bolt {
    /// The seat that fired it.
    pub owner: SeatId,
    /// Position that it was fired from.
    pub from: Point,
    /// Direction of flight.
    pub aim: Angle,
    /// Ticks since it was fired.
    pub age_ticks: u16,
    /// The room's tick rate, stored here because [`Entity::extrapolate`](crate::game::Entity::extrapolate) receives only
    /// `ticks`.
    pub rate: TickRate,
}

impl Bolt {
    /// Speed, in 1/256 unit a second: slow enough to be dodged from across a room.
    pub const SPEED: i32 = 20 * UNIT;
    /// Distance from a fighter's edge within which the bolt hits, in 1/256 unit.
    pub const RADIUS: i32 = UNIT / 8;
    /// Maximum time of flight, in milliseconds: 30 units at [`Self::SPEED`].
    pub const FLIGHT_MS: u32 = 1500;

    /// Entity slots reserved for the bolts of one seat.
    ///
    /// Time is divided into windows as long as a crossbow's recovery, R ticks (500 ms, rounded up), and each window has one
    /// slot. A seat never fires two bolts in one window, because its shots are R ticks apart or more: only a death (2 s) or
    /// the end of a match (1 s or more) cuts the recovery short, and both last longer. A bolt flies for F ticks (1500 ms,
    /// rounded up), at most 3 R at any rate from 1 to 128 Hz, and its slot is free again F ticks after the shot; by then at
    /// most three more windows have begun. So at most three bolts fly at once, and with four slots used in rotation, each
    /// slot is free when its window comes. (A new occupant who takes a seat within one window of the previous occupant's
    /// last shot may reuse that id: that bolt was removed with its owner.)
    const SLOTS: u32 = 4;
    /// Number of generations of a bolt id: an id is reused after 1024 windows, when the oldest
    /// [baseline](crate::limits::MAX_BASELINE_AGE_TICKS) is long gone. Fewer generations cost fewer bits in a room that has been
    /// open for hours.
    const GENERATIONS: u32 = 256;

    /// The entity slots reserved for a room's bolts, counted from 0: at most half of all slots, so that the other entities
    /// have space in a room of any size.
    pub(super) fn slots(seats: u16) -> u16 {
        let max_seats = Entities::<Self>::MAX as u32 / 2 / Self::SLOTS;
        (u32::from(seats).min(max_seats) * Self::SLOTS) as u16
    }

    /// The id of the bolt that a seat fires in this tick; `None` when the slot number exceeds 16 bits.
    ///
    /// The id follows from what every viewer of the bolt already knows, its owner and its age. Ids from a counter would
    /// reveal the number of bolts that the viewer neither saw nor perceived as a sound.
    pub(super) fn id(owner: SeatId, tick: Tick, rate: TickRate) -> Option<EntityId> {
        let window = tick.0 / rate.ticks(Weapon::Crossbow.recovery_ms());
        let slot = u16::try_from(u32::from(owner.0) * Self::SLOTS + window % Self::SLOTS).ok()?;
        let generation = (window / Self::SLOTS % Self::GENERATIONS) as u16;
        Some(EntityId { slot, generation })
    }

    /// Current position.
    #[must_use]
    pub fn at(&self) -> Point {
        let flown = i64::from(Self::SPEED) * i64::from(self.age_ticks) / i64::from(self.rate.hz());
        self.from + self.aim.times(flown as i32)
    }

    /// The bolt that a fighter fires from its crossbow.
    pub(super) const fn fired_by(fighter: &Fighter) -> Self {
        let body = &fighter.body;
        Self { owner: fighter.seat, from: body.at, aim: body.aim, age_ticks: 0, rate: body.rate }
    }

    /// Advances the bolt by one tick, without looking for targets.
    pub(super) fn step(&self, map: &Map) -> Flight {
        let after = self.extrapolate(1);
        let wall = map.raycast(self.at(), after.at());
        Flight { after, wall }
    }

    /// Whether the bolt has reached its maximum time of flight.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        u32::from(self.age_ticks) >= self.rate.ticks(Self::FLIGHT_MS)
    }

    pub(super) fn encode(&self, out: &mut BitWriter) {
        self.owner.encode(out);
        write_position(self.from, out);
        out.write_bits(u32::from(self.aim.0), 16);
        out.write_var(u32::from(self.age_ticks), AGE_ORDER);
        write_rate(self.rate, out);
    }

    pub(super) fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self {
            owner: SeatId::decode(from)?,
            from: read_position(from)?,
            aim: Angle(from.read_bits(16)? as u16),
            age_ticks: read_var(AGE_ORDER, from)?,
            rate: read_rate(from)?,
        })
    }

    /// The state drawn at `part / whole` of the way to a later state.
    pub(super) fn interpolate(&self, later: &Self, part: u32, whole: u32) -> Self {
        let (from, to) = (self.at(), later.at());
        self.displaced(from.towards(to, part, whole) - from)
    }

    /// A copy moved by a displacement.
    pub(super) fn displaced(&self, by: Point) -> Self {
        Self { from: self.from + by, ..self.clone() }
    }

    /// A copy `ticks` later.
    pub(super) fn extrapolate(&self, ticks: u32) -> Self {
        let age_ticks = self.age_ticks.saturating_add(u16::try_from(ticks).unwrap_or(u16::MAX));
        Self { age_ticks, ..self.clone() }
    }
}

/// One tick of a bolt's flight, without regard to targets.
pub(super) struct Flight {
    /// The bolt at the end of the tick.
    pub(super) after: Bolt,
    /// The point where a wall stops it, if one does.
    pub(super) wall: Option<Point>,
}

impl Flight {
    /// Whether the bolt disappears in this tick.
    pub(super) fn is_last(&self) -> bool {
        self.wall.is_some() || self.after.is_spent()
    }
}

/// Exp-Golomb order of an age: values below 2^4 take the shortest code, and a bolt crosses a room in about ten ticks at 30 Hz.
const AGE_ORDER: u32 = 4;

const _: () = assert!(Bolt::SLOTS * Bolt::GENERATIONS > crate::limits::MAX_BASELINE_AGE_TICKS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bolt_covers_the_same_distance_in_a_second_at_any_rate() {
        for hz in 1..=128 {
            let rate = TickRate::new(hz).unwrap();
            let bolt = Bolt { owner: SeatId(0), from: Point::new(0, 0), aim: Angle(0), age_ticks: 0, rate };
            assert_eq!(bolt.extrapolate(hz.into()).at(), Point::new(Bolt::SPEED, 0), "at {hz} Hz");
        }
    }

    #[test]
    fn the_fastest_shooter_finds_a_slot_for_every_bolt_at_any_rate() {
        for hz in 1..=128 {
            let rate = TickRate::new(hz).unwrap();
            let (recovery, flight) =
                (rate.ticks(Weapon::Crossbow.recovery_ms()), rate.ticks(Bolt::FLIGHT_MS));
            assert!(flight <= 3 * recovery, "at {hz} Hz");
            for late in 0..recovery {
                let id = |shot: u32| Bolt::id(SeatId(3), Tick(1000 + late + shot), rate).unwrap();
                for wait in recovery..flight {
                    assert_ne!(id(0).slot, id(wait).slot, "{wait} ticks apart at {hz} Hz");
                }
                for wait in flight..=recovery * 12 {
                    assert_ne!(id(0), id(wait), "{wait} ticks apart at {hz} Hz");
                }
            }
        }
    }
}
