//! The figures of a report: its numbers by name, where the name is the number's path in the JSON.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{figure_names, flatten::flatten_report};
use crate::Report;

/// A report's numbers by name, such as `input_ack_ms.p99`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures(BTreeMap<String, f64>);

impl Figures {
    /// Collects the figures of a report.
    #[must_use]
    pub fn from_report(report: &Report) -> Self {
        // The conversion cannot fail, because all maps of a report have text keys.
        Self::from_json(&serde_json::to_value(report).unwrap_or_default())
    }

    /// Collects the figures of a report in JSON. An older swarm may have written it with fewer fields.
    #[must_use]
    pub fn from_json(report: &Value) -> Self {
        Self(flatten_report(report))
    }

    /// Returns a figure; `None` when it was not measured. A count by name that the report lacks, such as `closes.kicked`, is 0.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied().or_else(|| figure_names::is_zero_when_absent(name).then_some(0.0))
    }

    /// Iterates over all figures, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{report::Percentiles, slo::flatten::EXCLUDED};

    #[test]
    fn figures_are_named_by_their_path_in_the_report() {
        let report = Report {
            joined: 7,
            input_ack_ms: Some(Percentiles { p99: 41.5, ..Percentiles::default() }),
            closes: [("lost".to_owned(), 2)].into(),
            ..Report::default()
        };
        let figures = Figures::from_report(&report);
        assert_eq!(figures.get("joined"), Some(7.0));
        assert_eq!(figures.get("input_ack_ms.p99"), Some(41.5));
        assert_eq!(figures.get("closes.lost"), Some(2.0));
    }

    #[test]
    fn a_count_that_never_occurred_is_zero_and_a_figure_that_was_not_measured_is_absent() {
        let figures = Figures::from_report(&Report::default());
        assert_eq!(figures.get("closes.kicked"), Some(0.0));
        assert_eq!(figures.get("hostile.flood.lives"), Some(0.0));
        assert_eq!(figures.get("input_ack_ms.p99"), None);
        assert_eq!(figures.get("server.tick_ms_max"), None);
        assert_eq!(figures.get("groups.phones.joined"), None, "the plan has no such group");
        for share in
            ["frozen_percent", "snapshots_lost_percent", "bytes_down_per_bot_s", "swarm.cpu_ms_per_bot_s"]
        {
            assert_eq!(figures.get(share), None, "{share} has no base");
        }
    }

    #[test]
    fn texts_and_plots_are_not_figures() {
        let report = figure_names::sample();
        let names: Vec<_> = Figures::from_report(&report).iter().map(|(name, _)| name.to_owned()).collect();
        let is_plot = |name: &String| EXCLUDED.iter().any(|part| name.starts_with(part));
        assert_eq!(names.iter().find(|name| is_plot(name)), None);
        assert!(names.len() > 80, "only {} figures", names.len());
    }

    #[test]
    fn a_number_that_json_cannot_express_is_not_a_figure() {
        let report = Report { bot_seconds: f64::NAN, ..Report::default() };
        assert_eq!(Figures::from_report(&report).get("bot_seconds"), None);
    }
}
