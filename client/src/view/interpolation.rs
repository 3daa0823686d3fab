//! How others are drawn: between the two snapshots around the moment that the screen is at.
//!
//! When there is none on the far side, things go on as they would for a little while ([`MAX_EXTRAPOLATION_MS`]), and then stand
//! still: to guess any longer is to show what never was.

use std::{collections::VecDeque, sync::Arc};

use quarrel_shared::{
    game::Entity,
    id::EntityId,
    limits::MAX_EXTRAPOLATION_MS,
    snapshot::View,
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

/// For how long snapshots are kept, in milliseconds: the longest delay is 200, and a screen may be 500 behind that before it
/// jumps ahead. The rest is to spare.
const KEPT_MS: u32 = 800;

/// How many are kept however slow a room is: there the delay is two of their intervals.
const KEPT_LEAST: usize = 4;

/// How much of what is drawn was known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Motion {
    /// It lies between two snapshots.
    #[default]
    Interpolated,
    /// It lies past the newest snapshot, but not far.
    Extrapolated,
    /// It would lie so far past the newest snapshot that everything stands still.
    Frozen,
}

/// The snapshots around the moment that is drawn, and those after it.
#[derive(Clone, Debug)]
pub struct Interpolation<E> {
    views: VecDeque<Arc<View<E>>>,
    /// How many of them are kept: one a tick, so 107 at most.
    kept: usize,
    /// How far past the newest snapshot things go on, in sixteenths of a tick.
    beyond_most: i64,
}

impl<E: Entity> Interpolation<E> {
    /// Nothing to draw yet, in a room of this rate.
    #[must_use]
    pub const fn new(rate: TickRate) -> Self {
        let beyond_most = MAX_EXTRAPOLATION_MS as i64 * rate.hz() as i64 * SubTick::PER_TICK as i64 / 1000;
        let kept = rate.ticks(KEPT_MS) as usize + KEPT_LEAST;
        Self { views: VecDeque::new(), kept, beyond_most }
    }

    /// A newer snapshot.
    pub fn push(&mut self, view: Arc<View<E>>) {
        if self.views.len() == self.kept {
            self.views.pop_front();
        }
        self.views.push_back(view);
    }

    /// Nothing is drawn before `at` any more. Only one snapshot from before it is of any use then: a few are kept where the screen is
    /// a tenth of a second behind, and a load tester has a thousand screens.
    pub fn pass(&mut self, at: SubTick) {
        while self.views.get(1).is_some_and(|next| next.tick <= at.tick()) {
            self.views.pop_front();
        }
    }

    /// Where the screen is when nothing may be drawn past `wanted`: no further than things are moved.
    #[must_use]
    pub fn reach(&self, wanted: SubTick) -> (SubTick, Motion) {
        let Some(newest) = self.newest().map(SubTick::of) else { return (wanted, Motion::Frozen) };
        let beyond = wanted.since(newest);
        if beyond <= 0 {
            (wanted, Motion::Interpolated)
        } else if beyond <= self.beyond_most {
            (wanted, Motion::Extrapolated)
        } else {
            (newest.offset(self.beyond_most), Motion::Frozen)
        }
    }

    /// Overwrites `drawn` with everything as it is at a moment that [`Self::reach`] gave, in ascending order of ids. Whatever
    /// `skip` is true of is left out: a seat's own things are drawn elsewhere.
    pub fn draw(&self, at: SubTick, skip: impl Fn(&E) -> bool, drawn: &mut Vec<(EntityId, E)>) {
        drawn.clear();
        let after = self.views.partition_point(|view| view.tick <= at.tick());
        let Some(earlier) = self.views.get(after.saturating_sub(1)) else { return };
        drawn.reserve(earlier.entities.len());
        let things = earlier.entities.iter().filter(|(_, thing)| !skip(thing));
        let passed = u32::try_from(at.since(SubTick::of(earlier.tick))).unwrap_or(0);
        match self.views.get(after).filter(|_| after > 0) {
            Some(later) => {
                let whole = later.tick.since(earlier.tick).saturating_mul(SubTick::PER_TICK);
                let mut later = Ascending(&later.entities);
                drawn.extend(things.map(|(id, thing)| (*id, between(thing, later.find(*id), passed, whole))));
            }
            None => drawn.extend(things.map(|(id, thing)| (*id, beyond(thing, passed)))),
        }
    }

    /// The tick of the newest snapshot.
    #[must_use]
    pub fn newest(&self) -> Option<Tick> {
        self.views.back().map(|view| view.tick)
    }
}

/// What is left of a view for those who ask for its things in ascending order of ids: most are in both snapshots, so that each is
/// found where the one before it was left.
struct Ascending<'a, E>(&'a [(EntityId, E)]);

impl<'a, E> Ascending<'a, E> {
    fn find(&mut self, wanted: EntityId) -> Option<&'a E> {
        while let Some(((id, thing), rest)) = self.0.split_first()
            && *id <= wanted
        {
            self.0 = rest;
            if *id == wanted {
                return Some(thing);
            }
        }
        None
    }
}

