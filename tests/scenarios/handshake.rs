//! Who is let in, and what those are told who are not: a reason with a sentence on the control stream, and the same reason
//! as the QUIC close code.

use quarrel_client::{Client, ConnectConfig, ConnectError};
use quarrel_harness::{ServerClose, RawPeer, TestServer, raw::hello, wait::within};
use quarrel_shared::{
    crowd::Crowd,
    game::Game as _,
    protocol::{ClientMessage, CloseReason, Fingerprint, Hello, JoinTarget, PROTOCOL_VERSION, bounded::Text},
};

/// A deadline that a test can wait for.
const SOON: (&str, &str) = ("net.handshake_timeout_ms", "300");

fn server() -> TestServer<Crowd> {
    TestServer::start(&[])
}

/// Says this first and hears the server out.
async fn goodbye_after(server: &TestServer<Crowd>, first: &ClientMessage) -> ServerClose {
    let mut peer = RawPeer::connect(server.address()).await;
    peer.send(first).await;
    peer.wait_for_close().await
}

async fn goodbye_after_hello(hello: Hello) -> ServerClose {
    goodbye_after(&server(), &ClientMessage::Hello(hello)).await
}

/// Both ways of saying why agree, and the sentence tells a person what to do.
fn assert_refused(goodbye: &ServerClose, reason: CloseReason, advice: &str) {
    let (said, sentence) = goodbye.closing.as_ref().expect("a refusal says why on the control stream");
    assert_eq!(*said, reason, "the control stream gives the reason: {sentence}");
    assert_eq!(goodbye.code, Some(reason), "the QUIC close code gives the same reason");
    assert!(sentence.contains(advice), "a refusal says what to do (\"{advice}\"): {sentence}");
}

#[tokio::test]
async fn an_older_client_is_told_to_update() {
    let goodbye =
        goodbye_after_hello(Hello { protocol: PROTOCOL_VERSION - 1, ..hello::<Crowd>("Ada") }).await;
    assert_refused(&goodbye, CloseReason::VersionMismatch, "the client is older; update it");
}

#[tokio::test]
async fn a_newer_client_is_told_that_the_server_is_older() {
    let goodbye =
        goodbye_after_hello(Hello { protocol: PROTOCOL_VERSION + 1, ..hello::<Crowd>("Ada") }).await;
    assert_refused(&goodbye, CloseReason::VersionMismatch, "ask its operator to update it");
}

#[tokio::test]
async fn a_client_of_another_game_is_told_both_names() {
    let goodbye = goodbye_after_hello(Hello { game: Text::lossy("chess"), ..hello::<Crowd>("Ada") }).await;
    assert_refused(&goodbye, CloseReason::GameMismatch, "connect to one that runs yours");
    let (_, sentence) = goodbye.closing.expect("said");
    assert!(sentence.contains("crowd") && sentence.contains("chess"), "{sentence}");
}

#[tokio::test]
async fn a_client_of_another_revision_is_told_which_side_is_older() {
    let goodbye = goodbye_after_hello(Hello { revision: Crowd::REVISION + 1, ..hello::<Crowd>("Ada") }).await;
    assert_refused(&goodbye, CloseReason::FingerprintMismatch, "the server is older");
}

#[tokio::test]
async fn a_client_that_codes_the_same_game_otherwise_is_told_to_build_both_from_one_source() {
    let goodbye = goodbye_after_hello(Hello { fingerprint: Fingerprint(1), ..hello::<Crowd>("Ada") }).await;
    assert_refused(&goodbye, CloseReason::FingerprintMismatch, "build both from one source");
}

#[tokio::test]
async fn garbage_instead_of_a_hello_is_malformed() {
    let server = server();
    let mut peer = RawPeer::connect(server.address()).await;
    peer.write(b"\x10\x00GET / HTTP/1.1\r\n\r\n").await;
    assert_refused(&peer.wait_for_close().await, CloseReason::Malformed, "Update");
}

