//! Minutes of game time played by Arena's own bots: the rules of a match, from the first shot to the next map.

use super::rig::Rig;
use crate::{
    arena::{Event, Fighter, Mode, Phase, Settings},
    game::{Game, Inputs, Outbox, Point, Rewind, Step},
    id::SeatId,
    tick::{Tick, TickRate},
};

const MINUTE: u32 = 60 * 30;

#[test]
fn sixteen_bots_shoot_hit_eliminate_and_finish_matches() {
    for skill in ["skirmish", "hunt"] {
        let mut rig = Rig::new(&[skill; 16], Settings::default(), 30, 5);
        (0..2 * MINUTE).for_each(|_| drop(rig.step()));
        let matches = rig.stats[0].matches;
        assert!(matches >= 5, "{matches} matches of {skill} in two minutes");
        assert!(rig.total(|seat| seat.shots) > 500);
        assert!(rig.total(|seat| seat.hits) > 200);
        assert!(rig.total(|seat| seat.eliminations) > 100);
    }
}

/// A load test of twenty seconds must see matches end, and its first seconds pass while players join.
#[test]
fn a_match_with_default_settings_ends_in_about_a_quarter_of_a_minute() {
    let seeds = 12;
    let lengths: Vec<u32> = (0..seeds)
        .map(|seed| {
            let mut rig = Rig::new(&["skirmish"; 16], Settings::default(), 30, seed * 100);
            while rig.arena.outcome().is_none() {
                rig.step();
            }
            rig.tick.0 / 30
        })
        .collect();
    let mean = lengths.iter().sum::<u32>() / seeds as u32;
    assert!((8..=16).contains(&mean), "{mean} s on average: {lengths:?}");
}

#[test]
fn every_bot_moves_and_none_enters_a_wall() {
    for hz in [1, 5, 30, 128] {
        let skills: Vec<&str> = ["skirmish", "hunt", "wander", "hunt"].repeat(4);
        let mut rig = Rig::new(&skills, Settings::default(), hz, 9);
        let begin: Vec<Point> = rig.fighters().map(|fighter| fighter.body.at).collect();
        let mut farthest = vec![0; skills.len()];
        for _ in 0..u32::from(hz) * 30 {
            rig.step();
            for (fighter, (begin, farthest)) in rig.fighters().zip(begin.iter().zip(&mut farthest)) {
                let at = fighter.body.at;
                assert!(rig.arena.map().fits(at, Fighter::RADIUS - 2), "inside a wall at {at:?} and {hz} Hz");
                *farthest = at.distance(*begin).max(*farthest);
            }
        }
        assert!(farthest.iter().all(|&way| way > 2 * 256), "every bot moves at {hz} Hz: {farthest:?}");
    }
}

#[test]
fn hunters_beat_wanderers() {
    let skills: Vec<&str> = ["hunt", "wander"].repeat(8);
    let mut rig = Rig::new(&skills, Settings::default(), 30, 31);
    (0..2 * MINUTE).for_each(|_| drop(rig.step()));
    let of =
        |parity: usize| rig.stats.iter().skip(parity).step_by(2).map(|seat| seat.eliminations).sum::<u32>();
    assert!(of(0) > 2 * of(1), "{} eliminations by hunters, {} by wanderers", of(0), of(1));
}

#[test]
fn team_mates_never_hit_each_other() {
    let settings = Settings { mode: Mode::Teams, score_to_win: 20, ..Settings::default() };
    let mut rig = Rig::new(&["skirmish"; 12], settings, 30, 4);
    let teams: Vec<_> = rig.fighters().map(|fighter| fighter.team).collect();
    let red = teams.iter().filter(|team| **team == teams[0]).count();
    assert_eq!(red, 6, "teams are even");
    let mut hits = 0;
    for _ in 0..MINUTE {
        for (_, event) in rig.step() {
            let Event::Hit { by, victim, .. } = event else { continue };
            assert_ne!(teams[by.index()], teams[victim.index()], "{by} hit its team mate {victim}");
            hits += 1;
        }
    }
    assert!(hits > 50, "{hits} hits in a minute");
}

#[test]
fn a_match_shows_its_result_and_the_next_begins_on_another_map() {
    let mut rig = Rig::new(&["hunt"; 16], Settings { result_s: 2, ..Settings::default() }, 30, 12);
    let first = rig.arena.map().seed();
    while rig.arena.outcome().is_none() {
        rig.step();
    }
    let outcome = rig.arena.outcome().unwrap();
    assert_eq!((outcome.seed, outcome.scores.len()), (first, 16));
    let shown = (0..).take_while(|_| {
        rig.step();
        rig.arena.outcome().is_some()
    });
    assert_eq!(shown.count(), 59, "a result is shown for two seconds less the tick that ended the match");
    assert_ne!(rig.arena.map().seed(), first);
    assert!(rig.fighters().all(Fighter::is_alive), "all fighters respawn");
    assert_eq!(rig.arena.current_match.state.phase, Phase::Playing);
}

#[test]
fn a_match_without_a_winner_ends_when_time_is_up() {
    let mut rig = Rig::new(&[], Settings { time_limit_s: 10, ..Settings::default() }, 30, 1);
    (0..299).for_each(|_| drop(rig.step()));
    assert!(rig.arena.outcome().is_none());
    rig.step();
    assert_eq!(rig.arena.outcome().map(|outcome| outcome.winners), Some(vec![]), "a draw");
}

#[test]
fn leaving_a_seat_removes_all_its_entities() {
    let mut rig = Rig::new(&["hunt"; 4], Settings::default(), 30, 2);
    let pickups = rig.arena.pickups.len();
    (0..300).for_each(|_| drop(rig.step()));
    (0..4).for_each(|seat| rig.arena.seat_left(SeatId(seat)));
    assert_eq!(rig.arena.entities().len(), 1 + pickups, "only the match and the pickups remain");
}

#[test]
fn a_seat_without_an_input_stands_idle_and_keeps_its_aim() {
    let mut rig = Rig::new(&["hunt"], Settings::default(), 30, 3);
    let before = rig.fighters().next().unwrap().clone();
    let none = [None];
    let rewind = Rewind::new(Tick(1), TickRate::DEFAULT, &[]);
    rig.arena.step(Step { tick: Tick(1), inputs: Inputs::new(&none), rewind, events: &mut Outbox::new() });
    let after = rig.fighters().next().unwrap();
    assert_eq!(after.body, before.body.extrapolate(1));
    assert_eq!(after.weapon, before.weapon);
}
