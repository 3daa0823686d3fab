//! The hits of the last second, for the priority of entity updates: two players in a fight matter more to each other than a
//! nearer third one.

use std::collections::VecDeque;

use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    id::SeatId,
    tick::{Tick, TickRate},
};

/// Time for which a hit is kept, in milliseconds.
const REMEMBERED_MS: u32 = 1000;

/// The hits of the last second, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct RecentHits(VecDeque<HitRecord>);

#[derive(Clone, Copy, Debug)]
struct HitRecord {
    tick: Tick,
    by: SeatId,
    victim: SeatId,
}

impl RecentHits {
    /// Records a hit.
    pub(super) fn record(&mut self, tick: Tick, by: SeatId, victim: SeatId) {
        self.0.push_back(HitRecord { tick, by, victim });
    }

    /// Removes hits that are a second old or older.
    pub(super) fn expire(&mut self, now: Tick, rate: TickRate) {
        let is_old = |hit: &HitRecord| now.since(hit.tick) >= rate.ticks(REMEMBERED_MS);
        while self.0.front().is_some_and(is_old) {
            self.0.pop_front();
        }
    }

    /// Removes all hits of a seat, before its next occupant arrives.
    pub(super) fn remove_seat(&mut self, seat: SeatId) {
        self.0.retain(|hit| hit.by != seat && hit.victim != seat);
    }

    /// The opponent in each hit that this seat dealt or took.
    pub(super) fn opponents(&self, seat: SeatId) -> impl Iterator<Item = SeatId> {
        self.0.iter().filter_map(move |hit| match (hit.by == seat, hit.victim == seat) {
            (true, _) => Some(hit.victim),
            (_, true) => Some(hit.by),
            _ => None,
        })
    }

    pub(super) fn save(&self, now: Tick, out: &mut BitWriter) {
        out.write_var(self.0.len() as u32, COUNT_ORDER);
        for hit in &self.0 {
            out.write_var(now.since(hit.tick), AGE_ORDER);
            hit.by.encode(out);
            hit.victim.encode(out);
        }
    }

    /// Reads hits written by [`Self::save`] at `now`.
    pub(super) fn load(now: Tick, from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let count = from.read_var(COUNT_ORDER)?;
        let mut hits = VecDeque::new();
        for _ in 0..count {
            let tick = now.before(from.read_var(AGE_ORDER)?);
            hits.push_back(HitRecord { tick, by: SeatId::decode(from)?, victim: SeatId::decode(from)? });
        }
        Ok(Self(hits))
    }
}

/// Most rooms have a few hits a second.
const COUNT_ORDER: u32 = 3;
/// A second at 30 Hz is 30 ticks.
const AGE_ORDER: u32 = 4;
