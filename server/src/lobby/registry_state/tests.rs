//! Tests of the registry: pairs of concurrent events, in both orders.

use std::cell::Cell;

use super::*;

const ADA: PlayerId = PlayerId(1);
const BEN: PlayerId = PlayerId(2);
const CARL: PlayerId = PlayerId(3);
const RUN: u32 = 5;
const HOLD: Duration = Duration::from_secs(30);
const START: Duration = Duration::ZERO;
const LOST: EndKind = EndKind::Lost { has_ticket: true };
/// Lost before the peer sent anything after its welcome.
const LOST_EARLY: EndKind = EndKind::Lost { has_ticket: false };

/// A seat with a name that records whether its player is away.
#[derive(Debug, Default, PartialEq, Eq)]
struct TestSeat {
    name: &'static str,
    is_away: Cell<bool>,
    is_revoked: Cell<bool>,
}

impl HeldSeat for TestSeat {
    fn hold(&self) {
        self.is_away.set(true);
    }

    fn is_revoked(&self) -> bool {
        self.is_revoked.get()
    }
}

type Registry = RegistryState<&'static str, TestSeat>;

fn test_seat(name: &'static str) -> Option<TestSeat> {
    Some(TestSeat { name, ..TestSeat::default() })
}

fn name(seat: Option<TestSeat>) -> Option<&'static str> {
    seat.map(|seat| seat.name)
}

fn names(seats: Vec<TestSeat>) -> Vec<&'static str> {
    seats.into_iter().map(|seat| seat.name).collect()
}

/// A ticket of this run.
const fn number(count: u32) -> TicketNumber {
    TicketNumber { run: RUN, count }
}

/// A ticket of the previous run.
const fn earlier(count: u32) -> TicketNumber {
    TicketNumber { run: RUN - 1, count }
}

/// Creates a registry in which Ada's seat was restored. Her ticket 3 of the previous run is the newest one in the journal.
fn restored() -> Registry {
    let mut registry = Registry::new(RUN, HOLD, 8);
    let freed = registry.restore(ADA, earlier(3), TestSeat { name: "hers", ..TestSeat::default() }, START);
    assert!(freed.is_empty() && registry.held_seats() == 1, "the seat is held for her");
    registry
}

/// Creates a registry in which Ada is live with the session "first".
fn ada() -> Registry {
    let mut registry = Registry::new(RUN, HOLD, 8);
    registry.enter(ADA, "first");
    registry
}

/// Ends a session of Ada, checks that this frees no seat, and returns the session to notify.
fn end_session(
    registry: &mut Registry,
    me: &'static str,
    seat: Option<TestSeat>,
    kind: EndKind,
) -> Option<&'static str> {
    let Effects { notify, freed } = registry.end(ADA, &me, seat, kind, START);
    assert!(freed.is_empty(), "{freed:?} still has an owner");
    notify
}

