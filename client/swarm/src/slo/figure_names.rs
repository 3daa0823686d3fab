//! The names of all figures (numbers) that a report may have. They are taken from a sample report in which everything is measured.

use std::{collections::BTreeSet, sync::LazyLock};

use super::flatten::flatten_report;
use crate::report::{
    Curves, GameFigures, GroupFigures, HostileFigures, Percentiles, Report, RunSetting, SCHEMA,
    ServerFigures, SwarmFigures, Verdict,
};

/// Placeholder for a key that differs from run to run: a close reason, a group's name, a kind of hostile bots.
const ANY: &str = "NAME";

/// Maximum number of similar names that are suggested.
const MAX_SUGGESTIONS: usize = 4;

/// The names of all figures, with [`ANY`] for keys that differ from run to run.
static KNOWN: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    flatten_report(&serde_json::to_value(sample()).unwrap_or_default()).into_keys().collect()
});

/// Whether a report may have this figure.
pub(super) fn is_known(name: &str) -> bool {
    KNOWN.contains(name) || patterns(name).next().is_some()
}

/// Whether the figure is a count that a report leaves out while it is 0.
pub(super) fn is_zero_when_absent(name: &str) -> bool {
    let counts = |pattern: &'static str| pattern.starts_with("closes.") || pattern.starts_with("hostile.");
    patterns(name).any(counts)
}

/// Whether the figure can only rise during a run, as counters and maxima do: an exceeded upper limit stays exceeded, and a lower limit may
/// still be reached.
pub(super) fn is_monotonic(name: &str) -> bool {
    const COUNTERS: [&str; 16] = [
        "joined",
        "refused",
        "disconnected",
        "resumes",
        "seconds",
        "bot_seconds",
        "inputs",
        "inputs_unacked",
        "snapshots_lost",
        "events_lost",
        "events_doubled",
        "overruns",
        "slips",
        "unanswered",
        "count",
        "max",
    ];
    let last = name.rsplit('.').next().unwrap_or(name);
    is_zero_when_absent(name)
        || name.starts_with("game.")
        || COUNTERS.contains(&last)
        || last.ends_with("_max")
}

/// Iterates over the known names that contain [`ANY`] and match this name.
fn patterns(name: &str) -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(String::as_str).filter(move |pattern| matches_pattern(pattern, name))
}

/// Whether a name matches a pattern, in which [`ANY`] stands for any text, dots included, that is not empty.
fn matches_pattern(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once(ANY) else { return pattern == name };
    let Some(rest) = name.strip_prefix(before) else { return false };
    let longest_key = rest.len().saturating_sub(after.len().min(rest.len()));
    match after.split_once(ANY) {
        None => longest_key > 0 && rest.ends_with(after),
        // The closes of a hostile kind have two keys, separated by `.closes.`.
        Some((between, _)) => {
            rest.split_once(between).is_some_and(|(kind, reason)| !kind.is_empty() && !reason.is_empty())
        }
    }
}

/// Returns known names that are similar to this one, the most similar first.
pub(super) fn similar(name: &str) -> Vec<&'static str> {
    let mut similar: Vec<_> = KNOWN.iter().map(|known| (similarity(known, name), known.as_str())).collect();
    similar.sort_by(|one, other| other.0.total_cmp(&one.0));
    similar
        .into_iter()
        .filter(|(similarity, _)| *similarity > 0.8)
        .take(MAX_SUGGESTIONS)
        .map(|(_, known)| known)
        .collect()
}

fn similarity(known: &str, name: &str) -> f64 {
    let similarity = strsim::jaro_winkler(known, name);
    // A part of the path, such as `tick_ms_max` or `input_ack_ms`, is nearly the whole name.
    if known.split('.').any(|part| part == name) { similarity.max(0.95) } else { similarity }
}

