//! Entity interpolation: the states of other players' entities at the displayed time, between the two snapshots around it.
//!
//! The displayed time is the time in the room that is drawn, a little in the past (`playout`). Without a later snapshot, entities are
//! extrapolated for a short time ([`MAX_EXTRAPOLATION_MS`]) and then stand still, because a longer extrapolation would show motion that
//! never happened.

use std::{collections::VecDeque, sync::Arc};

use quarrel_shared::{
    game::Entity,
    id::EntityId,
    limits::MAX_EXTRAPOLATION_MS,
    snapshot::View,
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

/// The time for which snapshots are kept, in milliseconds: the interpolation delay is at most 200 in all but slow rooms, the displayed
/// time may lag by another 500 before it jumps ahead, and 100 are reserve.
const HISTORY_MS: u32 = 800;

/// The number of snapshots kept in addition to those of [`HISTORY_MS`], for slow rooms: at 1 Hz the delay is two snapshots, and 800 ms
/// are only one.
const EXTRA_VIEWS: usize = 4;

/// The position of the displayed time relative to the snapshots, which decides how other players' entities move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Motion {
    /// The displayed time is at most that of the newest snapshot. Entities are between two snapshots, or as in the oldest one before it.
    #[default]
    Interpolated,
    /// The displayed time is past the newest snapshot, by at most [`MAX_EXTRAPOLATION_MS`].
    Extrapolated,
    /// The displayed time stands still, because it would be further past the newest snapshot, or because there is no snapshot.
    Frozen,
}

/// The snapshots around the displayed time, and the later ones.
#[derive(Clone, Debug)]
pub(crate) struct Interpolation<E> {
    views: VecDeque<Arc<View<E>>>,
    /// The maximum number of snapshots kept. At 128 Hz with one snapshot per tick: 103 for 800 ms, and four more.
    max_views: usize,
    /// The maximum extrapolation past the newest snapshot, in 1/16 tick.
    max_extrapolation: i64,
}

impl<E: Entity> Interpolation<E> {
    /// Creates an empty history of snapshots, for a room with this tick rate.
    #[must_use]
    pub(crate) const fn new(rate: TickRate) -> Self {
        let max_extrapolation =
            MAX_EXTRAPOLATION_MS as i64 * rate.hz() as i64 * SubTick::PER_TICK as i64 / 1000;
        let max_views = rate.ticks(HISTORY_MS) as usize + EXTRA_VIEWS;
        Self { views: VecDeque::new(), max_views, max_extrapolation }
    }

    /// Adds a snapshot, which must be newer than all before. Drops the oldest one if the history is full.
    pub(crate) fn push(&mut self, view: Arc<View<E>>) {
        if self.views.len() == self.max_views {
            self.views.pop_front();
        }
        self.views.push_back(view);
    }

    /// Discards the snapshots that are not needed to draw `at` or later: all before the newest one that is not later than `at`. At a delay
    /// of a tenth of a second only a few snapshots remain, which matters to a load tester with a thousand players.
    pub(crate) fn discard_before(&mut self, at: SubTick) {
        while self.views.get(1).is_some_and(|next| next.tick <= at.tick()) {
            self.views.pop_front();
        }
    }

    /// Limits the wanted displayed time to the maximum extrapolation. Returns the time to display, and how entities move at it.
    #[must_use]
    pub(crate) fn clamp(&self, wanted: SubTick) -> (SubTick, Motion) {
        let Some(newest) = self.newest_tick().map(SubTick::of) else { return (wanted, Motion::Frozen) };
        let extrapolation = wanted.since(newest);
        if extrapolation <= 0 {
            (wanted, Motion::Interpolated)
        } else if extrapolation <= self.max_extrapolation {
            (wanted, Motion::Extrapolated)
        } else {
            (newest.offset(self.max_extrapolation), Motion::Frozen)
        }
    }

