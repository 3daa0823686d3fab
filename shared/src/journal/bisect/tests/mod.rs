//! Tests that injected faults are found at their tick, and that a slice equals its part of the journal.

mod dial;
mod hostile;

use self::dial::{CHECKPOINT_TICKS, Dial, Faults, PLAN, Plan, Turn, written};
use super::*;
use crate::{
    game::Difference,
    journal::{Annotation, Journal, Playback, PlaybackStep, slice::slice},
    tick::Tick,
};

fn compared(one: Plan, other: Plan) -> Comparison<Turn> {
    let (one, other) = (written(one), written(other));
    let (one, other) = (Journal::open(&one).unwrap(), Journal::open(&other).unwrap());
    bisect_pair::<Dial>(&one, &other).unwrap()
}

fn fault(bytes: &[u8]) -> Option<ReplayFault<Turn>> {
    bisect_one::<Dial>(&Journal::open(bytes).unwrap()).unwrap()
}

fn paths(states: &crate::game::Differences) -> Vec<&str> {
    let fields = states.named.iter().filter_map(|difference| match difference {
        Difference::Field { path, .. } => Some(path.as_str()),
        _ => None,
    });
    fields.collect()
}

#[test]
fn two_equal_journals_have_no_difference() {
    let found = compared(PLAN, PLAN);
    assert_eq!((found.first_difference, found.until), (None, Tick(PLAN.ticks)));
    assert_eq!((found.search.compared, found.search.different), (1, None), "one comparison suffices");
}

#[test]
fn a_different_input_is_found_at_its_tick_with_few_comparisons() {
    for at in [1, 2, CHECKPOINT_TICKS, CHECKPOINT_TICKS + 1, 137, PLAN.ticks] {
        let found = compared(PLAN, Plan { other_input_at: Some(at), ..PLAN });
        let difference = found.first_difference.expect("a difference");
        assert_eq!((difference.since, difference.tick), (Some(Tick(at - 1)), Tick(at)));
        let Cause::Entries { one, other } = difference.cause else { panic!("{:?}", difference.cause) };
        assert_eq!(one.entries.inputs[..2], other.entries.inputs[..2]);
        assert_ne!(one.entries.inputs[2], other.entries.inputs[2], "only seat 2 differs");
        let (tick, states) = difference.states.expect("different states");
        assert_eq!((tick, paths(&states)), (Tick(at), vec!["Hand.at"]));
        let max_compared = found.search.common.ilog2() as usize + 2;
        assert!(found.search.compared <= max_compared, "{:?} is a binary search", found.search);
    }
}

#[test]
fn a_state_changed_outside_of_the_game_is_found_at_its_tick_by_the_ticks_checksums() {
    let found = compared(PLAN, Plan { changed_at: Some(137), ..PLAN });
    let difference = found.first_difference.expect("a difference");
    assert_eq!((difference.since, difference.tick), (Some(Tick(136)), Tick(137)));
    let Cause::Recorded { one_agrees: true, other_agrees: false, record: Some(record) } = difference.cause
    else {
        panic!("{:?}", difference.cause)
    };
    assert_eq!(record.tick, Tick(137));
    let (tick, states) = difference.states.expect("the states of the next checkpoints");
    assert_eq!((tick, paths(&states)), (Tick(140), vec!["Hand.at"]));
}

#[test]
fn without_checksums_in_ticks_a_change_is_found_between_two_checkpoints() {
    let plan = Plan { checksum_ticks: 0, ..PLAN };
    let difference =
        compared(Plan { changed_at: Some(137), ..plan }, plan).first_difference.expect("a difference");
    assert_eq!((difference.since, difference.tick), (Some(Tick(130)), Tick(140)));
    assert!(
        matches!(difference.cause, Cause::Recorded { one_agrees: false, other_agrees: true, record: None }),
        "{:?}",
        difference.cause
    );
    assert_eq!(paths(&difference.states.expect("states").1), ["Hand.at"]);
}

#[test]
fn ticks_that_one_journal_lost_are_skipped() {
    let gap = Plan { lost: Some((95, 123)), ..PLAN };
    let same = compared(PLAN, gap);
    assert_eq!((same.first_difference, same.until), (None, Tick(PLAN.ticks)));
    let within =
        compared(Plan { other_input_at: Some(110), ..PLAN }, gap).first_difference.expect("a difference");
    assert_eq!((within.since, within.tick, within.cause), (Some(Tick(94)), Tick(123), Cause::Lost));
    let after =
        compared(gap, Plan { other_input_at: Some(133), ..PLAN }).first_difference.expect("a difference");
    assert_eq!((after.since, after.tick), (Some(Tick(132)), Tick(133)));
}

#[test]
fn a_shorter_journal_is_compared_to_its_end() {
    let found = compared(PLAN, Plan { ticks: 77, ..PLAN });
    assert_eq!((found.first_difference, found.until), (None, Tick(77)));
    let late = compared(PLAN, Plan { ticks: 77, other_input_at: Some(76), ..PLAN });
    assert_eq!(late.first_difference.expect("a difference after the last common checkpoint").tick, Tick(76));
}

#[test]
fn a_journal_that_this_build_reproduces_has_no_fault() {
    assert_eq!(fault(&written(PLAN)), None);
    assert_eq!(fault(&written(Plan { lost: Some((20, 39)), checksum_ticks: 0, ..PLAN })), None);
}

