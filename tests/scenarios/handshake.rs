//! The application handshake: valid hellos are welcomed; every other peer gets a reason with a sentence on the control stream,
//! and the same reason as the QUIC close code.

use quarrel_client::{Client, ConnectConfig, ConnectError};
use quarrel_harness::{RawPeer, ServerClose, TestServer, raw::hello, wait::within};
use quarrel_shared::{
    crowd::Crowd,
    game::Game as _,
    protocol::{ClientMessage, CloseReason, Fingerprint, Hello, JoinTarget, PROTOCOL_VERSION, bounded::Text},
};

/// A deadline short enough for a test.
const SHORT_DEADLINE: (&str, &str) = ("net.handshake_timeout_ms", "300");

fn server() -> TestServer<Crowd> {
    TestServer::start(&[])
}

/// Sends `first` and reads until the server closes the connection.
async fn close_after(server: &TestServer<Crowd>, first: &ClientMessage) -> ServerClose {
    let mut peer = RawPeer::connect(server.address()).await;
    peer.send(first).await;
    peer.wait_for_close().await
}

async fn close_after_hello(hello: Hello) -> ServerClose {
    close_after(&server(), &ClientMessage::Hello(hello)).await
}

/// Asserts that the control stream and the close code give the same reason, and that the sentence advises what to do.
fn assert_refused(close: &ServerClose, reason: CloseReason, advice: &str) {
    let (sent, sentence) = close.closing.as_ref().expect("a reason on the control stream");
    assert_eq!(*sent, reason, "the control stream must carry the reason: {sentence}");
    assert_eq!(close.code, Some(reason), "the QUIC close code must carry the same reason");
    assert!(sentence.contains(advice), "the sentence must advise \"{advice}\": {sentence}");
}

#[tokio::test]
async fn an_older_client_is_advised_to_update() {
    let close = close_after_hello(Hello { protocol: PROTOCOL_VERSION - 1, ..hello::<Crowd>("Ada") }).await;
    assert_refused(&close, CloseReason::VersionMismatch, "the client is older; update the client");
}

#[tokio::test]
async fn a_newer_client_learns_that_the_server_is_older() {
    let close = close_after_hello(Hello { protocol: PROTOCOL_VERSION + 1, ..hello::<Crowd>("Ada") }).await;
    assert_refused(&close, CloseReason::VersionMismatch, "ask its operator to update the server");
}

#[tokio::test]
async fn a_client_of_another_game_gets_both_names() {
    let close = close_after_hello(Hello { game: Text::lossy("chess"), ..hello::<Crowd>("Ada") }).await;
    assert_refused(&close, CloseReason::GameMismatch, "connect to one that runs yours");
    let (_, sentence) = close.closing.expect("a sentence");
    assert!(sentence.contains("crowd") && sentence.contains("chess"), "{sentence}");
}

#[tokio::test]
async fn a_client_of_another_revision_learns_which_side_is_older() {
    let close = close_after_hello(Hello { revision: Crowd::REVISION + 1, ..hello::<Crowd>("Ada") }).await;
    assert_refused(&close, CloseReason::FingerprintMismatch, "the server is older");
}

#[tokio::test]
async fn a_client_with_another_coding_of_the_game_is_advised_to_build_both_from_one_source() {
    let close = close_after_hello(Hello { fingerprint: Fingerprint(1), ..hello::<Crowd>("Ada") }).await;
    assert_refused(&close, CloseReason::FingerprintMismatch, "build both from the same source");
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
    let close = close_after(&server(), &ClientMessage::Join(JoinTarget::Quick)).await;
    assert_refused(&close, CloseReason::Malformed, "something before its hello");
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
    let server = TestServer::<Crowd>::start(&[SHORT_DEADLINE]);
    let mut peer = RawPeer::connect(server.address()).await;
    peer.write(&[40, 0, 0]).await;
    assert_refused(&peer.wait_for_close().await, CloseReason::HandshakeTimeout, "connect again");
    assert_eq!(
        server.metric("quarrel_refusals_total{reason=\"handshake_timeout\"}"),
        1.0,
        "a refusal must be counted"
    );
}

#[tokio::test]
async fn a_connection_without_any_message_ends_at_the_deadline() {
    let server = TestServer::<Crowd>::start(&[SHORT_DEADLINE]);
    let peer = RawPeer::connect(server.address()).await;
    // QUIC announces a stream with its first byte, so there is no stream for a sentence.
    assert_eq!(peer.wait_for_close_code().await, Some(CloseReason::HandshakeTimeout));
}

#[tokio::test]
async fn a_welcomed_client_may_be_silent_past_the_deadline() {
    let server = TestServer::<Crowd>::start(&[SHORT_DEADLINE]);
    let mut welcomed = RawPeer::connect_and_hello::<Crowd>(server.address(), "Ada").await;
    let silent = RawPeer::connect(server.address()).await;
    assert_eq!(
        silent.wait_for_close_code().await,
        Some(CloseReason::HandshakeTimeout),
        "the deadline must have passed"
    );
    welcomed.send(&ClientMessage::ListRooms).await;
    assert!(welcomed.receive().await.is_some(), "the deadline must apply to the hello only");
}

#[tokio::test]
async fn a_full_server_refuses_hellos_until_a_session_ends() {
    let server = TestServer::<Crowd>::start(&[("net.max_sessions", "1")]);
    let first = RawPeer::connect_and_hello::<Crowd>(server.address(), "Ada").await;
    let close = close_after(&server, &ClientMessage::Hello(hello::<Crowd>("Ben"))).await;
    assert_refused(&close, CloseReason::ServerFull, "try again later");
    drop(first);
    within("a free place after the first session", async {
        while close_or_welcome(&server).await.is_err() {}
    })
    .await;
}

/// Connects as a client would, to be welcomed or refused.
async fn close_or_welcome(server: &TestServer<Crowd>) -> Result<(), ConnectError> {
    let client = Client::<Crowd>::connect(&ConnectConfig::new(server.address())).await?;
    client.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_client_program_receives_the_reason_and_the_sentence() {
    let server = TestServer::<Crowd>::start(&[("net.max_sessions", "1")]);
    let _first = RawPeer::connect_and_hello::<Crowd>(server.address(), "Ada").await;
    match close_or_welcome(&server).await {
        Err(ConnectError::Refused { reason, sentence }) => {
            assert_eq!(reason, CloseReason::ServerFull);
            assert!(sentence.contains("try again later"), "{sentence}");
        }
        other => panic!("a full server must refuse: {other:?}"),
    }
}

#[tokio::test]
async fn every_refusal_advises_what_to_do() {
    for reason in CloseReason::ALL {
        let sentence = reason.sentence();
        let is_advice = sentence.contains(';') || sentence.contains(',') || reason == CloseReason::Left;
        assert!(
            is_advice && sentence.ends_with('.'),
            "{reason:?}: the sentence must state what happened and what to do: {sentence}"
        );
    }
}
