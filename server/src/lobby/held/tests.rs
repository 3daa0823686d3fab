//! Each race of the registry, in each order.

use std::cell::Cell;

use super::*;

const ADA: PlayerId = PlayerId(1);
const BEN: PlayerId = PlayerId(2);
const CARL: PlayerId = PlayerId(3);
const RUN: u32 = 5;
const HOLD: Duration = Duration::from_secs(30);
const START: Duration = Duration::ZERO;
const LOST: Leaving = Leaving::Lost { proven: true };
const LOST_AT_ONCE: Leaving = Leaving::Lost { proven: false };

/// A seat with a name, that knows whether its player is away.
#[derive(Debug, Default, PartialEq, Eq)]
struct Chair {
    name: &'static str,
    is_away: Cell<bool>,
    is_given_up: Cell<bool>,
}

impl HeldSeat for Chair {
    fn hold(&self) {
        self.is_away.set(true);
    }

    fn is_given_up(&self) -> bool {
        self.is_given_up.get()
    }
}

type Held = HeldState<&'static str, Chair>;

fn chair(name: &'static str) -> Option<Chair> {
    Some(Chair { name, ..Chair::default() })
}

fn name(seat: Option<Chair>) -> Option<&'static str> {
    seat.map(|seat| seat.name)
}

fn names(seats: Vec<Chair>) -> Vec<&'static str> {
    seats.into_iter().map(|seat| seat.name).collect()
}

/// This run's ticket of this count.
const fn number(count: u32) -> TicketNumber {
    TicketNumber { run: RUN, count }
}

/// A ticket of the run before.
const fn earlier(count: u32) -> TicketNumber {
    TicketNumber { run: RUN - 1, count }
}

/// Ada's seat was brought back; her third ticket of the run before is the newest that the journal knew.
fn restored() -> Held {
    let mut held = Held::new(RUN, HOLD, 8);
    let free = held.restore(ADA, earlier(3), Chair { name: "hers", ..Chair::default() }, START);
    assert!(free.is_empty() && held.seats() == 1, "it waits for her");
    held
}

/// Ada is here by a session called "first".
fn ada() -> Held {
    let mut held = Held::new(RUN, HOLD, 8);
    held.enter(ADA, "first");
    held
}

