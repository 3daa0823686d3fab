//! What a seat may not see is neither in its view nor in its events.

use super::rig::{Rig, see};
use crate::{
    arena::{ArenaEntity, Event, Settings},
    game::{Audience, Game},
    id::SeatId,
};

const SEATS: u16 = 8;

fn rig() -> Rig {
    Rig::new(&["hunt"; SEATS as usize], Settings::default(), 30, 21)
}

#[test]
fn a_view_holds_nobody_elses_kit_and_always_ones_own_fighter() {
    let mut rig = rig();
    let mut view = Vec::new();
    for _ in 0..600 {
        rig.step();
        for seat in (0..SEATS).map(SeatId) {
            see(&rig.arena, seat, &mut view);
            let of = |wanted: fn(&ArenaEntity) -> Option<SeatId>| {
                view.iter().filter_map(|(_, one)| wanted(one)).collect::<Vec<_>>()
            };
            let kits = of(|one| if let ArenaEntity::Kit(kit) = one { Some(kit.seat) } else { None });
            let fighters = of(|one| if let ArenaEntity::Fighter(one) = one { Some(one.seat) } else { None });
            assert_eq!(kits, [seat]);
            assert!(fighters.contains(&seat), "{seat} does not see its own fighter");
        }
    }
}

#[test]
fn walls_hide_fighters() {
    let mut rig = rig();
    let mut hidden = 0;
    for _ in 0..300 {
        rig.step();
        for seat in (0..SEATS).map(SeatId) {
            let view = rig.arena.view(seat);
            assert!(view.hidden.is_sorted(), "hidden ids come in ascending order");
            let entities = rig.arena.entities();
            for id in view.hidden {
                let Some(ArenaEntity::Fighter(other)) = entities.get(id) else { continue };
                assert!(!rig.arena.map().is_free(view.eye, other.body.at), "hidden in plain sight");
                hidden += 1;
            }
        }
    }
    assert!(hidden > 0, "nobody was ever behind a wall");
}

#[test]
fn only_those_who_see_the_archer_are_told_of_the_shot() {
    let mut rig = rig();
    let mut kept = 0;
    for _ in 0..900 {
        for (audience, event) in rig.step() {
            let Event::Fired { seat, .. } = event else { continue };
            let Audience::Seats(told) = &audience else { panic!("a shot was told to {audience:?}") };
            assert!(told.contains(&seat), "the archer knows");
            kept += usize::from(SEATS) - told.len();
        }
    }
    assert!(kept > 0, "everybody always saw everybody");
}

#[test]
fn a_blow_is_told_to_the_two_it_concerns() {
    let mut rig = rig();
    for _ in 0..900 {
        for (audience, event) in rig.step() {
            if let Event::Hit { by, victim, .. } = event {
                assert_eq!(audience, Audience::Seats(vec![by, victim]));
            }
        }
    }
}
