//! The load tester's hostile bots provoke the server's defences, and players beside them are not affected.

use quarrel_client::{ConnectConfig, Connector, net::transport};
use quarrel_harness::{
    Player, TestServer,
    games::{Lever, Levers},
    raw::FirstPacket,
    server::by_outcome,
    until,
};
use quarrel_shared::{
    crowd::Crowd,
    game::{Game, Predict},
    protocol::JoinTarget,
};
use quarrel_swarm::hostile::{HostileKind, HostileRecord, attack};

/// The minimum ticks that honest players see during an attack.
const TICKS: u32 = 30;

/// Runs an attack for as long as `meanwhile` takes.
async fn harass<G: Game>(
    server: &TestServer<G>,
    kind: HostileKind,
    meanwhile: impl Future<Output = ()> + Send,
) -> HostileRecord {
    let endpoint = transport::open_endpoint(server.address()).expect("a UDP port for a hostile bot");
    let config = ConnectConfig::new(server.address());
    let connector = Connector::new(endpoint, &config).expect("loopback is trusted");
    attack::<G>(kind, &connector, JoinTarget::Quick, 7, meanwhile).await.expect("a socket for the attack")
}

/// Runs an attack until the server shows `proof`, while two players play; both keep playing afterwards.
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
        let proven = until("the effect of the attack", || proof(server));
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

fn inputs<G: Game>(server: &TestServer<G>, outcome: &str) -> f64 {
    server.metric(&by_outcome("quarrel_inputs_total", outcome))
}

#[tokio::test]
async fn garbage_in_datagrams_and_on_the_stream_is_closed_as_malformed() {
    let server = TestServer::<Crowd>::start(&[]);
    let proof = |server: &TestServer<_>| disconnects(server, "malformed") >= 2.0;
    let record = beside_players(&server, HostileKind::Garbage, proof).await;
    assert!(record.closes["malformed"] >= 1 && record.lives >= 2, "{record:?}");
}

#[tokio::test]
async fn floods_of_inputs_and_of_chat_are_closed_as_rate_limited() {
    let server = TestServer::<Crowd>::start(&[]);
    let proof = |server: &TestServer<_>| disconnects(server, "rate_limited") >= 2.0;
    let record = beside_players(&server, HostileKind::Flood, proof).await;
    assert!(record.closes["rate_limited"] >= 1 && record.lives >= 2, "{record:?}");
    assert!(record.sent > 150, "each connection must send more than a burst: {record:?}");
}

#[tokio::test]
async fn forged_ticks_are_dropped_and_counted_without_closing_the_connection() {
    let server = TestServer::<Crowd>::start(&[]);
    // Inputs for ticks long past count as duplicates, which every honest player has too.
    let proof = |server: &TestServer<_>| inputs(server, "future") >= 10.0;
    let record = beside_players(&server, HostileKind::Forged, proof).await;
    assert!(record.sent >= 32, "one forged input in four must be for a future tick: {record:?}");
    assert_eq!(
        (record.lives, record.closes.len()),
        (1, 0),
        "forged ticks must not close the connection: {record:?}"
    );
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
async fn many_half_open_handshakes_enable_address_validation_and_players_still_connect() {
    let server = TestServer::<Crowd>::start(&[("net.retry_above_half_open", "2")]);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let joins = async {
        // Some ten handshakes begin in that time.
        ada.wait_for_ticks(TICKS).await;
        let probe = FirstPacket::send(server.address()).await;
        assert!(probe.receives_retry().await, "two half-open handshakes must enable address validation");
        let (mut ben, _) = Player::<Crowd>::connect_and_join(server.address(), "Ben").await;
        ben.wait_for_ticks(TICKS).await;
        ada.wait_for_ticks(1).await;
    };
    harass(&server, HostileKind::HalfOpen, Box::pin(joins)).await;
}

#[tokio::test]
async fn a_peer_that_reads_nothing_is_closed_as_too_slow_once_events_pile_up() {
    let server = TestServer::<Levers>::start(&[]);
    let (mut loud, _) = Player::<Levers>::connect_and_join(server.address(), "loud").await;
    loud.set_input(Lever::Shout);
    let record = harass(&server, HostileKind::SlowReader, async {
        let closed = until("a slow reader's end", || disconnects(&server, "too_slow") >= 1.0);
        tokio::join!(closed, loud.wait_for_ticks(TICKS));
        // By then its close code has arrived.
        until("its next connection", || server.metric("quarrel_joins_total") >= 3.0).await;
    })
    .await;
    loud.wait_for_ticks(1).await;
    assert!(record.closes["too_slow"] == 1 && record.sent > 0, "{record:?}");
}
