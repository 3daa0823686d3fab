//! A walker: its state, its rule of motion, and its encoding as a delta against its extrapolation.

use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{Angle, Entity, Place, Point, UNIT},
    id::SeatId,
    tick::TickRate,
};

/// The side of the square plain, in 1/256 unit: 1,024 units. A power of two, so that a coordinate takes [`PLAIN_BITS`] bits.
pub(super) const PLAIN: i32 = 1 << PLAIN_BITS;
const PLAIN_BITS: u32 = 18;

/// The walking speed, in 1/256 unit per second: 1.5 units per second.
const SPEED: i32 = 3 * UNIT / 2;

/// The turn per tick for a bend of 1, in 1/65,536 turn.
const BEND_STEP: i16 = 8;

/// The state of one walker.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Walker {
    /// The seat whose player steers the walker.
    pub seat: SeatId,
    /// The position; both coordinates are from 0 to below 2^18 (1,024 units).
    pub at: Point,
    /// The direction of movement.
    pub heading: Angle,
    /// The turn per tick, in 8/65,536 turn; clockwise if positive.
    pub bend: i8,
    /// The distance per tick, in 1/256 unit.
    pub pace: u8,
    /// The health, 0 to 100.
    pub health: u8,
}

/// The input of a seat: the turn rate of its walker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Steering {
    /// The turn per tick, in 8/65,536 turn; clockwise if positive.
    pub bend: i8,
}

impl Bits for Steering {
    fn encode(&self, out: &mut BitWriter) {
        out.write_bits(u32::from(self.bend as u8), 8);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self { bend: from.read_bits(8)? as u8 as i8 })
    }
}

impl Walker {
    const FULL_HEALTH: u8 = 100;
    const STUMBLE_COST: u8 = 7;

    pub(super) fn new(seat: SeatId, at: Point, heading: Angle, rate: TickRate) -> Self {
        // At 1 Hz the speed of 384 does not fit `u8`: the walker then moves at 255/256 unit per second.
        let pace = (SPEED / i32::from(rate.hz())).clamp(1, i32::from(u8::MAX)) as u8;
        Self { seat, at, heading, bend: 0, pace, health: Self::FULL_HEALTH }
    }

    pub(super) const fn steer(&mut self, steering: &Steering) {
        self.bend = steering.bend;
    }

    /// Moves the walker by one tick: it turns, walks, and turns around at the edge of the plain.
    pub(super) fn walk(&mut self) {
        self.heading = Angle(self.heading.0.wrapping_add_signed(i16::from(self.bend) * BEND_STEP));
        let to = self.at + self.heading.times(i32::from(self.pace));
        self.at = Point::new(to.x.clamp(0, PLAIN - 1), to.y.clamp(0, PLAIN - 1));
        if self.at != to {
            self.heading = self.heading + Angle::HALF;
        }
    }

    /// Takes [`Self::STUMBLE_COST`] of the health, or restores full health when less is left.
    pub(super) const fn stumble(&mut self) {
        self.health = match self.health.checked_sub(Self::STUMBLE_COST) {
            Some(rest) => rest,
            None => Self::FULL_HEALTH,
        };
    }
}

impl Entity for Walker {
    fn place(&self) -> Place {
        Place::At(self.at)
    }

