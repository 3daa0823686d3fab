//! The progress of a run on standard error: a bar with the newest figures on a terminal, and a line every few seconds otherwise.

use std::{
    io::{IsTerminal as _, stderr},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use super::{
    console::{print_status, write_later},
    measure::Timeline,
    plan::Plan,
    report::{Percentiles, SecondFigures, decimals},
    server_figures::ServerHistory,
};

/// Time between two plain lines: long enough that the lines do not fill up a log.
const PLAIN_PERIOD: Duration = Duration::from_secs(5);

/// Shows the progress of a run on standard error.
pub(super) struct ProgressDisplay {
    plan: Plan,
    bar: Option<ProgressBar>,
    /// The time since the run's start at which the next plain line is due.
    next_plain: Duration,
}

impl ProgressDisplay {
    /// Creates the display, with a bar if standard error is a terminal.
    pub(super) fn start(plan: &Plan) -> Self {
        let bar = stderr().is_terminal().then(|| bar(plan.stages.length()));
        Self { plan: plan.clone(), bar, next_plain: PLAIN_PERIOD }
    }

    /// Updates the bar or, without a bar, prints a line if one is due.
    pub(super) fn show(&mut self, timeline: &Timeline, server: &ServerHistory, elapsed: Duration) {
        let is_due = elapsed >= self.next_plain;
        if self.bar.is_none() && !is_due {
            return;
        }
        let planned = self.plan.stages.bots_at(elapsed);
        let (playing, finished) = timeline.present();
        let mut latest = timeline.latest().unwrap_or_default();
        latest.server = server.second(latest.at_s);
        if let Some(bar) = &self.bar {
            let (bar, message) = (bar.clone(), bar_message(&latest, planned, playing, finished));
            write_later(move || {
                bar.set_position(elapsed.as_millis() as u64);
                bar.set_message(message);
            });
        } else {
            self.next_plain = elapsed + PLAIN_PERIOD;
            print_status(&format_args!(
                "{:.0} s: {}",
                elapsed.as_secs_f64(),
                plain_line(&latest, planned, playing, finished)
            ));
        }
    }

    /// Removes the bar, because the summary is printed next.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            let bar = bar.clone();
            write_later(move || bar.finish_and_clear());
        }
    }
}

fn plain_line(latest: &SecondFigures, planned: u32, playing: u64, finished: u64) -> String {
    format!(
        "{playing} of {planned} bots play, {finished} finished; input ack {}; {} snapshots/s, {} kB/s down",
        brief(latest.input_ack_ms),
        latest.snapshots,
        latest.bytes_down / 1000
    )
}

/// The lines below the bar.
fn bar_message(latest: &SecondFigures, planned: u32, playing: u64, finished: u64) -> String {
    let server = latest.server.map_or_else(String::new, |server| {
        format!(
            "\n  server     {} cores, {} MB, tick p99 {} ms",
            decimals(server.cpu_cores, 2),
            decimals(server.rss_mb, 0),
            decimals(server.tick_ms_p99, 2)
        )
    });
    format!(
        "\n  bots       {playing} of {planned} play, {finished} finished, {} resumed this second\n  input ack  {}\n  age        {}\n  gap        \
         {}\n  traffic    {} snapshots/s, {} lost; {} kB/s down, {} kB/s up\n  swarm      late by p99 {:.1} ms, {:.2} cores{server}",
        latest.resumes,
        brief(latest.input_ack_ms),
        brief(latest.snapshot_age_ms),
        brief(latest.snapshot_gap_ms),
        latest.snapshots,
        latest.snapshots_lost,
        latest.bytes_down / 1000,
        latest.bytes_up / 1000,
        latest.lag_ms_p99,
        latest.swarm_cores,
    )
}

fn brief(times: Option<Percentiles>) -> String {
    times.map_or_else(
        || "not measured".to_owned(),
        |times| format!("p50 {:.1}  p99 {:.1}  max {:.1} ms", times.p50, times.p99, times.max),
    )
}

fn bar(length: Duration) -> ProgressBar {
    let bar = ProgressBar::new(length.as_millis() as u64);
    if let Ok(style) = ProgressStyle::with_template("{elapsed_precise} {bar:40} {percent:>3} %{msg}") {
        bar.set_style(style);
    }
    bar
}
