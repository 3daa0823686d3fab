//! The entities of highest priority for a seat.

use super::rig::Rig;
use crate::{
    arena::{ArenaEntity, Event, Settings},
    bits::{BitReader, BitWriter},
    game::Game,
    id::{EntityId, SeatId},
    tick::Tick,
};

#[test]
fn the_focus_holds_own_bolts_and_the_opponents_of_the_last_second() {
    let mut rig = Rig::new(&["hunt"; 8], Settings { score_to_win: 9, ..Settings::default() }, 30, 3);
    let mut hits: Vec<(Tick, SeatId, SeatId)> = Vec::new();
    let mut out = BitWriter::new();
    let (mut fights, mut bolts) = (0, 0);
    for _ in 0..1800 {
        for (_, event) in rig.step() {
            match event {
                Event::Hit { by, victim, .. } => hits.push((rig.tick, by, victim)),
                Event::MatchStarted { .. } => hits.clear(),
                _ => {}
            }
        }
        hits.retain(|(tick, ..)| rig.tick.since(*tick) < 30);
        out.clear();
        rig.arena.save(&mut out);
        let loaded = crate::arena::Arena::load(&rig.setup, &mut BitReader::new(out.finish())).unwrap();
        for seat in (0..8).map(SeatId) {
            let fights_with = |other: SeatId| {
                hits.iter()
                    .any(|&(_, by, victim)| (by, victim) == (seat, other) || (by, victim) == (other, seat))
            };
            let matters = |entity: &ArenaEntity| match entity {
                ArenaEntity::Bolt(bolt) => bolt.owner == seat,
                ArenaEntity::Fighter(fighter) => fights_with(fighter.seat),
                _ => false,
            };
            let entities = rig.arena.entities().iter().filter(|(_, one)| matters(one));
            let expected: Vec<EntityId> = entities.map(|(id, _)| id).collect();
            let focus = rig.arena.view(seat).focus;
            assert_eq!(focus, expected, "the focus of {seat} at {}", rig.tick);
            assert_eq!(loaded.view(seat).focus, expected, "a checkpoint keeps the focus");
            let is_bolt =
                |id: &&EntityId| matches!(rig.arena.entities().get(**id), Some(ArenaEntity::Bolt(_)));
            bolts += focus.iter().filter(is_bolt).count();
            fights += focus.iter().filter(|id| !is_bolt(id)).count();
        }
    }
    assert!(fights > 100 && bolts > 100, "{fights} fights, {bolts} bolts");
}

#[test]
fn a_new_occupant_of_a_seat_has_no_opponents() {
    let mut rig = Rig::new(&["hunt"; 8], Settings::default(), 30, 3);
    let hit = (0..1800).flat_map(|_| rig.step()).find_map(|(_, event)| match event {
        Event::Hit { by, victim, .. } => Some((by, victim)),
        _ => None,
    });
    let (by, victim) = hit.expect("a bot hits another within a minute");
    let fighter = rig.arena.seats[victim.index()].as_ref().unwrap().fighter.id;
    assert!(rig.arena.view(by).focus.contains(&fighter));
    rig.arena.seat_left(victim);
    rig.arena.seat_taken(victim, crate::game::Occupant::Player);
    let fighter = rig.arena.seats[victim.index()].as_ref().unwrap().fighter.id;
    assert!(!rig.arena.view(by).focus.contains(&fighter));
}
