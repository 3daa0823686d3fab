//! Joins and leaves: a player joins, is visible to others, and leaves.

use quarrel_client::{ClientEvent, Ending};
use quarrel_harness::{Player, TestServer, until};
use quarrel_shared::{
    crowd::{Crowd, Walker},
    id::SeatId,
    protocol::JoinTarget,
    snapshot::View,
};

/// A room small enough for a roster; a crowd of thousands has none.
const SMALL: &[(&str, &str)] = &[("room.seats", "8")];

#[tokio::test]
async fn a_player_who_joins_sees_the_room_and_itself_in_it() {
    let server = TestServer::<Crowd>::start(&[]);
    let (mut player, joined) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let is_own = |view: &View<Walker>| view.entities.iter().any(|(_, walker)| walker.seat == joined.seat);
    player.wait_for_view("a view with the player's own walker", is_own).await;
    assert_eq!(player.welcome().tick_rate, joined.rate, "a welcome must carry the tick rate of rooms");
    player.disconnect().await;
}

#[tokio::test]
async fn players_in_a_room_are_notified_of_joins_and_leaves() {
    let server = TestServer::<Crowd>::start(SMALL);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let (ben, joined) = Player::<Crowd>::connect_and_join(server.address(), "Ben").await;
    let joined_as_ben = |event| match event {
        ClientEvent::SeatTaken { seat, name, bot } if name == "Ben" => Some((seat, bot)),
        _ => None,
    };
    assert_eq!(ada.wait_for("Ben's join", joined_as_ben).await, (joined.seat, false));
    ben.disconnect().await;
    let left = |event| if let ClientEvent::SeatLeft { seat } = event { Some(seat) } else { None };
    assert_eq!(ada.wait_for("Ben's leave", left).await, joined.seat);
}

#[tokio::test]
async fn a_new_player_receives_the_roster() {
    let server = TestServer::<Crowd>::start(SMALL);
    let (_ada, first) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let (mut ben, _) = Player::<Crowd>::connect_and_join(server.address(), "Ben").await;
    let ada = |event| match event {
        ClientEvent::SeatTaken { seat, name, .. } if name == "Ada" => Some(seat),
        _ => None,
    };
    assert_eq!(ben.wait_for("Ada's name", ada).await, first.seat);
}

#[tokio::test]
async fn a_large_crowd_sends_no_roster() {
    let server = TestServer::<Crowd>::start(&[("room.seats", "1000")]);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let (mut ben, _) = Player::<Crowd>::connect_and_join(server.address(), "Ben").await;
    ben.wait_for_ticks(2).await;
    ben.chat("hello from Ben").await.expect("a live connection");
    let not_a_view = |event| match event {
        ClientEvent::View(_) => None,
        other => Some(other),
    };
    let first_event = ada.wait_for("Ben's line", not_a_view).await;
    assert!(
        matches!(first_event, ClientEvent::Chat { .. }),
        "joins must not be announced, because names would cost the square of the seats: {first_event:?}"
    );
}

#[tokio::test]
async fn a_free_seat_is_given_to_the_next_player() {
    let server = TestServer::<Crowd>::start(&[("room.seats", "1"), ("room.rooms", "1")]);
    let (mut ada, first) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    ada.leave().await.expect("a live connection");
    until("the seat's release", || server.metric("quarrel_players") == 0.0).await;
    let (_ben, second) = Player::<Crowd>::connect_and_join(server.address(), "Ben").await;
    assert_eq!((first.seat, second.seat), (SeatId(0), SeatId(0)), "both must get the only seat");
    assert!(ada.join(JoinTarget::Quick).await.is_err(), "a player who left must have no claim to the seat");
    assert!(ada.list_rooms().await.is_ok(), "a player who left must stay connected");
}

#[tokio::test]
async fn a_disconnect_is_counted_and_frees_session_and_seat() {
    let server = TestServer::<Crowd>::start(&[]);
    let (player, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    until("the player in the count", || server.metric("quarrel_players") == 1.0).await;
    player.disconnect().await;
    until("the end of the session", || server.metric("quarrel_sessions") == 0.0).await;
    until("the end of the seat", || server.metric("quarrel_players") == 0.0).await;
    let left = server.metric("quarrel_disconnects_total{reason=\"left\"}");
    assert_eq!(left, 1.0, "a client's own disconnect must be counted as left");
}

#[tokio::test]
async fn a_dropped_connection_counts_as_a_leave() {
    let server = TestServer::<Crowd>::start(SMALL);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let (ben, joined) = Player::<Crowd>::connect_and_join(server.address(), "Ben").await;
    drop(ben);
    let left = |event| matches!(event, ClientEvent::SeatLeft { seat } if seat == joined.seat).then_some(());
    ada.wait_for("the dropped player's leave", left).await;
    assert!(server.shutdown().await, "a server must stop in time after a dropped connection");
    assert!(
        matches!(ada.wait_for_end().await, Ending::Closed { .. }),
        "the remaining player must be notified of the stop"
    );
}
