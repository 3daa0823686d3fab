//! Resume races: a seat has one owner at any time, with wrong and used tickets, two resumes with one ticket, and a second login
//! during the first.

use quarrel_client::ClientEvent;
use quarrel_harness::{Player, RawPeer, ServerClose, TestServer, games::Levers, raw::RawWelcome, until};
use quarrel_shared::{
    id::{RoomId, SeatId},
    protocol::{ClientMessage, CloseReason, JoinTarget, ServerMessage, Ticket, bounded::Text},
};

/// A server that detects a lost peer soon.
fn server() -> TestServer<Levers> {
    TestServer::start(&[("net.idle_timeout_ms", "1000"), ("net.keep_alive_ms", "200")])
}

async fn seated(server: &TestServer<Levers>) -> (RawPeer, RawWelcome, (RoomId, SeatId)) {
    let (mut peer, welcomed) = RawPeer::connect_new::<Levers>(server.address(), "Ada").await;
    peer.send(&ClientMessage::Join(JoinTarget::Quick)).await;
    let place = peer.receive_joined().await;
    (peer, welcomed, place)
}

async fn is_held(server: &TestServer<Levers>) {
    until("a held seat", || server.metric("quarrel_seats_held") == 1.0).await;
}

/// Asserts that the control stream and the close code give the same reason.
fn assert_refused(close: &ServerClose, reason: CloseReason) {
    assert_eq!(
        close.closing.as_ref().map(|(sent, _)| *sent),
        Some(reason),
        "the control stream must carry the reason"
    );
    assert_eq!(close.code, Some(reason), "the close code must carry the same reason");
}

#[tokio::test]
async fn a_ticket_that_was_never_issued_is_unknown() {
    let server = server();
    let (_ada, welcomed) = RawPeer::connect_new::<Levers>(server.address(), "Ada").await;
    let mut bytes = *welcomed.ticket.bytes();
    bytes[0] ^= 1;
    let close = RawPeer::resume_refused::<Levers>(server.address(), &Ticket::new(bytes), 0).await;
    assert_refused(&close, CloseReason::TicketUnknown);
    assert_eq!(
        server.metric("quarrel_resumes_total{result=\"unknown\"}"),
        1.0,
        "a refused resume must be counted"
    );
    assert_eq!(server.metric("quarrel_refusals_total{reason=\"ticket_unknown\"}"), 1.0);
}

#[tokio::test]
async fn a_ticket_is_valid_once() {
    let server = server();
    let (ada, welcomed, _) = seated(&server).await;
    ada.cut_network();
    is_held(&server).await;
    let (mut ada, again) = RawPeer::resume::<Levers>(server.address(), &welcomed.ticket, 0).await;
    let used = RawPeer::resume_refused::<Levers>(server.address(), &welcomed.ticket, 0).await;
    assert_refused(&used, CloseReason::TicketUsed);
    ada.receive_joined().await;
    // A client that sends a message has received the new ticket, so the old one is obsolete even if this connection is lost.
    ada.send(&ClientMessage::ListRooms).await;
    ada.receive_all_until(|message| matches!(message, ServerMessage::Rooms(_))).await;
    ada.cut_network();
    is_held(&server).await;
    let used = RawPeer::resume_refused::<Levers>(server.address(), &welcomed.ticket, 0).await;
    assert_refused(&used, CloseReason::TicketUsed);
    let (_, again) = RawPeer::resume::<Levers>(server.address(), &again.ticket, 0).await;
    assert!(again.resumed, "the newest ticket must be valid");
}

#[tokio::test]
async fn a_ticket_stays_valid_until_its_successor_is_received() {
    let server = server();
    let (ada, welcomed, place) = seated(&server).await;
    ada.cut_network();
    is_held(&server).await;
    let ada = RawPeer::connect_with_ticket::<Levers>(server.address(), &welcomed.ticket, 0).await;
    until("the resume", || server.metric("quarrel_resumes_total{result=\"resumed\"}") == 1.0).await;
    // A client that waits for the welcome sends empty datagrams so that losses are detected; they prove no receipt.
    let before = server.metric("quarrel_datagrams_total{direction=\"received\"}");
    ada.send_datagram(&[]);
    until("the nudge", || server.metric("quarrel_datagrams_total{direction=\"received\"}") > before).await;
    ada.cut_network();
    is_held(&server).await;
    let (mut ada, again) = RawPeer::resume::<Levers>(server.address(), &welcomed.ticket, 0).await;
    assert!(again.resumed, "the old ticket must be valid when the new one was lost");
    assert_eq!(ada.receive_joined().await, place);
}

