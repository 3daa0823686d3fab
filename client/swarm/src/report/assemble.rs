//! Builds the report of a run from its counts.
//!
//! Percentages, rates and percentiles are computed here and nowhere else, so that rules checked during a run use the same figures as the
//! final report.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use super::{
    CurvePoint, Curves, GameFigures, GroupFigures, HostileFigures, Incident, Percentiles, Report, RunSetting,
    SCHEMA, SecondFigures, ServerFigures, SwarmFigures, round,
};
use crate::{
    hostile::HostileRecord,
    measure::{Batch, Distribution, Row, Timeline, Totals, percent},
    plan::{Plan, Storm},
    run::schedule::{BotSchedule, max_concurrent},
    server_figures::ServerHistory,
};

/// The percentiles at which a curve has points.
const CURVE: [f64; 24] = [
    0.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 75.0, 80.0, 85.0, 90.0, 92.5, 95.0, 97.5, 99.0, 99.5,
    99.9, 99.95, 99.99, 99.995, 99.999, 100.0,
];

/// The reason for the end of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RunEnd {
    /// The plan's time elapsed, or all bots finished.
    Completed,
    /// An interrupt signal arrived.
    Interrupted,
    /// A broken rule ended the run; the sentence names the rule.
    RuleBroken(String),
}

/// Numbers of bots in a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BotCounts {
    /// All bots, including those that replace others.
    pub(crate) total: u64,
    /// The largest number of bots that play at once.
    pub(crate) max_concurrent: u64,
}

impl BotCounts {
    /// Counts the bots of a schedule.
    pub(crate) fn of(schedule: &[BotSchedule]) -> Self {
        Self { total: schedule.len() as u64, max_concurrent: max_concurrent(schedule) }
    }
}

/// The measurements of a run, from which its report is built.
pub(crate) struct RunMeasurements {
    pub(crate) timeline: Timeline,
    pub(crate) server: ServerHistory,
    pub(crate) ended: RunEnd,
    /// Wall time from the start to the end.
    pub(crate) elapsed: Duration,
    pub(crate) bots: BotCounts,
}

impl RunMeasurements {
    /// Returns the measurements with the last batch of counts added.
    pub(crate) fn with(mut self, batch: Batch) -> Self {
        self.timeline.push(batch);
        self
    }

    /// Builds the report, without its verdict and rule results.
    pub(crate) fn report(self, plan: &Plan, setting: RunSetting) -> Report {
        let mut report = report_figures(&self.timeline, &self.server, plan, self.elapsed, self.bots);
        report.setting = RunSetting { server_version: self.server.version().map(str::to_owned), ..setting };
        report.incidents = incidents(&self.timeline, &self.server, plan);
        report.trouble = self.timeline.incidents().first().map(|(_, text)| text.clone());
        report.series = series(self.timeline, &self.server, plan);
        report
    }
}

/// Builds a report with all figures of a run up to now, without the setting, incidents and series.
pub(crate) fn report_figures(
    timeline: &Timeline,
    server: &ServerHistory,
    plan: &Plan,
    elapsed: Duration,
    bots: BotCounts,
) -> Report {
    let Totals { whole, measured } = timeline.all();
    let (counts, all) = (&measured.counts, &whole.counts);
    let bot_seconds = counts.played_us as f64 / 1e6;
    let per_bot_s = |count: u64| (bot_seconds > 0.0).then(|| round(count as f64 / bot_seconds));
    let mut seconds = plan.measured();
    seconds.end = seconds.end.min(elapsed.as_secs() as u32);
    Report {
        schema: SCHEMA,
        bots: bots.total,
        bots_at_once: bots.max_concurrent,
        joined: all.joined,
        refused: all.refused,
        disconnected: all.disconnected,
        resumes: all.resumes,
        seconds: round(elapsed.as_secs_f64()),
        warm_up_s: f64::from(seconds.start),
        bot_seconds: round(bot_seconds),
        tick_hz: timeline.tick_hz(),
        snapshots_per_bot_s: per_bot_s(counts.snapshots),
        input_ack_ms: Percentiles::of(&measured.input_ack),
        snapshot_age_ms: Percentiles::of(&measured.snapshot_age),
        snapshot_gap_ms: Percentiles::of(&measured.snapshot_gap),
        join_ms: Percentiles::of(&whole.join),
        correction_units: Percentiles::of(&measured.correction),
        corrections_per_bot_min: per_bot_s(60 * measured.correction.count()),
        frozen_percent: percent(counts.frozen, counts.display_samples),
        bytes_down_per_bot_s: per_bot_s(counts.bytes_down),
        bytes_up_per_bot_s: per_bot_s(counts.bytes_up),
        inputs: counts.inputs,
        inputs_unacked: counts.inputs_unacked,
        snapshots_lost: counts.snapshots_lost,
        snapshots_lost_percent: percent(counts.snapshots_lost, counts.snapshots + counts.snapshots_lost),
        events_lost: all.events_lost,
        events_doubled: all.events_doubled,
        closes: whole.closes.clone(),
        game: game(whole),
        groups: groups(timeline, plan),
        hostile: hostile(timeline),
        server: server_figures(server, seconds, bot_seconds),
        swarm: swarm(timeline, bot_seconds),
        curves: curves(whole, measured),
        ..Report::default()
    }
}

