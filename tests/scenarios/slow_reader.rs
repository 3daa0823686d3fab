//! Slow readers: a peer that does not read its messages is closed before they cost memory, and other players do not wait for
//! it.

use quarrel_client::{ClientEvent, net::transport};
use quarrel_harness::{
    Player, RawPeer, RawSeat, TestServer,
    games::{Lever, Levers, Shout},
    until,
};
use quarrel_shared::protocol::{CloseReason, ServerMessage};
use quinn::VarInt;

/// A peer with a tiny receive window, so that unread messages queue on the server.
async fn slow_peer(server: &TestServer<Levers>) -> RawSeat<Levers> {
    let mut settings = transport::transport_config();
    settings.stream_receive_window(VarInt::from_u32(1024));
    let mut peer = RawPeer::connect_with(server.address(), settings).await;
    peer.exchange_hello::<Levers>("slow").await;
    RawSeat::join(peer).await
}

#[tokio::test]
async fn a_peer_that_never_reads_its_events_is_closed_as_too_slow() {
    let server = TestServer::<Levers>::start(&[]);
    let slow = slow_peer(&server).await;
    let (mut loud, _) = Player::<Levers>::connect_and_join(server.address(), "loud").await;
    loud.set_input(Lever::Shout);
    let left = |event| matches!(event, ClientEvent::SeatLeft { seat } if seat == slow.seat).then_some(());
    loud.wait_for("the end of the slow peer's seat", left).await;
    assert_eq!(
        slow.peer.wait_for_close_code().await,
        Some(CloseReason::TooSlow),
        "the close code must give the reason"
    );
    assert_eq!(
        server.metric("quarrel_disconnects_total{reason=\"too_slow\"}"),
        1.0,
        "the close must be counted"
    );
}

#[tokio::test]
async fn a_slow_reader_costs_other_players_no_event() {
    let server = TestServer::<Levers>::start(&[]);
    let slow = slow_peer(&server).await;
    let (mut loud, _) = Player::<Levers>::connect_and_join(server.address(), "loud").await;
    loud.set_input(Lever::Shout);
    let mut next = None;
    let mut is_gone = false;
    // The game numbers its shouts, so a gap shows.
    let shout = |event| match event {
        ClientEvent::Event { event: Shout(number), .. } => {
            assert!(
                next.is_none_or(|next| next == number),
                "events must arrive without a gap: {number} instead of {next:?}"
            );
            next = Some(number + 1);
            is_gone.then_some(())
        }
        ClientEvent::SeatLeft { seat } => {
            is_gone |= seat == slow.seat;
            None
        }
        _ => None,
    };
    loud.wait_for("a shout after the slow peer's end", shout).await;
    loud.wait_for_ticks(10).await;
}

#[tokio::test]
async fn a_peer_that_reads_late_receives_every_event_and_then_the_end_of_its_room() {
    let server = TestServer::<Levers>::start(&[]);
    let mut late = slow_peer(&server).await;
    let (mut loud, _) = Player::<Levers>::connect_and_join(server.address(), "loud").await;
    loud.set_input(Lever::Shout);
    // More than its stream holds, and less than the server's limit for a peer.
    let many = |event| match event {
        ClientEvent::Event { event: Shout(number), .. } => (number > 350).then_some(()),
        _ => None,
    };
    loud.wait_for("many shouts", many).await;
    loud.set_input(Lever::Panic);
    until("the room's end", || server.metric("quarrel_rooms") == 0.0).await;
    let mut next = 0;
    let ended = late.peer.receive_until("the room's end", |message| match message {
        ServerMessage::Event { sequence, .. } => {
            assert_eq!(sequence, next, "events must arrive once and in order");
            next += 1;
            None
        }
        ServerMessage::RoomClosed { reason, .. } => Some(reason),
        _ => None,
    });
    assert_eq!(ended.await, CloseReason::RoomFailed);
    assert!(next > 350, "every event must arrive: {next}");
}

#[tokio::test]
async fn a_peer_that_reads_no_snapshots_delays_no_other_player() {
    let server = TestServer::<Levers>::start(&[]);
    // It reads neither datagrams nor streams; the newest snapshot replaces older ones, so none queue for it.
    let _still = RawSeat::<Levers>::connect_and_join(server.address(), "still").await;
    let (mut ada, _) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    ada.wait_for_ticks(60).await;
}
