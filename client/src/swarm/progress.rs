//! The line that moves while a run goes on; plain lines where nobody watches.

use std::{
    io::{IsTerminal, stderr},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use super::{plan::Plan, run::Live};

/// Between two plain lines: a log should not drown in them.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// Between two looks at the rate of snapshots.
const RATE_EVERY: Duration = Duration::from_secs(1);

/// Shows how a run goes, on standard error.
pub(super) struct Progress {
    bots: u64,
    bar: Option<ProgressBar>,
    next_plain: Duration,
    /// When the snapshots were last looked at, and how many they were.
    looked: (Duration, u64),
    snapshots_per_s: f64,
}

impl Progress {
    pub(super) fn start(plan: &Plan) -> Self {
        let bar = stderr().is_terminal().then(|| bar(plan.ramp + plan.duration));
        let (next_plain, looked) = (PLAIN_EVERY, (Duration::ZERO, 0));
        Self { bots: u64::from(plan.bots), bar, next_plain, looked, snapshots_per_s: 0.0 }
    }

    /// Says where the run is, as often as is good for whoever reads it.
    pub(super) fn show(&mut self, live: &Live, elapsed: Duration) {
        self.look(live.snapshots.get(), elapsed);
        let line = format!(
            "{} of {} bots play, {} are done, {:.0} snapshots/s",
            live.playing.get(),
            self.bots,
            live.over.get(),
            self.snapshots_per_s
        );
        if let Some(bar) = &self.bar {
            bar.set_position(elapsed.as_millis() as u64);
            bar.set_message(line);
        } else if elapsed >= self.next_plain {
            self.next_plain = elapsed + PLAIN_EVERY;
            eprintln!("{:.0} s: {line}", elapsed.as_secs_f64());
        }
    }

    /// Takes the line away: the summary follows.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn look(&mut self, snapshots: u64, elapsed: Duration) {
        let (then, before) = self.looked;
        let passed = elapsed.saturating_sub(then);
        if passed >= RATE_EVERY {
            self.snapshots_per_s = (snapshots - before) as f64 / passed.as_secs_f64();
            self.looked = (elapsed, snapshots);
        }
    }
}

fn bar(length: Duration) -> ProgressBar {
    let bar = ProgressBar::new(length.as_millis() as u64);
    if let Ok(style) = ProgressStyle::with_template("{elapsed_precise} {bar:30} {msg}") {
        bar.set_style(style);
    }
    bar
}