    /// Overwrites `drawn` with the entities at `at`, a time that [`Self::clamp`] returned, in ascending order of ids: those of the last
    /// snapshot up to `at`, or of the oldest one. An entity that is only in the later snapshot is not drawn yet. Leaves out the entities
    /// for which `skip` returns true: a seat's own entities are predicted instead.
    pub(crate) fn sample(&self, at: SubTick, skip: impl Fn(&E) -> bool, drawn: &mut Vec<(EntityId, E)>) {
        drawn.clear();
        let after = self.views.partition_point(|view| view.tick <= at.tick());
        let Some(earlier) = self.views.get(after.saturating_sub(1)) else { return };
        drawn.reserve(earlier.entities.len());
        let entities = earlier.entities.iter().filter(|(_, entity)| !skip(entity));
        let elapsed = u32::try_from(at.since(SubTick::of(earlier.tick))).unwrap_or(0);
        match self.views.get(after).filter(|_| after > 0) {
            Some(later) => {
                let interval = later.tick.since(earlier.tick).saturating_mul(SubTick::PER_TICK);
                let mut later = AscendingLookup(&later.entities);
                drawn.extend(
                    entities
                        .map(|(id, entity)| (*id, interpolated(entity, later.find(*id), elapsed, interval))),
                );
            }
            None => drawn.extend(entities.map(|(id, entity)| (*id, extrapolated(entity, elapsed)))),
        }
    }

    /// Returns the tick of the newest snapshot; `None` before the first.
    #[must_use]
    pub(crate) fn newest_tick(&self) -> Option<Tick> {
        self.views.back().map(|view| view.tick)
    }
}

/// Lookups in a view in ascending order of ids. Each lookup starts where the previous one ended, so all of them together take one pass
/// over the view.
struct AscendingLookup<'a, E>(&'a [(EntityId, E)]);

impl<'a, E> AscendingLookup<'a, E> {
    fn find(&mut self, wanted: EntityId) -> Option<&'a E> {
        while let Some(((id, entity), rest)) = self.0.split_first()
            && *id <= wanted
        {
            self.0 = rest;
            if *id == wanted {
                return Some(entity);
            }
        }
        None
    }
}

/// Returns an entity between two snapshots, `elapsed` of `interval` sixteenths of a tick after the earlier one. An entity that is not in
/// the later snapshot, or that jumps, stays as it is in the earlier one.
fn interpolated<E: Entity>(entity: &E, later: Option<&E>, elapsed: u32, interval: u32) -> E {
    match later {
        Some(later) if elapsed > 0 && !entity.jumps_to(later) => entity.interpolate(later, elapsed, interval),
        _ => entity.clone(),
    }
}

/// Returns an entity extrapolated by `elapsed` sixteenths of a tick.
fn extrapolated<E: Entity>(entity: &E, elapsed: u32) -> E {
    let (ticks, part) = (elapsed / SubTick::PER_TICK, elapsed % SubTick::PER_TICK);
    let from = entity.extrapolate(ticks);
    if part == 0 { from } else { from.interpolate(&entity.extrapolate(ticks + 1), part, SubTick::PER_TICK) }
}

#[cfg(test)]
mod tests {
    use quarrel_shared::{
        crowd::Walker,
        game::{Angle, Point},
        id::SeatId,
    };

    use super::*;

    const ID: EntityId = EntityId { slot: 3, generation: 0 };

    fn walker(x: i32) -> Walker {
        Walker { seat: SeatId(0), at: Point::new(x, 0), heading: Angle(0), bend: 0, pace: 16, health: 100 }
    }

    /// Snapshots of these ticks, of a walker that moves 16/256 unit to the east in each tick.
    fn snapshots(ticks: &[u32]) -> Interpolation<Walker> {
        let mut snapshots = Interpolation::new(TickRate::DEFAULT);
        for &tick in ticks {
            let entities = vec![(ID, walker(tick as i32 * 16))];
            snapshots.push(Arc::new(View { tick: Tick(tick), entities }));
        }
        snapshots
    }

