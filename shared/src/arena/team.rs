//! Who is whose enemy.

use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    id::SeatId,
};

/// Whose a thing is, for the question whom it may harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allegiance {
    /// The seat.
    pub seat: SeatId,
    /// Its side; `None` in a free-for-all.
    pub team: Option<Team>,
}

impl Allegiance {
    /// Whether the two may harm each other.
    #[must_use]
    pub fn is_enemy_of(self, other: Self) -> bool {
        self.seat != other.seat && (self.team.is_none() || self.team != other.team)
    }
}

/// A side. In a free-for-all nobody has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub enum Team {
    /// Begins in the western half.
    Red,
    /// Begins in the eastern half.
    Blue,
}

impl Team {
    /// How many sides there are.
    pub const COUNT: usize = 2;

    /// This side's place in a list with one element a side.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl Bits for Team {
    fn encode(&self, out: &mut BitWriter) {
        out.write_bool(*self == Self::Blue);
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Ok(if from.read_bool()? { Self::Blue } else { Self::Red })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn of(seat: u16, team: Option<Team>) -> Allegiance {
        Allegiance { seat: SeatId(seat), team }
    }

    #[test]
    fn in_a_free_for_all_everybody_else_is_an_enemy() {
        assert!(of(1, None).is_enemy_of(of(2, None)));
        assert!(!of(1, None).is_enemy_of(of(1, None)), "but nobody is their own");
    }

    #[test]
    fn a_friend_is_no_enemy() {
        assert!(!of(1, Some(Team::Red)).is_enemy_of(of(2, Some(Team::Red))));
        assert!(of(1, Some(Team::Red)).is_enemy_of(of(2, Some(Team::Blue))));
    }
}
