//! The controller of a run: collects counts, checks rules, shows progress, and stops the bots at the end.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::{
    assemble::{Bots, Ended, Measured, figures},
    batch_source::{BatchSource, COLLECT_PERIOD},
    compare::Baseline,
    interrupt::interrupted,
    measure::Timeline,
    plan::Plan,
    progress::Progress,
    server_log::{Poller, ServerLog},
    slo::{Figures, Watch},
};

/// The period at which the progress display is updated and the end of all bots is checked.
const DISPLAY_PERIOD: Duration = Duration::from_millis(200);

/// Waits for the end of a run and collects its counts meanwhile.
pub(super) struct RunController {
    plan: Plan,
    bots: Bots,
    start: Instant,
    stop: CancellationToken,
    timeline: Timeline,
    server: ServerLog,
    watch: Option<Watch>,
    progress: Progress,
}

impl RunController {
    pub(super) fn new(
        plan: &Plan,
        bots: Bots,
        start: Instant,
        stop: CancellationToken,
        baseline: Option<&Baseline>,
    ) -> Self {
        let baseline = baseline.map(|baseline| baseline.figures().clone());
        let watch = plan.abort_on_fail.then(|| Watch::new(&plan.slo, baseline));
        Self {
            plan: plan.clone(),
            bots,
            start,
            stop,
            timeline: Timeline::new(plan.bots.len(), plan.measured()),
            server: ServerLog::new(plan.measured()),
            watch,
            progress: Progress::start(plan),
        }
    }

    /// Runs until the plan's end, an interrupt, a broken rule or the end of all bots; then cancels the stop token.
    pub(super) async fn run(mut self, source: &mut dyn BatchSource) -> Measured {
        let end = self.start + self.plan.stages.length();
        let mut interrupt = Box::pin(interrupted());
        let (samples, mut samples_out) = mpsc::channel(4);
        let poller = self.plan.server_http.as_deref().map(|url| tokio::spawn(Poller::new(url).run(samples)));
        let (mut collect, mut display) = (interval(COLLECT_PERIOD), interval(DISPLAY_PERIOD));
        collect.set_missed_tick_behavior(MissedTickBehavior::Delay);
        display.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ended = loop {
            tokio::select! {
                biased;
                () = &mut interrupt => break Ended::Interrupted,
                () = tokio::time::sleep_until(end) => break Ended::AsPlanned,
                Some(sample) = samples_out.recv() => self.server.push(self.start.elapsed(), sample),
                _ = collect.tick() => {
                    self.timeline.push(source.take());
                    if let Some(rule) = self.broken() {
                        break Ended::Broken(rule);
                    }
                }
                _ = display.tick() => {
                    self.progress.show(&self.timeline, &self.server, self.start.elapsed());
                    if source.is_over() {
                        break Ended::AsPlanned;
                    }
                }
            }
        };
        if let Some(poller) = poller {
            poller.abort();
        }
        self.stop.cancel();
        self.progress.finish();
        let took = self.start.elapsed();
        Measured { timeline: self.timeline, server: self.server, ended, took, bots: self.bots }
    }

    /// A sentence about the rule that ends the run early, if one does.
    fn broken(&mut self) -> Option<String> {
        if self.start.elapsed() < self.plan.warm_up {
            return None;
        }
        let took = self.start.elapsed();
        let watch = self.watch.as_mut()?;
        let figures = Figures::of(&figures(&self.timeline, &self.server, &self.plan, took, self.bots));
        let result = watch.push(&figures)?;
        Some(format!("'{}' was broken for good after {} s: {}", result.rule, took.as_secs(), result.was()))
    }
}