    fn drawn(snapshots: &Interpolation<Walker>, sixteenths: u64) -> (i32, Motion) {
        let (at, motion) = snapshots.clamp(SubTick::from_sixteenths(sixteenths));
        let mut drawn = Vec::new();
        snapshots.sample(at, |_| false, &mut drawn);
        (drawn[0].1.at.x, motion)
    }

    #[test]
    fn others_are_interpolated_between_two_snapshots_and_across_a_lost_one() {
        let snapshots = snapshots(&[10, 11, 13]);
        for sixteenths in 10 * 16..=13 * 16 {
            assert_eq!(drawn(&snapshots, sixteenths), (sixteenths as i32, Motion::Interpolated));
        }
    }

    #[test]
    fn past_the_newest_snapshot_others_are_extrapolated_for_a_tenth_of_a_second_and_then_stand_still() {
        let snapshots = snapshots(&[10, 11]);
        assert_eq!(drawn(&snapshots, 12 * 16 + 5), (12 * 16 + 5, Motion::Extrapolated));
        assert_eq!(drawn(&snapshots, 14 * 16), (14 * 16, Motion::Extrapolated), "three ticks are 100 ms");
        assert_eq!(drawn(&snapshots, 14 * 16 + 1), (14 * 16, Motion::Frozen));
        assert_eq!(drawn(&snapshots, 99 * 16), (14 * 16, Motion::Frozen));
    }

    #[test]
    fn a_leap_of_the_servers_tick_is_drawn_without_an_error() {
        let mut snapshots = snapshots(&[10]);
        let entities = vec![(ID, walker(0))];
        snapshots.push(Arc::new(View { tick: Tick(u32::MAX), entities }));
        assert_eq!(drawn(&snapshots, 10 * 16 + 5).1, Motion::Interpolated);
    }

    #[test]
    fn before_the_oldest_snapshot_others_are_drawn_as_in_that_one() {
        assert_eq!(drawn(&snapshots(&[10, 11]), 9 * 16 + 4).0, 160);
    }

    #[test]
    fn an_entity_of_only_the_later_snapshot_is_not_drawn_yet() {
        let mut snapshots = snapshots(&[10]);
        let other = EntityId { slot: 4, generation: 0 };
        snapshots.push(Arc::new(View { tick: Tick(11), entities: vec![(other, walker(0))] }));
        let mut out = Vec::new();
        snapshots.sample(SubTick::of(Tick(10)).offset(8), |_| false, &mut out);
        assert_eq!(
            out.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
            [ID],
            "an entity of only the earlier snapshot is still drawn"
        );
        snapshots.sample(SubTick::of(Tick(11)), |_| false, &mut out);
        assert_eq!(out.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [other]);
    }

    #[test]
    fn discarding_old_snapshots_changes_nothing_that_is_drawn() {
        let (all, mut few) = (snapshots(&[10, 11, 13, 14, 15]), snapshots(&[10, 11, 13, 14, 15]));
        for sixteenths in 9 * 16..20 * 16 {
            let (at, _) = few.clamp(SubTick::from_sixteenths(sixteenths));
            few.discard_before(at);
            assert_eq!(drawn(&few, sixteenths), drawn(&all, sixteenths));
        }
        assert_eq!(few.views.len(), 1, "the newest is kept");
    }

    #[test]
    fn at_any_tick_rate_a_displayed_time_of_700_ms_ago_is_between_snapshots() {
        for hz in [1, 30, 128] {
            let mut snapshots = Interpolation::new(TickRate::new(hz).unwrap());
            for tick in 0..1000_u32 {
                snapshots.push(Arc::new(View {
                    tick: Tick(tick),
                    entities: vec![(ID, walker(tick as i32 * 16))],
                }));
            }
            let behind = u64::from(hz) * 700 / 1000 * 16 + 5;
            let at = 999 * 16 - behind;
            assert_eq!(drawn(&snapshots, at), (at as i32, Motion::Interpolated), "at {hz} Hz");
        }
    }
}
