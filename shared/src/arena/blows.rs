//! Who struck whom of late: two who fight matter to each other more than whoever happens to be nearer.

use std::collections::VecDeque;

use super::Arena;
use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    id::{EntityId, SeatId},
    tick::{Tick, TickRate},
};

/// How long a blow is remembered, in milliseconds.
const REMEMBERED_MS: u32 = 1000;

/// The blows of the last second, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Blows(VecDeque<Blow>);

#[derive(Clone, Copy, Debug)]
struct Blow {
    tick: Tick,
    by: SeatId,
    victim: SeatId,
}

impl Blows {
    /// Remembers a blow.
    pub(super) fn land(&mut self, tick: Tick, by: SeatId, victim: SeatId) {
        self.0.push_back(Blow { tick, by, victim });
    }

    /// Forgets what is a second ago.
    pub(super) fn forget_old(&mut self, now: Tick, rate: TickRate) {
        let is_old = |blow: &Blow| now.since(blow.tick) >= rate.ticks(REMEMBERED_MS);
        while self.0.front().is_some_and(is_old) {
            self.0.pop_front();
        }
    }

    /// Whoever sits here next has struck nobody.
    pub(super) fn forget_seat(&mut self, seat: SeatId) {
        self.0.retain(|blow| blow.by != seat && blow.victim != seat);
    }

    /// The other side of each blow that this seat struck or took.
    fn others(&self, seat: SeatId) -> impl Iterator<Item = SeatId> {
        self.0.iter().filter_map(move |blow| match (blow.by == seat, blow.victim == seat) {
            (true, _) => Some(blow.victim),
            (_, true) => Some(blow.by),
            _ => None,
        })
    }

    pub(super) fn save(&self, now: Tick, out: &mut BitWriter) {
        out.write_var(self.0.len() as u32, COUNT_ORDER);
        for blow in &self.0 {
            out.write_var(now.since(blow.tick), AGE_ORDER);
            blow.by.encode(out);
            blow.victim.encode(out);
        }
    }

    /// Reads what [`Self::save`] wrote at `now`.
    pub(super) fn load(now: Tick, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let count = from.read_var(COUNT_ORDER)?;
        let mut blows = VecDeque::new();
        for _ in 0..count {
            let tick = now.before(from.read_var(AGE_ORDER)?);
            blows.push_back(Blow { tick, by: SeatId::decode(from)?, victim: SeatId::decode(from)? });
        }
        Ok(Self(blows))
    }
}

/// Most rooms see a few blows a second.
const COUNT_ORDER: u32 = 3;
/// A second at 30 Hz is 30 ticks.
const AGE_ORDER: u32 = 4;

impl Arena {
    /// What matters most to a seat, in ascending order: its own bolts, and whom it fights.
    pub(super) fn focus(&self, seat: SeatId) -> Vec<EntityId> {
        let bolts = self.bolts.iter().filter(|(_, bolt)| bolt.owner == seat).map(|(id, _)| *id);
        let fighter = |seat: SeatId| Some(self.seats.get(seat.index())?.as_ref()?.fighter.id);
        let mut focus: Vec<EntityId> = bolts.chain(self.blows.others(seat).filter_map(fighter)).collect();
        focus.sort_unstable();
        focus.dedup();
        focus
    }
}
