//! Tests of the differences between states.

use std::collections::BTreeMap;

use super::*;
use crate::{
    arena::{Arena, ArenaEntity, Settings},
    game::{Entities, Occupant, Point, Setup},
    id::SeatId,
    journal::Entries,
    tick::{Tick, TickRate},
};

/// More differences than any test expects.
const MAX: usize = 8;

fn arena(seed: u64) -> Arena {
    let setup = Setup { settings: Settings::default(), seed, seats: 2, tick_rate: TickRate::DEFAULT };
    let mut arena = Arena::new(&setup);
    (0..2).for_each(|seat| arena.seat_taken(SeatId(seat), Occupant::Bot));
    (1..40).for_each(|tick| {
        Entries::idle(2).apply(&mut arena, Tick(tick), TickRate::DEFAULT, &mut crate::game::Outbox::new());
    });
    arena
}

fn between<E: Debug + PartialEq + Serialize>(
    one: &Entities<E>,
    other: &Entities<E>,
    max: usize,
) -> Differences {
    let mut found = Differences::new(max);
    found.compare_entities(one, other);
    found
}

fn id(slot: u16) -> EntityId {
    EntityId { slot, generation: 0 }
}

#[test]
fn equal_states_have_no_differences() {
    let found = differences(&arena(1), &arena(1), MAX);
    assert!(found.is_empty(), "{found}");
    assert_eq!(found.to_string(), "");
}

#[test]
fn a_moved_fighter_of_arena_is_named_by_the_path_of_its_coordinate() {
    let arena = arena(1);
    let mut moved = arena.entities().clone();
    let (id, x) = moved
        .iter_mut()
        .find_map(|(id, entity)| match entity {
            ArenaEntity::Fighter(fighter) => {
                fighter.body.at.x += 1;
                Some((id, fighter.body.at.x))
            }
            _ => None,
        })
        .expect("a fighter is in the arena");
    let found = between(arena.entities(), &moved, MAX);
    assert_eq!(found.to_string(), format!("entity {id} Fighter.body.at.x: {} against {x}", x - 1));
}

#[test]
fn an_entity_that_only_one_state_has_is_a_difference() {
    let [mut one, mut other] = [Entities::new(), Entities::new()];
    (0..3u8).for_each(|n| {
        one.insert(n).expect("there is room");
        other.insert(n).expect("there is room");
    });
    one.remove(id(0));
    other.remove(id(2));
    let found = between(&one, &other, MAX);
    let expected = [
        Difference::OnlyInOther { id: id(0), state: "0".to_owned() },
        Difference::OnlyInOne { id: id(2), state: "2".to_owned() },
    ];
    assert_eq!(found.named, expected);
}

#[test]
fn a_list_of_differences_is_bounded_and_counts_the_rest() {
    let [mut one, mut other] = [Entities::new(), Entities::new()];
    (0..10).for_each(|_| {
        one.insert(1u8).expect("there is room");
        other.insert(2u8).expect("there is room");
    });
    let found = between(&one, &other, 3);
    assert_eq!((found.named.len(), found.more), (3, 7));
    let text = found.to_string();
    assert_eq!(text.lines().next(), Some("entity 0.0: 1 against 2"));
    assert_eq!(text.lines().last(), Some("and 7 more"));
    let counted = between(&one, &other, 0);
    assert!(!counted.is_empty(), "a list of length 0 still counts the differences");
    assert_eq!(counted.to_string(), "10 differences");
}

