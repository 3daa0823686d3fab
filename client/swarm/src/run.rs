//! A run: threads of bots, a conductor that hears what they count, and what it all comes to.

use std::{io, sync::Arc, thread};

use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::{
    assemble::{BotCounts, RunEnd, RunMeasurements, report_figures},
    compare::Baseline,
    crew::{Crew, Muster, runtime},
    game::Games,
    measure::{Batch, Timeline},
    plan::{Plan, PlanError, Target, Trusted},
    progress::Progress,
    report::Report,
    schedule::{Order, schedule},
    server_history::{MetricsPoller, ServerHistory},
    slo::{Figures, RuleWatch},
};
use quarrel_client::net::tls::TrustError;

/// How often the threads are asked what they counted, and rules are looked at.
pub(super) const LOOK: std::time::Duration = std::time::Duration::from_secs(1);

/// How often what a terminal shows is brought up to date.
const GLANCE: std::time::Duration = std::time::Duration::from_millis(200);

/// Why a run could not be made. What a server does to it is no error but part of the report.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The system gives no thread, timer or socket.
    #[error("the run cannot be made: {0}")]
    System(#[from] io::Error),
    /// The server cannot be found or trusted.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The server cannot be trusted.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A bug of ours.
    #[error("a thread of the swarm panicked")]
    Panicked,
}

/// Where batches come from: threads of this process, or agents elsewhere.
pub(super) trait Source: Send {
    /// Everything that was counted since the last time.
    fn take(&mut self) -> Batch;

    /// Whether nothing more will be counted.
    fn is_over(&self) -> bool;
}

/// Makes a run in this process, and takes as long as the plan says; ctrl-C ends it early, with what was measured until then. The report
/// is judged by the plan's rules, some of which may be about an older run's report.
///
/// # Errors
/// When the run cannot be made. A server that is not there, refuses or dies gives a report all the same.
pub fn run(plan: &Plan, games: &Games, baseline: Option<&Baseline>) -> Result<Report, RunError> {
    let targets: Arc<[Target]> = Target::of(plan, &Trusted::read(plan)?)?.into();
    let orders = schedule(plan);
    let conductor = runtime()?;
    let stop = CancellationToken::new();
    let muster = Muster {
        plan: Arc::new(plan.clone()),
        games: games.clone(),
        targets,
        start: Instant::now(),
        stop: stop.clone(),
        process: 0,
        processes: 1,
    };
    let mut threads = Threads::start(&muster, &orders)?;
    let conduct = Conduct::new(plan, BotCounts::of(&orders), muster.start, stop, baseline);
    let measured = conductor.block_on(conduct.run(&mut threads));
    let ended = measured.ended.clone();
    let mut report = measured.with(threads.join()?).report(plan, 1);
    report.decide_verdict(plan, &ended, baseline);
    Ok(report)
}

/// Threads of bots in this process.
pub(super) struct Threads {
    crews: Vec<Arc<Crew>>,
    handles: Vec<thread::JoinHandle<Result<(), RunError>>>,
    // They end when this does, whatever happens to whoever waits for them.
    _stop: tokio_util::sync::DropGuard,
}

impl Threads {
    /// Starts them all.
    pub(super) fn start(muster: &Muster, orders: &[Order]) -> Result<Self, RunError> {
        let stop = muster.stop.clone().drop_guard();
        let crews = muster.crews();
        let orders: Arc<[Order]> = orders.into();
        let mut handles = Vec::new();
        for (index, crew) in crews.iter().enumerate() {
            let (crew, orders) = (Arc::clone(crew), Arc::clone(&orders));
            handles
                .push(thread::Builder::new().name(format!("bots-{index}")).spawn(move || crew.run(&orders))?);
        }
        Ok(Self { crews, handles, _stop: stop })
    }

    /// Waits until they have ended, which they do once they were told to, and gives the last of what they counted.
    pub(super) fn join(mut self) -> Result<Batch, RunError> {
        for handle in self.handles.drain(..) {
            handle.join().map_err(|_| RunError::Panicked)??;
        }
        Ok(self.take())
    }
}

impl Source for Threads {
    fn take(&mut self) -> Batch {
        let mut all = Batch::default();
        self.crews.iter().for_each(|crew| all.merge(crew.take()));
        all
    }

    fn is_over(&self) -> bool {
        self.handles.iter().all(thread::JoinHandle::is_finished)
    }
}

/// What waits the run out, and hears of it meanwhile.
pub(super) struct Conduct {
    plan: Plan,
    bots: BotCounts,
    start: Instant,
    stop: CancellationToken,
    timeline: Timeline,
    server: ServerHistory,
    watch: Option<RuleWatch>,
    progress: Progress,
}

impl Conduct {
    pub(super) fn new(
        plan: &Plan,
        bots: BotCounts,
        start: Instant,
        stop: CancellationToken,
        baseline: Option<&Baseline>,
    ) -> Self {
        let baseline = baseline.map(|baseline| baseline.figures().clone());
        let watch = plan.abort_on_fail.then(|| RuleWatch::new(&plan.slo, baseline));
        Self {
            plan: plan.clone(),
            bots,
            start,
            stop,
            timeline: Timeline::new(plan.bots.len(), plan.measured()),
            server: ServerHistory::new(plan.measured()),
            watch,
            progress: Progress::start(plan),
        }
    }

    /// Waits until the run is over, for one reason or another, and tells everybody to stop.
    pub(super) async fn run(mut self, source: &mut dyn Source) -> RunMeasurements {
        let end = self.start + self.plan.stages.length();
        let mut interrupt = Box::pin(interrupted());
        let (samples, mut heard) = mpsc::channel(4);
        let poller =
            self.plan.server_http.as_deref().map(|url| tokio::spawn(MetricsPoller::new(url).run(samples)));
        let (mut looks, mut glances) = (interval(LOOK), interval(GLANCE));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        glances.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ended = loop {
            tokio::select! {
                biased;
                () = &mut interrupt => break RunEnd::Interrupted,
                () = tokio::time::sleep_until(end) => break RunEnd::Completed,
                Some(sample) = heard.recv() => self.server.push(self.start.elapsed(), sample),
                _ = looks.tick() => {
                    self.timeline.push(source.take());
                    if let Some(rule) = self.broken() {
                        break RunEnd::RuleBroken(rule);
                    }
                }
                _ = glances.tick() => {
                    self.progress.show(&self.timeline, &self.server, self.start.elapsed());
                    if source.is_over() {
                        break RunEnd::Completed;
                    }
                }
            }
        };
        if let Some(poller) = poller {
            poller.abort();
        }
        self.stop.cancel();
        self.progress.finish();
        let elapsed = self.start.elapsed();
        RunMeasurements { timeline: self.timeline, server: self.server, ended, elapsed, bots: self.bots }
    }

    /// The rule that ends the run.
    fn broken(&mut self) -> Option<String> {
        if self.start.elapsed() < self.plan.warm_up {
            return None;
        }
        let elapsed = self.start.elapsed();
        let watch = self.watch.as_mut()?;
        let figures = Figures::from_report(&report_figures(
            &self.timeline,
            &self.server,
            &self.plan,
            elapsed,
            self.bots,
        ));
        let result = watch.push(&figures)?;
        Some(format!(
            "'{}' was broken for good after {} s: {}",
            result.rule,
            elapsed.as_secs(),
            result.failure_message()
        ))
    }
}

/// Somebody asks for the end: ctrl-C, or SIGTERM.
pub(super) async fn interrupted() {
    #[cfg(unix)]
    if let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}
