//! All entities that Arena replicates, as one type.

use super::{bolt::Bolt, fighter::Fighter, kit::Kit, match_state::Match, pickup::Pickup, score::Score};
use crate::{
    bits::{BitReader, BitWriter, BitsError},
    game::{Entity, Place, Point},
};

/// The state of one replicated entity of Arena. An id never changes its kind.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub enum ArenaEntity {
    /// The match: visible to all seats.
    Match(Match),
    /// A seat's line on the score board: visible to all seats.
    Score(Score),
    /// A fighter: visible to its own seat and the seats in line of sight.
    Fighter(Fighter),
    /// A seat's private state: visible to that seat only.
    Kit(Kit),
    /// A bolt in flight: visible to the seats in line of sight, and to its owner within range even behind a wall.
    Bolt(Bolt),
    /// A pickup: visible to the seats in line of sight.
    Pickup(Pickup),
}

impl Entity for ArenaEntity {
    fn place(&self) -> Place {
        match self {
            Self::Match(_) | Self::Score(_) => Place::Everywhere,
            Self::Fighter(fighter) => Place::At(fighter.body.at),
            Self::Kit(kit) => Place::Only(kit.seat),
            Self::Bolt(bolt) => Place::At(bolt.at()),
            Self::Pickup(pickup) => Place::At(pickup.at),
        }
    }

    fn encode(&self, out: &mut BitWriter) {
        out.write_bits(self.kind(), KIND_BITS);
        match self {
            Self::Match(current_match) => current_match.encode(out),
            Self::Score(score) => score.encode(out),
            Self::Fighter(fighter) => fighter.encode(out),
            Self::Kit(kit) => kit.encode(out),
            Self::Bolt(bolt) => bolt.encode(out),
            Self::Pickup(pickup) => pickup.encode(out),
        }
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        match from.read_bits(KIND_BITS)? {
            0 => Match::decode(from).map(Self::Match),
            1 => Score::decode(from).map(Self::Score),
            2 => Fighter::decode(from).map(Self::Fighter),
            3 => Kit::decode(from).map(Self::Kit),
            4 => Bolt::decode(from).map(Self::Bolt),
            5 => Pickup::decode(from).map(Self::Pickup),
            _ => Err(BitsError::OutOfRange),
        }
    }

    /// Fighters and bolts are interpolated; the other kinds keep their old state until the new one is due.
    fn interpolate(&self, later: &Self, part: u32, whole: u32) -> Self {
        match (self, later) {
            _ if part >= whole => later.clone(),
            (Self::Fighter(old), Self::Fighter(new)) => Self::Fighter(old.interpolate(new, part, whole)),
            (Self::Bolt(old), Self::Bolt(new)) => Self::Bolt(old.interpolate(new, part, whole)),
            _ => self.clone(),
        }
    }

    fn displaced(&self, by: Point) -> Self {
        match self {
            Self::Fighter(fighter) => Self::Fighter(fighter.displaced(by)),
            Self::Bolt(bolt) => Self::Bolt(bolt.displaced(by)),
            Self::Match(_) | Self::Score(_) | Self::Kit(_) | Self::Pickup(_) => self.clone(),
        }
    }

    fn jumps_to(&self, later: &Self) -> bool {
        match (self, later) {
            (Self::Fighter(old), Self::Fighter(new)) => old.jumps_to(new),
            _ => false,
        }
    }

    fn extrapolate(&self, ticks: u32) -> Self {
        match self {
            Self::Fighter(fighter) => Self::Fighter(fighter.extrapolate(ticks)),
            Self::Kit(kit) => Self::Kit(kit.extrapolate(ticks)),
            Self::Bolt(bolt) => Self::Bolt(bolt.extrapolate(ticks)),
            Self::Pickup(pickup) => Self::Pickup(pickup.extrapolate(ticks)),
            Self::Match(_) | Self::Score(_) => self.clone(),
        }
    }

    fn encode_delta(&self, expected: &Self, out: &mut BitWriter) {
        match (self, expected) {
            (Self::Match(new), Self::Match(old)) => new.encode_delta(old, out),
            (Self::Score(new), Self::Score(old)) => new.encode_delta(old, out),
            (Self::Fighter(new), Self::Fighter(old)) => new.encode_delta(old, out),
            (Self::Kit(new), Self::Kit(old)) => new.encode_delta(old, out),
            (Self::Pickup(new), Self::Pickup(old)) => new.encode_delta(old, out),
            // A bolt that differs from its predicted flight is a new bolt; a delta would save nothing.
            (Self::Bolt(new), Self::Bolt(_)) => new.encode(out),
            // No id changes its kind; if one did, every viewer must still receive it. A delta without any difference is not
            // written otherwise, so here it marks that a full state follows, and costs other deltas no bit.
            _ => {
                expected.encode_delta(expected, out);
                self.encode(out);
            }
        }
    }

    fn decode_delta(expected: &Self, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let read = match expected {
            Self::Match(old) => Match::decode_delta(old, from).map(Self::Match),
            Self::Score(old) => Score::decode_delta(old, from).map(Self::Score),
            Self::Fighter(old) => Fighter::decode_delta(old, from).map(Self::Fighter),
            Self::Kit(old) => Kit::decode_delta(old, from).map(Self::Kit),
            Self::Pickup(old) => Pickup::decode_delta(old, from).map(Self::Pickup),
            Self::Bolt(_) => Bolt::decode(from).map(Self::Bolt),
        }?;
        if read == *expected { Self::decode(from) } else { Ok(read) }
    }
}

const KIND_BITS: u32 = 3;

impl ArenaEntity {
    const fn kind(&self) -> u32 {
        match self {
            Self::Match(_) => 0,
            Self::Score(_) => 1,
            Self::Fighter(_) => 2,
            Self::Kit(_) => 3,
            Self::Bolt(_) => 4,
            Self::Pickup(_) => 5,
        }
    }
}
