//! A bot of the load tester plays over a simulated link of the table, on a real socket.

use std::time::{Duration, Instant};

use quarrel_client::{Client, ClientEvent, ConnectConfig, Connector};
use quarrel_harness::{TestServer, within};
use quarrel_netsim::Link;
use quarrel_shared::{crowd::Crowd, protocol::JoinTarget};
use quarrel_swarm::run::open_impaired;

/// Joins over this link and plays for a second; returns the time until the seat.
async fn plays(server: &TestServer<Crowd>, link: &Link) -> Duration {
    let endpoint = open_impaired(server.address(), link, 1, 0).expect("a UDP port for a bot");
    let connector =
        Connector::new(endpoint, &ConnectConfig::new(server.address())).expect("loopback is trusted");
    let began = Instant::now();
    let client = within("a connection", Client::<Crowd>::connect_with(&connector, "bot")).await;
    let mut client = client.unwrap_or_else(|error| panic!("{}: {error}", link.name));
    within("a seat", client.join(JoinTarget::Quick)).await.expect("a seat");
    let took = began.elapsed();
    let mut first = None;
    within("a second of play", async {
        loop {
            let Some(ClientEvent::View(view)) = client.next().await else { continue };
            if view.tick.since(*first.get_or_insert(view.tick)) >= 30 {
                return;
            }
        }
    })
    .await;
    within("a close", client.shutdown()).await;
    took
}

#[tokio::test]
async fn a_bot_plays_on_the_best_and_on_the_worst_link_with_their_delays() {
    let server = TestServer::<Crowd>::start(&[]);
    plays(&server, &Link::named("lan")).await;
    let took = plays(&server, &Link::named("hostile")).await;
    assert!(
        took >= Duration::from_millis(400),
        "a handshake and a seat must take two round trips, took {took:?}"
    );
}
