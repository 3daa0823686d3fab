//! Bytes that mean nothing end the connection that sent them, with a reason, and no other.

use quarrel_harness::{Player, RawPeer, RawSeat, TestServer};
use quarrel_shared::{
    crowd::{Crowd, Steering},
    limits::MAX_CLIENT_MESSAGE_BYTES,
    protocol::{ClientMessage, CloseReason, JoinTarget, codec},
};

/// A framed message, ready to be damaged.
fn framed(message: &ClientMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode(message, &mut bytes);
    bytes
}

/// A frame around anything.
fn frame(body: &[u8]) -> Vec<u8> {
    let mut bytes = (body.len() as u16).to_le_bytes().to_vec();
    bytes.extend(body);
    bytes
}

/// What may come on a control stream, and what is wrong with it.
fn damaged_messages() -> Vec<(&'static str, Vec<u8>)> {
    let join = framed(&ClientMessage::Join(JoinTarget::Quick)).split_off(2);
    vec![
        ("a message of a kind that does not exist", frame(&99u32.to_le_bytes())),
        ("an empty message", frame(&[])),
        ("a message that ends early", frame(&join[..join.len() - 1])),
        ("a message with bytes left over", frame(&[&join[..], &[0]].concat())),
        (
            "an announcement of more than any message has",
            (MAX_CLIENT_MESSAGE_BYTES as u16 + 1).to_le_bytes().into(),
        ),
        ("the longest announcement there is", vec![0xff; 2]),
        ("a chat that says it is 2^64 bytes long", frame(&[&4u32.to_le_bytes()[..], &[0xff; 8]].concat())),
        ("a chat that is no UTF-8", frame(&[&4u32.to_le_bytes()[..], &1u64.to_le_bytes(), &[0xff]].concat())),
        (
            "a chat that moves the cursor",
            frame(&[&4u32.to_le_bytes()[..], &1u64.to_le_bytes(), &[0x1b]].concat()),
        ),
        ("words", b"GET / HTTP/1.1\r\nHost: quarrel\r\n\r\n".to_vec()),
    ]
}

#[tokio::test]
async fn damaged_messages_are_closed_as_malformed_and_the_others_play_on() {
    let server = TestServer::<Crowd>::start(&[]);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    for (what, bytes) in damaged_messages() {
        let mut peer = RawPeer::connect_and_hello::<Crowd>(server.address(), "Mallory").await;
        peer.write(&bytes).await;
        let goodbye = peer.wait_for_close().await;
        assert_eq!(goodbye.code, Some(CloseReason::Malformed), "{what} is malformed: {goodbye:?}");
        let (reason, sentence) = goodbye.closing.expect("and is told so");
        assert!(reason == CloseReason::Malformed && sentence.contains("Update"), "{what}: {sentence}");
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
        ("a datagram with bytes left over", [&good[..], &[0, 0]].concat()),
        ("an input for before the room began", vec![0; 16]),
        ("ones", vec![0xff; 64]),
    ];
    for (what, bytes) in damaged {
        let peer = RawSeat::<Crowd>::connect_and_join(server.address(), "Mallory").await.peer;
        peer.send_datagram(&bytes);
        let goodbye = peer.wait_for_close().await;
        assert_eq!(goodbye.code, Some(CloseReason::Malformed), "{what} is malformed: {goodbye:?}");
        ada.wait_for_ticks(1).await;
    }
    assert!(seat.peer.is_connected(), "what others send is their own business");
}

#[tokio::test]
async fn an_empty_datagram_is_no_fault() {
    let server = TestServer::<Crowd>::start(&[]);
    let mut seat = RawSeat::<Crowd>::connect_and_join(server.address(), "Ada").await;
    // A client that waits for its seat sends them, and some cross the message that gives it.
    seat.peer.send_datagram(&[]);
    seat.receive_view().await;
    seat.receive_view().await;
    assert!(seat.peer.is_connected(), "it says nothing, so nothing is wrong with it");
}

#[tokio::test]
async fn a_datagram_for_a_seat_that_was_left_is_no_fault() {
    let server = TestServer::<Crowd>::start(&[]);
    let mut peer = RawPeer::connect_and_hello::<Crowd>(server.address(), "Ada").await;
    // On its way when the seat was left, or before it was given: nobody reads it.
    peer.send_datagram(&[0xff; 64]);
    peer.send(&ClientMessage::ListRooms).await;
    assert!(peer.receive().await.is_some(), "the connection lives");
}
