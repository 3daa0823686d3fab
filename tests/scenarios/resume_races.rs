//! No seat ever has two owners: wrong and old tickets, two with one ticket, and a second login while the first still plays.

use quarrel_client::ClientEvent;
use quarrel_harness::{ServerClose, Player, RawPeer, TestServer, games::Levers, raw::Welcome, until};
use quarrel_shared::{
    id::{RoomId, SeatId},
    protocol::{ClientMessage, CloseReason, JoinTarget, ServerMessage, Ticket, bounded::Text},
};

/// A server sees soon that a peer is gone.
fn server() -> TestServer<Levers> {
    TestServer::start(&[("net.idle_timeout_ms", "1000"), ("net.keep_alive_ms", "200")])
}

async fn seated(server: &TestServer<Levers>) -> (RawPeer, Welcome, (RoomId, SeatId)) {
    let (mut peer, welcomed) = RawPeer::connect_new::<Levers>(server.address(), "Ada").await;
    peer.send(&ClientMessage::Join(JoinTarget::Quick)).await;
    let place = peer.receive_joined().await;
    (peer, welcomed, place)
}

async fn is_held(server: &TestServer<Levers>) {
    until("a held seat", || server.metric("quarrel_seats_held") == 1.0).await;
}

/// Both ways of saying why agree.
fn assert_refused(goodbye: &ServerClose, reason: CloseReason) {
    assert_eq!(goodbye.closing.as_ref().map(|(said, _)| *said), Some(reason), "on the control stream");
    assert_eq!(goodbye.code, Some(reason), "as the close code");
}

#[tokio::test]
async fn a_ticket_that_was_never_given_is_unknown() {
    let server = server();
    let (_ada, welcomed) = RawPeer::connect_new::<Levers>(server.address(), "Ada").await;
    let mut bytes = *welcomed.ticket.bytes();
    bytes[0] ^= 1;
    let goodbye = RawPeer::resume_refused::<Levers>(server.address(), &Ticket::new(bytes), 0).await;
    assert_refused(&goodbye, CloseReason::TicketUnknown);
    assert_eq!(server.metric("quarrel_resumes_total{result=\"unknown\"}"), 1.0, "it is counted");
    assert_eq!(server.metric("quarrel_refusals_total{reason=\"ticket_unknown\"}"), 1.0);
}

#[tokio::test]
async fn a_ticket_is_good_once() {
    let server = server();
    let (ada, welcomed, _) = seated(&server).await;
    ada.cut_network();
    is_held(&server).await;
    let (mut ada, again) = RawPeer::resume::<Levers>(server.address(), &welcomed.ticket, 0).await;
    let used = RawPeer::resume_refused::<Levers>(server.address(), &welcomed.ticket, 0).await;
    assert_refused(&used, CloseReason::TicketUsed);
    ada.receive_joined().await;
    // Whoever speaks has heard the new ticket, so the old one is not needed any more, whatever becomes of this connection.
    ada.send(&ClientMessage::ListRooms).await;
    ada.receive_all_until(|message| matches!(message, ServerMessage::Rooms(_))).await;
    ada.cut_network();
    is_held(&server).await;
    let used = RawPeer::resume_refused::<Levers>(server.address(), &welcomed.ticket, 0).await;
    assert_refused(&used, CloseReason::TicketUsed);
    let (_, again) = RawPeer::resume::<Levers>(server.address(), &again.ticket, 0).await;
    assert!(again.resumed, "the newest ticket is the one that counts");
}

#[tokio::test]
async fn a_player_who_never_heard_the_new_ticket_may_show_the_old_one_again() {
    let server = server();
    let (ada, welcomed, place) = seated(&server).await;
    ada.cut_network();
    is_held(&server).await;
    let ada = RawPeer::connect_with_ticket::<Levers>(server.address(), &welcomed.ticket, 0).await;
    until("the way back", || server.metric("quarrel_resumes_total{result=\"resumed\"}") == 1.0).await;
    // What a client sends while it waits for the welcome, so that losses are found: it proves nothing.
    let before = server.metric("quarrel_datagrams_total{direction=\"received\"}");
    ada.send_datagram(&[]);
    until("the nudge", || server.metric("quarrel_datagrams_total{direction=\"received\"}") > before).await;
    ada.cut_network();
    is_held(&server).await;
    let (mut ada, again) = RawPeer::resume::<Levers>(server.address(), &welcomed.ticket, 0).await;
    assert!(again.resumed, "the network took the new ticket with it");
    assert_eq!(ada.receive_joined().await, place);
}

