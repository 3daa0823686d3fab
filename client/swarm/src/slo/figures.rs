//! A report's numbers by name, which is the path that leads to each in the JSON.

use std::collections::BTreeMap;

use serde_json::Value;

use super::known;
use crate::Report;

/// The parts of a report that are no figures: texts, the setting, and what is there to be plotted.
const NO_FIGURES: [&str; 10] =
    ["schema", "verdict", "why", "slo", "setting", "trouble", "incidents", "series", "curves", "baseline"];

/// A report's numbers by name, such as `input_ack_ms.p99`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// Those of a report.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        // A report is made of maps with text keys, so it always is JSON.
        Self::of_json(&serde_json::to_value(report).unwrap_or_default())
    }

    /// Those of a report as JSON, perhaps of an older swarm that knew fewer of them.
    #[must_use]
    pub fn of_json(report: &Value) -> Self {
        let mut figures = BTreeMap::new();
        for (name, value) in report.as_object().into_iter().flatten() {
            if !NO_FIGURES.contains(&name.as_str()) {
                flatten(name.clone(), value, &mut figures);
            }
        }
        Self(figures)
    }

    /// One of them; none when nothing was measured. What was never seen to happen happened 0 times.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied().or_else(|| known::is_in_count_map(name).then_some(0.0))
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }
}

fn flatten(path: String, value: &Value, figures: &mut BTreeMap<String, f64>) {
    match value {
        Value::Number(number) => {
            figures.extend(number.as_f64().map(|number| (path, number)));
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                flatten(format!("{path}.{name}"), value, figures);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Percentiles;

    #[test]
    fn figures_are_named_by_their_path() {
        let report = Report {
            joined: 7,
            input_ack_ms: Some(Percentiles { p99: 41.5, ..Percentiles::default() }),
            closes: [("lost".to_owned(), 2)].into(),
            ..Report::default()
        };
        let figures = Figures::of(&report);
        assert_eq!(figures.get("joined"), Some(7.0));
        assert_eq!(figures.get("input_ack_ms.p99"), Some(41.5));
        assert_eq!(figures.get("closes.lost"), Some(2.0));
    }

    #[test]
    fn what_was_never_seen_is_zero_but_what_was_never_measured_is_nothing() {
        let figures = Figures::of(&Report::default());
        assert_eq!(figures.get("closes.kicked"), Some(0.0));
        assert_eq!(figures.get("hostile.flood.lives"), Some(0.0));
        assert_eq!(figures.get("input_ack_ms.p99"), None);
        assert_eq!(figures.get("server.tick_ms_max"), None);
        assert_eq!(figures.get("groups.phones.joined"), None, "there was no such group");
        for share in
            ["frozen_percent", "snapshots_lost_percent", "bytes_down_per_bot_s", "swarm.cpu_ms_per_bot_s"]
        {
            assert_eq!(figures.get(share), None, "{share} of nothing");
        }
    }

    #[test]
    fn texts_and_plots_are_no_figures() {
        let report = known::sample();
        let names: Vec<_> = Figures::of(&report).iter().map(|(name, _)| name.to_owned()).collect();
        let is_plot = |name: &String| NO_FIGURES.iter().any(|part| name.starts_with(part));
        assert_eq!(names.iter().find(|name| is_plot(name)), None);
        assert!(names.len() > 80, "only {} figures", names.len());
    }

    #[test]
    fn a_number_that_is_none_is_no_figure() {
        let report = Report { bot_seconds: f64::NAN, ..Report::default() };
        assert_eq!(Figures::of(&report).get("bot_seconds"), None);
    }
}
