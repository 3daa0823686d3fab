//! A graceful stop notifies every session, stores every record, and ends within its grace period.

use quarrel_client::Ending;
use quarrel_harness::{
    Player, RawPeer, RawSeat, ServerClose, TestServer,
    games::{Lever, Levers},
    until,
};
use quarrel_shared::protocol::CloseReason;

#[tokio::test]
async fn every_session_is_notified_of_a_stop_in_every_state() {
    let server = TestServer::<Levers>::start(&[]);
    let (mut seated, _) = Player::<Levers>::connect_and_join(server.address(), "seated").await;
    let mut waiting = Player::<Levers>::connect(server.address(), "waiting").await;
    let raw = RawPeer::connect_and_hello::<Levers>(server.address(), "raw").await;
    let raw = tokio::spawn(raw.wait_for_close());
    assert!(server.shutdown().await, "a stop with responsive players must end within its grace period");
    for player in [&mut seated, &mut waiting] {
        let ending = player.wait_for_end().await;
        let Ending::Closed { reason: CloseReason::ServerStopping, sentence } = ending else {
            panic!("every session must receive the reason: {ending:?}")
        };
        assert!(
            sentence.contains("connect again in a moment"),
            "the sentence must advise what to do: {sentence}"
        );
    }
    let ServerClose { closing, code } = raw.await.expect("a close");
    assert_eq!(
        closing.map(|(reason, _)| reason),
        Some(CloseReason::ServerStopping),
        "the control stream must carry the reason"
    );
    assert_eq!(code, Some(CloseReason::ServerStopping), "the close code must carry the same reason");
}

#[tokio::test]
async fn a_silent_peer_does_not_delay_a_stop() {
    let server = TestServer::<Levers>::start(&[]);
    // It neither acknowledges the reason nor closes the connection.
    let unresponsive = RawSeat::<Levers>::connect_and_join(server.address(), "unresponsive").await;
    let silent = RawPeer::connect(server.address()).await;
    until("both sessions", || server.metric("quarrel_sessions") == 2.0).await;
    assert!(server.shutdown().await, "no peer may delay a stop past its grace period");
    assert_eq!(
        unresponsive.peer.wait_for_close_code().await,
        Some(CloseReason::ServerStopping),
        "a peer that does not acknowledge must get the close code"
    );
    assert_eq!(
        silent.wait_for_close_code().await,
        Some(CloseReason::ServerStopping),
        "a peer before its hello must get the close code"
    );
}

#[tokio::test]
async fn records_of_finished_matches_are_stored_before_a_stop_ends() {
    let server = TestServer::<Levers>::start(&[]);
    let records = server.records();
    let (mut ada, joined) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    ada.set_input(Lever::Finish);
    let has_pulled = |view: &quarrel_shared::snapshot::View<quarrel_harness::games::Peg>| {
        view.entities.iter().any(|(_, peg)| peg.pulls > 0)
    };
    ada.wait_for_view("the pulled lever", has_pulled).await;
    assert!(server.shutdown().await, "a stop must end within its grace period");
    let records = records();
    assert_eq!(records.len(), 1, "a match must leave one record: {records:?}");
    assert_eq!((records[0].room, records[0].game.as_str()), (joined.room.0, "levers"));
    let seat = &records[0].seats[0];
    assert_eq!(
        (seat.name.as_str(), seat.won, seat.bot),
        ("Ada", true, false),
        "the record must name the winner"
    );
}

#[tokio::test]
async fn a_server_without_players_stops_at_once() {
    let server = TestServer::<Levers>::start_with_http(&[]);
    let address = server.http_address();
    assert!(server.shutdown().await);
    let refused = tokio::net::TcpStream::connect(address).await.is_err();
    assert!(refused, "the admin HTTP server must be closed");
}

#[tokio::test]
async fn rooms_end_with_the_server() {
    let server = TestServer::<Levers>::start(&[]);
    let (mut ada, _) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    until("a running room", || server.metric("quarrel_rooms") == 1.0).await;
    ada.wait_for_ticks(2).await;
    assert!(server.shutdown().await, "a running room must end with the server");
}
