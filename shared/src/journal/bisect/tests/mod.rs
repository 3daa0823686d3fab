//! Faults that were planted are found where they were planted; a slice is its part.

mod dial;
mod hostile;

use self::dial::{APART, Dial, Faults, PLAN, Plan, Turn, written};
use super::*;
use crate::{
    game::Difference,
    journal::{Journal, Note, Playback, Played, slice::slice},
    tick::Tick,
};

fn compared(one: Plan, other: Plan) -> Comparison<Turn> {
    let (one, other) = (written(one), written(other));
    let (one, other) = (Journal::open(&one).unwrap(), Journal::open(&other).unwrap());
    pair::<Dial>(&one, &other).unwrap()
}

fn fault(bytes: &[u8]) -> Option<Fault<Turn>> {
    alone::<Dial>(&Journal::open(bytes).unwrap()).unwrap()
}

fn paths(states: &crate::game::Differences) -> Vec<&str> {
    let fields = states.named.iter().filter_map(|difference| match difference {
        Difference::Field { path, .. } => Some(path.as_str()),
        _ => None,
    });
    fields.collect()
}

#[test]
fn two_journals_of_the_same_do_not_part() {
    let found = compared(PLAN, PLAN);
    assert_eq!((found.parting, found.until), (None, Tick(PLAN.ticks)));
    assert_eq!((found.search.looked, found.search.different), (1, None), "the last one says it all");
}

#[test]
fn another_input_is_found_at_its_tick_with_few_looks() {
    for at in [1, 2, APART, APART + 1, 137, PLAN.ticks] {
        let found = compared(PLAN, Plan { other_input_at: Some(at), ..PLAN });
        let parting = found.parting.expect("they part");
        assert_eq!((parting.since, parting.tick), (Some(Tick(at - 1)), Tick(at)));
        let Cause::Entries { one, other } = parting.cause else { panic!("{:?}", parting.cause) };
        assert_eq!(one.entries.inputs[..2], other.entries.inputs[..2]);
        assert_ne!(one.entries.inputs[2], other.entries.inputs[2], "it is seat 2's");
        let (tick, states) = parting.states.expect("and the states show it");
        assert_eq!((tick, paths(&states)), (Tick(at), vec!["Hand.at"]));
        let most = found.search.common.ilog2() as usize + 2;
        assert!(found.search.looked <= most, "{:?} by halves", found.search);
    }
}

#[test]
fn a_state_that_changed_by_itself_is_found_at_its_tick_by_ticks_checksums() {
    let found = compared(PLAN, Plan { changed_at: Some(137), ..PLAN });
    let parting = found.parting.expect("they part");
    assert_eq!((parting.since, parting.tick), (Some(Tick(136)), Tick(137)));
    let Cause::Recorded { one_agrees: true, other_agrees: false, record: Some(record) } = parting.cause
    else {
        panic!("{:?}", parting.cause)
    };
    assert_eq!(record.tick, Tick(137));
    let (tick, states) = parting.states.expect("the checkpoints behind it show what");
    assert_eq!((tick, paths(&states)), (Tick(140), vec!["Hand.at"]));
}

#[test]
fn without_checksums_in_ticks_it_is_found_between_two_checkpoints() {
    let plan = Plan { checksum_ticks: 0, ..PLAN };
    let parting = compared(Plan { changed_at: Some(137), ..plan }, plan).parting.expect("they part");
    assert_eq!((parting.since, parting.tick), (Some(Tick(130)), Tick(140)));
    assert!(
        matches!(parting.cause, Cause::Recorded { one_agrees: false, other_agrees: true, record: None }),
        "{:?}",
        parting.cause
    );
    assert_eq!(paths(&parting.states.expect("states").1), ["Hand.at"]);
}

#[test]
fn ticks_that_one_of_them_lost_are_walked_across() {
    let gap = Plan { lost: Some((95, 123)), ..PLAN };
    let same = compared(PLAN, gap);
    assert_eq!((same.parting, same.until), (None, Tick(PLAN.ticks)));
    let within = compared(Plan { other_input_at: Some(110), ..PLAN }, gap).parting.expect("they part");
    assert_eq!((within.since, within.tick, within.cause), (Some(Tick(94)), Tick(123), Cause::Lost));
    let behind = compared(gap, Plan { other_input_at: Some(133), ..PLAN }).parting.expect("they part");
    assert_eq!((behind.since, behind.tick), (Some(Tick(132)), Tick(133)));
}

#[test]
fn a_shorter_journal_is_compared_to_its_end() {
    let found = compared(PLAN, Plan { ticks: 77, ..PLAN });
    assert_eq!((found.parting, found.until), (None, Tick(77)));
    let late = compared(PLAN, Plan { ticks: 77, other_input_at: Some(76), ..PLAN });
    assert_eq!(late.parting.expect("behind the last checkpoint that both have").tick, Tick(76));
}

#[test]
fn a_journal_that_is_right_has_no_fault() {
    assert_eq!(fault(&written(PLAN)), None);
    assert_eq!(fault(&written(Plan { lost: Some((20, 39)), checksum_ticks: 0, ..PLAN })), None);
}

