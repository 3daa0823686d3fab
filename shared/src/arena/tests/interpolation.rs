//! The states that a client displays: interpolated between two states, and displaced.

use super::rig::Rig;
use crate::{
    arena::{ArenaEntity, Body, Bolt, Event, Fighter, RUN_SPEED, Settings, spawn},
    game::{Angle, Entity, Place, Point},
    id::SeatId,
    tick::{Tick, TickRate},
};

fn fighter(tick: u32, x: i32, aim: u16) -> Fighter {
    let body = Body::at_rest(Point::new(x, 2000), Angle(aim), Tick(tick), TickRate::DEFAULT);
    spawn::fighter(SeatId(1), None, body)
}

fn bolt(age_ticks: u16) -> Bolt {
    let (from, aim, rate) = (Point::new(3000, 3000), Angle(5000), TickRate::DEFAULT);
    Bolt { owner: SeatId(1), from, aim, age_ticks, rate }
}

fn at(entity: &ArenaEntity) -> Point {
    let Place::At(at) = entity.place() else { panic!("{entity:?} has no position") };
    at
}

#[test]
fn a_runner_is_interpolated_with_the_other_fields_of_the_earlier_state() {
    let old = Fighter { health: 90, ..fighter(10, 1000, 65_000) };
    let new = Fighter { health: 40, ..fighter(12, 1100, 500) };
    let displayed = ArenaEntity::Fighter(old.clone()).interpolate(&ArenaEntity::Fighter(new), 8, 32);
    let ArenaEntity::Fighter(displayed) = displayed else { panic!("interpolation keeps the kind") };
    assert_eq!((displayed.body.at.x, displayed.body.aim), (1025, Angle(65_000) + Angle(259)));
    let expected = Body { at: displayed.body.at, aim: displayed.body.aim, ..old.body.clone() };
    assert_eq!(displayed, Fighter { body: expected, ..old }, "a hit is not displayed before its tick");
}

#[test]
fn interpolation_is_exact_at_both_ends() {
    let fallen = Fighter { health: 0, ..fighter(12, 1100, 500) };
    let pairs = [
        (ArenaEntity::Fighter(fighter(10, 1000, 0)), ArenaEntity::Fighter(fighter(12, 1100, 500))),
        (ArenaEntity::Fighter(fighter(10, 1000, 0)), ArenaEntity::Fighter(fallen)),
        (ArenaEntity::Bolt(bolt(4)), ArenaEntity::Bolt(bolt(9))),
    ];
    for (old, new) in pairs {
        assert_eq!(old.interpolate(&new, 0, 16), old);
        assert_eq!(old.interpolate(&new, 16, 16), new);
    }
}

#[test]
fn a_bolt_is_displayed_on_its_line_between_two_states() {
    let (old, new) = (ArenaEntity::Bolt(bolt(4)), ArenaEntity::Bolt(bolt(6)));
    for part in 0..=16 {
        assert_eq!(at(&old.interpolate(&new, part, 16)), at(&old).towards(at(&new), part, 16));
    }
}

#[test]
fn an_eliminated_or_respawned_fighter_keeps_its_old_state_until_the_new_one_is_due() {
    let alive = fighter(10, 1000, 0);
    let fallen = Fighter { health: 0, ..fighter(11, 1000, 0) };
    let respawned = Fighter { life: 1, ..fighter(11, 1010, 0) };
    for (old, new) in [(&alive, &fallen), (&fallen, &respawned), (&alive, &respawned)] {
        let (old, new) = (ArenaEntity::Fighter(old.clone()), ArenaEntity::Fighter(new.clone()));
        assert!(old.jumps_to(&new));
        assert_eq!(old.interpolate(&new, 15, 16), old);
    }
}

#[test]
fn a_wrong_prediction_is_not_a_jump_at_any_distance() {
    let guess = fighter(10, 1000, 0);
    for apart in [600, 9000] {
        assert!(!guess.jumps_to(&fighter(10, 1000 + apart, 0)), "a correction within one life is eased");
    }
}

#[test]
fn displacement_changes_the_position_only() {
    let by = Point::new(-30, 12);
    for entity in [ArenaEntity::Fighter(fighter(10, 1000, 0)), ArenaEntity::Bolt(bolt(4))] {
        let displayed = entity.displaced(by);
        assert_eq!(at(&displayed), at(&entity) + by);
        assert_eq!(displayed.displaced(-by), entity);
    }
}

/// Running, dashing and sliding along walls are displayed as motion; only a respawn or an elimination is a jump.
#[test]
fn only_respawns_and_eliminations_are_jumps() {
    for (hz, apart) in [(5, 1), (10, 3), (30, 1), (30, 6), (60, 4), (128, 1), (128, 30)] {
        let mut rig = Rig::new(&["hunt"; 12], Settings { score_to_win: 8, ..Settings::default() }, hz, 7);
        let mut old: Vec<Fighter> = rig.fighters().cloned().collect();
        let (mut appeared, mut moved) = (vec![false; old.len()], 0);
        for tick in 1..=u32::from(hz) * 30 {
            for (_, event) in rig.step() {
                match event {
                    Event::Respawned { seat, .. } => appeared[seat.index()] = true,
                    Event::Eliminated { victim, .. } => appeared[victim.index()] = true,
                    _ => {}
                }
            }
            if tick % apart != 0 {
                continue;
            }
            for ((old, new), appeared) in old.iter().zip(rig.fighters()).zip(&appeared) {
                let is_short = old.body.at.distance(new.body.at) < RUN_SPEED as u32;
                assert!(
                    old.jumps_to(new) == *appeared || is_short && *appeared,
                    "at {hz} Hz: {old:?} {new:?}"
                );
                moved += u32::from(old.body.at != new.body.at);
            }
            old = rig.fighters().cloned().collect();
            appeared.fill(false);
        }
        assert!(moved > 500 / apart, "fighters moved {moved} times at {hz} Hz");
    }
}

#[test]
fn the_phase_of_a_body_encodes_the_time_even_while_eliminated() {
    for hz in [10, 30, 60, 128] {
        let mut rig = Rig::new(&["hunt"; 8], Settings::default(), hz, 3);
        for _ in 0..u32::from(hz) * 20 {
            rig.step();
            for fighter in rig.fighters() {
                assert_eq!(fighter.body.ticks_since(rig.tick), 0, "at {} and {hz} Hz", rig.tick);
                assert_eq!(fighter.body.ticks_since(rig.tick.before(3)), 3.min(rig.tick.0));
            }
        }
    }
}
