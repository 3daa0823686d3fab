//! Game panics: a panic ends the room in which it occurs, and affects no other room or connection.

use quarrel_client::ClientEvent;
use quarrel_harness::{
    Player, TestServer,
    games::{Fickle, Lever, Levers},
};
use quarrel_server::storage::journals::{JournalName, JournalStore as _};
use quarrel_shared::{
    journal::Journal,
    protocol::{CloseReason, JoinTarget},
    tick::Tick,
};

#[tokio::test]
async fn a_panicking_game_closes_its_room_and_the_others_play_on() {
    let server = TestServer::<Levers>::start(&[("room.seats", "2")]);
    let (mut ada, broken) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    let (mut ben, _) = Player::<Levers>::connect_and_join(server.address(), "Ben").await;
    let (mut cem, whole) = Player::<Levers>::connect_and_join(server.address(), "Cem").await;
    assert_ne!(broken.room, whole.room, "the third player must open a second room");

    ada.set_input(Lever::Panic);
    for player in [&mut ada, &mut ben] {
        let closed = |event| match event {
            ClientEvent::RoomClosed { reason, sentence } => Some((reason, sentence)),
            _ => None,
        };
        let (reason, sentence) = player.wait_for("the room's end", closed).await;
        assert_eq!(reason, CloseReason::RoomFailed, "every player of the room must receive the reason");
        assert!(sentence.contains("join another"), "the sentence must advise what to do: {sentence}");
    }
    cem.wait_for_ticks(10).await;
    assert_eq!(server.metric("quarrel_room_panics_total"), 1.0, "the panic must be counted");

    ada.set_input(Lever::None);
    let joined = ada.join(JoinTarget::Quick).await.expect("a seat in another room");
    assert_ne!(joined.room, broken.room, "a failed room must not be joined again");
    ada.wait_for_ticks(10).await;
    let (_, joined) = Player::<Levers>::connect_and_join(server.address(), "Dee").await;
    assert_ne!(joined.room, broken.room, "the server must accept new players in another room");
    let journals = server.journals();
    assert!(server.shutdown().await);
    let name = JournalName { run: 1, room: broken.room.0 };
    let bytes = journals.read(name).expect("its journal");
    let journal = Journal::open(&bytes).expect("a journal");
    let notes: Vec<_> = journal.annotations().collect();
    assert!(notes.is_empty(), "a panic must not be noted as a disk fault: {notes:?}");
    assert_eq!(
        journal.end_tick(),
        Some(journal.last_tick()),
        "the journal must end before the tick that panicked"
    );
}

#[tokio::test]
async fn a_panic_while_encoding_a_view_costs_its_player_the_seat_and_no_other_player() {
    let server = TestServer::<Levers>::start(&[]);
    let (mut ada, _) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    let (mut ben, _) = Player::<Levers>::connect_and_join(server.address(), "Ben").await;
    ada.set_input(Lever::PanicOnEncode);
    let closed = |event| match event {
        ClientEvent::RoomClosed { reason, .. } => Some(reason),
        _ => None,
    };
    let reason = ada.wait_for("the seat's end", closed).await;
    assert_eq!(reason, CloseReason::RoomFailed, "the player must be notified of the failure");
    ben.wait_for_ticks(10).await;
    assert_eq!(server.metric("quarrel_sessions"), 2.0, "every connection must stay open");
    let panics = |what| server.metric(&format!("quarrel_{what}_panics_total"));
    assert_eq!(
        (panics("room"), panics("seat")),
        (0.0, 1.0),
        "a room that plays on must not count as closed by a panic"
    );
}

#[tokio::test]
async fn a_stop_reports_a_room_whose_game_panics_during_the_save() {
    let settings = [
        ("game.settings.from", "20"),
        ("game.settings.flaw", "panic"),
        ("room.sync_test", "off"),
        ("journal.checksum_ms", "60000"),
        ("journal.checkpoint_ms", "60000"),
    ];
    let server = TestServer::<Fickle>::start(&settings);
    let (mut ada, _) = Player::<Fickle>::connect_and_join(server.address(), "Ada").await;
    ada.wait_for_view("a tick that cannot be saved", |view| view.tick.0 > 25).await;
    let metrics = server.metrics();
    assert!(!server.shutdown_and_save().await, "a stop that loses a room must report it");
    assert_eq!(metrics.room_panics.get(), 1, "the room must be counted once");
}

#[tokio::test]
async fn a_tick_whose_checksum_panics_is_not_counted_as_lost() {
    let settings = [
        ("game.settings.from", "20"),
        ("game.settings.flaw", "panic"),
        ("room.sync_test", "off"),
        ("journal.checksum_ms", "1"),
    ];
    let server = TestServer::<Fickle>::start(&settings);
    let (mut ada, joined) = Player::<Fickle>::connect_and_join(server.address(), "Ada").await;
    let closed = |event| matches!(event, ClientEvent::RoomClosed { .. }).then_some(());
    ada.wait_for("the room's end", closed).await;
    assert_eq!(server.metric("quarrel_room_panics_total"), 1.0, "the panic must be counted");
    let journals = server.journals();
    assert!(server.shutdown().await);
    let bytes = journals.read(JournalName { run: 1, room: joined.room.0 }).expect("its journal");
    let journal = Journal::open(&bytes).expect("a journal");
    assert_eq!(journal.annotations().count(), 0, "no tick may be noted as lost");
    assert_eq!((journal.last_tick(), journal.end_tick()), (Tick(19), Some(Tick(19))));
}

#[tokio::test]
async fn a_room_whose_game_panics_at_its_first_save_is_refused() {
    let settings = [("game.settings.flaw", "panic"), ("room.sync_test", "off")];
    let server = TestServer::<Fickle>::start(&settings);
    let mut ada = Player::<Fickle>::connect(server.address(), "Ada").await;
    let refused = ada.join(JoinTarget::Quick).await;
    assert!(refused.is_err(), "{refused:?}");
    assert!(server.metric("quarrel_room_panics_total") > 0.0, "the panic must be counted");
    assert_eq!(server.metric("quarrel_journals_open"), 0.0, "its journal must be closed");
}

#[tokio::test]
async fn a_server_whose_rooms_all_failed_still_stops_in_time() {
    let server = TestServer::<Levers>::start(&[]);
    let (mut ada, _) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    ada.set_input(Lever::Panic);
    let closed = |event| matches!(event, ClientEvent::RoomClosed { .. }).then_some(());
    ada.wait_for("the room's end", closed).await;
    assert_eq!(server.metric("quarrel_players"), 0.0, "a failed room must have no players");
    assert!(server.shutdown().await, "a server must stop in time after every room failed");
}
