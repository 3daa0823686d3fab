//! Entity interpolation: other players' entities, drawn between the two snapshots around the screen's time.
//!
//! Without a later snapshot, entities are extrapolated for a short time ([`MAX_EXTRAPOLATION_MS`]) and then stand still, because a longer
//! guess would show what never happened.

use std::{collections::VecDeque, sync::Arc};

use quarrel_shared::{
    game::Entity,
    id::EntityId,
    limits::MAX_EXTRAPOLATION_MS,
    snapshot::View,
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

/// The time for which snapshots are kept, in milliseconds: the maximum delay is 200, and a screen may be another 500 behind before it
/// jumps ahead. The rest is to spare.
const HISTORY_MS: u32 = 800;

/// The minimum number of snapshots kept. In a slow room the delay is two of their intervals.
const MIN_VIEWS: usize = 4;

/// The position of the screen's time relative to the snapshots, which decides how others move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Motion {
    /// The screen's time is between two snapshots.
    #[default]
    Interpolated,
    /// The screen's time is past the newest snapshot, by at most [`MAX_EXTRAPOLATION_MS`].
    Extrapolated,
    /// The screen's time would be further past the newest snapshot, so everything stands still.
    Frozen,
}

/// The snapshots around the screen's time, and those after it.
#[derive(Clone, Debug)]
pub(crate) struct Interpolation<E> {
    views: VecDeque<Arc<View<E>>>,
    /// The maximum number of snapshots kept. With one a tick, 107 at the highest rate.
    max_views: usize,
    /// The maximum extrapolation past the newest snapshot, in 1/16 tick.
    max_beyond: i64,
}

impl<E: Entity> Interpolation<E> {
    /// No snapshots yet, in a room with this tick rate.
    #[must_use]
    pub(crate) const fn new(rate: TickRate) -> Self {
        let max_beyond = MAX_EXTRAPOLATION_MS as i64 * rate.hz() as i64 * SubTick::PER_TICK as i64 / 1000;
        let max_views = rate.ticks(HISTORY_MS) as usize + MIN_VIEWS;
        Self { views: VecDeque::new(), max_views, max_beyond }
    }

    /// Adds a newer snapshot.
    pub(crate) fn push(&mut self, view: Arc<View<E>>) {
        if self.views.len() == self.max_views {
            self.views.pop_front();
        }
        self.views.push_back(view);
    }

    /// Discards the snapshots that are not needed to draw `at` or later: all but one from before it. A screen that is a tenth of a second
    /// behind then keeps only a few, which matters to a load tester with a thousand screens.
    pub(crate) fn discard_before(&mut self, at: SubTick) {
        while self.views.get(1).is_some_and(|next| next.tick <= at.tick()) {
            self.views.pop_front();
        }
    }

    /// Limits the wanted screen time to the maximum extrapolation.
    #[must_use]
    pub(crate) fn clamp(&self, wanted: SubTick) -> (SubTick, Motion) {
        let Some(newest) = self.newest_tick().map(SubTick::of) else { return (wanted, Motion::Frozen) };
        let beyond = wanted.since(newest);
        if beyond <= 0 {
            (wanted, Motion::Interpolated)
        } else if beyond <= self.max_beyond {
            (wanted, Motion::Extrapolated)
        } else {
            (newest.offset(self.max_beyond), Motion::Frozen)
        }
    }

    /// Overwrites `drawn` with all entities at a time that [`Self::clamp`] returned, in ascending order of ids. Leaves out those for
    /// which `skip` returns true: a seat's own entities are predicted instead.
    pub(crate) fn sample(&self, at: SubTick, skip: impl Fn(&E) -> bool, drawn: &mut Vec<(EntityId, E)>) {
        drawn.clear();
        let after = self.views.partition_point(|view| view.tick <= at.tick());
        let Some(earlier) = self.views.get(after.saturating_sub(1)) else { return };
        drawn.reserve(earlier.entities.len());
        let entities = earlier.entities.iter().filter(|(_, entity)| !skip(entity));
        let passed = u32::try_from(at.since(SubTick::of(earlier.tick))).unwrap_or(0);
        match self.views.get(after).filter(|_| after > 0) {
            Some(later) => {
                let whole = later.tick.since(earlier.tick).saturating_mul(SubTick::PER_TICK);
                let mut later = AscendingLookup(&later.entities);
                drawn.extend(
                    entities.map(|(id, entity)| (*id, between(entity, later.find(*id), passed, whole))),
                );
            }
            None => drawn.extend(entities.map(|(id, entity)| (*id, beyond(entity, passed)))),
        }
    }

    /// The tick of the newest snapshot.
    #[must_use]
    pub(crate) fn newest_tick(&self) -> Option<Tick> {
        self.views.back().map(|view| view.tick)
    }
}

/// Lookups in a view in ascending order of ids, each of which starts where the previous one ended. Most entities are in both snapshots,
/// so this takes one pass.
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

/// An entity between two snapshots. One that is not in the later snapshot stays at its last position.
fn between<E: Entity>(entity: &E, later: Option<&E>, part: u32, whole: u32) -> E {
    match later {
        Some(later) if part > 0 && !entity.jumps_to(later) => entity.interpolate(later, part, whole),
        _ => entity.clone(),
    }
}

/// An entity extrapolated by `passed` sixteenths of a tick.
fn beyond<E: Entity>(entity: &E, passed: u32) -> E {
    let (ticks, part) = (passed / SubTick::PER_TICK, passed % SubTick::PER_TICK);
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

    /// Snapshots of these ticks, of a walker that moves 16 to the east in each tick.
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
    fn others_are_drawn_between_two_snapshots_and_across_a_lost_one() {
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
            "and one of only the earlier snapshot still is"
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
    fn at_any_tick_rate_a_screen_at_its_maximum_delay_is_between_snapshots() {
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