/// Lists all names, one line for each parent: `parent.{one, other}`.
pub(super) fn list() -> String {
    let mut lines: Vec<(&str, Vec<&str>)> = vec![("", Vec::new())];
    for name in KNOWN.iter() {
        let (part, last) = name.rsplit_once('.').unwrap_or(("", name));
        match lines.iter_mut().find(|(known, _)| *known == part) {
            Some((_, names)) => names.push(last),
            None => lines.push((part, vec![last])),
        }
    }
    let line = |(part, names): &(&str, Vec<&str>)| match (*part, names.as_slice()) {
        ("", names) => names.join(", "),
        (part, [name]) => format!("{part}.{name}"),
        (part, names) => format!("{part}.{{{}}}", names.join(", ")),
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n  ")
}

/// Returns a report in which everything is measured. It lists all fields of [`Report`], so that the compiler demands a new field here.
pub(crate) fn sample() -> Report {
    let times = Some(Percentiles::default());
    let any = || ANY.to_owned();
    Report {
        schema: SCHEMA,
        verdict: Verdict::Pass,
        why: Vec::new(),
        slo: Vec::new(),
        setting: RunSetting::default(),
        bots: 0,
        bots_at_once: 0,
        joined: 0,
        refused: 0,
        disconnected: 0,
        resumes: 0,
        seconds: 0.0,
        warm_up_s: 0.0,
        tick_hz: 30,
        bot_seconds: 0.0,
        snapshots_per_bot_s: Some(0.0),
        input_ack_ms: times,
        snapshot_age_ms: times,
        snapshot_gap_ms: times,
        join_ms: times,
        correction_units: times,
        corrections_per_bot_min: Some(0.0),
        frozen_percent: Some(0.0),
        bytes_down_per_bot_s: Some(0.0),
        bytes_up_per_bot_s: Some(0.0),
        inputs: 0,
        inputs_unacked: 0,
        snapshots_lost: 0,
        snapshots_lost_percent: Some(0.0),
        events_lost: 0,
        events_doubled: 0,
        closes: [(any(), 0)].into(),
        game: GameFigures::default(),
        groups: [(any(), sample_group())].into(),
        hostile: [(any(), sample_hostile())].into(),
        server: Some(sample_server()),
        swarm: SwarmFigures { cpu_ms_per_bot_s: Some(0.0), ..SwarmFigures::default() },
        trouble: None,
        incidents: Vec::new(),
        series: Vec::new(),
        curves: Curves::default(),
        baseline: None,
    }
}

fn sample_server() -> ServerFigures {
    ServerFigures {
        cpu_ms_per_player_s: Some(0.0),
        cpu_cores: Some(0.0),
        cores: Some(0),
        rss_mb: Some(0.0),
        machine_mb: Some(0.0),
        tick_ms_p99: Some(0.0),
        tick_ms_max: Some(0.0),
        overruns: Some(0),
        slips: Some(0),
        unanswered: 0,
    }
}

fn sample_hostile() -> HostileFigures {
    HostileFigures { lives: 0, sent: 0, closes: [(ANY.to_owned(), 0)].into() }
}

fn sample_group() -> GroupFigures {
    let times = Some(Percentiles::default());
    GroupFigures {
        joined: 0,
        disconnected: 0,
        resumes: 0,
        input_ack_ms: times,
        snapshot_age_ms: times,
        snapshot_gap_ms: times,
        frozen_percent: Some(0.0),
        snapshots_lost_percent: Some(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_every_part_of_a_report_are_known() {
        for name in [
            "input_ack_ms.p99",
            "disconnected",
            "closes.lost",
            "closes.room full",
            "swarm.lag_ms_p99",
            "server.tick_ms_max",
            "groups.phones.input_ack_ms.p99",
            "groups.far.away.joined",
            "hostile.flood.lives",
            "hostile.flood.closes.kicked",
        ] {
            assert!(is_known(name), "{name}");
        }
    }

    #[test]
    fn names_outside_of_reports_are_unknown() {
        for name in
            ["", "closes.", "closes", "groups.joined", "groups..joined", "hostile.flood", "verdict", "p99"]
        {
            assert!(!is_known(name), "{name}");
        }
        for name in ["hostile..lives", "hostile.flood.closes.", "setting.cores", "series", "slo", "NAME"] {
            assert!(!is_known(name), "{name}");
        }
    }

    #[test]
    fn the_sample_measures_everything() {
        fn nulls(value: &serde_json::Value) -> bool {
            value.is_null() || value.as_object().is_some_and(|fields| fields.values().any(nulls))
        }
        assert!(
            !nulls(&serde_json::to_value(sample()).unwrap()),
            "the sample must have all figures, because rules cannot name others"
        );
    }

    #[test]
    fn a_part_of_a_path_is_similar() {
        assert_eq!(similar("tick_ms_max")[0], "server.tick_ms_max");
        assert_eq!(similar("input_ack.p99")[0], "input_ack_ms.p99");
        assert_eq!(similar("disconnects")[0], "disconnected");
        assert!(similar("input_ack_ms").iter().all(|name| name.contains("input_ack_ms")));
        assert!(similar("zebra").is_empty(), "{:?}", similar("zebra"));
    }

    #[test]
    fn counters_and_maxima_are_monotonic() {
        for name in
            ["joined", "closes.lost", "game.shots", "input_ack_ms.max", "swarm.lag_ms_max", "server.slips"]
        {
            assert!(is_monotonic(name), "{name}");
        }
        for name in ["input_ack_ms.p99", "frozen_percent", "server.rss_mb", "snapshots_lost_percent", "bots"]
        {
            assert!(!is_monotonic(name), "{name}");
        }
    }
}
