//! Positions of all fighters in the last ticks, for lag compensation.
//!
//! The history holds positions only, for a quarter second. An eliminated fighter has no position, so a shot never hits across
//! a respawn; a seat that its player leaves is cleared, so a shot never hits where the previous occupant stood.

use super::coding;
use crate::{
    bits::{BitReader, BitWriter, BitsError},
    game::{Point, TickHistory},
    id::SeatId,
    limits::MAX_REWIND_MS,
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

/// One tick: a position for each seat with a living fighter.
pub(super) type Positions = Vec<Option<Point>>;

/// The last ticks, oldest first.
#[derive(Clone, Debug)]
pub(super) struct PositionHistory {
    ticks: TickHistory<Positions>,
}

/// The two ticks around one time in the past.
#[derive(Clone, Copy, Debug)]
pub(super) struct RewoundPositions<'a> {
    earlier: &'a Positions,
    later: &'a Positions,
    part: u32,
}

impl PositionHistory {
    pub(super) const fn new(rate: TickRate) -> Self {
        Self { ticks: TickHistory::new(rate) }
    }

    /// Records one tick: a position for each seat with a living fighter.
    pub(super) fn record(&mut self, tick: Tick, positions: Positions) {
        self.ticks.push(tick, positions);
    }

    /// Deletes the seat's positions from all ticks.
    pub(super) fn remove_seat(&mut self, seat: SeatId) {
        for (_, positions) in self.ticks.iter_mut() {
            if let Some(position) = positions.get_mut(seat.index()) {
                *position = None;
            }
        }
    }

    /// Deletes all ticks.
    pub(super) fn clear(&mut self) {
        self.ticks.clear();
    }

    /// The positions at one time; `None` when the history does not reach back to it.
    pub(super) fn at(&self, moment: SubTick) -> Option<RewoundPositions<'_>> {
        let (earlier, later, part) = self.ticks.around(moment)?;
        Some(RewoundPositions { earlier, later, part })
    }

    /// Ticks are consecutive and the last one is the room's, so only positions are written: each as the difference from
    /// linear extrapolation, which is zero while a fighter runs straight.
    pub(super) fn save(&self, out: &mut BitWriter) {
        let ticks: Vec<&Positions> = self.ticks.iter().map(|(_, positions)| positions).collect();
        out.write_var(ticks.len() as u32, COUNT_ORDER);
        for (n, positions) in ticks.iter().enumerate() {
            for (seat, position) in positions.iter().enumerate() {
                out.write_bool(position.is_some());
                let Some(position) = position else { continue };
                match expected(&ticks[..n], seat) {
                    Some(expected) => coding::write_displacement(*position - expected, DEVIATION_ORDER, out),
                    None => coding::write_position(*position, out),
                }
            }
        }
    }

    /// Reads a history written by [`Self::save`] at `now` in a room of `seats` seats.
    pub(super) fn load(
        rate: TickRate,
        now: Tick,
        seats: usize,
        from: &mut BitReader<'_>,
    ) -> Result<Self, BitsError> {
        let count = from.read_var(COUNT_ORDER)?;
        if count > rate.ticks(MAX_REWIND_MS) + 2 || count > now.0 {
            return Err(BitsError::OutOfRange);
        }
        let mut ticks: Vec<Positions> = Vec::new();
        for _ in 0..count {
            let before: Vec<&Positions> = ticks.iter().collect();
            let read = |seat| read_position(expected(&before, seat), from);
            let positions = (0..seats).map(read).collect::<Result<_, _>>()?;
            ticks.push(positions);
        }
        let mut history = Self::new(rate);
        let first = now.before(count.saturating_sub(1));
        ticks.into_iter().zip(0..).for_each(|(positions, n)| history.ticks.push(first.after(n), positions));
        Ok(history)
    }
}

impl RewoundPositions<'_> {
    /// The position of this seat's fighter, interpolated as a client displays it. `None` when the seat had no living fighter
    /// at either of the two ticks.
    pub(super) fn of(&self, seat: SeatId) -> Option<Point> {
        let position = |positions: &Positions| positions.get(seat.index()).copied().flatten();
        let (earlier, later) = (position(self.earlier)?, position(self.later)?);
        Some(earlier.towards(later, self.part, SubTick::PER_TICK))
    }
}

/// The linear extrapolation of a seat's position.
fn expected(ticks: &[&Positions], seat: usize) -> Option<Point> {
    let position =
        |back: usize| ticks.len().checked_sub(back).and_then(|n| ticks[n].get(seat).copied().flatten());
    let last = position(1)?;
    Some(position(2).map_or(last, |before| last + (last - before)))
}

fn read_position(expected: Option<Point>, from: &mut BitReader<'_>) -> Result<Option<Point>, BitsError> {
    if !from.read_bool()? {
        return Ok(None);
    }
    let position = match expected {
        Some(expected) => expected + coding::read_displacement(DEVIATION_ORDER, from)?,
        None => coding::read_position(from)?,
    };
    Ok(Some(position))
}

/// A quarter second at 30 Hz is 8 ticks, and 10 with the 2 ticks around it.
const COUNT_ORDER: u32 = 4;
/// Most positions deviate from the extrapolation by a few subunits a tick.
const DEVIATION_ORDER: u32 = 2;
