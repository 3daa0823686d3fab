//! A game that panics takes its own room down, and nothing else.

use quarrel_client::Happening;
use quarrel_harness::{
    Player, TestServer,
    games::{Lever, Levers},
};
use quarrel_shared::protocol::{CloseReason, JoinTarget};

#[tokio::test]
async fn a_panicking_game_closes_its_room_and_the_others_play_on() {
    let server = TestServer::<Levers>::start(&[("room.seats", "2")]);
    let (mut ada, broken) = Player::<Levers>::sit(server.address(), "Ada").await;
    let (mut ben, _) = Player::<Levers>::sit(server.address(), "Ben").await;
    let (mut cem, whole) = Player::<Levers>::sit(server.address(), "Cem").await;
    assert_ne!(broken.room, whole.room, "the third player opened a second room");

    ada.set_input(Lever::Fuse);
    for player in [&mut ada, &mut ben] {
        let closed = |happening| match happening {
            Happening::RoomClosed { reason, sentence } => Some((reason, sentence)),
            _ => None,
        };
        let (reason, sentence) = player.wait_for("the room's end", closed).await;
        assert_eq!(reason, CloseReason::RoomFailed, "everybody in the room is told why it ended");
        assert!(sentence.contains("join another"), "and what to do: {sentence}");
    }
    cem.plays_on(10).await;
    assert_eq!(server.metric("quarrel_room_panics_total"), 1.0, "the operator sees it");

    ada.set_input(Lever::None);
    let joined = ada.join(JoinTarget::Quick).await.expect("there is a seat elsewhere");
    assert_ne!(joined.room, broken.room, "a broken room is never joined again");
    ada.plays_on(10).await;
    let (_, joined) = Player::<Levers>::sit(server.address(), "Dee").await;
    assert_ne!(joined.room, broken.room, "the server takes newcomers as before");
}

#[tokio::test]
async fn a_game_that_panics_while_coding_costs_its_player_the_seat_and_nobody_else_anything() {
    let server = TestServer::<Levers>::start(&[]);
    let (mut ada, _) = Player::<Levers>::sit(server.address(), "Ada").await;
    let (mut ben, _) = Player::<Levers>::sit(server.address(), "Ben").await;
    ada.set_input(Lever::Snag);
    let closed = |happening| match happening {
        Happening::RoomClosed { reason, .. } => Some(reason),
        _ => None,
    };
    let reason = ada.wait_for("the seat's end", closed).await;
    assert_eq!(reason, CloseReason::RoomFailed, "the player is told that the game failed");
    ben.plays_on(10).await;
    assert_eq!(server.metric("quarrel_sessions"), 2.0, "nobody's connection broke");
}

#[tokio::test]
async fn a_server_whose_rooms_all_failed_still_stops_in_time() {
    let server = TestServer::<Levers>::start(&[]);
    let (mut ada, _) = Player::<Levers>::sit(server.address(), "Ada").await;
    ada.set_input(Lever::Fuse);
    let closed = |happening| matches!(happening, Happening::RoomClosed { .. }).then_some(());
    ada.wait_for("the room's end", closed).await;
    assert_eq!(server.metric("quarrel_players"), 0.0, "nobody sits in a broken room");
    assert!(server.shutdown().await, "nothing of it is left running");
}
