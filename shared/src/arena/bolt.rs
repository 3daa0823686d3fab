//! A crossbow bolt in flight: it goes straight, and everybody who sees it can reckon where it will be.

use super::{
    coding::{read_place, read_rate, read_var, write_place, write_rate},
    fighter::Fighter,
    map::Map,
    weapons::Weapon,
};
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{Angle, Entities, Point, UNIT},
    id::{EntityId, SeatId},
    tick::{Tick, TickRate},
};

/// A bolt. Only its age changes, so one that flies on costs one bit a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Bolt {
    /// Who shot it.
    pub owner: SeatId,
    /// Where it was shot.
    pub from: Point,
    /// Where it flies.
    pub aim: Angle,
    /// For how many ticks it has flown.
    pub age_ticks: u16,
    /// The room's rate, carried along because an entity is extrapolated without being told.
    pub rate: TickRate,
}

impl Bolt {
    /// How fast it flies, in 1/256 unit a second: slow enough to be dodged from across a room.
    pub const SPEED: i32 = 20 * UNIT;
    /// How near its path must pass to a fighter's edge to strike, in 1/256 unit.
    pub const RADIUS: i32 = UNIT / 8;
    /// How long it flies before it falls, in milliseconds: 30 units.
    pub const FLIGHT_MS: u32 = 1500;

    /// How many slots a seat has for its bolts.
    ///
    /// Time is cut into turns as long as a crossbow's recovery, R ticks (500 ms, rounded up), and each turn has one slot. No two
    /// bolts of a seat's leave in one turn, as they leave R ticks apart or more: the wait is cut short only by a fall (2 s) or a
    /// match's end (1 s or more), and both last longer. A bolt flies for F ticks (1500 ms, rounded up), at most 3 R at any rate
    /// from 1 to 128 Hz, and its slot is free again F ticks after it left; by then at most three more turns have begun. So three
    /// bolts fly at once, and with four slots in turn, each is vacant when its turn comes. (Whoever takes a seat within a turn of
    /// its last holder's shot may shoot under the same id: that bolt went with its owner.)
    const SLOTS: u32 = 4;
    /// How many generations of ids there are: ids come again after 1024 turns, by when the eldest
    /// [baseline](crate::limits::MAX_BASELINE_AGE_TICKS) is long forgotten. Fewer cost fewer bits in a room that has been open for hours.
    const GENERATIONS: u32 = 256;

    /// The slots that the bolts of a room take, from 0: half of all at most, so that everything else has its place in a room of
    /// any size.
    pub(super) fn slots(seats: u16) -> u16 {
        let most_seats = Entities::<Self>::MAX as u32 / 2 / Self::SLOTS;
        (u32::from(seats).min(most_seats) * Self::SLOTS) as u16
    }

    /// The id of the bolt that a seat shoots in this tick; `None` when there is none so high.
    ///
    /// It follows from what everybody knows who sees the bolt, its owner and its age. Ids given in turn would tell who sees one
    /// how many there are, or were, that they neither saw nor heard.
    pub(super) fn id(owner: SeatId, tick: Tick, rate: TickRate) -> Option<EntityId> {
        let turn = tick.0 / rate.ticks(Weapon::Crossbow.recovery_ms());
        let slot = u16::try_from(u32::from(owner.0) * Self::SLOTS + turn % Self::SLOTS).ok()?;
        let generation = (turn / Self::SLOTS % Self::GENERATIONS) as u16;
        Some(EntityId { slot, generation })
    }

    /// Where it is.
    #[must_use]
    pub fn at(&self) -> Point {
        let flown = i64::from(Self::SPEED) * i64::from(self.age_ticks) / i64::from(self.rate.hz());
        self.from + self.aim.times(flown as i32)
    }

    /// The bolt that leaves a fighter's crossbow.
    pub(super) const fn shot_by(fighter: &Fighter) -> Self {
        let body = &fighter.body;
        Self { owner: fighter.seat, from: body.at, aim: body.aim, age_ticks: 0, rate: body.rate }
    }

    /// Flies for a tick.
    pub(super) fn fly(&self, map: &Map) -> Flight {
        let after = self.extrapolate(1);
        let wall = map.march(self.at(), after.at());
        Flight { after, wall }
    }

    /// Whether it has flown as far as it can.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        u32::from(self.age_ticks) >= self.rate.ticks(Self::FLIGHT_MS)
    }

    pub(super) fn encode(&self, out: &mut BitWriter) {
        self.owner.encode(out);
        write_place(self.from, out);
        out.write_bits(u32::from(self.aim.0), 16);
        out.write_var(u32::from(self.age_ticks), AGE_ORDER);
        write_rate(self.rate, out);
    }

    pub(super) fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self {
            owner: SeatId::decode(from)?,
            from: read_place(from)?,
            aim: Angle(from.read_bits(16)? as u16),
            age_ticks: read_var(AGE_ORDER, from)?,
            rate: read_rate(from)?,
        })
    }

    /// What is drawn on the way to a later state.
    pub(super) fn interpolate(&self, later: &Self, part: u32, whole: u32) -> Self {
        let (from, to) = (self.at(), later.at());
        self.displaced(from.towards(to, part, whole) - from)
    }

    /// Itself beside its place.
    pub(super) fn displaced(&self, by: Point) -> Self {
        Self { from: self.from + by, ..self.clone() }
    }

    /// Itself later.
    pub(super) fn extrapolate(&self, ticks: u32) -> Self {
        let age_ticks = self.age_ticks.saturating_add(u16::try_from(ticks).unwrap_or(u16::MAX));
        Self { age_ticks, ..self.clone() }
    }
}

/// A tick of a bolt's flight, if nobody is in its way.
pub(super) struct Flight {
    /// The bolt when it has flown.
    pub(super) after: Bolt,
    /// Where a wall stops it.
    pub(super) wall: Option<Point>,
}

impl Flight {
    /// Whether it was the last one.
    pub(super) fn is_last(&self) -> bool {
        self.wall.is_some() || self.after.is_spent()
    }
}

/// A bolt crosses a room in some ten ticks at 30 Hz.
const AGE_ORDER: u32 = 4;

const _: () = assert!(Bolt::SLOTS * Bolt::GENERATIONS > crate::limits::MAX_BASELINE_AGE_TICKS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bolt_flies_as_far_in_a_second_at_any_rate() {
        for hz in 1..=128 {
            let rate = TickRate::new(hz).unwrap();
            let bolt = Bolt { owner: SeatId(0), from: Point::new(0, 0), aim: Angle(0), age_ticks: 0, rate };
            assert_eq!(bolt.extrapolate(hz.into()).at(), Point::new(Bolt::SPEED, 0), "at {hz} Hz");
        }
    }

    #[test]
    fn whoever_shoots_as_fast_as_can_be_finds_a_slot_for_every_bolt_at_any_rate() {
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
