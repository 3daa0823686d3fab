//! A peer that does not read what it is told is closed before it costs memory, and nobody waits for it.

use quarrel_client::{ClientEvent, net::transport};
use quarrel_harness::{
    Player, RawPeer, RawSeat, TestServer,
    games::{Lever, Levers, Shout},
    until,
};
use quarrel_shared::protocol::{CloseReason, ServerMessage};
use quinn::VarInt;

/// A peer in whose QUIC stack next to nothing piles up, so that all that it does not read waits on the server.
async fn deaf_peer(server: &TestServer<Levers>) -> RawSeat<Levers> {
    let mut settings = transport::transport_config();
    settings.stream_receive_window(VarInt::from_u32(1024));
    let mut peer = RawPeer::connect_with(server.address(), settings).await;
    peer.exchange_hello::<Levers>("deaf").await;
    RawSeat::join(peer).await
}

#[tokio::test]
async fn a_peer_that_never_reads_its_events_is_closed_as_too_slow() {
    let server = TestServer::<Levers>::start(&[]);
    let deaf = deaf_peer(&server).await;
    let (mut loud, _) = Player::<Levers>::connect_and_join(server.address(), "loud").await;
    loud.set_input(Lever::Shout);
    let left = |event| matches!(event, ClientEvent::SeatLeft { seat } if seat == deaf.seat).then_some(());
    loud.wait_for("the deaf peer's going", left).await;
    assert_eq!(deaf.peer.wait_for_close_code().await, Some(CloseReason::TooSlow), "and its close code says why");
    assert_eq!(server.metric("quarrel_disconnects_total{reason=\"too_slow\"}"), 1.0, "it is counted");
}

#[tokio::test]
async fn those_who_read_miss_nothing_while_somebody_does_not() {
    let server = TestServer::<Levers>::start(&[]);
    let deaf = deaf_peer(&server).await;
    let (mut loud, _) = Player::<Levers>::connect_and_join(server.address(), "loud").await;
    loud.set_input(Lever::Shout);
    let mut next = None;
    let mut is_gone = false;
    // Shouts are counted in the game: whoever hears them all hears them without a gap.
    let heard = |event| match event {
        ClientEvent::Event { event: Shout(number), .. } => {
            assert!(next.is_none_or(|next| next == number), "heard {number}, not {next:?}");
            next = Some(number + 1);
            is_gone.then_some(())
        }
        ClientEvent::SeatLeft { seat } => {
            is_gone |= seat == deaf.seat;
            None
        }
        _ => None,
    };
    loud.wait_for("a shout after the deaf peer went", heard).await;
    loud.wait_for_ticks(10).await;
}

#[tokio::test]
async fn a_peer_that_reads_late_hears_all_of_it_and_then_the_end_of_its_room() {
    let server = TestServer::<Levers>::start(&[]);
    let mut late = deaf_peer(&server).await;
    let (mut loud, _) = Player::<Levers>::connect_and_join(server.address(), "loud").await;
    loud.set_input(Lever::Shout);
    // More than its stream holds, and less than is kept for anybody.
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
            assert_eq!(sequence, next, "each once, in order");
            next += 1;
            None
        }
        ServerMessage::RoomClosed { reason, .. } => Some(reason),
        _ => None,
    });
    assert_eq!(ended.await, CloseReason::RoomFailed);
    assert!(next > 350, "{next} shouts");
}

#[tokio::test]
async fn a_peer_that_takes_no_snapshots_holds_nobody_up() {
    let server = TestServer::<Levers>::start(&[]);
    // It reads neither datagrams nor streams; newest wins, so nothing waits for it.
    let _still = RawSeat::<Levers>::connect_and_join(server.address(), "still").await;
    let (mut ada, _) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    ada.wait_for_ticks(60).await;
}
