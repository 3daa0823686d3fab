//! Join times over a bad link, step by step: QUIC handshake, welcome, seat.

use std::{sync::Arc, time::Duration};

use quarrel_client::{Client, Connector, net::transport};
use quarrel_shared::{
    crowd::Crowd,
    protocol::{ALPN, JoinTarget},
};
use quinn::{ClientConfig, Endpoint, crypto::rustls::QuicClientConfig};
use tokio::time::{Instant, sleep_until, timeout};

use super::{Link, SimWorld, world::SERVER};
use crate::raw::insecure_tls;

/// The time between two joins: a busy server, but slow enough that no join waits for another one's handshake.
const SPACING: Duration = Duration::from_millis(10);

/// A join that takes longer counts as failed. A client makes two attempts of 5 s.
const JOIN_TIMEOUT: Duration = Duration::from_secs(15);

/// Enough seats that no join is refused.
const SETTINGS: &[(&str, &str)] = &[("room.seats", "1000"), ("room.bots", "0")];

/// The durations of each step of the successful joins, in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JoinTimes {
    /// From the first packet to the end of the QUIC handshake.
    pub handshake: Vec<Duration>,
    /// From the first packet to the server's welcome.
    pub welcomed: Vec<Duration>,
    /// From the first packet to the seat.
    pub seated: Vec<Duration>,
    /// The errors of the joins that failed or timed out.
    pub failed: Vec<String>,
    /// The trace's hash.
    pub trace: u64,
}

/// The steps of one join that a client can observe.
struct Steps {
    welcomed: Duration,
    seated: Duration,
}

/// Measures `count` joins, one after the other, each over a link of its own; each client leaves when it has its seat. Then measures
/// as many handshakes alone, because a client does not report when its handshake ends.
#[must_use]
pub fn joins(seed: u64, count: u32, link: Link) -> JoinTimes {
    SimWorld::<Crowd>::run(seed, SETTINGS, async |world| {
        let mut times = JoinTimes::default();
        let connectors = (0..count).map(|_| world.connector(&link)).collect();
        for joined in spaced(connectors, join).await {
            match joined {
                Ok(Steps { welcomed, seated }) => {
                    times.welcomed.push(welcomed);
                    times.seated.push(seated);
                }
                Err(error) => times.failed.push(error),
            }
        }
        let endpoints = (0..count).map(|_| world.endpoint(&link)).collect();
        times.handshake.extend(spaced(endpoints, handshake).await.into_iter().flatten());
        for durations in [&mut times.handshake, &mut times.welcomed, &mut times.seated] {
            durations.sort_unstable();
        }
        times.trace = world.trace().hash();
        times
    })
}

/// Returns the quantile of sorted durations; zero of an empty list.
#[must_use]
pub fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let at = (sorted.len().saturating_sub(1) as f64 * share).ceil() as usize;
    sorted.get(at).copied().unwrap_or_default()
}

/// Starts `join` for each client, [`SPACING`] apart, and returns the results in order.
async fn spaced<C, T, F>(clients: Vec<C>, join: fn(C) -> F) -> Vec<Result<T, String>>
where
    C: Send + 'static,
    T: Send + 'static,
    F: Future<Output = Result<T, String>> + Send + 'static,
{
    let start = Instant::now();
    let tasks = clients.into_iter().zip(0..).map(|(client, number)| {
        tokio::spawn(async move {
            sleep_until(start + SPACING * number).await;
            let joined = timeout(JOIN_TIMEOUT, Box::pin(join(client))).await;
            joined.unwrap_or_else(|_| Err(format!("client {number} timed out after {JOIN_TIMEOUT:?}")))
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut all = Vec::new();
    for task in tasks {
        all.push(task.await.expect("a client must not panic"));
    }
    all
}

async fn join(connector: Connector) -> Result<Steps, String> {
    let start = Instant::now();
    let client = Client::<Crowd>::connect_and_join(&connector, "newcomer", JoinTarget::Quick).await;
    let mut client = client.map_err(|error| error.to_string())?;
    let welcomed = start.elapsed();
    client.wait_for_seat().await.map_err(|error| error.to_string())?;
    let seated = start.elapsed();
    client.shutdown().await;
    Ok(Steps { welcomed, seated })
}

async fn handshake(endpoint: Endpoint) -> Result<Duration, String> {
    let crypto = QuicClientConfig::try_from(insecure_tls::client_config(ALPN))
        .expect("a cipher suite for initial packets");
    let mut config = ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport::transport_config()));
    let start = Instant::now();
    let connecting = endpoint.connect_with(config, SERVER, "localhost").expect("a valid address");
    let connection = connecting.await.map_err(|error| error.to_string())?;
    let duration = start.elapsed();
    connection.close(0u32.into(), b"");
    Ok(duration)
}
