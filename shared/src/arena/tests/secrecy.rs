//! Hidden entities are neither in a seat's view nor in its events.

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
fn a_view_holds_the_own_fighter_and_no_other_kit() {
    let mut rig = rig();
    let mut view = Vec::new();
    for _ in 0..600 {
        rig.step();
        for seat in (0..SEATS).map(SeatId) {
            see(&rig.arena, seat, &mut view);
            let of = |wanted: fn(&ArenaEntity) -> Option<SeatId>| {
                view.iter().filter_map(|(_, entity)| wanted(entity)).collect::<Vec<_>>()
            };
            let kits = of(|entity| if let ArenaEntity::Kit(kit) = entity { Some(kit.seat) } else { None });
            let fighters =
                of(
                    |entity| {
                        if let ArenaEntity::Fighter(fighter) = entity { Some(fighter.seat) } else { None }
                    },
                );
            assert_eq!(kits, [seat]);
            assert!(fighters.contains(&seat), "{seat} must see its own fighter");
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
            assert!(view.hidden.is_sorted(), "hidden ids are in ascending order");
            let entities = rig.arena.entities();
            for id in view.hidden {
                let Some(ArenaEntity::Fighter(other)) = entities.get(id) else { continue };
                assert!(
                    !rig.arena.map().is_free(view.eye, other.body.at),
                    "an entity in line of sight is never hidden"
                );
                hidden += 1;
            }
        }
    }
    assert!(hidden > 0, "some fighters are behind walls");
}

#[test]
fn walls_never_hide_a_seats_own_bolts() {
    let mut rig = rig();
    let (mut own, mut hidden) = (0, 0);
    for _ in 0..900 {
        rig.step();
        for seat in (0..SEATS).map(SeatId) {
            let view = rig.arena.view(seat);
            for (id, bolt) in &rig.arena.bolts {
                let is_hidden = view.hidden.contains(id);
                assert!(!is_hidden || bolt.owner != seat, "{seat} must see its bolt {id} at {}", rig.tick);
                let is_behind_wall = !rig.arena.map().is_free(view.eye, bolt.at());
                own += u32::from(bolt.owner == seat && is_behind_wall);
                hidden += u32::from(is_hidden);
            }
        }
    }
    assert!(own > 20 && hidden > 100, "{own} own bolts behind walls, {hidden} hidden bolts of others");
}

#[test]
fn a_shot_is_sent_to_its_archer_and_not_to_every_seat() {
    let mut rig = rig();
    let mut unaware = 0;
    for _ in 0..900 {
        for (audience, event) in rig.step() {
            let Event::Fired { seat, .. } = event else { continue };
            let Audience::Seats(seats) = &audience else { panic!("a shot was sent to {audience:?}") };
            assert!(seats.contains(&seat), "the archer gets its own shot");
            unaware += usize::from(SEATS) - seats.len();
        }
    }
    assert!(unaware > 0, "some seats do not see a shot");
}

#[test]
fn a_hit_is_sent_to_attacker_and_victim_only() {
    let mut rig = rig();
    for _ in 0..900 {
        for (audience, event) in rig.step() {
            if let Event::Hit { by, victim, .. } = event {
                assert_eq!(audience, Audience::Seats(vec![by, victim]));
            }
        }
    }
}

/// Of the fighters that come into line of sight, nine in ten were in the view a round trip earlier (the test requires eight);
/// without margins it would be three.
#[test]
fn fighters_are_known_a_round_trip_before_they_come_into_line_of_sight() {
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
    assert!(all > 50 && known * 100 > all * 80, "{known} of {all} were visible a round trip before");
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
    view.iter().any(|(_, entity)| matches!(entity, ArenaEntity::Fighter(fighter) if fighter.seat == b.seat))
}

/// Whether `a` sees `b` without margins, at a little less than the range of sight: entering the range surprises no player.
fn is_in_plain_sight(rig: &Rig, a: &Fighter, b: &Fighter) -> bool {
    a.body.at.distance(b.body.at) <= 22 * UNIT as u32 && rig.arena.map().is_free(a.body.at, b.body.at)
}
