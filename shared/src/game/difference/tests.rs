//! What differs is named, and nothing else is.

use super::*;
use crate::{
    arena::{Arena, ArenaEntity, Settings},
    game::{Entities, Occupant, Setup},
    id::SeatId,
    journal::Entries,
    tick::{Tick, TickRate},
};

/// As many differences as any test looks at.
const MOST: usize = 8;

fn arena(seed: u64) -> Arena {
    let setup = Setup { settings: Settings::default(), seed, seats: 2, tick_rate: TickRate::DEFAULT };
    let mut arena = Arena::new(&setup);
    (0..2).for_each(|seat| arena.seat_taken(SeatId(seat), Occupant::Bot));
    (1..40).for_each(|tick| {
        Entries::idle(2).apply(&mut arena, Tick(tick), TickRate::DEFAULT, &mut crate::game::Outbox::new());
    });
    arena
}

fn id(slot: u16) -> EntityId {
    EntityId { slot, generation: 0 }
}

#[test]
fn equal_states_have_no_differences() {
    let found = differences(&arena(1), &arena(1), MOST);
    assert!(found.is_empty(), "{found}");
    assert_eq!(found.to_string(), "");
}

#[test]
fn an_arenas_fighter_is_named_to_the_coordinate() {
    let one = arena(1);
    let (fighter, mut moved) = one
        .entities()
        .iter()
        .find_map(|(id, entity)| match entity {
            ArenaEntity::Fighter(fighter) => Some((id, fighter.clone())),
            _ => None,
        })
        .expect("somebody fights");
    let x = moved.body.at.x;
    moved.body.at.x += 1;
    let moved = ArenaEntity::Fighter(moved);
    let other = one.entities().iter().map(|(id, entity)| (id, if id == fighter { &moved } else { entity }));
    let found = differences_of(one.entities().iter(), other, MOST);
    assert_eq!(found.to_string(), format!("entity {fighter} Fighter.body.at.x: {x} against {}", x + 1));
}

#[test]
fn entities_that_only_one_state_has_are_named() {
    let [mut one, mut other] = [Entities::new(), Entities::new()];
    (0..3u8).for_each(|n| {
        one.insert(n).expect("there is room");
        other.insert(n).expect("there is room");
    });
    one.remove(id(0));
    other.remove(id(2));
    let found = differences_of(one.iter(), other.iter(), MOST);
    let only = |thing: u8| thing.to_string();
    let expected = [
        Difference::OnlyInOther { id: id(0), thing: only(0) },
        Difference::OnlyInOne { id: id(2), thing: only(2) },
    ];
    assert_eq!(found.named, expected);
}

#[test]
fn a_list_is_as_long_as_it_may_be_and_says_how_many_more_there_are() {
    let (one, other): (Vec<_>, Vec<_>) = (0..10u16).map(|slot| ((id(slot), 1u8), (id(slot), 2u8))).unzip();
    fn each(side: &[(EntityId, u8)]) -> impl Iterator<Item = (EntityId, &u8)> {
        side.iter().map(|(id, thing)| (*id, thing))
    }
    let found = differences_of(each(&one), each(&other), 3);
    assert_eq!((found.named.len(), found.more), (3, 7));
    let text = found.to_string();
    assert_eq!(text.lines().next(), Some("entity 0.0: 1 against 2"));
    assert_eq!(text.lines().last(), Some("and 7 more"));
    let counted = differences_of(each(&one), each(&other), 0);
    assert!(!counted.is_empty(), "a list of nothing still knows that something differs");
    assert_eq!(counted.to_string(), "10 differences");
}

#[test]
fn what_is_saved_beside_equal_entities_is_told_by_its_byte() {
    let mut found = Differences::new(MOST);
    found.compare_saved(&[1, 2, 3], &[1, 2, 4, 5]);
    assert_eq!(found.named, [Difference::Saved { at: 2, one: 3, other: 4 }]);
    let mut found = Differences::new(MOST);
    found.compare_saved(&[1, 2], &[1, 2, 4]);
    assert_eq!(found.named, [Difference::Saved { at: 2, one: 2, other: 3 }]);
}

/// Two of these look the same.
#[derive(PartialEq)]
struct Masked(u8);

impl Debug for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masked")
    }
}

#[test]
fn what_debug_does_not_show_is_said_to_be_unseen() {
    let found = differences_between(&Masked(1), &Masked(2), MOST);
    assert_eq!(found.named, [Difference::Unseen { id: None }]);
}
