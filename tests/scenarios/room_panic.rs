//! A game that panics takes its own room down, and nothing else.

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
    assert_ne!(broken.room, whole.room, "the third player opened a second room");

    ada.set_input(Lever::Panic);
    for player in [&mut ada, &mut ben] {
        let closed = |event| match event {
            ClientEvent::RoomClosed { reason, sentence } => Some((reason, sentence)),
            _ => None,
        };
        let (reason, sentence) = player.wait_for("the room's end", closed).await;
        assert_eq!(reason, CloseReason::RoomFailed, "everybody in the room is told why it ended");
        assert!(sentence.contains("join another"), "and what to do: {sentence}");
    }
    cem.wait_for_ticks(10).await;
    assert_eq!(server.metric("quarrel_room_panics_total"), 1.0, "the operator sees it");

    ada.set_input(Lever::None);
    let joined = ada.join(JoinTarget::Quick).await.expect("there is a seat elsewhere");
    assert_ne!(joined.room, broken.room, "a broken room is never joined again");
    ada.wait_for_ticks(10).await;
    let (_, joined) = Player::<Levers>::connect_and_join(server.address(), "Dee").await;
    assert_ne!(joined.room, broken.room, "the server takes newcomers as before");
    let journals = server.journals();
    assert!(server.shutdown().await);
    let name = JournalName { run: 1, room: broken.room.0 };
    let bytes = journals.read(name).expect("its journal");
    let journal = Journal::open(&bytes).expect("a journal");
    let notes: Vec<_> = journal.annotations().collect();
    assert!(notes.is_empty(), "whoever looks for what broke is not sent to a disk that is well: {notes:?}");
    assert_eq!(journal.end_tick(), Some(journal.last_tick()), "the tick that broke it was never made");
}

#[tokio::test]
async fn a_game_that_panics_while_coding_costs_its_player_the_seat_and_nobody_else_anything() {
    let server = TestServer::<Levers>::start(&[]);
    let (mut ada, _) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    let (mut ben, _) = Player::<Levers>::connect_and_join(server.address(), "Ben").await;
    ada.set_input(Lever::PanicOnEncode);
    let closed = |event| match event {
        ClientEvent::RoomClosed { reason, .. } => Some(reason),
        _ => None,
    };
    let reason = ada.wait_for("the seat's end", closed).await;
    assert_eq!(reason, CloseReason::RoomFailed, "the player is told that the game failed");
    ben.wait_for_ticks(10).await;
    assert_eq!(server.metric("quarrel_sessions"), 2.0, "nobody's connection broke");
}

#[tokio::test]
async fn a_room_whose_game_panics_while_it_is_saved_is_told_of_at_the_stop() {
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
    assert!(!server.shutdown_and_save().await, "whoever stops it must not be told that nothing is lost");
}

#[tokio::test]
async fn a_tick_whose_checksum_panics_was_never_made_and_is_not_missing_from_the_journal() {
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
    assert_eq!(server.metric("quarrel_room_panics_total"), 1.0, "the operator sees it");
    let journals = server.journals();
    assert!(server.shutdown().await);
    let bytes = journals.read(JournalName { run: 1, room: joined.room.0 }).expect("its journal");
    let journal = Journal::open(&bytes).expect("a journal");
    assert_eq!(journal.annotations().count(), 0, "nothing is missing");
    assert_eq!((journal.last_tick(), journal.end_tick()), (Tick(19), Some(Tick(19))));
}

#[tokio::test]
async fn a_room_whose_game_panics_while_its_journal_begins_is_no_room() {
    let settings = [("game.settings.flaw", "panic"), ("room.sync_test", "off")];
    let server = TestServer::<Fickle>::start(&settings);
    let mut ada = Player::<Fickle>::connect(server.address(), "Ada").await;
    let refused = ada.join(JoinTarget::Quick).await;
    assert!(refused.is_err(), "{refused:?}");
    assert!(server.metric("quarrel_room_panics_total") > 0.0, "the operator sees it");
    assert_eq!(server.metric("quarrel_journals_open"), 0.0, "and nothing of it is left open");
}

#[tokio::test]
async fn a_server_whose_rooms_all_failed_still_stops_in_time() {
    let server = TestServer::<Levers>::start(&[]);
    let (mut ada, _) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    ada.set_input(Lever::Panic);
    let closed = |event| matches!(event, ClientEvent::RoomClosed { .. }).then_some(());
    ada.wait_for("the room's end", closed).await;
    assert_eq!(server.metric("quarrel_players"), 0.0, "nobody sits in a broken room");
    assert!(server.shutdown().await, "nothing of it is left running");
}
