//! Comparison of a run with the report of an older one.
//!
//! Only the numbers of the older report are read: a report of an older swarm may have fewer fields, and the figures that both reports have
//! can still be compared.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{BaselineComparison, Delta, SCHEMA, round};
use crate::slo::Figures;

/// A baseline: the figures of an older run, with which a run is compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    file: String,
    started_unix_s: u64,
    figures: Figures,
}

/// The error of reading a baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The file cannot be read.
    #[error("{} cannot be read: {}", .0.display(), .1)]
    Unreadable(PathBuf, io::Error),
    /// The file is not JSON.
    #[error("{} is not JSON: {}; a report is what `swarm run --report FILE` writes", .0.display(), .1)]
    NotJson(PathBuf, serde_json::Error),
    /// The file is JSON without a schema number.
    #[error("{} is JSON but not a report: it has no number called `schema`", .0.display())]
    NotReport(PathBuf),
    /// The file is a report of another schema version, whose figures have other meanings.
    #[error(
        "{} is a report of schema {found}, and this swarm writes and compares schema {SCHEMA}: {}",
        .file.display(),
        if found < &u64::from(SCHEMA) { "repeat that run with this swarm" } else { "it was written by a newer swarm" }
    )]
    OtherSchema {
        /// The file's path.
        file: PathBuf,
        /// The file's schema version.
        found: u64,
    },
}

impl Baseline {
    /// Parses the content of a report's file, as reading the file returned it.
    ///
    /// # Errors
    /// When the file could not be read, or is not a report of schema [`SCHEMA`].
    pub fn parse(file: &Path, content: io::Result<Vec<u8>>) -> Result<Self, BaselineError> {
        let text = content.map_err(|error| BaselineError::Unreadable(file.to_owned(), error))?;
        let report: Value =
            serde_json::from_slice(&text).map_err(|error| BaselineError::NotJson(file.to_owned(), error))?;
        match report.get("schema").and_then(Value::as_u64) {
            None => Err(BaselineError::NotReport(file.to_owned())),
            Some(found) if found != u64::from(SCHEMA) => {
                Err(BaselineError::OtherSchema { file: file.to_owned(), found })
            }
            Some(_) => Ok(Self {
                file: file.display().to_string(),
                started_unix_s: report["setting"]["started_unix_s"].as_u64().unwrap_or_default(),
                figures: Figures::from_json(&report),
            }),
        }
    }

    /// Returns the older run's figures, for rules that refer to the baseline.
    #[must_use]
    pub const fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Returns the differences of all figures that both runs have. A count by name that a report leaves out while it is 0, such as
    /// `closes.kicked`, is compared as 0.
    #[must_use]
    pub fn compare(&self, now: &Figures) -> BaselineComparison {
        let names: BTreeSet<_> = self.figures.iter().chain(now.iter()).map(|(name, _)| name).collect();
        let delta = |name| Some(Delta::between(self.figures.get(name)?, now.get(name)?));
        BaselineComparison {
            file: self.file.clone(),
            started_unix_s: self.started_unix_s,
            figures: names.into_iter().filter_map(|name| Some((name.to_owned(), delta(name)?))).collect(),
        }
    }
}

impl Delta {
    /// Computes the change from `then` to `now`; without a percentage when `then` is 0.
    #[must_use]
    pub fn between(then: f64, now: f64) -> Self {
        let percent = (then != 0.0).then(|| round(100.0 * (now - then) / then.abs()));
        Self { then, now, percent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Percentiles, Report};

    fn open(content: &str) -> Result<Baseline, BaselineError> {
        Baseline::parse(Path::new("old.json"), Ok(content.into()))
    }

    fn report(p99: f64) -> Report {
        let times = Percentiles { p99, ..Percentiles::default() };
        Report { schema: SCHEMA, input_ack_ms: Some(times), ..Report::default() }
    }

    #[test]
    fn figures_that_both_reports_have_are_compared() {
        let mut then = report(50.0);
        then.setting.started_unix_s = 1_700_000_000;
        then.join_ms = then.input_ack_ms;
        let baseline = open(&serde_json::to_string(&then).unwrap()).unwrap();
        let comparison = baseline.compare(&Figures::from_report(&report(60.0)));
        assert_eq!(comparison.started_unix_s, 1_700_000_000);
        let p99 = Delta { then: 50.0, now: 60.0, percent: Some(20.0) };
        assert_eq!(comparison.figures["input_ack_ms.p99"], p99);
        assert!(!comparison.figures.contains_key("join_ms.p99"), "no bot joined in this run");
        assert_eq!(comparison.figures["refused"].percent, None, "a change from 0 has no percentage");
    }

    #[test]
    fn a_close_reason_that_the_baseline_lacks_counts_as_zero() {
        let baseline = open(&serde_json::to_string(&report(50.0)).unwrap()).unwrap();
        let now = Report { closes: [("lost".to_owned(), 3)].into(), ..report(50.0) };
        let lost = baseline.compare(&Figures::from_report(&now)).figures["closes.lost"];
        assert_eq!((lost.then, lost.now), (0.0, 3.0));
    }

    #[test]
    fn a_baseline_with_fewer_fields_is_compared_in_the_fields_it_has() {
        let baseline = open(&format!("{{\"schema\": {SCHEMA}, \"joined\": 5}}")).unwrap();
        let now = Report { joined: 10, ..report(1.0) };
        assert_eq!(baseline.compare(&Figures::from_report(&now)).figures["joined"].percent, Some(100.0));
    }

    #[test]
    fn an_unusable_baseline_is_reported_with_its_file_and_the_reason() {
        for (content, why) in [
            ("schema: 2", "is not JSON"),
            ("[1, 2]", "no number called `schema`"),
            ("{\"schema\": 1}", "schema 1, and this swarm writes and compares schema 2: repeat that run"),
            ("{\"schema\": 9}", "it was written by a newer swarm"),
        ] {
            let error = open(content).unwrap_err().to_string();
            assert!(error.contains("old.json") && error.contains(why), "{error}");
        }
        let missing = Err(io::ErrorKind::NotFound.into());
        let error = Baseline::parse(Path::new("/nowhere/old.json"), missing).unwrap_err().to_string();
        assert!(error.contains("/nowhere/old.json cannot be read"), "{error}");
    }
}
