//! Teams and enemies.

use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    id::SeatId,
};

/// The seat and team of an entity: decides whom it may hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allegiance {
    /// The owner's seat.
    pub seat: SeatId,
    /// The owner's team; `None` in a free-for-all.
    pub team: Option<Team>,
}

impl Allegiance {
    /// Whether the two may hit each other.
    #[must_use]
    pub fn is_enemy_of(self, other: Self) -> bool {
        self.seat != other.seat && (self.team.is_none() || self.team != other.team)
    }
}

/// A team. Exists in team matches only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub enum Team {
    /// Based in the western half.
    Red,
    /// Based in the eastern half.
    Blue,
}

impl Team {
    /// Number of teams.
    pub const COUNT: usize = 2;

    /// The team's index in a list with one element for each team.
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
    fn in_a_free_for_all_every_other_seat_is_an_enemy() {
        assert!(of(1, None).is_enemy_of(of(2, None)));
        assert!(!of(1, None).is_enemy_of(of(1, None)), "a seat is not its own enemy");
    }

    #[test]
    fn a_team_mate_is_not_an_enemy() {
        assert!(!of(1, Some(Team::Red)).is_enemy_of(of(2, Some(Team::Red))));
        assert!(of(1, Some(Team::Red)).is_enemy_of(of(2, Some(Team::Blue))));
    }
}
