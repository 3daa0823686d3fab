//! The text summary of a report, printed at the end of a run.

use std::{collections::BTreeMap, fmt};

use super::{
    BaselineComparison, GameFigures, Percentiles, Report, ServerFigures, SwarmFigures, Verdict,
    without_negative_zero,
};

/// Maximum number of incidents shown.
const MAX_INCIDENTS: usize = 6;

/// Maximum number of differences to the baseline shown, the largest first.
const MAX_DIFFERENCES: usize = 8;

impl Verdict {
    /// Returns the verdict's name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Invalid => "invalid",
            Self::Aborted => "aborted",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p90, p99, p999, max, .. } = self;
        write!(f, "p50 {p50:.1}  p90 {p90:.1}  p99 {p99:.1}  p99.9 {p999:.1}  max {max:.1}")
    }
}

impl fmt::Display for ServerFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ms of CPU per player and second ({} cores), {} MB, tick p99 {} ms, max {} ms, {} overruns",
            decimals(self.cpu_ms_per_player_s, 3),
            decimals(self.cpu_cores, 2),
            decimals(self.rss_mb, 0),
            decimals(self.tick_ms_p99, 2),
            decimals(self.tick_ms_max, 1),
            decimals(self.overruns.map(|count| count as f64), 0)
        )
    }
}

impl fmt::Display for SwarmFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "late by p99 {:.1} ms, max {:.1} ms; {} ms of CPU per bot and second, busiest thread {:.0} %, {:.0} MB",
            self.lag_ms_p99,
            self.lag_ms_max,
            decimals(self.cpu_ms_per_bot_s, 3),
            self.busiest_thread_percent,
            without_negative_zero(self.rss_mb)
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} bots, {:.1} s: {} joined, {} refused, {} disconnected, {} resumes",
            self.bots, self.seconds, self.joined, self.refused, self.disconnected, self.resumes
        )?;
        self.fmt_times(f)?;
        self.fmt_play(f)?;
        self.fmt_groups(f)?;
        if let Some(server) = &self.server {
            line(f, "server", server)?;
        }
        line(f, "swarm", &self.swarm)?;
        self.fmt_problems(f)?;
        if let Some(comparison) = &self.baseline {
            write!(f, "{comparison}")?;
        }
        self.fmt_verdict(f)
    }
}

impl Report {
    fn fmt_times(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = [
            ("join", self.join_ms),
            ("input ack", self.input_ack_ms),
            ("age", self.snapshot_age_ms),
            ("gap", self.snapshot_gap_ms),
        ];
        times.into_iter().try_for_each(|(name, times)| match times {
            Some(times) => line(f, name, &format_args!("{times} ms")),
            None => line(f, name, &"not measured"),
        })
    }

    fn fmt_play(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (down, up) = (decimals(self.bytes_down_per_bot_s, 0), decimals(self.bytes_up_per_bot_s, 0));
        let snapshots = decimals(self.snapshots_per_bot_s, 1);
        line(f, "per bot", &format_args!("{snapshots} snapshots/s, {down} B/s down, {up} B/s up"))?;
        let (lost, frozen) = (decimals(self.snapshots_lost_percent, 2), decimals(self.frozen_percent, 2));
        let corrections = decimals(self.corrections_per_bot_min, 2);
        line(
            f,
            "feel",
            &format_args!(
                "{lost} % of snapshots lost, {frozen} % of time frozen, {corrections} corrections a minute"
            ),
        )?;
        let GameFigures { shots, hits, eliminations, matches_finished } = self.game;
        line(
            f,
            "game",
            &format_args!(
                "{shots} shots, {hits} hits, {eliminations} eliminations, {matches_finished} matches finished"
            ),
        )
    }

    fn fmt_groups(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, group) in &self.groups {
            let acks = group.input_ack_ms.map_or_else(|| "none".to_owned(), |times| format!("{times} ms"));
            line(f, name, &format_args!("{} joined, input ack {acks}", group.joined))?;
        }
        self.hostile.iter().try_for_each(|(kind, hostile)| {
            let ends = close_counts(&hostile.closes);
            line(f, kind, &format_args!("{} lives, {} sent; {ends}", hostile.lives, hostile.sent))
        })
    }

    /// Writes lost and duplicated events, unacknowledged inputs, close reasons and incidents, each only if there are any.
    fn fmt_problems(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.events_lost + self.events_doubled > 0 {
            let (lost, doubled) = (self.events_lost, self.events_doubled);
            line(f, "events", &format_args!("{lost} lost, {doubled} duplicated: a bug"))?;
        }
        if self.inputs_unacked > 0 {
            line(f, "unacked", &format_args!("{} of {} inputs", self.inputs_unacked, self.inputs))?;
        }
        if self.refused + self.disconnected > 0 {
            line(f, "closes", &close_counts(&self.closes))?;
        }
        for (n, incident) in self.incidents.iter().take(MAX_INCIDENTS).enumerate() {
            let name = if n == 0 { "incidents" } else { "" };
            line(f, name, &format_args!("{:>6.1} s  {}", incident.at_s, incident.what))?;
        }
        match self.incidents.len().checked_sub(MAX_INCIDENTS).filter(|more| *more > 0) {
            Some(more) => line(f, "", &format_args!("and {more} more in the report")),
            None => Ok(()),
        }
    }

    fn fmt_verdict(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for rule in &self.slo {
            let value = rule.value.map_or_else(|| "not measured".to_owned(), |value| value.to_string());
            line(f, if rule.ok { "held" } else { "broken" }, &format_args!("{} ({value})", rule.rule))?;
        }
        write!(f, "{:<12}{}", "verdict", self.verdict)?;
        self.why.iter().try_for_each(|why| write!(f, "\n{:<12}{why}", ""))
    }
}

impl fmt::Display for BaselineComparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut differences: Vec<_> =
            self.figures.iter().filter_map(|(name, delta)| Some((name, delta, delta.percent?))).collect();
        differences.sort_by(|one, other| other.2.abs().total_cmp(&one.2.abs()));
        line(f, "against", &format_args!("{}; the largest differences:", self.file))?;
        for (name, delta, percent) in differences.into_iter().take(MAX_DIFFERENCES) {
            line(f, "", &format_args!("{name}: {} -> {} ({percent:+.1} %)", delta.then, delta.now))?;
        }
        Ok(())
    }
}

/// Formats a figure with this number of decimals; `?` when the figure was not measured.
pub(crate) fn decimals(figure: Option<f64>, digits: usize) -> String {
    figure.map_or_else(|| "?".to_owned(), |figure| format!("{:.digits$}", without_negative_zero(figure)))
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, text: &dyn fmt::Display) -> fmt::Result {
    writeln!(f, "{name:<12}{text}")
}

fn close_counts(closes: &BTreeMap<String, u64>) -> String {
    closes.iter().map(|(reason, count)| format!("{reason} {count}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_never_negative() {
        let (server, swarm) = (ServerFigures::default(), SwarmFigures::default());
        for rss_mb in [-0.0, -0.2] {
            let server = ServerFigures { rss_mb: Some(rss_mb), ..server }.to_string();
            let swarm = SwarmFigures { rss_mb, ..swarm }.to_string();
            assert!(server.contains(" 0 MB") && swarm.ends_with(" 0 MB"), "{server}; {swarm}");
        }
    }
}