#[test]
fn a_game_that_reads_a_counter_is_caught_at_the_tick_and_field() {
    let _erring = Faults { counter_at: Some(57), ..Faults::default() }.begin();
    for checksum_ticks in [1, 0] {
        let found = fault(&written(Plan { checksum_ticks, ..PLAN })).expect("a fault");
        let shown = if checksum_ticks == 1 { (Some(Tick(56)), Tick(57)) } else { (Some(Tick(50)), Tick(60)) };
        assert_eq!((found.since, found.tick), shown);
        let Again::TwoWays { record, states } = found.again else { panic!("{:?}", found.again) };
        assert_eq!((record.tick, paths(&states)), (Tick(57), vec!["Hand.at"]), "exactly, either way");
        assert!(states.to_string().contains("entity 1"), "{states}");
    }
}

#[test]
fn two_journals_of_a_game_that_reads_a_counter_show_it() {
    let _erring = Faults { counter_at: Some(57), ..Faults::default() }.begin();
    let parting = compared(PLAN, PLAN).parting.expect("they part");
    assert!(matches!(&parting.cause, Cause::Played { record } if record.tick == Tick(57)), "{parting:?}");
    assert_eq!(paths(&parting.states.expect("states").1), ["Hand.at"]);
}

#[test]
fn a_game_that_does_not_save_all_is_told_from_one_that_is_random() {
    let _erring = Faults { unsaved_at: Some(57), ..Faults::default() }.begin();
    let found = fault(&written(PLAN)).expect("a fault");
    assert_eq!((found.since, found.tick, found.segment), (Some(Tick(56)), Tick(57), Tick(50)));
    let Again::NotSaved { record, states } = found.again else { panic!("{:?}", found.again) };
    assert_eq!((record.tick, paths(&states)), (Tick(57), vec!["Hand.at"]));
}

#[test]
fn what_was_not_saved_when_a_room_was_is_not_blamed_on_the_machine() {
    let _erring = Faults { unsaved_at: Some(57), ..Faults::default() }.begin();
    // At tick 50 there are two checkpoints: that of the run that saved it, and that of the one that went on without the rest.
    let found = fault(&written(Plan { saved_at: Some(50), ..PLAN })).expect("a fault");
    assert_eq!((found.tick, found.segment), (Tick(57), Tick(50)));
    let Again::NotSaved { record, states } = found.again else { panic!("{:?}", found.again) };
    assert_eq!((record.tick, paths(&states)), (Tick(57), vec!["Hand.at"]));
}

#[test]
fn a_room_that_went_another_way_is_told_with_what_it_had() {
    let found = fault(&written(Plan { changed_at: Some(57), checksum_ticks: 0, ..PLAN })).expect("a fault");
    assert_eq!((found.since, found.tick, found.again), (Some(Tick(50)), Tick(60), Again::Same));
    assert_eq!(paths(&found.states.expect("the checkpoint's state")), ["Hand.at"]);
}

/// The ticks of a journal as they are read, and the checksum after the last.
fn played(bytes: &[u8], from: u32, to: u32) -> (Vec<Played<Turn>>, crate::game::Checksum) {
    let journal = Journal::open(bytes).unwrap();
    let mut playback = Playback::<Dial>::begin(&journal).unwrap();
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
fn a_slice_is_its_part_of_the_journal() {
    let whole = written(Plan { checksum_ticks: 5, ..PLAN });
    for (from, to) in [(0, 200), (13, 58), (30, 30), (25, 60), (190, 999), (40, 41)] {
        let cut = slice::<Dial>(&Journal::open(&whole).unwrap(), Tick(from), Tick(to)).unwrap();
        assert_eq!((cut.begin, cut.end), (Tick(from), Tick(to.min(PLAN.ticks))));
        assert_eq!(played(&cut.bytes, from, to), played(&whole, from, to), "{from} to {to}");
        let journal = Journal::open(&cut.bytes).unwrap();
        assert_eq!((journal.end(), journal.torn(), fault(&cut.bytes)), (Some("sliced"), None, None));
        let notes: Vec<_> = journal.notes().map(|note| note.unwrap().1).collect();
        assert_eq!(notes[0], Note::Sliced { from, to });
        assert_eq!(notes.len() == 2, from < 33 && to >= 33, "a mark within is kept: {notes:?}");
    }
}

#[test]
fn a_slice_of_a_faulty_journal_keeps_the_fault() {
    let whole = written(Plan { changed_at: Some(57), ..PLAN });
    let whole = Journal::open(&whole).unwrap();
    let cut = slice::<Dial>(&whole, Tick(55), Tick(80)).unwrap();
    assert_eq!((cut.begin, fault(&cut.bytes).expect("the fault").tick), (Tick(55), Tick(57)));
    let cut = slice::<Dial>(&whole, Tick(58), Tick(80)).unwrap();
    assert_eq!(cut.begin, Tick(50), "no state is made up: it begins with one that the room had");
    assert_eq!(fault(&cut.bytes).expect("the fault").tick, Tick(57));
}

#[test]
fn a_slice_within_lost_ticks_begins_behind_them() {
    let whole = written(Plan { lost: Some((20, 44)), ..PLAN });
    let cut = slice::<Dial>(&Journal::open(&whole).unwrap(), Tick(25), Tick(80)).unwrap();
    assert_eq!((cut.begin, cut.end, fault(&cut.bytes)), (Tick(44), Tick(80), None));
}
