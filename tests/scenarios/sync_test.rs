//! The sync test: a nondeterministic game is found at its first divergent tick, with the differing fields named.

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

/// The first tick of the planted flaw.
const FROM: u32 = 40;

/// The number of ticks that a room runs.
const WATCHED: u32 = 100;

/// The mismatch that the sync test finds in a room with one player.
fn mismatch_with(settings: FickleSettings) -> Option<Mismatch> {
    let setup = Setup { settings, seed: 1, seats: 4, tick_rate: TickRate::default() };
    let mut room = RoomState::<Fickle>::new(&setup, 0, "").with_sync_test(&setup);
    room.take_seat(PlayerId(1), TicketNumber::default(), Name::lossy("Ada"), &mut Vec::new())
        .expect("an empty room");
    (0..WATCHED).for_each(|_| room.step());
    assert!(room.drain_events().count() > 0, "the game's events must be sent");
    room.mismatch().cloned()
}

fn mismatch_of(flaw: Flaw) -> Mismatch {
    mismatch_with(FickleSettings { from: FROM, flaw }).expect("a mismatch")
}

/// Returns the only difference.
fn only(differences: &Differences) -> &Difference {
    assert_eq!(
        (differences.named.len(), differences.more),
        (1, 0),
        "there must be one difference: {differences}"
    );
    &differences.named[0]
}

#[test]
fn a_deterministic_game_has_no_mismatch() {
    assert_eq!(mismatch_with(FickleSettings::default()), None);
    assert_eq!(
        mismatch_with(FickleSettings { from: WATCHED + 1, flaw: Flaw::Field }),
        None,
        "a flaw must not show before its tick"
    );
}

#[test]
fn a_field_with_outside_data_is_named_at_its_first_tick() {
    let Mismatch { tick, fault } = mismatch_of(Flaw::Field);
    assert_eq!(tick, Tick(FROM));
    let SyncFault::State(differences) = &fault else { panic!("the fault must be in the state: {fault}") };
    let Difference::Field { id, path, one, other } = only(differences) else {
        panic!("the difference must be a field: {fault}")
    };
    assert_eq!((*id, path.as_str()), (Some(EntityId::default()), "Needle.reading.counter"));
    assert!(one.parse::<u32>().is_ok() && other.parse::<u32>().is_ok() && one != other, "{fault}");
    assert!(!fault.to_string().contains('\n'), "a fault must fit one log line");
}

#[test]
fn state_outside_of_entities_is_found_by_its_saved_bytes() {
    let Mismatch { tick, fault } = mismatch_of(Flaw::Hidden);
    assert_eq!(tick, Tick(FROM));
    let SyncFault::State(differences) = &fault else { panic!("the fault must be in the state: {fault}") };
    assert!(matches!(only(differences), Difference::Saved { .. }), "{fault}");
}

#[test]
fn an_event_with_outside_data_is_found() {
    let Mismatch { tick, fault } = mismatch_of(Flaw::Event);
    assert_eq!(tick, Tick(FROM));
    let SyncFault::Events(differences) = &fault else { panic!("the fault must be in the events: {fault}") };
    let Difference::Field { path, .. } = only(differences) else {
        panic!("the difference must be a field: {fault}")
    };
    assert!(path.starts_with("Outbox[0]"), "{path}");
}

#[test]
fn an_incomplete_save_is_distinguished_from_a_nondeterministic_step() {
    let Mismatch { tick, fault } = mismatch_of(Flaw::Save);
    assert_eq!(tick, Tick(FROM + 1), "the first incomplete save must be that after the flaw's first tick");
    let SyncFault::Saved(differences) = &fault else { panic!("the fault must be in the save: {fault}") };
    let Difference::Field { path, other, .. } = only(differences) else {
        panic!("the difference must be a field: {fault}")
    };
    assert_eq!((path.as_str(), other.as_str()), ("Needle.reading.swing", "0"));
    let refused = Mismatch { tick: Tick(FROM + 1), fault: SyncFault::Load(BitsError::OutOfRange) };
    assert_eq!(mismatch_of(Flaw::Load), refused);
}

#[tokio::test]
async fn a_nondeterministic_game_ends_its_room_and_the_players_are_notified() {
    let settings = [("room.sync_test", "on"), ("game.settings.from", "40"), ("game.settings.flaw", "field")];
    let server = TestServer::<Fickle>::start(&settings);
    let (mut ada, _) = Player::<Fickle>::connect_and_join(server.address(), "Ada").await;
    ada.set_input(Push(3));
    let closed = |event| match event {
        ClientEvent::RoomClosed { reason, .. } => Some(reason),
        _ => None,
    };
    let reason = ada.wait_for("the room's end", closed).await;
    assert_eq!(reason, CloseReason::RoomFailed, "players must be notified that the room failed");
    assert_eq!(server.metric("quarrel_sync_mismatches_total"), 1.0, "the mismatch must be counted");
    assert_eq!(server.metric("quarrel_room_panics_total"), 0.0, "a mismatch must not count as a panic");
}

#[tokio::test]
async fn a_nondeterministic_game_plays_on_without_the_sync_test() {
    let server = TestServer::<Fickle>::start(&[("room.sync_test", "off"), ("game.settings.from", "1")]);
    let (mut ada, _) = Player::<Fickle>::connect_and_join(server.address(), "Ada").await;
    ada.wait_for_ticks(10).await;
    assert_eq!(server.metric("quarrel_sync_mismatches_total"), 0.0);
}
