//! How long it takes to get a seat over a bad link.

use std::time::Duration;

use quarrel_client::{Client, Connector};
use quarrel_shared::{crowd::Crowd, protocol::JoinTarget};
use tokio::time::{Instant, sleep_until, timeout};

use super::{Link, SimWorld};

/// Newcomers come at this distance: a busy evening, and few enough that nobody waits for anybody else's handshake.
const SPACING: Duration = Duration::from_millis(10);

/// Whoever has no seat by then hangs. A client makes two attempts of 5 s.
const PATIENCE: Duration = Duration::from_secs(15);

/// Nobody is sent away for want of a seat.
const SETTINGS: &[(&str, &str)] = &[("room.seats", "1000"), ("room.bots", "0")];

/// How long each step took those who took it, in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Joins {
    /// From the first packet to the server's welcome.
    pub welcomed: Vec<Duration>,
    /// From the first packet to the seat.
    pub seated: Vec<Duration>,
    /// How many got no seat in time, and what they were told.
    pub hung: Vec<String>,
    /// The trace's hash.
    pub trace: u64,
}

/// So many newcomers, one after the other, each over a link of its own. They leave when they sit.
#[must_use]
pub fn joins(seed: u64, newcomers: u32, link: Link) -> Joins {
    SimWorld::<Crowd>::run(seed, SETTINGS, async |world| {
        let start = Instant::now();
        let tasks = (0..newcomers).map(|number| {
            let connector = world.connector(&link);
            let comes = start + SPACING * number;
            tokio::spawn(async move {
                sleep_until(comes).await;
                let joined = timeout(PATIENCE, join(&connector)).await;
                joined.unwrap_or_else(|_| Err(format!("newcomer {number} waited {PATIENCE:?}")))
            })
        });
        let tasks: Vec<_> = tasks.collect();
        let mut joins = Joins::default();
        for task in tasks {
            match task.await.expect("a newcomer that does not panic") {
                Ok((welcomed, seated)) => {
                    joins.welcomed.push(welcomed);
                    joins.seated.push(seated);
                }
                Err(told) => joins.hung.push(told),
            }
        }
        joins.welcomed.sort_unstable();
        joins.seated.sort_unstable();
        joins.trace = world.trace().hash();
        joins
    })
}

async fn join(connector: &Connector) -> Result<(Duration, Duration), String> {
    let came = Instant::now();
    let client = Client::<Crowd>::connect_with(connector, "newcomer").await;
    let mut client = client.map_err(|error| error.to_string())?;
    let welcomed = came.elapsed();
    client.join(JoinTarget::Quick).await.map_err(|error| error.to_string())?;
    let seated = came.elapsed();
    client.shutdown().await;
    Ok((welcomed, seated))
}

/// What a share of these durations does not exceed; nothing of nothing.
#[must_use]
pub fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let at = (sorted.len().saturating_sub(1) as f64 * share).ceil() as usize;
    sorted.get(at).copied().unwrap_or_default()
}
