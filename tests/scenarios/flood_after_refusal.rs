//! A refused peer that keeps writing costs the server nothing: bytes after an invalid frame are not read, and valid messages
//! are discarded.

use quarrel_harness::{Player, RawPeer, TestServer, raw::hello};
use quarrel_shared::{
    crowd::Crowd,
    protocol::{ClientMessage, CloseReason, Hello, codec},
};

/// More than a stream's window, and far less than a second of flood on loopback.
const LITTLE_BYTES: usize = 64 * 1024;

/// Enough peers to make the cost of one of them measurable.
const PEERS: usize = 8;

#[tokio::test]
async fn a_flood_after_an_oversized_frame_stops_at_the_stream_window_and_others_play_on() {
    let server = TestServer::<Crowd>::start(&[]);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    for _ in 0..PEERS {
        let mut peer = RawPeer::connect(server.address()).await;
        let taken = peer.flood(&[0xff; 1024]).await;
        assert!(taken <= LITTLE_BYTES, "a malformed peer may fill one window only, took {taken} bytes");
        let close = peer.wait_for_close().await;
        assert_eq!(close.code, Some(CloseReason::Malformed));
        assert!(close.closing.is_some(), "a peer must receive the reason even if it never acknowledges it");
    }
    ada.wait_for_ticks(5).await;
}

#[tokio::test]
async fn valid_messages_after_a_refusal_are_discarded() {
    let server = TestServer::<Crowd>::start(&[]);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let mut peer = RawPeer::connect(server.address()).await;
    peer.send(&ClientMessage::Hello(Hello { protocol: 0, ..hello::<Crowd>("old") })).await;
    let mut list = Vec::new();
    codec::encode(&ClientMessage::ListRooms, &mut list);
    // The flood ends at the server's deadline. A deframer that takes bytes before it is emptied would panic here.
    peer.flood(&list).await;
    assert_eq!(
        peer.wait_for_close_code().await,
        Some(CloseReason::VersionMismatch),
        "the first close reason must stand"
    );
    ada.wait_for_ticks(5).await;
}