fn game(row: &Row) -> GameFigures {
    GameFigures {
        shots: row.counts.shots,
        hits: row.counts.hits,
        eliminations: row.counts.eliminations,
        matches_finished: row.finishes.len() as u64,
    }
}

/// Returns the figures of each group by name; empty for a single group, whose figures are those of the whole run.
fn groups(timeline: &Timeline, plan: &Plan) -> BTreeMap<String, GroupFigures> {
    if plan.bots.len() < 2 {
        return Default::default();
    }
    plan.bots
        .iter()
        .zip(timeline.groups())
        .map(|(group, totals)| (group.name.clone(), group_figures(totals)))
        .collect()
}

fn group_figures(totals: &Totals) -> GroupFigures {
    let (whole, counts) = (&totals.whole.counts, &totals.measured.counts);
    GroupFigures {
        joined: whole.joined,
        disconnected: whole.disconnected,
        resumes: whole.resumes,
        input_ack_ms: Percentiles::of(&totals.measured.input_ack),
        snapshot_age_ms: Percentiles::of(&totals.measured.snapshot_age),
        snapshot_gap_ms: Percentiles::of(&totals.measured.snapshot_gap),
        frozen_percent: percent(counts.frozen, counts.display_samples),
        snapshots_lost_percent: percent(counts.snapshots_lost, counts.snapshots + counts.snapshots_lost),
    }
}

fn hostile(timeline: &Timeline) -> BTreeMap<String, HostileFigures> {
    let figures = |record: &HostileRecord| HostileFigures {
        lives: record.lives,
        sent: record.sent,
        closes: record.closes.clone(),
    };
    timeline.hostile().iter().map(|(kind, record)| (kind.clone(), figures(record))).collect()
}

/// Returns the server's figures over these seconds; `None` before the first of them and without an answer of the server.
fn server_figures(server: &ServerHistory, seconds: Range<u32>, bot_seconds: f64) -> Option<ServerFigures> {
    if seconds.is_empty() { None } else { server.figures(seconds.end - seconds.start, bot_seconds) }
}

fn swarm(timeline: &Timeline, bot_seconds: f64) -> SwarmFigures {
    let (self_load, lag) = (timeline.self_load(), &timeline.all().measured.lag);
    // Inputs and timers are both deadlines of the swarm; the later of the two counts.
    let worse = |quantile| lag.quantile(quantile).max(self_load.timer_lag.quantile(quantile)) as f64 / 1000.0;
    SwarmFigures {
        lag_ms_p99: worse(0.99),
        lag_ms_max: worse(1.0),
        cpu_ms_per_bot_s: (bot_seconds > 0.0).then(|| round(self_load.cpu_us as f64 / 1000.0 / bot_seconds)),
        busiest_thread_percent: round(self_load.busiest_us as f64 / 10_000.0),
        rss_mb: round(self_load.rss_bytes as f64 / 1e6),
        threads: self_load.threads,
    }
}

fn curves(whole: &Row, measured: &Row) -> Curves {
    Curves {
        input_ack_ms: curve(&measured.input_ack),
        snapshot_age_ms: curve(&measured.snapshot_age),
        snapshot_gap_ms: curve(&measured.snapshot_gap),
        join_ms: curve(&whole.join),
    }
}

/// Returns the points of a distribution's curve: the maximum, and each percentile above which at least one value lies, so that 100 values
/// have no 99.9th percentile.
fn curve(distribution: &Distribution) -> Vec<CurvePoint> {
    let count = distribution.count() as f64;
    let is_supported = |percentile: &f64| *percentile == 100.0 || (100.0 - percentile) * count >= 100.0;
    let point = |percentile| CurvePoint {
        percentile,
        value: distribution.quantile(percentile / 100.0) as f64 / 1000.0,
    };
    if distribution.is_empty() {
        Vec::new()
    } else {
        CURVE.into_iter().filter(is_supported).map(point).collect()
    }
}

fn incidents(timeline: &Timeline, server: &ServerHistory, plan: &Plan) -> Vec<Incident> {
    let of_bots = timeline.incidents().iter().map(|(ms, text)| (*ms as f64 / 1000.0, text.clone()));
    let of_server = server.incidents().iter().map(|(at, text)| (at.as_secs_f64(), text.clone()));
    let storm = |storm: &Storm| {
        (storm.at.as_secs_f64(), format!("storm: {} % of the bots lose their connection", storm.percent))
    };
    let mut all: Vec<_> = of_bots.chain(of_server).chain(plan.storms.iter().map(storm)).collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    all.into_iter().map(|(at_s, what)| Incident { at_s: round(at_s), what }).collect()
}

fn series(timeline: Timeline, server: &ServerHistory, plan: &Plan) -> Vec<SecondFigures> {
    let mut seconds = timeline.seconds();
    // Counts from after the plan's end, while bots leave, are in the totals only.
    seconds.truncate(plan.stages.length().as_millis().div_ceil(1000) as usize);
    for second in &mut seconds {
        second.bots_wanted = u64::from(plan.stages.bots_in(second.at_s));
        second.server = server.second(second.at_s);
    }
    seconds
}
