//! Handshake admission: the rate limit of a network, address validation under load, and the cap on half-open handshakes. The
//! refusal by a full server is in `handshake`.

use std::net::{IpAddr, Ipv4Addr};

use quarrel_harness::{Player, RawPeer, TestServer, raw::FirstPacket, within};
use quarrel_shared::crowd::Crowd;
use quinn::ConnectionError;

/// An address of another network than that of every other peer here: loopback is a /8.
const OTHER_NETWORK: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 1, 1));

/// The metric of first packets that were ignored because their network exceeded its rate.
const IGNORED: &str = "quarrel_refusals_total{reason=\"address_rate\"}";

/// The metric of first packets that were refused because too many handshakes are half-open.
const REFUSED: &str = "quarrel_refusals_total{reason=\"handshakes_full\"}";

/// QUIC's transport error code CONNECTION_REFUSED.
const CONNECTION_REFUSED: u64 = 0x02;

#[tokio::test]
async fn first_packets_past_the_burst_of_a_network_are_ignored_and_other_networks_connect() {
    let server =
        TestServer::<Crowd>::start(&[("net.handshake_burst", "2"), ("net.handshakes_per_address_s", "1")]);
    let mut peers = Vec::new();
    // An ignored client retransmits its first packet, so every peer connects, some later than others.
    while server.metric(IGNORED) == 0.0 {
        peers.push(RawPeer::connect(server.address()).await);
        assert!(peers.len() < 100, "a network past its burst must be rate limited");
    }
    assert!(peers.len() > 2, "the burst must connect without a delay");
    let ignored = server.metric(IGNORED);
    let other = RawPeer::connect_from(OTHER_NETWORK, server.address()).await;
    assert_eq!(server.metric(IGNORED), ignored, "another network must connect with its first packet");
    assert!(other.is_connected() && peers.iter().all(RawPeer::is_connected));
}

#[tokio::test]
async fn under_load_an_address_is_validated_and_players_still_connect() {
    let server = TestServer::<Crowd>::start(&[("net.retry_above_half_open", "0")]);
    let probe = FirstPacket::send(server.address()).await;
    assert!(probe.receives_retry().await, "an unvalidated address must get a retry packet");
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    ada.wait_for_ticks(5).await;
}

#[tokio::test]
async fn without_load_no_round_trip_is_spent_on_address_validation() {
    let server = TestServer::<Crowd>::start(&[]);
    let probe = FirstPacket::send(server.address()).await;
    assert!(!probe.receives_retry().await, "the first answer must be a handshake packet");
}

#[tokio::test]
async fn past_the_cap_of_half_open_handshakes_new_ones_are_refused_until_one_times_out() {
    let server = TestServer::<Crowd>::start(&[
        ("net.max_half_open", "1"),
        ("net.retry_above_half_open", "1"),
        ("net.handshake_timeout_ms", "2000"),
    ]);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let half_open = FirstPacket::send(server.address()).await;
    assert!(!half_open.receives_retry().await, "the first handshake must be answered");
    let refused = RawPeer::try_connect(server.address()).await.err();
    let Some(ConnectionError::ConnectionClosed(close)) = refused else {
        panic!("a handshake past the cap must be refused, got {refused:?}")
    };
    assert_eq!(u64::from(close.error_code), CONNECTION_REFUSED);
    assert!(server.metric(REFUSED) >= 1.0, "a refusal must be counted");
    ada.wait_for_ticks(5).await;
    within("a connection after the half-open handshake timed out", async {
        while RawPeer::try_connect(server.address()).await.is_err() {}
    })
    .await;
}
