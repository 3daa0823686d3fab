//! A game that does not do the same twice is found at the first tick, with what differs named.

use quarrel_client::ClientEvent;
use quarrel_harness::{
    Player, TestServer,
    games::{Fickle, FickleSettings, Flaw, Push},
};
use quarrel_server::room::{
    RoomState,
    sync_test::{Mismatch, SyncFault},
};
use quarrel_shared::{
    bits::BitsError,
    game::{Difference, Differences, Setup},
    id::{EntityId, PlayerId},
    protocol::{CloseReason, TicketNumber, messages::Name},
    tick::{Tick, TickRate},
};

/// When the planted flaw begins.
const FROM: u32 = 40;

/// For how many ticks a room is watched.
const WATCHED: u32 = 100;

/// What a room of such a game finds when somebody sits in it.
fn found(settings: FickleSettings) -> Option<Mismatch> {
    let setup = Setup { settings, seed: 1, seats: 4, tick_rate: TickRate::default() };
    let mut room = RoomState::<Fickle>::new(&setup, 0, "").with_sync_test(&setup);
    room.take_seat(PlayerId(1), TicketNumber::default(), Name::lossy("Ada"), &mut Vec::new())
        .expect("an empty room");
    (0..WATCHED).for_each(|_| room.step());
    assert!(room.drain_events().count() > 0, "what the game says is said");
    room.mismatch().cloned()
}

fn found_of(flaw: Flaw) -> Mismatch {
    found(FickleSettings { from: FROM, flaw }).expect("a flaw is found")
}

/// The one difference that there is.
fn only(differences: &Differences) -> &Difference {
    assert_eq!((differences.named.len(), differences.more), (1, 0), "one thing differs: {differences}");
    &differences.named[0]
}

#[test]
fn a_game_without_a_flaw_is_left_in_peace() {
    assert_eq!(found(FickleSettings::default()), None);
    assert_eq!(found(FickleSettings { from: WATCHED + 1, flaw: Flaw::Field }), None, "not before its tick");
}

#[test]
fn a_field_that_comes_from_outside_is_named_at_its_first_tick() {
    let Mismatch { tick, fault } = found_of(Flaw::Field);
    assert_eq!(tick, Tick(FROM));
    let SyncFault::State(differences) = &fault else { panic!("two states were made: {fault}") };
    let Difference::Field { id, path, one, other } = only(differences) else { panic!("a field: {fault}") };
    assert_eq!((*id, path.as_str()), (Some(EntityId::default()), "Needle.reading.counter"));
    assert!(one.parse::<u32>().is_ok() && other.parse::<u32>().is_ok() && one != other, "{fault}");
    assert!(!fault.to_string().contains('\n'), "a log has one line for it");
}

#[test]
fn state_that_nobody_sees_is_found_by_its_bytes() {
    let Mismatch { tick, fault } = found_of(Flaw::Hidden);
    assert_eq!(tick, Tick(FROM));
    let SyncFault::State(differences) = &fault else { panic!("two states were made: {fault}") };
    assert!(matches!(only(differences), Difference::Saved { .. }), "{fault}");
}

#[test]
fn an_event_that_comes_from_outside_is_found() {
    let Mismatch { tick, fault } = found_of(Flaw::Event);
    assert_eq!(tick, Tick(FROM));
    let SyncFault::Events(differences) = &fault else { panic!("two events were said: {fault}") };
    let Difference::Field { path, .. } = only(differences) else { panic!("a field: {fault}") };
    assert!(path.starts_with("Outbox[0]"), "{path}");
}

#[test]
fn a_save_that_leaves_something_out_is_told_from_a_step_that_is_not_deterministic() {
    let Mismatch { tick, fault } = found_of(Flaw::Save);
    assert_eq!(tick, Tick(FROM + 1), "the state after the flaw's first tick is the first that is saved so");
    let SyncFault::Saved(differences) = &fault else { panic!("the save is at fault: {fault}") };
    let Difference::Field { path, other, .. } = only(differences) else { panic!("a field: {fault}") };
    assert_eq!((path.as_str(), other.as_str()), ("Needle.reading.swing", "0"));
    let refused = Mismatch { tick: Tick(FROM + 1), fault: SyncFault::Load(BitsError::OutOfRange) };
    assert_eq!(found_of(Flaw::Load), refused);
}

#[tokio::test]
async fn a_nondeterministic_game_ends_its_room_and_the_players_are_told() {
    let settings = [("room.sync_test", "on"), ("game.settings.from", "40"), ("game.settings.flaw", "field")];
    let server = TestServer::<Fickle>::start(&settings);
    let (mut ada, _) = Player::<Fickle>::connect_and_join(server.address(), "Ada").await;
    ada.set_input(Push(3));
    let closed = |event| match event {
        ClientEvent::RoomClosed { reason, .. } => Some(reason),
        _ => None,
    };
    let reason = ada.wait_for("the room's end", closed).await;
    assert_eq!(reason, CloseReason::RoomFailed, "whoever plays such a game is told that it failed");
    assert_eq!(server.metric("quarrel_sync_mismatches_total"), 1.0, "the operator sees it");
    assert_eq!(server.metric("quarrel_room_panics_total"), 0.0, "and takes it for nothing else");
}

#[tokio::test]
async fn with_the_test_off_such_a_game_plays_on() {
    let server = TestServer::<Fickle>::start(&[("room.sync_test", "off"), ("game.settings.from", "1")]);
    let (mut ada, _) = Player::<Fickle>::connect_and_join(server.address(), "Ada").await;
    ada.wait_for_ticks(10).await;
    assert_eq!(server.metric("quarrel_sync_mismatches_total"), 0.0);
}
