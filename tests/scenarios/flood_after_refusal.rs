//! A peer that was refused and writes on costs the server nothing: what is no protocol is not read any more, and what is goes by.

use quarrel_harness::{Player, RawPeer, TestServer, raw::hello};
use quarrel_shared::{
    crowd::Crowd,
    protocol::{ClientMessage, CloseReason, Hello, codec},
};

/// More than the window of a stream, and far less than a second of flood on loopback.
const LITTLE_BYTES: usize = 64 * 1024;

/// Enough peers that what one of them costs would show.
const PEERS: usize = 8;

#[tokio::test]
async fn after_a_frame_too_long_a_flood_stops_at_the_window_and_the_others_play_on() {
    let server = TestServer::<Crowd>::start(&[]);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    for _ in 0..PEERS {
        let mut peer = RawPeer::connect(server.address()).await;
        let taken = peer.flood(&[0xff; 1024]).await;
        assert!(taken <= LITTLE_BYTES, "{taken} bytes were taken of a peer that makes no sense");
        let goodbye = peer.wait_for_close().await;
        assert_eq!(goodbye.code, Some(CloseReason::Malformed));
        assert!(goodbye.closing.is_some(), "it hears why, though it never says that it did");
    }
    ada.wait_for_ticks(5).await;
}

#[tokio::test]
async fn good_messages_after_a_refusal_are_neither_heard_nor_kept() {
    let server = TestServer::<Crowd>::start(&[]);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let mut peer = RawPeer::connect(server.address()).await;
    peer.send(&ClientMessage::Hello(Hello { protocol: 0, ..hello::<Crowd>("old") })).await;
    let mut list = Vec::new();
    codec::encode(&ClientMessage::ListRooms, &mut list);
    // It ends with the server's patience. A deframer that was pushed to before it was emptied would panic here.
    peer.flood(&list).await;
    assert_eq!(peer.wait_for_close_code().await, Some(CloseReason::VersionMismatch), "the first reason stands");
    ada.wait_for_ticks(5).await;
}