    fn encode(&self, out: &mut BitWriter) {
        self.seat.encode(out);
        out.write_bits(self.at.x as u32, PLAIN_BITS);
        out.write_bits(self.at.y as u32, PLAIN_BITS);
        out.write_bits(u32::from(self.heading.0), 16);
        out.write_bits(u32::from(self.bend as u8), 8);
        out.write_bits(u32::from(self.pace), 8);
        out.write_bits(u32::from(self.health), 8);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self {
            seat: SeatId::decode(from)?,
            at: Point::new(from.read_bits(PLAIN_BITS)? as i32, from.read_bits(PLAIN_BITS)? as i32),
            heading: Angle(from.read_bits(16)? as u16),
            bend: from.read_bits(8)? as u8 as i8,
            pace: from.read_bits(8)? as u8,
            health: from.read_bits(8)? as u8,
        })
    }

    fn interpolate(&self, later: &Self, part: u32, whole: u32) -> Self {
        if part >= whole {
            return later.clone();
        }
        let heading = self.heading.towards(later.heading, part, whole);
        Self { at: self.at.towards(later.at, part, whole), heading, ..self.clone() }
    }

    fn displaced(&self, by: Point) -> Self {
        Self { at: self.at + by, ..self.clone() }
    }

    fn extrapolate(&self, ticks: u32) -> Self {
        let mut later = self.clone();
        (0..ticks).for_each(|_| later.walk());
        later
    }

    /// After a new bend the walker is still near its extrapolation, so position and heading are encoded as differences, which are small.
    fn encode_delta(&self, expected: &Self, out: &mut BitWriter) {
        let is_moved = (self.at, self.heading, self.bend) != (expected.at, expected.heading, expected.bend);
        out.write_bool(is_moved);
        if is_moved {
            out.write_signed(self.at.x.wrapping_sub(expected.at.x), 4);
            out.write_signed(self.at.y.wrapping_sub(expected.at.y), 4);
            out.write_signed(i32::from(expected.heading.turn_to(self.heading)), 10);
            out.write_bits(u32::from(self.bend as u8), 8);
        }
        // Seat and pace never change in a walker's life, and health changes rarely: one bit covers all three.
        let is_changed =
            (self.seat, self.pace, self.health) != (expected.seat, expected.pace, expected.health);
        out.write_bool(is_changed);
        if is_changed {
            self.seat.encode(out);
            out.write_bits(u32::from(self.pace), 8);
            out.write_bits(u32::from(self.health), 8);
        }
    }

    fn decode_delta(expected: &Self, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let mut walker = expected.clone();
        if from.read_bool()? {
            walker.at = walker.at + Point::new(from.read_signed(4)?, from.read_signed(4)?);
            walker.heading = Angle(walker.heading.0.wrapping_add(from.read_signed(10)? as u16));
            walker.bend = from.read_bits(8)? as u8 as i8;
        }
        if from.read_bool()? {
            walker.seat = SeatId::decode(from)?;
            walker.pace = from.read_bits(8)? as u8;
            walker.health = from.read_bits(8)? as u8;
        }
        Ok(walker)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn walker() -> impl Strategy<Value = Walker> {
        (0..1000u16, 0..PLAIN, 0..PLAIN, any::<u16>(), any::<i8>(), any::<u8>(), any::<u8>()).prop_map(
            |(seat, x, y, heading, bend, pace, health)| Walker {
                seat: SeatId(seat),
                at: Point::new(x, y),
                heading: Angle(heading),
                bend,
                pace,
                health,
            },
        )
    }

    proptest! {
        #[test]
        fn interpolation_is_exact_at_both_ends(old in walker(), ticks in 1..30u32) {
            let new = Walker { health: 3, ..old.extrapolate(ticks) };
            prop_assert_eq!(old.interpolate(&new, 0, 16), old.clone());
            prop_assert_eq!(old.interpolate(&new, 16, 16), new.clone());
            prop_assert_eq!(old.interpolate(&new, 5, 16).at, old.at.towards(new.at, 5, 16));
            prop_assert_eq!(old.displaced(Point::new(3, -4)).displaced(Point::new(-3, 4)), old);
        }

        #[test]
        fn a_walker_decodes_to_itself_as_complete_state_and_as_a_delta(expected in walker(), new in walker()) {
            let mut out = BitWriter::new();
            new.encode(&mut out);
            new.encode_delta(&expected, &mut out);
            let mut from = BitReader::new(out.finish());
            prop_assert_eq!(Walker::decode(&mut from), Ok(new.clone()));
            prop_assert_eq!(Walker::decode_delta(&expected, &mut from), Ok(new));
        }
    }

    #[test]
    fn an_undisturbed_walker_matches_its_extrapolation() {
        let mut walker = Walker::new(SeatId(1), Point::new(50_000, 60_000), Angle(7), TickRate::default());
        walker.steer(&Steering { bend: 9 });
        let expected = walker.extrapolate(40);
        (0..40).for_each(|_| walker.walk());
        assert_eq!(walker, expected);
    }
}