#[test]
fn saved_states_that_differ_are_named_by_the_first_different_byte() {
    let mut found = Differences::new(MAX);
    found.compare_saved(&[1, 2, 3], &[1, 2, 4, 5]);
    assert_eq!(found.named, [Difference::Saved { at: 2, one: 3, other: 4 }]);
    let mut found = Differences::new(MAX);
    found.compare_saved(&[1, 2], &[1, 2, 4]);
    assert_eq!(found.named, [Difference::Saved { at: 2, one: 2, other: 3 }]);
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Body {
    at: Point,
    seat: SeatId,
    aim: Option<SeatId>,
    way: Vec<u8>,
    worn: BTreeMap<&'static str, (u8, u8)>,
    name: &'static str,
    #[serde(skip)]
    secret: u8,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
enum Thing {
    Body(Body),
    Wall,
}

fn body() -> Body {
    let worn = [("hat", (1, 2)), ("boots", (3, 4))].into();
    Body {
        at: Point::new(120, 7),
        seat: SeatId(3),
        aim: None,
        way: vec![1, 2],
        worn,
        name: "a\n(",
        secret: 0,
    }
}

fn found<T: Debug + PartialEq + Serialize>(one: &T, other: &T) -> Vec<String> {
    differences_between(one, other, MAX).named.iter().map(ToString::to_string).collect()
}

#[test]
fn a_field_is_named_by_its_path() {
    let with = |change: fn(&mut Body)| {
        let mut changed = body();
        change(&mut changed);
        let named = found(&Thing::Body(body()), &Thing::Body(changed.clone()));
        assert_eq!(
            found(&body(), &changed),
            named,
            "a struct and a variant with the same name have the same paths"
        );
        named
    };
    assert_eq!(with(|_| {}), [] as [&str; 0]);
    assert_eq!(with(|body| body.at.x = 121), ["Body.at.x: 120 against 121"]);
    assert_eq!(with(|body| body.seat = SeatId(4)), ["Body.seat: 3 against 4"]);
    assert_eq!(with(|body| body.aim = Some(SeatId(4))), ["Body.aim: null against 4"]);
    let way = ["Body.way[1]: 2 against 5", "Body.way[2]: nothing against 6"];
    assert_eq!(with(|body| body.way = vec![1, 5, 6]), way);
    assert_eq!(with(|body| body.name = "a }"), [r#"Body.name: "a\n(" against "a }""#]);
    let worn = ["Body.worn.boots: [3,4] against nothing", "Body.worn.hat[1]: 2 against 9"];
    assert_eq!(with(|body| body.worn = [("hat", (1, 9))].into()), worn);
    assert_eq!(with(|body| body.secret = 1), ["the values differ in a field that is not serialized"]);
}

#[test]
fn all_fields_are_compared_by_their_paths() {
    let other = Body {
        at: Point::new(121, 8),
        seat: SeatId(4),
        aim: Some(SeatId(5)),
        way: Vec::new(),
        worn: [("hat", (8, 9)), ("boots", (6, 7))].into(),
        name: "b",
        secret: 1,
    };
    let expected = [
        "Body.aim: null against 5",
        "Body.at.x: 120 against 121",
        "Body.at.y: 7 against 8",
        r#"Body.name: "a\n(" against "b""#,
        "Body.seat: 3 against 4",
        "Body.way[0]: 1 against nothing",
        "Body.way[1]: 2 against nothing",
        "Body.worn.boots[0]: 3 against 6",
        "Body.worn.boots[1]: 4 against 7",
        "Body.worn.hat[0]: 1 against 8",
        "Body.worn.hat[1]: 2 against 9",
    ];
    let found = differences_between(&Thing::Body(body()), &Thing::Body(other), expected.len());
    assert_eq!(found.named.iter().map(ToString::to_string).collect::<Vec<_>>(), expected);
}

#[test]
fn two_variants_of_an_enum_are_one_difference_cut_to_a_line() {
    let found = found(&Thing::Wall, &Thing::Body(Body { way: vec![1; 100], ..body() }));
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with(r#"Thing: "Wall" against {"Body":{"#), "{}", found[0]);
    assert!(found[0].ends_with('…') && found[0].chars().count() < 160, "a difference fits a line");
}

#[test]
fn values_that_json_cannot_represent_are_compared_by_their_debug_text() {
    let large = |number: u128| BTreeMap::from([((1, 2), number)]);
    assert_eq!(found(&large(1), &large(u128::MAX)).len(), 1);
    assert_eq!(found(&large(1), &large(5)), [r#""{(1, 2): 1}" against "{(1, 2): 5}""#]);
}
