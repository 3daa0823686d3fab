//! Somebody comes, is seen, and goes.

use quarrel_client::{ClientEvent, Ending};
use quarrel_harness::{Player, TestServer, until};
use quarrel_shared::{
    crowd::{Crowd, Walker},
    id::SeatId,
    protocol::JoinTarget,
    snapshot::View,
};

/// A room small enough for a roster: in a crowd of thousands nobody is told of everybody.
const SMALL: &[(&str, &str)] = &[("room.seats", "8")];

#[tokio::test]
async fn a_player_who_joins_sees_the_room_and_itself_in_it() {
    let server = TestServer::<Crowd>::start(&[]);
    let (mut player, joined) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let is_own = |view: &View<Walker>| view.entities.iter().any(|(_, walker)| walker.seat == joined.seat);
    player.wait_for_view("a view with one's own walker", is_own).await;
    assert_eq!(player.welcome().tick_rate, joined.rate, "a welcome says how fast rooms step");
    player.disconnect().await;
}

#[tokio::test]
async fn everybody_in_the_room_hears_who_comes_and_who_goes() {
    let server = TestServer::<Crowd>::start(SMALL);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let (ben, joined) = Player::<Crowd>::connect_and_join(server.address(), "Ben").await;
    let came = |event| match event {
        ClientEvent::SeatTaken { seat, name, bot } if name == "Ben" => Some((seat, bot)),
        _ => None,
    };
    assert_eq!(ada.wait_for("Ben's coming", came).await, (joined.seat, false));
    ben.disconnect().await;
    let left = |event| if let ClientEvent::SeatLeft { seat } = event { Some(seat) } else { None };
    assert_eq!(ada.wait_for("Ben's going", left).await, joined.seat);
}

#[tokio::test]
async fn a_newcomer_is_told_who_is_there_already() {
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
async fn in_a_crowd_of_thousands_nobody_is_told_of_everybody() {
    let server = TestServer::<Crowd>::start(&[("room.seats", "1000")]);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let (mut ben, _) = Player::<Crowd>::connect_and_join(server.address(), "Ben").await;
    ben.wait_for_ticks(2).await;
    ben.chat("is anybody there?").await.expect("the connection lives");
    let first_word = |event| match event {
        ClientEvent::View(_) => None,
        other => Some(other),
    };
    let heard = ada.wait_for("Ben's line", first_word).await;
    assert!(
        matches!(heard, ClientEvent::Chat { .. }),
        "Ben's coming is not told, or names would cost the square: {heard:?}"
    );
}

#[tokio::test]
async fn a_seat_that_was_left_is_given_to_the_next() {
    let server = TestServer::<Crowd>::start(&[("room.seats", "1"), ("room.rooms", "1")]);
    let (mut ada, first) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    ada.leave().await.expect("the connection lives");
    until("the seat's release", || server.metric("quarrel_players") == 0.0).await;
    let (_ben, second) = Player::<Crowd>::connect_and_join(server.address(), "Ben").await;
    assert_eq!((first.seat, second.seat), (SeatId(0), SeatId(0)), "the only seat serves both");
    assert!(ada.join(JoinTarget::Quick).await.is_err(), "whoever left has no claim to it any more");
    assert!(ada.list_rooms().await.is_ok(), "and stays connected");
}

#[tokio::test]
async fn a_player_who_goes_is_counted_as_gone() {
    let server = TestServer::<Crowd>::start(&[]);
    let (player, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    until("the player's count", || server.metric("quarrel_players") == 1.0).await;
    player.disconnect().await;
    until("the end of the session", || server.metric("quarrel_sessions") == 0.0).await;
    until("the end of the seat", || server.metric("quarrel_players") == 0.0).await;
    let left = server.metric("quarrel_disconnects_total{reason=\"left\"}");
    assert_eq!(left, 1.0, "whoever goes by themselves is counted as having left");
}

#[tokio::test]
async fn a_player_whose_program_drops_the_connection_has_left() {
    let server = TestServer::<Crowd>::start(SMALL);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let (ben, joined) = Player::<Crowd>::connect_and_join(server.address(), "Ben").await;
    drop(ben);
    let left = |event| matches!(event, ClientEvent::SeatLeft { seat } if seat == joined.seat).then_some(());
    ada.wait_for("the dropped player's going", left).await;
    assert!(server.shutdown().await, "a server stops in time whoever has dropped");
    assert!(matches!(ada.wait_for_end().await, Ending::Closed { .. }), "and says so");
}