/// A session ends and frees nothing.
fn leaves(held: &mut Held, me: &'static str, seat: Option<Chair>, how: Leaving) -> Option<&'static str> {
    let Aftermath { ring, free } = held.leave(ADA, &me, seat, how, START);
    assert!(free.is_empty(), "{free:?} is still somebody's");
    ring
}

/// The seat that a resume gives at once.
fn given(resumed: Result<Resumed<&'static str, Chair>, NoResume>) -> Option<&'static str> {
    match resumed.expect("a good ticket").comeback {
        Comeback::Held(seat) => name(seat),
        other => panic!("nobody else has the seat: {other:?}"),
    }
}

#[test]
fn a_lost_seat_is_held_and_given_back_once_with_a_new_ticket() {
    let mut held = ada();
    leaves(&mut held, "first", chair("hers"), LOST);
    assert_eq!(held.seats(), 1);
    let resumed = held.resume(ADA, number(0), "second").unwrap();
    assert_eq!(resumed.ticket, number(1));
    let Comeback::Held(Some(seat)) = resumed.comeback else { panic!("the seat is hers") };
    assert!(seat.is_away.get(), "it was told that she was away");
    assert_eq!(held.seats(), 0);
    assert_eq!(held.resume(ADA, number(0), "third"), Err(NoResume::Used), "a ticket is good once");
}

#[test]
fn somebody_who_leaves_is_not_held() {
    let mut held = ada();
    let aftermath = held.leave(ADA, &"first", chair("hers"), Leaving::Gone, START);
    assert_eq!(names(aftermath.free), ["hers"]);
    assert_eq!(held.resume(ADA, number(0), "second"), Err(NoResume::Expired));
}

#[test]
fn a_seat_is_held_until_its_time_is_over_and_the_sweep_has_come_by() {
    let mut held = ada();
    leaves(&mut held, "first", chair("hers"), LOST);
    assert!(held.sweep(HOLD - Duration::from_millis(1)).is_empty());
    assert_eq!(names(held.sweep(HOLD)), ["hers"]);
    assert_eq!(held.resume(ADA, number(0), "second"), Err(NoResume::Expired));
    assert_eq!(held.seats(), 0);
}

#[test]
fn without_a_time_to_hold_nobody_is_held() {
    let mut held = Held::new(RUN, Duration::ZERO, 8);
    held.enter(ADA, "first");
    assert_eq!(names(held.leave(ADA, &"first", chair("hers"), LOST, START).free), ["hers"]);
    assert_eq!(held.resume(ADA, number(0), "second"), Err(NoResume::Expired));
}

#[test]
fn a_second_login_gets_the_seat_as_soon_as_the_first_lets_go_of_it() {
    let mut held = ada();
    let resumed = held.resume(ADA, number(0), "second").unwrap();
    assert_eq!(resumed, Resumed { ticket: number(1), comeback: Comeback::Moving("first") });
    assert_eq!(held.look(ADA, &"first"), Standing::Replaced);
    assert_eq!(held.look(ADA, &"second"), Standing::Unchanged, "the seat is not there yet");
    assert_eq!(leaves(&mut held, "first", chair("hers"), Leaving::Gone), Some("second"));
    let Standing::Arrived(Some(seat)) = held.look(ADA, &"second") else { panic!("the seat has arrived") };
    assert!(!seat.is_away.get(), "the room has noticed nothing");
    assert_eq!(held.look(ADA, &"second"), Standing::Unchanged, "it arrives once");
}

#[test]
fn of_two_with_one_ticket_the_first_has_it() {
    let mut held = ada();
    assert!(held.resume(ADA, number(0), "second").is_ok());
    assert_eq!(held.resume(ADA, number(0), "third"), Err(NoResume::Used), "while the seat is on its way");
    leaves(&mut held, "first", chair("hers"), LOST);
    assert_eq!(held.resume(ADA, number(0), "third"), Err(NoResume::Used), "while it waits to be taken");
    held.look(ADA, &"second");
    assert_eq!(held.resume(ADA, number(0), "third"), Err(NoResume::Used), "and when it is taken");
}

#[test]
fn the_ticket_of_a_session_that_was_lost_before_a_word_is_good_again() {
    let mut held = ada();
    leaves(&mut held, "first", chair("hers"), LOST);
    for (session, ticket) in [("second", number(1)), ("third", number(2))] {
        let resumed = held.resume(ADA, number(0), session).unwrap();
        assert_eq!(resumed.ticket, ticket, "each welcome brings a new one");
        let Comeback::Held(seat) = resumed.comeback else { panic!("nobody else has the seat") };
        leaves(&mut held, session, seat, LOST_AT_ONCE);
    }
    let resumed = held.resume(ADA, number(2), "fourth");
    let seat = given(resumed).and_then(chair);
    leaves(&mut held, "fourth", seat, LOST);
    assert_eq!(held.resume(ADA, number(2), "fifth"), Err(NoResume::Used), "she had heard the one after it");
    assert_eq!(given(held.resume(ADA, number(3), "fifth")), Some("hers"));
}

#[test]
fn a_seat_whose_next_owner_ended_before_it_came_is_held() {
    let mut held = ada();
    assert!(held.resume(ADA, number(0), "second").is_ok());
    leaves(&mut held, "second", None, Leaving::Gone);
    leaves(&mut held, "first", chair("hers"), Leaving::Gone);
    assert_eq!(held.seats(), 1);
    assert_eq!(given(held.resume(ADA, number(0), "third")), Some("hers"), "and the ticket is good again");
}

#[test]
fn a_seat_whose_next_owner_ended_before_taking_it_is_held() {
    let mut held = ada();
    assert!(held.resume(ADA, number(0), "second").is_ok());
    leaves(&mut held, "first", chair("hers"), LOST);
    leaves(&mut held, "second", None, LOST_AT_ONCE);
    assert_eq!(given(held.resume(ADA, number(0), "third")), Some("hers"));
}

#[test]
fn a_third_login_may_wait_in_the_place_of_a_second_that_ended() {
    let mut held = ada();
    assert!(held.resume(ADA, number(0), "second").is_ok());
    leaves(&mut held, "second", None, LOST_AT_ONCE);
    assert_eq!(
        held.resume(ADA, number(0), "third").unwrap().comeback,
        Comeback::Waiting,
        "the first was rung for"
    );
    assert_eq!(leaves(&mut held, "first", chair("hers"), Leaving::Gone), Some("third"));
    assert_eq!(held.look(ADA, &"second"), Standing::Replaced);
    assert!(matches!(held.look(ADA, &"third"), Standing::Arrived(Some(_))));
}

#[test]
fn a_session_that_was_replaced_can_no_longer_free_or_hold_anything_of_its_players() {
    let mut held = ada();
    assert!(held.resume(ADA, number(0), "second").is_ok());
    leaves(&mut held, "first", chair("hers"), LOST);
    held.look(ADA, &"second");
    let again = held.leave(ADA, &"first", chair("a ghost's"), LOST, START);
    assert_eq!(names(again.free), ["a ghost's"], "no seat ever has two owners");
    assert_eq!(held.look(ADA, &"second"), Standing::Unchanged);
}

#[test]
fn a_seat_that_its_room_gave_up_is_gone_and_its_player_is_not() {
    let mut held = ada();
    let seat = chair("hers").inspect(|seat| seat.is_given_up.set(true));
    leaves(&mut held, "first", seat, LOST);
    assert_eq!(names(held.sweep(START)), ["hers"]);
    assert_eq!(held.seats(), 0);
    assert_eq!(given(held.resume(ADA, number(0), "second")), None);
}

#[test]
fn those_without_a_seat_go_first_when_too_many_are_held() {
    let mut held = Held::new(RUN, HOLD, 2);
    let mut lose = |player, seat| {
        held.enter(player, "somebody");
        names(held.leave(player, &"somebody", seat, LOST, START).free)
    };
    assert!(lose(ADA, chair("hers")).is_empty());
    assert!(lose(BEN, None).is_empty());
    assert!(lose(PlayerId(3), chair("third")).is_empty(), "Ben has nothing to lose");
    assert_eq!(lose(PlayerId(4), chair("fourth")), ["hers"], "then the oldest");
    assert_eq!(held.resume(BEN, number(0), "again"), Err(NoResume::Expired));
    assert_eq!(held.resume(ADA, number(0), "again"), Err(NoResume::Expired));
    assert_eq!(given(held.resume(PlayerId(3), number(0), "again")), Some("third"));
}

#[test]
fn nobody_is_held_any_more_when_the_server_stops() {
    let mut held = ada();
    leaves(&mut held, "first", chair("hers"), LOST);
    held.enter(BEN, "bens");
    assert_eq!(names(held.close()), ["hers"]);
    assert_eq!(names(held.leave(BEN, &"bens", chair("his"), LOST, START).free), ["his"]);
}

#[test]
fn a_restored_seat_is_given_back_to_an_earlier_runs_ticket_and_its_player_is_of_this_run_then() {
    let mut held = restored();
    let resumed = held.resume(ADA, earlier(3), "second").unwrap();
    assert_eq!(resumed.ticket, number(0), "tickets are this run's from now on");
    let Comeback::Held(Some(seat)) = resumed.comeback else { panic!("the seat is hers") };
    assert!(seat.is_away.get(), "the room was told that she was away");
    leaves(&mut held, "second", Some(seat), LOST);
    assert_eq!(held.resume(ADA, earlier(3), "third"), Err(NoResume::Used), "she had heard the new one");
    let resumed = held.resume(ADA, number(0), "third").unwrap();
    assert_eq!(resumed.ticket, number(1), "as within any run");
}

#[test]
fn a_restored_player_may_show_a_newer_ticket_than_the_journal_knew() {
    let mut held = restored();
    assert_eq!(held.resume(ADA, earlier(2), "second"), Err(NoResume::Used), "it knew of a newer one");
    assert_eq!(given(held.resume(ADA, earlier(4), "second")), Some("hers"));
}

#[test]
fn a_restored_player_may_show_a_ticket_of_a_run_that_the_journal_did_not_live_to_hear_of() {
    let long_ago = TicketNumber { run: RUN - 2, count: 9 };
    let mut held = Held::new(RUN, HOLD, 8);
    assert!(held.restore(ADA, long_ago, chair("hers").unwrap(), START).is_empty());
    assert_eq!(given(held.resume(ADA, earlier(0), "second")), Some("hers"), "a later run is newer");
}

#[test]
fn the_ticket_of_a_restored_player_who_was_lost_before_a_word_is_good_again() {
    let mut held = restored();
    let seat = given(held.resume(ADA, earlier(3), "second")).and_then(chair);
    leaves(&mut held, "second", seat, LOST_AT_ONCE);
    assert_eq!(held.resume(ADA, earlier(2), "third"), Err(NoResume::Used), "older ones are not");
    let again = held.resume(ADA, earlier(3), "third").unwrap();
    assert_eq!(again.ticket, number(1), "each welcome brings a new one");
    let Comeback::Held(seat) = again.comeback else { panic!("nobody else has the seat") };
    leaves(&mut held, "third", seat, LOST);
    assert_eq!(held.resume(ADA, number(0), "fourth"), Err(NoResume::Used));
    assert_eq!(given(held.resume(ADA, number(1), "fourth")), Some("hers"));
}

#[test]
fn of_two_with_one_ticket_of_an_earlier_run_the_first_has_it() {
    let mut held = restored();
    assert!(held.resume(ADA, earlier(3), "second").is_ok());
    assert_eq!(held.resume(ADA, earlier(3), "third"), Err(NoResume::Used));
    assert_eq!(held.resume(ADA, earlier(4), "third"), Err(NoResume::Used), "nor does a newer one help");
}

#[test]
fn an_earlier_runs_ticket_of_somebody_who_was_not_restored_is_forgotten() {
    let mut held = restored();
    assert_eq!(held.resume(BEN, earlier(3), "bens"), Err(NoResume::Forgotten));
    assert_eq!(
        held.resume(BEN, number(0), "bens"),
        Err(NoResume::Expired),
        "what this run gave it remembers"
    );
    held.enter(BEN, "another Ben");
    assert_eq!(held.resume(BEN, earlier(3), "bens"), Err(NoResume::Forgotten), "his number is another's now");
    let older = TicketNumber { run: RUN - 2, count: 9 };
    assert_eq!(
        held.resume(ADA, older, "second"),
        Err(NoResume::Forgotten),
        "nor was it known to be hers then"
    );
    let later = TicketNumber { run: RUN + 1, count: 0 };
    assert_eq!(held.resume(CARL, later, "carls"), Err(NoResume::Expired), "no run has given it yet");
    assert_eq!(held.resume(ADA, number(0), "second"), Err(NoResume::Expired), "this run gave her none yet");
}

#[test]
fn a_restored_seat_is_held_no_longer_than_any() {
    let mut held = restored();
    assert!(held.sweep(HOLD - Duration::from_millis(1)).is_empty());
    assert_eq!(names(held.sweep(HOLD)), ["hers"]);
    assert_eq!((held.resume(ADA, earlier(3), "second"), held.seats()), (Err(NoResume::Forgotten), 0));
}

#[test]
fn a_restored_seat_is_held_for_as_long_as_a_restart_takes_and_keeps_no_other_from_falling_free() {
    let (hold, restart) = (Duration::from_secs(2), Duration::from_millis(MIN_RESTART_HOLD_MS.into()));
    let mut held = Held::new(RUN, hold, 8);
    assert!(held.restore(ADA, earlier(3), chair("hers").unwrap(), START).is_empty());
    held.enter(BEN, "bens");
    assert!(held.leave(BEN, &"bens", chair("his"), LOST, START).free.is_empty());
    assert_eq!(names(held.sweep(hold)), ["his"], "as within any run");
    assert!(held.sweep(restart - Duration::from_millis(1)).is_empty());
    assert_eq!(names(held.sweep(restart)), ["hers"]);
}

#[test]
fn a_restored_seat_falls_free_where_nobody_is_held_and_where_its_player_is_here() {
    let hers = || chair("hers").unwrap();
    let mut nobody = Held::new(RUN, Duration::ZERO, 8);
    assert_eq!(names(nobody.restore(ADA, earlier(3), hers(), START)), ["hers"]);
    let mut held = ada();
    assert_eq!(names(held.restore(ADA, earlier(3), hers(), START)), ["hers"]);
    assert_eq!(held.look(ADA, &"first"), Standing::Unchanged);
    let mut one = Held::new(RUN, HOLD, 1);
    assert!(one.restore(ADA, earlier(3), hers(), START).is_empty());
    assert_eq!(
        names(one.restore(BEN, earlier(0), chair("his").unwrap(), START)),
        ["hers"],
        "the bound holds"
    );
}