#[test]
fn a_game_that_reads_a_global_counter_is_found_at_the_tick_and_field() {
    let _guard = Faults { counter_at: Some(57), ..Faults::default() }.activate();
    for checksum_ticks in [1, 0] {
        let found = fault(&written(Plan { checksum_ticks, ..PLAN })).expect("a fault");
        let shown = if checksum_ticks == 1 { (Some(Tick(56)), Tick(57)) } else { (Some(Tick(50)), Tick(60)) };
        assert_eq!((found.since, found.tick), shown);
        let Diagnosis::NotDeterministic { record, states } = found.diagnosis else {
            panic!("{:?}", found.diagnosis)
        };
        assert_eq!((record.tick, paths(&states)), (Tick(57), vec!["Hand.at"]), "the tick is exact");
        assert!(states.to_string().contains("entity 1"), "{states}");
    }
}

#[test]
fn two_journals_of_a_game_that_reads_a_global_counter_are_not_deterministic() {
    let _guard = Faults { counter_at: Some(57), ..Faults::default() }.activate();
    let difference = compared(PLAN, PLAN).first_difference.expect("a difference");
    assert!(
        matches!(&difference.cause, Cause::NotDeterministic { record } if record.tick == Tick(57)),
        "{difference:?}"
    );
    assert_eq!(paths(&difference.states.expect("states").1), ["Hand.at"]);
}

#[test]
fn a_game_that_does_not_save_all_is_distinguished_from_one_that_is_not_deterministic() {
    let _guard = Faults { unsaved_at: Some(57), ..Faults::default() }.activate();
    let found = fault(&written(PLAN)).expect("a fault");
    assert_eq!((found.since, found.tick, found.segment), (Some(Tick(56)), Tick(57), Tick(50)));
    let Diagnosis::NotSaved { record, states } = found.diagnosis else { panic!("{:?}", found.diagnosis) };
    assert_eq!((record.tick, paths(&states)), (Tick(57), vec!["Hand.at"]));
}

#[test]
fn a_field_that_is_lost_in_a_restart_is_diagnosed_as_not_saved() {
    let _guard = Faults { unsaved_at: Some(57), ..Faults::default() }.activate();
    // At tick 50 there are two checkpoints: one of the server run that saved the room, and one of the run that continued without the
    // field.
    let found = fault(&written(Plan { saved_at: Some(50), ..PLAN })).expect("a fault");
    assert_eq!((found.tick, found.segment), (Tick(57), Tick(50)));
    let Diagnosis::NotSaved { record, states } = found.diagnosis else { panic!("{:?}", found.diagnosis) };
    assert_eq!((record.tick, paths(&states)), (Tick(57), vec!["Hand.at"]));
}

#[test]
fn a_room_that_computed_something_else_is_reported_with_its_state() {
    let found = fault(&written(Plan { changed_at: Some(57), checksum_ticks: 0, ..PLAN })).expect("a fault");
    assert_eq!(
        (found.since, found.tick, found.diagnosis),
        (Some(Tick(50)), Tick(60), Diagnosis::Reproducible)
    );
    assert_eq!(paths(&found.states.expect("the checkpoint's state")), ["Hand.at"]);
}

/// Returns the steps of a journal after tick `from` up to tick `to`, and the checksum after the last.
fn played(bytes: &[u8], from: u32, to: u32) -> (Vec<PlaybackStep<Turn>>, crate::game::Checksum) {
    let journal = Journal::open(bytes).unwrap();
    let mut playback = Playback::<Dial>::open(&journal).unwrap();
    let mut ticks = Vec::new();
    while playback.tick() < Tick(to) {
        let Some(played) = playback.advance().unwrap() else { break };
        if playback.tick() > Tick(from) {
            ticks.push(played);
        }
    }
    (ticks, playback.checksum())
}

#[test]
fn a_slice_equals_its_part_of_the_journal() {
    let whole = written(Plan { checksum_ticks: 5, ..PLAN });
    for (from, to) in [(0, 200), (13, 58), (30, 30), (25, 60), (190, 999), (40, 41)] {
        let cut = slice::<Dial>(&Journal::open(&whole).unwrap(), Tick(from), Tick(to)).unwrap();
        assert_eq!((cut.begin, cut.end), (Tick(from), Tick(to.min(PLAN.ticks))));
        assert_eq!(played(&cut.bytes, from, to), played(&whole, from, to), "{from} to {to}");
        let journal = Journal::open(&cut.bytes).unwrap();
        assert_eq!((journal.end(), journal.tail(), fault(&cut.bytes)), (Some("sliced"), None, None));
        let annotations: Vec<_> = journal.annotations().map(|annotation| annotation.unwrap().1).collect();
        assert_eq!(annotations[0], Annotation::Sliced { from, to });
        assert_eq!(
            annotations.len() == 2,
            from < 33 && to >= 33,
            "a mark within the slice is kept: {annotations:?}"
        );
    }
}

#[test]
fn a_slice_of_a_faulty_journal_keeps_the_fault() {
    let whole = written(Plan { changed_at: Some(57), ..PLAN });
    let whole = Journal::open(&whole).unwrap();
    let cut = slice::<Dial>(&whole, Tick(55), Tick(80)).unwrap();
    assert_eq!((cut.begin, fault(&cut.bytes).expect("the fault").tick), (Tick(55), Tick(57)));
    let cut = slice::<Dial>(&whole, Tick(58), Tick(80)).unwrap();
    assert_eq!(cut.begin, Tick(50), "the slice starts with a recorded state");
    assert_eq!(fault(&cut.bytes).expect("the fault").tick, Tick(57));
}

#[test]
fn a_slice_that_starts_in_lost_ticks_starts_after_them() {
    let whole = written(Plan { lost: Some((20, 44)), ..PLAN });
    let cut = slice::<Dial>(&Journal::open(&whole).unwrap(), Tick(25), Tick(80)).unwrap();
    assert_eq!((cut.begin, cut.end, fault(&cut.bytes)), (Tick(44), Tick(80), None));
}
