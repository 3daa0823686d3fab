//! A player's input for one tick.

use super::weapon::Weapon;
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{Angle, Point},
};

/// The input of one seat for one tick: 36 bits on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Input {
    /// Speed to the east, in 1/127 of full speed: -127 to 127.
    pub move_x: i8,
    /// Speed to the south, in 1/127 of full speed: -127 to 127.
    pub move_y: i8,
    /// Direction of aim.
    pub aim: Angle,
    /// The weapon to hold.
    pub weapon: Weapon,
    /// Whether the trigger is held.
    pub fire: bool,
    /// Whether to dash as soon as the cooldown allows.
    pub dash: bool,
}

impl Input {
    /// The value of [`Self::move_x`] and [`Self::move_y`] for full speed.
    pub const FULL_SPEED: i32 = 127;

    /// The input with a movement along `towards` (of any length) at full speed; a zero vector stands still.
    #[must_use]
    pub fn walking(mut self, towards: Point) -> Self {
        let length = (towards.length() as i32).max(1);
        let movement = towards.scaled(Self::FULL_SPEED, length);
        self.move_x = movement.x.clamp(-Self::FULL_SPEED, Self::FULL_SPEED) as i8;
        self.move_y = movement.y.clamp(-Self::FULL_SPEED, Self::FULL_SPEED) as i8;
        self
    }

    /// The movement vector, at most [`Self::FULL_SPEED`] long, so that a diagonal is not faster.
    #[must_use]
    pub fn direction(&self) -> Point {
        let movement = Point::new(i32::from(self.move_x), i32::from(self.move_y));
        let length = movement.length() as i32;
        if length > Self::FULL_SPEED { movement.scaled(Self::FULL_SPEED, length) } else { movement }
    }
}

impl Bits for Input {
    fn encode(&self, out: &mut BitWriter) {
        out.write_bits(u32::from(self.move_x as u8), 8);
        out.write_bits(u32::from(self.move_y as u8), 8);
        out.write_bits(u32::from(self.aim.0), 16);
        self.weapon.encode(out);
        out.write_bool(self.fire);
        out.write_bool(self.dash);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(Self {
            move_x: read_axis(from)?,
            move_y: read_axis(from)?,
            aim: Angle(from.read_bits(16)? as u16),
            weapon: Weapon::decode(from)?,
            fire: from.read_bool()?,
            dash: from.read_bool()?,
        })
    }
}

/// -128 is clamped to -127: running west is not faster than running east.
fn read_axis(from: &mut BitReader<'_>) -> Result<i8, BitsError> {
    Ok((from.read_bits(8)? as u8 as i8).max(-i8::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagonal_is_not_faster_than_a_straight_movement() {
        let input = Input { move_x: 127, move_y: -127, ..Input::default() };
        assert!(input.direction().length() <= Input::FULL_SPEED as u32, "{:?}", input.direction());
    }

    #[test]
    fn the_one_value_past_full_speed_is_clamped() {
        let mut out = BitWriter::new();
        Input { move_x: i8::MIN, ..Input::default() }.encode(&mut out);
        assert_eq!(out.len_bits(), 36);
        let read = Input::decode(&mut BitReader::new(out.finish())).unwrap();
        assert_eq!(read.move_x, -127);
    }
}
