//! Who may shake hands, over the wire: the limit of a network, the proof of an address under pressure, and the cap on handshakes
//! that do not come to an end. (That a full server says so is in `handshake`.)

use std::net::{IpAddr, Ipv4Addr};

use quarrel_harness::{Player, RawPeer, TestServer, raw::FirstPacket, within};
use quarrel_shared::crowd::Crowd;
use quinn::ConnectionError;

/// Loopback is a /8: this is another network than that of every other peer here.
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 1, 1));

/// First packets that were ignored.
const IGNORED: &str = "quarrel_refusals_total{reason=\"address_rate\"}";

/// First packets that were refused, since too many handshakes are half-open.
const REFUSED: &str = "quarrel_refusals_total{reason=\"handshakes_full\"}";

/// QUIC's CONNECTION_REFUSED.
const CONNECTION_REFUSED: u64 = 0x02;

#[tokio::test]
async fn a_network_past_its_burst_is_ignored_for_a_while_and_another_is_not() {
    let server =
        TestServer::<Crowd>::start(&[("net.handshake_burst", "2"), ("net.handshakes_per_address_s", "1")]);
    let mut peers = Vec::new();
    // Whoever is ignored sends its first packet again, so each of them comes in, some later than others.
    while server.metric(IGNORED) == 0.0 {
        peers.push(RawPeer::connect(server.address()).await);
        assert!(peers.len() < 100, "a network cannot go on past its burst");
    }
    assert!(peers.len() > 2, "the burst was let in at once");
    let ignored = server.metric(IGNORED);
    let other = RawPeer::connect_from(ELSEWHERE, server.address()).await;
    assert_eq!(server.metric(IGNORED), ignored, "another network comes in with its first packet");
    assert!(other.is_connected() && peers.iter().all(RawPeer::is_connected));
}

#[tokio::test]
async fn under_pressure_an_address_is_proven_and_players_do_not_notice() {
    let server = TestServer::<Crowd>::start(&[("net.retry_above_half_open", "0")]);
    let stranger = FirstPacket::send(server.address()).await;
    assert!(stranger.receives_retry().await, "nothing is done for an address that is not proven");
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    ada.wait_for_ticks(5).await;
}

#[tokio::test]
async fn without_pressure_nobody_pays_a_round_trip_for_a_proof() {
    let server = TestServer::<Crowd>::start(&[]);
    let stranger = FirstPacket::send(server.address()).await;
    assert!(!stranger.receives_retry().await, "the first answer is a handshake's");
}

#[tokio::test]
async fn past_the_cap_of_half_open_handshakes_newcomers_are_refused_until_one_times_out() {
    let server = TestServer::<Crowd>::start(&[
        ("net.max_half_open", "1"),
        ("net.retry_above_half_open", "1"),
        ("net.handshake_timeout_ms", "2000"),
    ]);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let half_open = FirstPacket::send(server.address()).await;
    assert!(!half_open.receives_retry().await, "the first one is answered");
    let refused = RawPeer::try_connect(server.address()).await.err();
    let Some(ConnectionError::ConnectionClosed(close)) = refused else {
        panic!("past the cap a newcomer is told no, not {refused:?}")
    };
    assert_eq!(u64::from(close.error_code), CONNECTION_REFUSED);
    assert!(server.metric(REFUSED) >= 1.0, "it is counted");
    ada.wait_for_ticks(5).await;
    within("a place once the handshake's time is over", async {
        while RawPeer::try_connect(server.address()).await.is_err() {}
    })
    .await;
}