#[tokio::test]
async fn of_two_who_come_back_with_one_ticket_one_wins_and_the_other_hears_why() {
    let server = server();
    let (ada, welcomed, _) = seated(&server).await;
    ada.cut_network();
    is_held(&server).await;
    let come = || async {
        let mut peer = RawPeer::connect_with_ticket::<Levers>(server.address(), &welcomed.ticket, 0).await;
        match peer.receive().await {
            Some(ServerMessage::Welcome { resumed, .. }) => (peer, Ok(resumed)),
            Some(ServerMessage::Closing { reason, .. }) => (peer, Err(reason)),
            other => panic!("welcomed or refused: {other:?}"),
        }
    };
    let ((one, first), (two, second)) = tokio::join!(come(), come());
    let mut both = [first, second];
    both.sort_unstable_by_key(Result::is_err);
    assert_eq!(both, [Ok(true), Err(CloseReason::TicketUsed)]);
    drop((one, two));
}

#[tokio::test]
async fn a_second_login_takes_over_and_the_first_hears_why() {
    let server = server();
    let (mut first, welcomed, place) = seated(&server).await;
    let (mut ben, _) = Player::<Levers>::connect_and_join(server.address(), "Ben").await;
    ben.chat("one").await.expect("Ben is connected");
    let is_one = |message: &ServerMessage| matches!(message, ServerMessage::Chat { .. });
    let heard = first.receive_all_until(is_one).await.len() as u32;

    let (mut second, again) =
        RawPeer::resume::<Levers>(server.address(), &welcomed.ticket, heard - 1).await;
    assert!(again.resumed && again.player == welcomed.player, "{again:?}");
    assert_eq!(second.receive_joined().await, place);
    let news = second.receive_all_until(is_one).await;
    assert_eq!(news.len(), 1, "what was not heard moves with the seat: {news:?}");
    assert_refused(&first.wait_for_close().await, CloseReason::Replaced);

    second.send(&ClientMessage::Chat(Text::lossy("still here"))).await;
    let still = |event| match event {
        ClientEvent::SeatLeft { .. } => panic!("the room notices no change of seats"),
        ClientEvent::Chat { seat, .. } => (seat == place.1).then_some(()),
        _ => None,
    };
    ben.wait_for("the second login's voice", still).await;
    assert_eq!(server.metric("quarrel_resumes_total{result=\"replaced\"}"), 1.0, "it is counted");
    assert_eq!(server.metric("quarrel_players"), 2.0, "Ada and Ben");
}

#[tokio::test]
async fn a_first_connection_that_does_not_answer_does_not_keep_the_second_waiting() {
    let server = server();
    let (first, welcomed, place) = seated(&server).await;
    // Its network is gone, and the server does not know yet: the most common way to come back.
    first.cut_network();
    let (mut second, again) = RawPeer::resume::<Levers>(server.address(), &welcomed.ticket, 0).await;
    assert!(again.resumed);
    assert_eq!(second.receive_joined().await, place);
    assert_eq!(server.metric("quarrel_resumes_total{result=\"replaced\"}"), 1.0, "nobody had noticed a loss");
    until("the first connection's end", || server.metric("quarrel_sessions") == 1.0).await;
    second.send(&ClientMessage::Chat(Text::lossy("here"))).await;
    second.receive_all_until(|message| matches!(message, ServerMessage::Chat { .. })).await;
}

#[tokio::test]
async fn a_second_login_from_the_lobby_is_the_same_player_and_the_first_hears_why() {
    let server = server();
    let (first, welcomed) = RawPeer::connect_new::<Levers>(server.address(), "Ada").await;
    let (_second, again) = RawPeer::resume::<Levers>(server.address(), &welcomed.ticket, 0).await;
    assert_eq!((again.player, again.resumed), (welcomed.player, false));
    assert_refused(&first.wait_for_close().await, CloseReason::Replaced);
}
