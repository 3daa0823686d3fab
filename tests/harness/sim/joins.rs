//! How long it takes to get a seat over a bad link, step by step.

use std::{sync::Arc, time::Duration};

use quarrel_client::{Client, Connector, net::transport};
use quarrel_shared::{
    crowd::Crowd,
    protocol::{ALPN, JoinTarget},
};
use quinn::{ClientConfig, Endpoint, crypto::rustls::QuicClientConfig};
use tokio::time::{Instant, sleep_until, timeout};

use super::{Link, SimWorld, world::SERVER};
use crate::raw::trust;

/// Newcomers come at this distance: a busy evening, and few enough that nobody waits for anybody else's handshake.
const SPACING: Duration = Duration::from_millis(10);

/// Whoever has no seat by then hangs. A client makes two attempts of 5 s.
const PATIENCE: Duration = Duration::from_secs(15);

/// Nobody is sent away for want of a seat.
const SETTINGS: &[(&str, &str)] = &[("room.seats", "1000"), ("room.bots", "0")];

/// How long each step took those who took it, in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Joins {
    /// From the first packet to the end of QUIC's handshake.
    pub shaken: Vec<Duration>,
    /// From the first packet to the server's welcome.
    pub welcomed: Vec<Duration>,
    /// From the first packet to the seat.
    pub seated: Vec<Duration>,
    /// What those were told who got no seat in time.
    pub hung: Vec<String>,
    /// The trace's hash.
    pub trace: u64,
}

/// The two moments that a client can see.
struct Seated {
    welcomed: Duration,
    seated: Duration,
}

/// So many newcomers, one after the other, each over a link of its own; they leave when they sit. And as many again who only shake
/// hands, since a client does not say when it has.
#[must_use]
pub fn joins(seed: u64, newcomers: u32, link: Link) -> Joins {
    SimWorld::<Crowd>::run(seed, SETTINGS, async |world| {
        let mut joins = Joins::default();
        let connectors = (0..newcomers).map(|_| world.connector(&link)).collect();
        for joined in one_by_one(connectors, join).await {
            match joined {
                Ok(Seated { welcomed, seated }) => {
                    joins.welcomed.push(welcomed);
                    joins.seated.push(seated);
                }
                Err(told) => joins.hung.push(told),
            }
        }
        let endpoints = (0..newcomers).map(|_| world.endpoint(&link)).collect();
        joins.shaken.extend(one_by_one(endpoints, shake).await.into_iter().flatten());
        for steps in [&mut joins.shaken, &mut joins.welcomed, &mut joins.seated] {
            steps.sort_unstable();
        }
        joins.trace = world.trace().hash();
        joins
    })
}

/// What a share of these durations does not exceed; nothing of nothing.
#[must_use]
pub fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let at = (sorted.len().saturating_sub(1) as f64 * share).ceil() as usize;
    sorted.get(at).copied().unwrap_or_default()
}

/// Lets each newcomer come in its turn; what became of them.
async fn one_by_one<N, T, F>(newcomers: Vec<N>, come: fn(N) -> F) -> Vec<Result<T, String>>
where
    N: Send + 'static,
    T: Send + 'static,
    F: Future<Output = Result<T, String>> + Send + 'static,
{
    let start = Instant::now();
    let tasks = newcomers.into_iter().zip(0..).map(|(newcomer, number)| {
        tokio::spawn(async move {
            sleep_until(start + SPACING * number).await;
            let came = timeout(PATIENCE, Box::pin(come(newcomer))).await;
            came.unwrap_or_else(|_| Err(format!("newcomer {number} waited {PATIENCE:?}")))
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut all = Vec::new();
    for task in tasks {
        all.push(task.await.expect("a newcomer that does not panic"));
    }
    all
}

async fn join(connector: Connector) -> Result<Seated, String> {
    let came = Instant::now();
    let client = Client::<Crowd>::connect_and_join(&connector, "newcomer", JoinTarget::Quick).await;
    let mut client = client.map_err(|error| error.to_string())?;
    let welcomed = came.elapsed();
    client.wait_for_seat().await.map_err(|error| error.to_string())?;
    let seated = came.elapsed();
    client.shutdown().await;
    Ok(Seated { welcomed, seated })
}

async fn shake(endpoint: Endpoint) -> Result<Duration, String> {
    let crypto = QuicClientConfig::try_from(trust::anybody(ALPN)).expect("a suite for initial packets");
    let mut config = ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport::transport_config()));
    let came = Instant::now();
    let connecting = endpoint.connect_with(config, SERVER, "localhost").expect("a good address");
    let connection = connecting.await.map_err(|error| error.to_string())?;
    let shaken = came.elapsed();
    connection.close(0u32.into(), b"");
    Ok(shaken)
}
