//! A crossbow bolt in flight: it goes straight, and everybody who sees it can reckon where it will be.

use super::{
    coding::{read_place, read_rate, read_var, write_place, write_rate},
    fighter::Fighter,
    map::Map,
};
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{Angle, Point, UNIT},
    id::SeatId,
    tick::TickRate,
};

/// A bolt. Only its age changes, so one that flies on costs one bit a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}
