//! Tests of the order in which updates are sent, and of the bound on their deferral.

use quarrel_shared::{
    bits::{BitReader, BitsError},
    snapshot::diff,
};

use super::*;

/// An entity that does not move.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
struct Post(Place, u32);

impl Entity for Post {
    fn place(&self) -> Place {
        self.0
    }

    fn encode(&self, out: &mut BitWriter) {
        out.write_bits(self.1, 32);
    }

    fn decode(_: &mut BitReader<'_>) -> Result<Self, BitsError> {
        Err(BitsError::Truncated)
    }
}

const SEAT: SeatId = SeatId(3);
const EYE: Point = Point::new(0, 0);

const fn id(slot: u16) -> EntityId {
    EntityId { slot, generation: 0 }
}

/// Returns a view with a row of posts in this color. Post `n` is at the distance 1000 (n + 1) from the eye.
fn row(tick: u32, posts: u16, color: u32) -> View<Post> {
    let post = |slot| (id(slot), Post(Place::At(Point::new(1000 * (i32::from(slot) + 1), 0)), color));
    View { tick: Tick(tick), entities: (0..posts).map(post).collect() }
}

fn viewpoint(focus: &[u16]) -> Viewpoint {
    Viewpoint {
        eye: EYE,
        range: u32::MAX,
        max_entities: 100,
        focus: focus.iter().map(|slot| id(*slot)).collect(),
        ..Viewpoint::default()
    }
}

/// Encodes a snapshot of `view`, and returns the slots of the posts whose new color it contains.
fn sent(
    priority: &mut PriorityAccumulator,
    base: &View<Post>,
    view: &View<Post>,
    focus: &[u16],
    limit: usize,
) -> Vec<u16> {
    let mut reduced = view.clone();
    let deferred =
        priority.fit(base, &mut reduced, SEAT, &viewpoint(focus), limit).expect("the bound can be kept");
    let mut out = BitWriter::new();
    diff(Some(base), &reduced, &mut out);
    assert!(out.len_bits() <= limit, "{} bits of {limit}", out.len_bits());
    let is_changed = |(id, post): &&(EntityId, Post)| base.get(*id) != Some(post);
    let sent: Vec<_> = reduced.entities.iter().filter(is_changed).map(|(id, _)| id.slot).collect();
    let all = view.entities.iter().filter(is_changed).count();
    assert_eq!(sent.len() + deferred as usize, all, "every update is sent or deferred");
    sent
}

#[test]
fn entities_in_focus_are_sent_first_and_then_the_nearest() {
    let (base, view) = (row(1, 40, 0), row(2, 40, 1));
    assert_eq!(sent(&mut PriorityAccumulator::new(), &base, &view, &[], 240), [0, 1, 2, 3, 4]);
    assert_eq!(sent(&mut PriorityAccumulator::new(), &base, &view, &[30], 240), [0, 1, 2, 3, 30]);
}

#[test]
fn no_entity_is_deferred_past_the_bound_at_any_distance() {
    let mut priority = PriorityAccumulator::new();
    let mut base = row(1, 40, 0);
    let mut deferred = [0; 40];
    for tick in 2..200 {
        let view = row(tick, 40, tick);
        let updated = sent(&mut priority, &base, &view, &[], 240);
        for (slot, sends) in (0..).zip(&mut deferred) {
            *sends = if updated.contains(&slot) { 0 } else { *sends + 1 };
            assert!(*sends <= MAX_DEFERRED_SENDS, "post {slot} was deferred in {sends} sends in a row");
        }
        base.tick = Tick(tick);
        for slot in updated {
            base.entities[usize::from(slot)].1.1 = tick;
        }
    }
}

#[test]
fn an_update_is_sent_again_until_it_is_in_the_baseline() {
    let mut priority = PriorityAccumulator::new();
    let base = row(1, 2, 0);
    let first = sent(&mut priority, &base, &row(5, 40, 1), &[], 400);
    assert!(first.len() > 4 && first.len() < 20, "{first:?}");
    for tick in 6..5 + MAX_DEFERRED_SENDS {
        let still = sent(&mut priority, &base, &row(tick, 40, 1), &[], 400);
        assert!(first.iter().all(|slot| still.contains(slot)), "{still:?} after {first:?}");
    }
    let mut last = row(40, 40, 1);
    let fits = priority.fit(&base, &mut last, SEAT, &viewpoint(&[]), 400);
    assert_eq!(fits, None, "without acknowledgements no update is deferred past the bound");
}

#[test]
fn a_view_that_cannot_keep_the_bound_is_left_unchanged() {
    let base = row(1, 40, 0);
    let mut view = row(2, 40, 1);
    let all: Vec<_> = (0..40).collect();
    let complete = view.clone();
    assert_eq!(
        PriorityAccumulator::new().fit(&base, &mut view, SEAT, &viewpoint(&all), 400),
        None,
        "all posts are in focus, so none may be deferred"
    );
    assert_eq!(view, complete, "the view is unchanged");
    assert_eq!(
        PriorityAccumulator::new().fit(&base, &mut view, SEAT, &viewpoint(&[]), 30),
        None,
        "the bits that each unchanged entity takes exceed the limit"
    );
}

#[test]
fn a_seats_own_entities_are_never_deferred() {
    let base = row(1, 40, 0);
    let mut priority = PriorityAccumulator::new();
    for tick in 2..100 {
        let mut view = row(tick, 40, tick);
        view.entities[35].1.0 = Place::Only(SEAT);
        assert!(sent(&mut priority, &base, &view, &[], 2000).contains(&35));
        priority.record_complete(Tick(tick));
        assert!(priority.records.is_empty(), "after a complete snapshot no update is deferred");
    }
}
