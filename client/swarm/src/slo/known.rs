//! Which figures there are: those of a report in which everything was measured once.

use std::{collections::BTreeSet, sync::LazyLock};

use super::Figures;
use crate::report::{
    Curves, GameFigures, GroupFigures, HostileFigures, Percentiles, Report, SCHEMA, ServerFigures, Setting,
    SwarmFigures, Verdict,
};

/// Stands for a key that the run decides on: a reason, a group's name, a kind of hostile bots.
const ANY: &str = "NAME";

/// How many near misses are named.
const NEAR: usize = 4;

static KNOWN: LazyLock<BTreeSet<String>> =
    LazyLock::new(|| Figures::of(&sample()).iter().map(|(name, _)| name.to_owned()).collect());

/// Whether a report may have this figure.
pub(super) fn is_known(name: &str) -> bool {
    KNOWN.contains(name) || patterns(name).next().is_some()
}

/// Whether it is one of those that nothing is said of while they are 0.
pub(super) fn is_in_count_map(name: &str) -> bool {
    let counts = |pattern: &'static str| pattern.starts_with("closes.") || pattern.starts_with("hostile.");
    patterns(name).any(counts)
}

/// Whether it only ever grows in a run, so that what is too much stays too much, and what is too little may still become enough.
pub(super) fn only_grows(name: &str) -> bool {
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
    is_in_count_map(name) || name.starts_with("game.") || COUNTERS.contains(&last) || last.ends_with("_max")
}

/// The known names with an [`ANY`] in them that this one fits.
fn patterns(name: &str) -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(String::as_str).filter(move |pattern| fits(pattern, name))
}

/// A key may be any text, dots included, but not none.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once(ANY) else { return pattern == name };
    let Some(rest) = name.strip_prefix(before) else { return false };
    let longest_key = rest.len().saturating_sub(after.len().min(rest.len()));
    match after.split_once(ANY) {
        None => longest_key > 0 && rest.ends_with(after),
        // Of a hostile kind's closes: `.closes.` lies between the two.
        Some((between, _)) => {
            rest.split_once(between).is_some_and(|(kind, reason)| !kind.is_empty() && !reason.is_empty())
        }
    }
}

/// What might have been meant, the nearest first.
pub(super) fn near(name: &str) -> Vec<&'static str> {
    let mut near: Vec<_> = KNOWN.iter().map(|known| (likeness(known, name), known.as_str())).collect();
    near.sort_by(|one, other| other.0.total_cmp(&one.0));
    near.into_iter().filter(|(likeness, _)| *likeness > 0.8).take(NEAR).map(|(_, known)| known).collect()
}

fn likeness(known: &str, name: &str) -> f64 {
    let alike = strsim::jaro_winkler(known, name);
    // Somebody who says `tick_ms_max` or `input_ack_ms` said a part of the path.
    if known.split('.').any(|part| part == name) { alike.max(0.95) } else { alike }
}

/// All of them in little space: those of one part in braces.
pub(super) fn all() -> String {
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

/// A report in which everything was measured. No field is left to its default, so that a new one cannot be forgotten.
pub(crate) fn sample() -> Report {
    let times = Some(Percentiles::default());
    let server = ServerFigures {
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
    };
    let any = || ANY.to_owned();
    let hostile = HostileFigures { lives: 0, sent: 0, closes: [(any(), 0)].into() };
    Report {
        schema: SCHEMA,
        verdict: Verdict::Pass,
        why: Vec::new(),
        slo: Vec::new(),
        setting: Setting::default(),
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
        hostile: [(any(), hostile)].into(),
        server: Some(server),
        swarm: SwarmFigures { cpu_ms_per_bot_s: Some(0.0), ..SwarmFigures::default() },
        trouble: None,
        incidents: Vec::new(),
        series: Vec::new(),
        curves: Curves::default(),
        baseline: None,
    }
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
    fn what_the_issue_names_is_known() {
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
    fn what_no_report_has_is_unknown() {
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
            "a figure that is not there cannot be named"
        );
    }

    #[test]
    fn a_part_of_a_path_is_a_near_miss() {
        assert_eq!(near("tick_ms_max")[0], "server.tick_ms_max");
        assert_eq!(near("input_ack.p99")[0], "input_ack_ms.p99");
        assert_eq!(near("disconnects")[0], "disconnected");
        assert!(near("input_ack_ms").iter().all(|name| name.contains("input_ack_ms")));
        assert!(near("zebra").is_empty(), "{:?}", near("zebra"));
    }

    #[test]
    fn counters_and_greatest_values_only_grow() {
        for name in
            ["joined", "closes.lost", "game.shots", "input_ack_ms.max", "swarm.lag_ms_max", "server.slips"]
        {
            assert!(only_grows(name), "{name}");
        }
        for name in ["input_ack_ms.p99", "frozen_percent", "server.rss_mb", "snapshots_lost_percent", "bots"]
        {
            assert!(!only_grows(name), "{name}");
        }
    }
}