/// A thing that the later snapshot no longer shows is drawn where it was seen last.
fn between<E: Entity>(thing: &E, later: Option<&E>, part: u32, whole: u32) -> E {
    match later {
        Some(later) if part > 0 && !thing.jumps_to(later) => thing.interpolate(later, part, whole),
        _ => thing.clone(),
    }
}

/// A thing `passed` sixteenths of a tick later, if it goes on as it does.
fn beyond<E: Entity>(thing: &E, passed: u32) -> E {
    let (ticks, part) = (passed / SubTick::PER_TICK, passed % SubTick::PER_TICK);
    let from = thing.extrapolate(ticks);
    if part == 0 { from } else { from.interpolate(&thing.extrapolate(ticks + 1), part, SubTick::PER_TICK) }
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

    /// A walker that goes 16 east in each tick, seen at these ticks.
    fn seen(ticks: &[u32]) -> Interpolation<Walker> {
        let mut seen = Interpolation::new(TickRate::DEFAULT);
        for &tick in ticks {
            let entities = vec![(ID, walker(tick as i32 * 16))];
            seen.push(Arc::new(View { tick: Tick(tick), entities }));
        }
        seen
    }

    fn drawn(seen: &Interpolation<Walker>, sixteenths: u64) -> (i32, Motion) {
        let (at, motion) = seen.reach(SubTick::from_sixteenths(sixteenths));
        let mut drawn = Vec::new();
        seen.draw(at, |_| false, &mut drawn);
        (drawn[0].1.at.x, motion)
    }

    #[test]
    fn others_are_drawn_between_two_snapshots_and_across_a_lost_one() {
        let seen = seen(&[10, 11, 13]);
        for sixteenths in 10 * 16..=13 * 16 {
            assert_eq!(drawn(&seen, sixteenths), (sixteenths as i32, Motion::Interpolated));
        }
    }

    #[test]
    fn past_the_newest_snapshot_they_go_on_for_a_tenth_of_a_second_and_then_stand() {
        let seen = seen(&[10, 11]);
        assert_eq!(drawn(&seen, 12 * 16 + 5), (12 * 16 + 5, Motion::Extrapolated));
        assert_eq!(drawn(&seen, 14 * 16), (14 * 16, Motion::Extrapolated), "three ticks are 100 ms");
        assert_eq!(drawn(&seen, 14 * 16 + 1), (14 * 16, Motion::Frozen));
        assert_eq!(drawn(&seen, 99 * 16), (14 * 16, Motion::Frozen));
    }

    #[test]
    fn a_server_whose_ticks_leap_is_drawn_all_the_same() {
        let mut seen = seen(&[10]);
        let entities = vec![(ID, walker(0))];
        seen.push(Arc::new(View { tick: Tick(u32::MAX), entities }));
        assert_eq!(drawn(&seen, 10 * 16 + 5).1, Motion::Interpolated);
    }

    #[test]
    fn before_the_oldest_snapshot_there_is_only_that_one() {
        assert_eq!(drawn(&seen(&[10, 11]), 9 * 16 + 4).0, 160);
    }

    #[test]
    fn what_only_the_later_snapshot_shows_is_not_drawn_yet() {
        let mut seen = seen(&[10]);
        let other = EntityId { slot: 4, generation: 0 };
        seen.push(Arc::new(View { tick: Tick(11), entities: vec![(other, walker(0))] }));
        let mut out = Vec::new();
        seen.draw(SubTick::of(Tick(10)).offset(8), |_| false, &mut out);
        assert_eq!(
            out.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
            [ID],
            "and what it no longer shows still is"
        );
        seen.draw(SubTick::of(Tick(11)), |_| false, &mut out);
        assert_eq!(out.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [other]);
    }

    #[test]
    fn what_has_passed_is_forgotten_and_changes_nothing_that_is_drawn() {
        let (all, mut few) = (seen(&[10, 11, 13, 14, 15]), seen(&[10, 11, 13, 14, 15]));
        for sixteenths in 9 * 16..20 * 16 {
            let (at, _) = few.reach(SubTick::from_sixteenths(sixteenths));
            few.pass(at);
            assert_eq!(drawn(&few, sixteenths), drawn(&all, sixteenths));
        }
        assert_eq!(few.views.len(), 1, "the newest is kept");
    }

    #[test]
    fn at_any_rate_there_are_snapshots_around_a_screen_that_is_as_late_as_it_may_be() {
        for hz in [1, 30, 128] {
            let mut seen = Interpolation::new(TickRate::new(hz).unwrap());
            for tick in 0..1000_u32 {
                seen.push(Arc::new(View {
                    tick: Tick(tick),
                    entities: vec![(ID, walker(tick as i32 * 16))],
                }));
            }
            let behind = u64::from(hz) * 700 / 1000 * 16 + 5;
            let at = 999 * 16 - behind;
            assert_eq!(drawn(&seen, at), (at as i32, Motion::Interpolated), "at {hz} Hz");
        }
    }
}