/// Returns the name of the seat that a resume has returned. Panics if the resume failed or must wait for another session.
fn resumed_seat(resumed: Result<Resumed<&'static str, TestSeat>, ResumeError>) -> Option<&'static str> {
    match resumed.expect("a valid ticket").outcome {
        ResumeOutcome::Ready(seat) => name(seat),
        other => panic!("no other session has the seat: {other:?}"),
    }
}

#[test]
fn a_lost_seat_is_held_and_given_back_once_with_a_new_ticket() {
    let mut registry = ada();
    end_session(&mut registry, "first", test_seat("hers"), LOST);
    assert_eq!(registry.held_seats(), 1);
    let resumed = registry.resume(ADA, number(0), "second").unwrap();
    assert_eq!(resumed.ticket, number(1));
    let ResumeOutcome::Ready(Some(seat)) = resumed.outcome else { panic!("the seat is hers") };
    assert!(seat.is_away.get(), "the seat is marked as away");
    assert_eq!(registry.held_seats(), 0);
    assert_eq!(registry.resume(ADA, number(0), "third"), Err(ResumeError::Used), "a ticket is valid once");
}

#[test]
fn a_player_who_leaves_is_not_held() {
    let mut registry = ada();
    let effects = registry.end(ADA, &"first", test_seat("hers"), EndKind::Gone, START);
    assert_eq!(names(effects.freed), ["hers"]);
    assert_eq!(registry.resume(ADA, number(0), "second"), Err(ResumeError::Expired));
}

#[test]
fn a_seat_is_held_until_the_first_sweep_after_its_expiry() {
    let mut registry = ada();
    end_session(&mut registry, "first", test_seat("hers"), LOST);
    assert!(registry.sweep(HOLD - Duration::from_millis(1)).is_empty());
    assert_eq!(names(registry.sweep(HOLD)), ["hers"]);
    assert_eq!(registry.resume(ADA, number(0), "second"), Err(ResumeError::Expired));
    assert_eq!(registry.held_seats(), 0);
}

#[test]
fn a_hold_of_zero_disables_holding() {
    let mut registry = Registry::new(RUN, Duration::ZERO, 8);
    registry.enter(ADA, "first");
    assert_eq!(names(registry.end(ADA, &"first", test_seat("hers"), LOST, START).freed), ["hers"]);
    assert_eq!(registry.resume(ADA, number(0), "second"), Err(ResumeError::Expired));
}

#[test]
fn a_second_login_gets_the_seat_as_soon_as_the_first_session_ends() {
    let mut registry = ada();
    let resumed = registry.resume(ADA, number(0), "second").unwrap();
    assert_eq!(resumed, Resumed { ticket: number(1), outcome: ResumeOutcome::Moving("first") });
    assert_eq!(registry.poll(ADA, &"first"), LeaseStatus::Replaced);
    assert_eq!(registry.poll(ADA, &"second"), LeaseStatus::Unchanged, "the seat has not arrived yet");
    assert_eq!(end_session(&mut registry, "first", test_seat("hers"), EndKind::Gone), Some("second"));
    let LeaseStatus::Arrived(Some(seat)) = registry.poll(ADA, &"second") else {
        panic!("the seat has arrived")
    };
    assert!(!seat.is_away.get(), "the seat was never marked as away");
    assert_eq!(registry.poll(ADA, &"second"), LeaseStatus::Unchanged, "the seat arrives once");
}

#[test]
fn of_two_resumes_with_one_ticket_the_first_succeeds() {
    let mut registry = ada();
    assert!(registry.resume(ADA, number(0), "second").is_ok());
    assert_eq!(registry.resume(ADA, number(0), "third"), Err(ResumeError::Used), "while the seat is moving");
    end_session(&mut registry, "first", test_seat("hers"), LOST);
    assert_eq!(
        registry.resume(ADA, number(0), "third"),
        Err(ResumeError::Used),
        "after the seat has arrived"
    );
    registry.poll(ADA, &"second");
    assert_eq!(registry.resume(ADA, number(0), "third"), Err(ResumeError::Used), "after the seat was taken");
}

#[test]
fn the_shown_ticket_is_valid_again_when_the_session_is_lost_before_any_message() {
    let mut registry = ada();
    end_session(&mut registry, "first", test_seat("hers"), LOST);
    for (session, ticket) in [("second", number(1)), ("third", number(2))] {
        let resumed = registry.resume(ADA, number(0), session).unwrap();
        assert_eq!(resumed.ticket, ticket, "each welcome issues a new ticket");
        let ResumeOutcome::Ready(seat) = resumed.outcome else { panic!("no other session has the seat") };
        end_session(&mut registry, session, seat, LOST_EARLY);
    }
    let resumed = registry.resume(ADA, number(2), "fourth");
    let seat = resumed_seat(resumed).and_then(test_seat);
    end_session(&mut registry, "fourth", seat, LOST);
    assert_eq!(
        registry.resume(ADA, number(2), "fifth"),
        Err(ResumeError::Used),
        "she had received the next ticket"
    );
    assert_eq!(resumed_seat(registry.resume(ADA, number(3), "fifth")), Some("hers"));
}

#[test]
fn a_seat_is_held_when_the_newer_session_ends_before_the_older_one() {
    let mut registry = ada();
    assert!(registry.resume(ADA, number(0), "second").is_ok());
    end_session(&mut registry, "second", None, EndKind::Gone);
    end_session(&mut registry, "first", test_seat("hers"), EndKind::Gone);
    assert_eq!(registry.held_seats(), 1);
    assert_eq!(
        resumed_seat(registry.resume(ADA, number(0), "third")),
        Some("hers"),
        "the ticket is valid again"
    );
}

#[test]
fn a_seat_is_held_when_the_newer_session_ends_before_taking_it() {
    let mut registry = ada();
    assert!(registry.resume(ADA, number(0), "second").is_ok());
    end_session(&mut registry, "first", test_seat("hers"), LOST);
    end_session(&mut registry, "second", None, LOST_EARLY);
    assert_eq!(resumed_seat(registry.resume(ADA, number(0), "third")), Some("hers"));
}

#[test]
fn a_third_login_waits_for_the_seat_in_place_of_a_second_that_ended() {
    let mut registry = ada();
    assert!(registry.resume(ADA, number(0), "second").is_ok());
    end_session(&mut registry, "second", None, LOST_EARLY);
    assert_eq!(
        registry.resume(ADA, number(0), "third").unwrap().outcome,
        ResumeOutcome::Waiting,
        "the first session was notified already"
    );
    assert_eq!(end_session(&mut registry, "first", test_seat("hers"), EndKind::Gone), Some("third"));
    assert_eq!(registry.poll(ADA, &"second"), LeaseStatus::Replaced);
    assert!(matches!(registry.poll(ADA, &"third"), LeaseStatus::Arrived(Some(_))));
}

#[test]
fn the_end_of_a_replaced_session_does_not_change_the_state_of_its_player() {
    let mut registry = ada();
    assert!(registry.resume(ADA, number(0), "second").is_ok());
    end_session(&mut registry, "first", test_seat("hers"), LOST);
    registry.poll(ADA, &"second");
    let late = registry.end(ADA, &"first", test_seat("stale"), LOST, START);
    assert_eq!(names(late.freed), ["stale"], "the seat that the replaced session returns is freed");
    assert_eq!(registry.poll(ADA, &"second"), LeaseStatus::Unchanged);
}

#[test]
fn a_revoked_seat_is_freed_and_its_player_stays_held() {
    let mut registry = ada();
    let seat = test_seat("hers").inspect(|seat| seat.is_revoked.set(true));
    end_session(&mut registry, "first", seat, LOST);
    assert_eq!(names(registry.sweep(START)), ["hers"]);
    assert_eq!(registry.held_seats(), 0);
    assert_eq!(resumed_seat(registry.resume(ADA, number(0), "second")), None);
}

#[test]
fn players_without_a_seat_are_evicted_first() {
    let mut registry = Registry::new(RUN, HOLD, 2);
    let mut lose = |player, seat| {
        registry.enter(player, "session");
        names(registry.end(player, &"session", seat, LOST, START).freed)
    };
    assert!(lose(ADA, test_seat("hers")).is_empty());
    assert!(lose(BEN, None).is_empty());
    assert!(lose(PlayerId(3), test_seat("third")).is_empty(), "Ben, who has no seat, is evicted");
    assert_eq!(lose(PlayerId(4), test_seat("fourth")), ["hers"], "then the longest held seat");
    assert_eq!(registry.resume(BEN, number(0), "again"), Err(ResumeError::Expired));
    assert_eq!(registry.resume(ADA, number(0), "again"), Err(ResumeError::Expired));
    assert_eq!(resumed_seat(registry.resume(PlayerId(3), number(0), "again")), Some("third"));
}

#[test]
fn closing_the_registry_frees_all_seats_and_disables_holding() {
    let mut registry = ada();
    end_session(&mut registry, "first", test_seat("hers"), LOST);
    registry.enter(BEN, "bens");
    assert_eq!(names(registry.close()), ["hers"]);
    assert_eq!(names(registry.end(BEN, &"bens", test_seat("his"), LOST, START).freed), ["his"]);
}

#[test]
fn a_restored_seat_is_resumed_by_a_ticket_of_an_earlier_run_and_new_tickets_are_of_this_run() {
    let mut registry = restored();
    let resumed = registry.resume(ADA, earlier(3), "second").unwrap();
    assert_eq!(resumed.ticket, number(0), "new tickets are of this run");
    let ResumeOutcome::Ready(Some(seat)) = resumed.outcome else { panic!("the seat is hers") };
    assert!(seat.is_away.get(), "the seat is marked as away");
    end_session(&mut registry, "second", Some(seat), LOST);
    assert_eq!(
        registry.resume(ADA, earlier(3), "third"),
        Err(ResumeError::Used),
        "she had received the new ticket"
    );
    let resumed = registry.resume(ADA, number(0), "third").unwrap();
    assert_eq!(resumed.ticket, number(1), "tickets are counted as without a restart");
}

#[test]
fn a_restored_player_may_show_a_newer_ticket_than_the_journal_knew() {
    let mut registry = restored();
    assert_eq!(
        registry.resume(ADA, earlier(2), "second"),
        Err(ResumeError::Used),
        "the journal knew a newer one"
    );
    assert_eq!(resumed_seat(registry.resume(ADA, earlier(4), "second")), Some("hers"));
}

#[test]
fn a_restored_player_may_show_a_ticket_of_a_later_run_than_the_journal_knew() {
    let long_ago = TicketNumber { run: RUN - 2, count: 9 };
    let mut registry = Registry::new(RUN, HOLD, 8);
    assert!(registry.restore(ADA, long_ago, test_seat("hers").unwrap(), START).is_empty());
    assert_eq!(
        resumed_seat(registry.resume(ADA, earlier(0), "second")),
        Some("hers"),
        "a later run is newer"
    );
}

#[test]
fn the_ticket_of_a_restored_player_is_valid_again_when_the_session_is_lost_before_any_message() {
    let mut registry = restored();
    let seat = resumed_seat(registry.resume(ADA, earlier(3), "second")).and_then(test_seat);
    end_session(&mut registry, "second", seat, LOST_EARLY);
    assert_eq!(
        registry.resume(ADA, earlier(2), "third"),
        Err(ResumeError::Used),
        "older tickets are not valid"
    );
    let resumed = registry.resume(ADA, earlier(3), "third").unwrap();
    assert_eq!(resumed.ticket, number(1), "each welcome issues a new ticket");
    let ResumeOutcome::Ready(seat) = resumed.outcome else { panic!("no other session has the seat") };
    end_session(&mut registry, "third", seat, LOST);
    assert_eq!(registry.resume(ADA, number(0), "fourth"), Err(ResumeError::Used));
    assert_eq!(resumed_seat(registry.resume(ADA, number(1), "fourth")), Some("hers"));
}

#[test]
fn of_two_resumes_with_one_ticket_of_an_earlier_run_the_first_succeeds() {
    let mut registry = restored();
    assert!(registry.resume(ADA, earlier(3), "second").is_ok());
    assert_eq!(registry.resume(ADA, earlier(3), "third"), Err(ResumeError::Used));
    assert_eq!(
        registry.resume(ADA, earlier(4), "third"),
        Err(ResumeError::Used),
        "a newer ticket of that run is used as well"
    );
}

#[test]
fn a_ticket_of_an_earlier_run_is_forgotten_if_its_player_was_not_restored() {
    let mut registry = restored();
    assert_eq!(registry.resume(BEN, earlier(3), "bens"), Err(ResumeError::Forgotten));
    assert_eq!(
        registry.resume(BEN, number(0), "bens"),
        Err(ResumeError::Expired),
        "a ticket of this run is expired"
    );
    let older = TicketNumber { run: RUN - 2, count: 9 };
    assert_eq!(
        registry.resume(ADA, older, "second"),
        Err(ResumeError::Used),
        "she has shown a ticket of a later run since"
    );
    let later = TicketNumber { run: RUN + 1, count: 0 };
    assert_eq!(registry.resume(CARL, later, "carls"), Err(ResumeError::Expired), "no run has issued it");
    assert_eq!(
        registry.resume(ADA, number(0), "second"),
        Err(ResumeError::Expired),
        "this run has not issued it"
    );
}

#[test]
fn a_restored_seat_expires_like_any_held_seat() {
    let mut registry = restored();
    assert!(registry.sweep(HOLD - Duration::from_millis(1)).is_empty());
    assert_eq!(names(registry.sweep(HOLD)), ["hers"]);
    assert_eq!(
        (registry.resume(ADA, earlier(3), "second"), registry.held_seats()),
        (Err(ResumeError::Forgotten), 0)
    );
}

#[test]
fn a_restored_seat_is_held_for_the_minimum_hold_of_a_restart_and_does_not_delay_other_expiries() {
    let (hold, restart) = (Duration::from_secs(2), Duration::from_millis(MIN_RESTART_HOLD_MS.into()));
    let mut registry = Registry::new(RUN, hold, 8);
    assert!(registry.restore(ADA, earlier(3), test_seat("hers").unwrap(), START).is_empty());
    registry.enter(BEN, "bens");
    assert!(registry.end(BEN, &"bens", test_seat("his"), LOST, START).freed.is_empty());
    assert_eq!(names(registry.sweep(hold)), ["his"], "other seats expire as without a restart");
    assert!(registry.sweep(restart - Duration::from_millis(1)).is_empty());
    assert_eq!(names(registry.sweep(restart)), ["hers"]);
}

#[test]
fn a_restored_seat_is_freed_when_holding_is_disabled_or_its_player_is_live() {
    let hers = || test_seat("hers").unwrap();
    let mut disabled = Registry::new(RUN, Duration::ZERO, 8);
    assert_eq!(names(disabled.restore(ADA, earlier(3), hers(), START)), ["hers"]);
    let mut registry = ada();
    assert_eq!(names(registry.restore(ADA, earlier(3), hers(), START)), ["hers"]);
    assert_eq!(registry.poll(ADA, &"first"), LeaseStatus::Unchanged);
    let mut one = Registry::new(RUN, HOLD, 1);
    assert!(one.restore(ADA, earlier(3), hers(), START).is_empty());
    assert_eq!(
        names(one.restore(BEN, earlier(0), test_seat("his").unwrap(), START)),
        ["hers"],
        "the oldest held seat is evicted above the limit"
    );
}
