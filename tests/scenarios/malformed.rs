//! Malformed messages and datagrams close the connection that sent them, with a reason, and no other.

use quarrel_harness::{Player, RawPeer, RawSeat, TestServer};
use quarrel_shared::{
    crowd::{Crowd, Steering},
    limits::MAX_CLIENT_MESSAGE_BYTES,
    protocol::{ClientMessage, CloseReason, JoinTarget, codec},
};

/// A framed message.
fn framed(message: &ClientMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode(message, &mut bytes);
    bytes
}

/// A frame around any bytes.
fn frame(body: &[u8]) -> Vec<u8> {
    let mut bytes = (body.len() as u16).to_le_bytes().to_vec();
    bytes.extend(body);
    bytes
}

/// Malformed messages on a control stream, each with a description.
fn damaged_messages() -> Vec<(&'static str, Vec<u8>)> {
    let join = framed(&ClientMessage::Join(JoinTarget::Quick)).split_off(2);
    vec![
        ("a message of an unknown kind", frame(&99u32.to_le_bytes())),
        ("an empty message", frame(&[])),
        ("a message that ends early", frame(&join[..join.len() - 1])),
        ("a message with trailing bytes", frame(&[&join[..], &[0]].concat())),
        ("a length above the limit of messages", (MAX_CLIENT_MESSAGE_BYTES as u16 + 1).to_le_bytes().into()),
        ("the largest length", vec![0xff; 2]),
        ("a chat line with a length of 2^64 bytes", frame(&[&4u32.to_le_bytes()[..], &[0xff; 8]].concat())),
        (
            "a chat line that is not UTF-8",
            frame(&[&4u32.to_le_bytes()[..], &1u64.to_le_bytes(), &[0xff]].concat()),
        ),
        (
            "a chat line with a control character",
            frame(&[&4u32.to_le_bytes()[..], &1u64.to_le_bytes(), &[0x1b]].concat()),
        ),
        ("an HTTP request", b"GET / HTTP/1.1\r\nHost: quarrel\r\n\r\n".to_vec()),
    ]
}

#[tokio::test]
async fn damaged_messages_are_closed_as_malformed_and_the_others_play_on() {
    let server = TestServer::<Crowd>::start(&[]);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    for (what, bytes) in damaged_messages() {
        let mut peer = RawPeer::connect_and_hello::<Crowd>(server.address(), "Mallory").await;
        peer.write(&bytes).await;
        let close = peer.wait_for_close().await;
        assert_eq!(close.code, Some(CloseReason::Malformed), "{what} must be closed as malformed: {close:?}");
        let (reason, sentence) = close.closing.expect("a reason and a sentence");
        assert!(
            reason == CloseReason::Malformed && sentence.contains("Update"),
            "{what}: the sentence must advise an update: {sentence}"
        );
        ada.wait_for_ticks(1).await;
    }
}

#[tokio::test]
async fn damaged_datagrams_are_closed_as_malformed_and_the_others_play_on() {
    let server = TestServer::<Crowd>::start(&[]);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let mut seat = RawSeat::<Crowd>::connect_and_join(server.address(), "honest").await;
    seat.receive_view().await;
    let good = seat.input_datagram(Steering { bend: 5 }, seat.ack());
    let damaged: [(&str, Vec<u8>); 4] = [
        ("a datagram that ends early", good[..good.len() / 2].to_vec()),
        ("a datagram with trailing bytes", [&good[..], &[0, 0]].concat()),
        ("an input for a tick before the room's start", vec![0; 16]),
        ("all bits set", vec![0xff; 64]),
    ];
    for (what, bytes) in damaged {
        let peer = RawSeat::<Crowd>::connect_and_join(server.address(), "Mallory").await.peer;
        peer.send_datagram(&bytes);
        let close = peer.wait_for_close().await;
        assert_eq!(close.code, Some(CloseReason::Malformed), "{what} must be closed as malformed: {close:?}");
        ada.wait_for_ticks(1).await;
    }
    assert!(seat.peer.is_connected(), "another peer's malformed bytes must not close this connection");
}

#[tokio::test]
async fn an_empty_datagram_is_accepted() {
    let server = TestServer::<Crowd>::start(&[]);
    let mut seat = RawSeat::<Crowd>::connect_and_join(server.address(), "Ada").await;
    // A client that waits for its seat sends empty datagrams, and some cross the message that assigns it.
    seat.peer.send_datagram(&[]);
    seat.receive_view().await;
    seat.receive_view().await;
    assert!(seat.peer.is_connected(), "an empty datagram must not close the connection");
}

#[tokio::test]
async fn a_datagram_without_a_seat_is_ignored() {
    let server = TestServer::<Crowd>::start(&[]);
    let mut peer = RawPeer::connect_and_hello::<Crowd>(server.address(), "Ada").await;
    // A datagram in flight when the seat is left or before it is assigned is not decoded.
    peer.send_datagram(&[0xff; 64]);
    peer.send(&ClientMessage::ListRooms).await;
    assert!(peer.receive().await.is_some(), "the connection must stay open");
}
