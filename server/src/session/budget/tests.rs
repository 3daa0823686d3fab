//! Who goes first, who waits, and for how long at most.

use quarrel_shared::{
    bits::{BitReader, BitsError},
    snapshot::diff,
};

use super::*;

/// Something that stays where it is.
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

/// A row of posts that begins a step from the eye, each painted so.
fn row(tick: u32, posts: u16, paint: u32) -> View<Post> {
    let post = |slot| (id(slot), Post(Place::At(Point::new(1000 * (i32::from(slot) + 1), 0)), paint));
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

/// Whose paint is news in what is sent of this view.
fn sent(budget: &mut Budget, base: &View<Post>, view: &View<Post>, focus: &[u16], limit: usize) -> Vec<u16> {
    let mut cut = view.clone();
    let waiting = budget.fit(base, &mut cut, SEAT, &viewpoint(focus), limit).expect("the bound can be kept");
    let mut out = BitWriter::new();
    diff(Some(base), &cut, &mut out);
    assert!(out.len_bits() <= limit, "{} bits of {limit}", out.len_bits());
    let is_news = |(id, post): &&(EntityId, Post)| base.get(*id) != Some(post);
    let news: Vec<_> = cut.entities.iter().filter(is_news).map(|(id, _)| id.slot).collect();
    let all = view.entities.iter().filter(is_news).count();
    assert_eq!(news.len() + waiting as usize, all, "whoever is not sent waits");
    news
}

#[test]
fn the_nearest_go_first_and_those_in_focus_before_them() {
    let (base, view) = (row(1, 40, 0), row(2, 40, 1));
    assert_eq!(sent(&mut Budget::new(), &base, &view, &[], 240), [0, 1, 2, 3, 4]);
    assert_eq!(sent(&mut Budget::new(), &base, &view, &[30], 240), [0, 1, 2, 3, 30]);
}

#[test]
fn everybody_has_their_turn_within_the_bound_though_one_is_far() {
    let mut budget = Budget::new();
    let mut base = row(1, 40, 0);
    let mut waited = [0; 40];
    for tick in 2..200 {
        let view = row(tick, 40, tick);
        let news = sent(&mut budget, &base, &view, &[], 240);
        for (slot, sends) in (0..).zip(&mut waited) {
            *sends = if news.contains(&slot) { 0 } else { *sends + 1 };
            assert!(*sends <= WAIT_MOST, "{slot} has waited in {sends} sends");
        }
        base.tick = Tick(tick);
        for slot in news {
            base.entities[usize::from(slot)].1.1 = tick;
        }
    }
}

#[test]
fn what_was_shown_stays_until_the_baseline_has_it() {
    let mut budget = Budget::new();
    let base = row(1, 2, 0);
    let first = sent(&mut budget, &base, &row(5, 40, 1), &[], 400);
    assert!(first.len() > 4 && first.len() < 20, "{first:?}");
    for tick in 6..5 + WAIT_MOST {
        let still = sent(&mut budget, &base, &row(tick, 40, 1), &[], 400);
        assert!(first.iter().all(|slot| still.contains(slot)), "{still:?} after {first:?}");
    }
    let mut last = row(40, 40, 1);
    let fits = budget.fit(&base, &mut last, SEAT, &viewpoint(&[]), 400);
    assert_eq!(fits, None, "who never acknowledges keeps nobody waiting past the bound");
}

#[test]
fn a_view_that_cannot_be_shown_within_the_bound_goes_whole() {
    let base = row(1, 40, 0);
    let mut view = row(2, 40, 1);
    let all: Vec<_> = (0..40).collect();
    let whole = view.clone();
    assert_eq!(Budget::new().fit(&base, &mut view, SEAT, &viewpoint(&all), 400), None, "all are in focus");
    assert_eq!(view, whole, "and then nothing is held back");
    assert_eq!(
        Budget::new().fit(&base, &mut view, SEAT, &viewpoint(&[]), 30),
        None,
        "a bit each is too much"
    );
}

#[test]
fn a_seats_own_things_never_wait() {
    let base = row(1, 40, 0);
    let mut budget = Budget::new();
    for tick in 2..100 {
        let mut view = row(tick, 40, tick);
        view.entities[35].1.0 = Place::Only(SEAT);
        assert!(sent(&mut budget, &base, &view, &[], 2000).contains(&35));
        budget.whole(Tick(tick));
        assert!(budget.records.is_empty(), "nobody waits once all was sent");
    }
}
