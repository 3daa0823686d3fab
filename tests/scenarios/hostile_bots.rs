//! The load tester's hostile bots do what they are for, and those who play beside them do not notice.

use quarrel_client::{ConnectConfig, Connector, net::transport};
use quarrel_harness::{
    Player, TestServer,
    games::{Lever, Levers},
    raw::FirstPacket,
    until,
};
use quarrel_shared::{
    crowd::Crowd,
    game::{Game, Predict},
    protocol::JoinTarget,
};
use quarrel_swarm::hostile::{HostileKind, HostileRecord, attack};

/// How many ticks the honest ones see, at least, while somebody is hostile.
const TICKS: u32 = 30;

/// Is hostile for as long as `meanwhile` takes.
async fn harass<G: Game>(
    server: &TestServer<G>,
    kind: HostileKind,
    meanwhile: impl Future<Output = ()> + Send,
) -> HostileRecord {
    let endpoint = transport::open_endpoint(server.address()).expect("a UDP port for a hostile bot");
    let config = ConnectConfig::new(server.address());
    let connector = Connector::new(endpoint, &config).expect("loopback is trusted");
    attack::<G>(kind, &connector, JoinTarget::Quick, 7, meanwhile).await.expect("a socket of its own")
}

/// Is hostile until the server shows `proof`, while two play; both go on playing.
async fn beside_players<G: Predict>(
    server: &TestServer<G>,
    kind: HostileKind,
    proof: impl Fn(&TestServer<G>) -> bool + Sync,
) -> HostileRecord
where
    G::Entity: Sync,
{
    let (mut ada, _) = Player::<G>::connect_and_join(server.address(), "Ada").await;
    let (mut ben, _) = Player::<G>::connect_and_join(server.address(), "Ben").await;
    let record = harass(server, kind, async {
        let proven = until("what a hostile bot does", || proof(server));
        tokio::join!(proven, ada.wait_for_ticks(TICKS), ben.wait_for_ticks(TICKS));
    });
    let record = record.await;
    ada.wait_for_ticks(1).await;
    ben.wait_for_ticks(1).await;
    println!("{kind}: {record:?}");
    record
}

fn disconnects<G: Game>(server: &TestServer<G>, reason: &str) -> f64 {
    server.metric(&format!("quarrel_disconnects_total{{reason=\"{reason}\"}}"))
}

fn inputs<G: Game>(server: &TestServer<G>, fate: &str) -> f64 {
    server.metric(&format!("quarrel_inputs_total{{fate=\"{fate}\"}}"))
}

#[tokio::test]
async fn garbage_is_malformed_by_datagram_and_on_the_stream_and_comes_again() {
    let server = TestServer::<Crowd>::start(&[]);
    let proof = |server: &TestServer<_>| disconnects(server, "malformed") >= 2.0;
    let record = beside_players(&server, HostileKind::Garbage, proof).await;
    assert!(record.closes["malformed"] >= 1 && record.lives >= 2, "{record:?}");
}

#[tokio::test]
async fn a_flood_of_inputs_and_one_of_chat_are_closed_as_such() {
    let server = TestServer::<Crowd>::start(&[]);
    let proof = |server: &TestServer<_>| disconnects(server, "rate_limited") >= 2.0;
    let record = beside_players(&server, HostileKind::Flood, proof).await;
    assert!(record.closes["rate_limited"] >= 1 && record.lives >= 2, "{record:?}");
    assert!(record.sent > 150, "more than a burst in each life: {record:?}");
}

#[tokio::test]
async fn forged_ticks_are_dropped_and_counted_and_nobody_is_harmed() {
    let server = TestServer::<Crowd>::start(&[]);
    // Those for ticks long past are counted as repetitions, as every honest player has many.
    let proof = |server: &TestServer<_>| inputs(server, "future") >= 10.0;
    let record = beside_players(&server, HostileKind::Forged, proof).await;
    assert!(record.sent >= 32, "one lie in four is of the future: {record:?}");
    assert_eq!((record.lives, record.closes.len()), (1, 0), "lies alone are no reason to close: {record:?}");
}

#[tokio::test]
async fn half_open_handshakes_are_ended_by_the_server() {
    let server = TestServer::<Crowd>::start(&[("net.handshake_timeout_ms", "300")]);
    let timed_out = "quarrel_refusals_total{reason=\"handshake_timeout\"}";
    let proof = |server: &TestServer<_>| server.metric(timed_out) >= 5.0;
    let record = beside_players(&server, HostileKind::HalfOpen, proof).await;
    assert!(record.lives >= 5 && record.sent >= record.lives, "{record:?}");
}

#[tokio::test]
async fn many_half_open_handshakes_make_newcomers_prove_their_address_and_they_do() {
    let server = TestServer::<Crowd>::start(&[("net.retry_above_half_open", "2")]);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    harass(&server, HostileKind::HalfOpen, async {
        // In that time some ten handshakes are begun.
        ada.wait_for_ticks(TICKS).await;
        let stranger = FirstPacket::send(server.address()).await;
        assert!(stranger.receives_retry().await, "two of them are enough to be wary");
        let (mut ben, _) = Player::<Crowd>::connect_and_join(server.address(), "Ben").await;
        ben.wait_for_ticks(TICKS).await;
        ada.wait_for_ticks(1).await;
    })
    .await;
}

#[tokio::test]
async fn who_reads_nothing_is_too_slow_as_soon_as_there_is_a_lot_to_read() {
    let server = TestServer::<Levers>::start(&[]);
    let (mut loud, _) = Player::<Levers>::connect_and_join(server.address(), "loud").await;
    loud.set_input(Lever::Shout);
    let record = harass(&server, HostileKind::SlowReader, async {
        let closed = until("a slow reader's end", || disconnects(&server, "too_slow") >= 1.0);
        tokio::join!(closed, loud.wait_for_ticks(TICKS));
        // Its close code is on its way.
        until("its next life", || server.metric("quarrel_joins_total") >= 3.0).await;
    })
    .await;
    loud.wait_for_ticks(1).await;
    assert!(record.closes["too_slow"] == 1 && record.sent > 0, "{record:?}");
}
