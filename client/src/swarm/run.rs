//! A run: bots on threads, the ramp, the end, and what it all came to.

use std::{io, sync::Arc, sync::atomic::AtomicU64, sync::atomic::Ordering::Relaxed, thread, time::Duration};

use quarrel_shared::game::Predict;
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    bot,
    plan::Plan,
    progress::Progress,
    report::Report,
    server_metrics::{self, ServerFigures},
    stats::Tally,
};
use crate::{connect::Connector, tls::TrustError, transport};

/// Bots that share an endpoint: few enough that its task is not the bottleneck, many enough that sockets do not run out.
const BOTS_PER_ENDPOINT: usize = 64;

/// How long the last close frames may take to leave.
const GOODBYE: Duration = Duration::from_millis(500);

/// How often the run is looked at.
const GLANCE: Duration = Duration::from_millis(200);

/// Why a run could not be made. What a server does to it is no error but part of the report.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The system gives no thread, timer or socket.
    #[error("the run cannot be made: {0}")]
    System(#[from] io::Error),
    /// The server cannot be trusted.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A bug of ours.
    #[error("a thread of the swarm panicked")]
    Panicked,
}

/// What all threads of a run have in common.
pub(super) struct Shared {
    pub(super) plan: Plan,
    pub(super) start: Instant,
    pub(super) stop: CancellationToken,
    pub(super) live: Live,
}

/// What the progress line shows.
#[derive(Default)]
pub(super) struct Live {
    /// Bots on a seat.
    pub(super) playing: Gauge,
    /// Bots that will do nothing more.
    pub(super) over: Gauge,
    /// Snapshots applied.
    pub(super) snapshots: Gauge,
}

/// A number that many write and one reads now and then.
#[derive(Default)]
pub(super) struct Gauge(AtomicU64);

impl Gauge {
    pub(super) fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    pub(super) fn subtract(&self, n: u64) {
        self.0.fetch_sub(n, Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Makes the run, and takes as long as it says; ctrl-C ends it early, with what was measured until then.
///
/// # Errors
/// When the run cannot be made. A server that is not there, refuses or dies gives a report all the same.
pub fn run<G: Predict>(plan: &Plan) -> Result<Report, RunError> {
    let conductor = runtime()?;
    let (start, stop) = (Instant::now(), CancellationToken::new());
    let shared = Arc::new(Shared { plan: plan.clone(), start, stop, live: Live::default() });
    // Threads end with the run, whatever happens to this function.
    let guard = shared.stop.clone().drop_guard();
    let mut threads = Vec::new();
    for index in 0..plan.threads {
        let shared = Arc::clone(&shared);
        let body = move || play_some::<G>(&shared, index);
        threads.push(thread::Builder::new().name(format!("bots-{index}")).spawn(body)?);
    }
    let server = conductor.block_on(conduct(&shared));
    let seconds = start.elapsed().as_secs_f64();
    drop(guard);
    let mut tally = Tally::new();
    for thread in threads {
        tally.merge(thread.join().map_err(|_| RunError::Panicked)??);
    }
    Ok(Report::new(u64::from(plan.bots), seconds, tally, server))
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// One thread's share of the bots, spread over the ramp as all are.
fn play_some<G: Predict>(shared: &Arc<Shared>, index: u32) -> Result<Tally, RunError> {
    let plan = &shared.plan;
    let bots: Vec<u32> = (index..plan.bots).step_by(plan.threads as usize).collect();
    runtime()?.block_on(async {
        let mut connectors = Vec::new();
        let mut tasks = JoinSet::new();
        for some in bots.chunks(BOTS_PER_ENDPOINT) {
            let connector = Connector::new(transport::endpoint(plan.connect.server)?, &plan.connect)?;
            for bot in some {
                tasks.spawn(bot::play::<G>(connector.clone(), *bot, Arc::clone(shared)));
            }
            connectors.push(connector);
        }
        let mut tally = Tally::new();
        while let Some(record) = tasks.join_next().await {
            tally.push(record.map_err(|_| RunError::Panicked)?);
        }
        let idle = async {
            for connector in &connectors {
                connector.endpoint().wait_idle().await;
            }
        };
        // A server that is gone does not acknowledge that we go too.
        let _ = timeout(GOODBYE, idle).await;
        Ok(tally)
    })
}

/// Waits the run out and asks the server for its figures when all have come and before they go.
async fn conduct(shared: &Shared) -> Option<ServerFigures> {
    let plan = &shared.plan;
    let mut progress = Progress::start(plan);
    let all_here = shared.start + plan.ramp;
    let goes_on = wait(shared, all_here, &mut progress).await;
    let first = sample(shared).await.filter(|_| goes_on);
    if goes_on {
        wait(shared, all_here + plan.duration, &mut progress).await;
    }
    progress.finish();
    let first = first?;
    let last = sample(shared).await?;
    let players = (first.players + last.players) as f64 / 2.0;
    Some(ServerFigures::between(&first.sample, &last.sample, players))
}

/// What the server said, and how many of ours played then.
struct Sampled {
    sample: server_metrics::Sample,
    players: u64,
}

async fn sample(shared: &Shared) -> Option<Sampled> {
    let address = shared.plan.server_http.as_ref()?;
    match server_metrics::sample(address).await {
        Ok(sample) => Some(Sampled { sample, players: shared.live.playing.get() }),
        Err(error) => {
            eprintln!("the server's figures are left out: {error}");
            None
        }
    }
}

/// Shows progress until then; false when the run ended before.
async fn wait(shared: &Shared, until: Instant, progress: &mut Progress) -> bool {
    let mut interrupt = Box::pin(tokio::signal::ctrl_c());
    loop {
        let glance = until.min(Instant::now() + GLANCE);
        tokio::select! {
            biased;
            _ = &mut interrupt => return false,
            () = sleep_until(glance) => {}
        }
        progress.show(&shared.live, shared.start.elapsed());
        if Instant::now() >= until {
            return true;
        }
        if shared.live.over.get() == u64::from(shared.plan.bots) {
            return false;
        }
    }
}
