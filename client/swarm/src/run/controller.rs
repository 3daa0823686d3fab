//! The controller of a run: collects the counts of all bots, checks the rules, shows the progress, and stops the bots at the end.
//!
//! A [`BatchSource`] is the same interface for bots in this process and for bots on agents.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{
    measure::{Batch, Timeline},
    plan::Plan,
    progress::ProgressDisplay,
    report::{
        assemble::{BotCounts, RunEnd, RunMeasurements, report_figures},
        compare::Baseline,
    },
    server_figures::{MetricsPoller, ServerHistory},
    signals::stop_token,
    slo::{Figures, RuleWatch},
};

/// The period at which counts are collected and rules are checked.
pub(crate) const COLLECT_PERIOD: Duration = Duration::from_secs(1);

/// A source of batches of counts: the threads of this process, or the agents.
pub(crate) trait BatchSource: Send {
    /// Takes the counts since the last call, of all threads or agents together.
    fn take(&mut self) -> Batch;

    /// Whether all bots have ended. Counts since the last [`Self::take`] may still be waiting.
    fn is_over(&self) -> bool;
}

/// The period at which the progress display is updated and the end of all bots is checked.
const DISPLAY_PERIOD: Duration = Duration::from_millis(200);

/// Collects the counts of a run until its end.
pub(crate) struct RunController {
    plan: Plan,
    bots: BotCounts,
    start: Instant,
    stop: CancellationToken,
    timeline: Timeline,
    server: ServerHistory,
    watch: Option<RuleWatch>,
    progress: ProgressDisplay,
}

impl RunController {
    /// Creates the controller of a run that starts at `start`. Cancelling `stop` must stop the run's bots.
    pub(crate) fn new(
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
            progress: ProgressDisplay::start(plan),
        }
    }

    /// Runs until the plan's end, an interrupt, the end of all bots, or (with `abort_on_fail`) a broken rule. Then cancels the stop token.
    pub(crate) async fn run(mut self, source: &mut dyn BatchSource) -> RunMeasurements {
        let end = self.start + self.plan.stages.length();
        let (samples, mut samples_out) = mpsc::channel(4);
        let poller =
            self.plan.server_http.as_deref().map(|url| tokio::spawn(MetricsPoller::new(url).run(samples)));
        let (mut collect, mut display) = (interval(COLLECT_PERIOD), interval(DISPLAY_PERIOD));
        collect.set_missed_tick_behavior(MissedTickBehavior::Delay);
        display.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ended = loop {
            tokio::select! {
                biased;
                () = stop_token().cancelled() => break RunEnd::Interrupted,
                () = tokio::time::sleep_until(end) => break RunEnd::Completed,
                Some(sample) = samples_out.recv() => self.server.push(self.start.elapsed(), sample),
                _ = collect.tick() => {
                    self.timeline.push(source.take());
                    if let Some(rule) = self.check_rules() {
                        break RunEnd::RuleBroken(rule);
                    }
                }
                _ = display.tick() => {
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

    /// Checks the rules after the warm-up, and returns a sentence about the rule that ends the run early, if one does.
    fn check_rules(&mut self) -> Option<String> {
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