#[tokio::test]
async fn a_message_before_the_hello_is_out_of_order() {
    let goodbye = goodbye_after(&server(), &ClientMessage::Join(JoinTarget::Quick)).await;
    assert_refused(&goodbye, CloseReason::Malformed, "something before its hello");
}

#[tokio::test]
async fn a_second_hello_is_out_of_order() {
    let server = server();
    let mut peer = RawPeer::connect_and_hello::<Crowd>(server.address(), "Ada").await;
    peer.send(&ClientMessage::Hello(hello::<Crowd>("Ben"))).await;
    assert_refused(&peer.wait_for_close().await, CloseReason::Malformed, "a second hello");
}

#[tokio::test]
async fn half_a_hello_and_then_silence_ends_at_the_deadline() {
    let server = TestServer::<Crowd>::start(&[SOON]);
    let mut peer = RawPeer::connect(server.address()).await;
    peer.write(&[40, 0, 0]).await;
    assert_refused(&peer.wait_for_close().await, CloseReason::HandshakeTimeout, "connect again");
    assert_eq!(server.metric("quarrel_refusals_total{reason=\"handshake_timeout\"}"), 1.0, "it is counted");
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_ever_said_ends_at_the_deadline() {
    let server = TestServer::<Crowd>::start(&[SOON]);
    let peer = RawPeer::connect(server.address()).await;
    // The server never sees a stream on which nothing was written, so there is no place for a sentence.
    assert_eq!(peer.wait_for_close_code().await, Some(CloseReason::HandshakeTimeout));
}

#[tokio::test]
async fn a_welcomed_client_may_be_silent_past_the_deadline() {
    let server = TestServer::<Crowd>::start(&[SOON]);
    let mut welcomed = RawPeer::connect_and_hello::<Crowd>(server.address(), "Ada").await;
    let silent = RawPeer::connect(server.address()).await;
    assert_eq!(silent.wait_for_close_code().await, Some(CloseReason::HandshakeTimeout), "the deadline has passed");
    welcomed.send(&ClientMessage::ListRooms).await;
    assert!(welcomed.receive().await.is_some(), "the deadline is for the hello alone");
}

#[tokio::test]
async fn a_full_server_says_so_and_has_room_again_when_somebody_goes() {
    let server = TestServer::<Crowd>::start(&[("net.max_sessions", "1")]);
    let first = RawPeer::connect_and_hello::<Crowd>(server.address(), "Ada").await;
    let goodbye = goodbye_after(&server, &ClientMessage::Hello(hello::<Crowd>("Ben"))).await;
    assert_refused(&goodbye, CloseReason::ServerFull, "try again later");
    drop(first);
    within("a place for the next", async { while goodbye_or_welcome(&server).await.is_err() {} }).await;
}

/// Connects as a client would, to be welcomed or refused.
async fn goodbye_or_welcome(server: &TestServer<Crowd>) -> Result<(), ConnectError> {
    let client = Client::<Crowd>::connect(&ConnectConfig::new(server.address())).await?;
    client.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_client_program_is_given_the_reason_and_the_sentence() {
    let server = TestServer::<Crowd>::start(&[("net.max_sessions", "1")]);
    let _first = RawPeer::connect_and_hello::<Crowd>(server.address(), "Ada").await;
    match goodbye_or_welcome(&server).await {
        Err(ConnectError::Refused { reason, sentence }) => {
            assert_eq!(reason, CloseReason::ServerFull);
            assert!(sentence.contains("try again later"), "{sentence}");
        }
        other => panic!("a full server refuses: {other:?}"),
    }
}

#[tokio::test]
async fn every_refusal_says_what_to_do() {
    for reason in CloseReason::ALL {
        let sentence = reason.sentence();
        let is_advice = sentence.contains(';') || sentence.contains(',') || reason == CloseReason::Left;
        assert!(
            is_advice && sentence.ends_with('.'),
            "{reason:?}: what happened; what to do. Not: {sentence}"
        );
    }
}
