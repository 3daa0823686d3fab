//! What a seat may not see is neither in its view nor in its events.

use super::rig::{Rig, see};
use crate::{
    arena::{ArenaEntity, Event, Fighter, Settings},
    game::{Audience, Game, UNIT},
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
fn walls_hide_nobodys_own_bolts() {
    let mut rig = rig();
    let (mut own, mut hidden) = (0, 0);
    for _ in 0..900 {
        rig.step();
        for seat in (0..SEATS).map(SeatId) {
            let view = rig.arena.view(seat);
            for (id, bolt) in &rig.arena.bolts {
                let is_hidden = view.hidden.contains(id);
                assert!(!is_hidden || bolt.owner != seat, "{seat} lost its bolt {id} at {}", rig.tick);
                let is_behind_wall = !rig.arena.map().is_free(view.eye, bolt.at());
                own += u32::from(bolt.owner == seat && is_behind_wall);
                hidden += u32::from(is_hidden);
            }
        }
    }
    assert!(own > 20 && hidden > 100, "{own} of their own behind walls, {hidden} of others hidden");
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

/// Of those who come into plain sight, nine in ten were shown a round trip before: without margins it would be three.
#[test]
fn nearly_nobody_pops_up_out_of_nothing() {
    let (mut known, mut all) = (0, 0);
    for seed in 0..3 {
        let mut rig = Rig::new(&["skirmish"; SEATS as usize], Settings::default(), 30, seed);
        let mut shown: Vec<Vec<(SeatId, SeatId)>> = Vec::new();
        let mut seen: Vec<(SeatId, SeatId)> = Vec::new();
        let mut appeared = [0; SEATS as usize];
        for tick in 0..900 {
            for (_, event) in rig.step() {
                match event {
                    Event::Respawned { seat, .. } => appeared[seat.index()] = tick,
                    Event::MatchStarted { .. } => appeared = [tick; SEATS as usize],
                    _ => {}
                }
            }
            shown.push(pairs(&rig, |a, b| is_shown(&rig, a, b)));
            let now = pairs(&rig, |a, b| is_in_plain_sight(&rig, a, b));
            let have_stood = |seat: SeatId| tick > appeared[seat.index()] + ROUND_TRIP_TICKS;
            for pair in now.iter().filter(|pair| have_stood(pair.0) && have_stood(pair.1)) {
                if !seen.contains(pair) {
                    known += u32::from(shown[tick - ROUND_TRIP_TICKS].contains(pair));
                    all += 1;
                }
            }
            seen = now;
        }
    }
    assert!(all > 50 && known * 100 > all * 80, "{known} of {all} were known");
}

/// A fifth of a second at 30 Hz.
const ROUND_TRIP_TICKS: usize = 6;

fn pairs(rig: &Rig, holds: impl Fn(&Fighter, &Fighter) -> bool) -> Vec<(SeatId, SeatId)> {
    let others = |a| rig.fighters().filter(move |b: &&Fighter| b.seat != a).map(move |b| (a, b));
    let all = rig.fighters().flat_map(|a| others(a.seat).map(move |(_, b)| (a, b)));
    all.filter(|(a, b)| holds(a, b)).map(|(a, b)| (a.seat, b.seat)).collect()
}

fn is_shown(rig: &Rig, a: &Fighter, b: &Fighter) -> bool {
    let mut view = Vec::new();
    see(&rig.arena, a.seat, &mut view);
    view.iter().any(|(_, one)| matches!(one, ArenaEntity::Fighter(one) if one.seat == b.seat))
}

/// A little nearer than eyes reach, for who comes into range is no surprise.
fn is_in_plain_sight(rig: &Rig, a: &Fighter, b: &Fighter) -> bool {
    a.body.at.distance(b.body.at) <= 22 * UNIT as u32 && rig.arena.map().is_free(a.body.at, b.body.at)
}
