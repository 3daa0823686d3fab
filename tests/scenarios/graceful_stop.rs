//! A stop is told to everybody, keeps every record, and ends in time.

use quarrel_client::Ending;
use quarrel_harness::{
    ServerClose, Player, RawPeer, RawSeat, TestServer,
    games::{Lever, Levers},
    until,
};
use quarrel_shared::protocol::CloseReason;

#[tokio::test]
async fn sessions_are_told_that_the_server_stops_wherever_they_are() {
    let server = TestServer::<Levers>::start(&[]);
    let (mut seated, _) = Player::<Levers>::connect_and_join(server.address(), "seated").await;
    let mut waiting = Player::<Levers>::connect(server.address(), "waiting").await;
    let raw = RawPeer::connect_and_hello::<Levers>(server.address(), "raw").await;
    let raw = tokio::spawn(raw.wait_for_close());
    assert!(server.shutdown().await, "a stop with well-behaved players ends within its grace period");
    for player in [&mut seated, &mut waiting] {
        let ending = player.wait_for_end().await;
        let Ending::Closed { reason: CloseReason::ServerStopping, sentence } = ending else {
            panic!("everybody is told why: {ending:?}")
        };
        assert!(sentence.contains("connect again in a moment"), "and what to do: {sentence}");
    }
    let ServerClose { closing: said, code } = raw.await.expect("a goodbye");
    assert_eq!(said.map(|(reason, _)| reason), Some(CloseReason::ServerStopping), "on the control stream");
    assert_eq!(code, Some(CloseReason::ServerStopping), "and as the close code");
}

#[tokio::test]
async fn a_peer_that_does_not_answer_does_not_keep_the_server() {
    let server = TestServer::<Levers>::start(&[]);
    // It never says that the reason arrived, nor does it close.
    let deaf = RawSeat::<Levers>::connect_and_join(server.address(), "deaf").await;
    let silent = RawPeer::connect(server.address()).await;
    until("both sessions", || server.metric("quarrel_sessions") == 2.0).await;
    assert!(server.shutdown().await, "nobody can hold a stop past its grace period");
    assert_eq!(
        deaf.peer.wait_for_close_code().await,
        Some(CloseReason::ServerStopping),
        "the close code comes regardless"
    );
    assert_eq!(
        silent.wait_for_close_code().await,
        Some(CloseReason::ServerStopping),
        "also to who has not said hello yet"
    );
}

#[tokio::test]
async fn the_records_of_finished_matches_are_kept_before_the_stop_ends() {
    let server = TestServer::<Levers>::start(&[]);
    let records = server.records();
    let (mut ada, joined) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    ada.set_input(Lever::Finish);
    let has_pulled = |view: &quarrel_shared::snapshot::View<quarrel_harness::games::Peg>| {
        view.entities.iter().any(|(_, peg)| peg.pulls > 0)
    };
    ada.wait_for_view("the pulled lever", has_pulled).await;
    assert!(server.shutdown().await, "in time");
    let records = records();
    assert_eq!(records.len(), 1, "a match ends once: {records:?}");
    assert_eq!((records[0].room, records[0].game.as_str()), (joined.room.0, "levers"));
    let seat = &records[0].seats[0];
    assert_eq!((seat.name.as_str(), seat.won, seat.bot), ("Ada", true, false), "it says who won");
}

#[tokio::test]
async fn a_server_without_players_stops_at_once() {
    let server = TestServer::<Levers>::start_with_http(&[]);
    let address = server.http_address();
    assert!(server.shutdown().await);
    let refused = tokio::net::TcpStream::connect(address).await.is_err();
    assert!(refused, "the operator's plane is down too");
}

#[tokio::test]
async fn rooms_end_with_the_server() {
    let server = TestServer::<Levers>::start(&[]);
    let (mut ada, _) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    until("a running room", || server.metric("quarrel_rooms") == 1.0).await;
    ada.wait_for_ticks(2).await;
    assert!(server.shutdown().await, "a room that ticks ends when it is told to");
}