#[tokio::test]
async fn of_two_resumes_with_one_ticket_one_succeeds_and_the_other_gets_the_reason() {
    let server = server();
    let (ada, welcomed, _) = seated(&server).await;
    ada.cut_network();
    is_held(&server).await;
    let resume = || async {
        let mut peer = RawPeer::connect_with_ticket::<Levers>(server.address(), &welcomed.ticket, 0).await;
        match peer.receive().await {
            Some(ServerMessage::Welcome { resumed, .. }) => (peer, Ok(resumed)),
            Some(ServerMessage::Closing { reason, .. }) => (peer, Err(reason)),
            other => panic!("a resume must be welcomed or refused: {other:?}"),
        }
    };
    let ((one, first), (two, second)) = tokio::join!(resume(), resume());
    let mut both = [first, second];
    both.sort_unstable_by_key(Result::is_err);
    assert_eq!(both, [Ok(true), Err(CloseReason::TicketUsed)]);
    drop((one, two));
}

#[tokio::test]
async fn a_second_login_takes_the_seat_and_the_first_gets_the_reason() {
    let server = server();
    let (mut first, welcomed, place) = seated(&server).await;
    let (mut ben, _) = Player::<Levers>::connect_and_join(server.address(), "Ben").await;
    ben.chat("one").await.expect("Ben is connected");
    let is_one = |message: &ServerMessage| matches!(message, ServerMessage::Chat { .. });
    let received = first.receive_all_until(is_one).await.len() as u32;

    let (mut second, again) =
        RawPeer::resume::<Levers>(server.address(), &welcomed.ticket, received - 1).await;
    assert!(again.resumed && again.player == welcomed.player, "{again:?}");
    assert_eq!(second.receive_joined().await, place);
    let messages = second.receive_all_until(is_one).await;
    assert_eq!(messages.len(), 1, "unacknowledged messages must move with the seat: {messages:?}");
    assert_refused(&first.wait_for_close().await, CloseReason::Replaced);

    second.send(&ClientMessage::Chat(Text::lossy("still here"))).await;
    let line = |event| match event {
        ClientEvent::SeatLeft { .. } => panic!("a second login must not change the room's seats"),
        ClientEvent::Chat { seat, .. } => (seat == place.1).then_some(()),
        _ => None,
    };
    ben.wait_for("the second login's chat line", line).await;
    assert_eq!(
        server.metric("quarrel_resumes_total{result=\"replaced\"}"),
        1.0,
        "a replaced session must be counted"
    );
    assert_eq!(server.metric("quarrel_players"), 2.0, "the players must be Ada and Ben");
}

#[tokio::test]
async fn a_silent_first_connection_does_not_delay_the_second_login() {
    let server = server();
    let (first, welcomed, place) = seated(&server).await;
    // Its network is lost and the server has not noticed yet: the most common reason for a resume.
    first.cut_network();
    let (mut second, again) = RawPeer::resume::<Levers>(server.address(), &welcomed.ticket, 0).await;
    assert!(again.resumed);
    assert_eq!(second.receive_joined().await, place);
    assert_eq!(
        server.metric("quarrel_resumes_total{result=\"replaced\"}"),
        1.0,
        "a resume before the loss is noticed must replace the session"
    );
    until("the first connection's end", || server.metric("quarrel_sessions") == 1.0).await;
    second.send(&ClientMessage::Chat(Text::lossy("here"))).await;
    second.receive_all_until(|message| matches!(message, ServerMessage::Chat { .. })).await;
}

#[tokio::test]
async fn a_second_login_from_the_lobby_keeps_the_player_id_and_the_first_gets_the_reason() {
    let server = server();
    let (first, welcomed) = RawPeer::connect_new::<Levers>(server.address(), "Ada").await;
    let (_second, again) = RawPeer::resume::<Levers>(server.address(), &welcomed.ticket, 0).await;
    assert_eq!((again.player, again.resumed), (welcomed.player, false));
    assert_refused(&first.wait_for_close().await, CloseReason::Replaced);
}
