//! How a run differs from another one, of which there is a report.
//!
//! Only the other report's numbers are read, not the whole of it: a swarm of last month wrote fewer fields, and what both have can be
//! compared all the same.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    report::{Comparison, Delta, SCHEMA, round},
    slo::Figures,
};

/// Another run, to compare with.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    file: String,
    started_unix_s: u64,
    figures: Figures,
}

/// Why a file cannot be compared with.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It cannot be read.
    #[error("{} cannot be read: {}", .0.display(), .1)]
    Unreadable(PathBuf, io::Error),
    /// It is something else.
    #[error("{} is not JSON: {}; a report is what `swarm run --report FILE` writes", .0.display(), .1)]
    NotJson(PathBuf, serde_json::Error),
    /// It is JSON of another kind.
    #[error("{} is JSON, but no report: it has no number called `schema`", .0.display())]
    NotReport(PathBuf),
    /// It is a report whose figures mean something else.
    #[error(
        "{} is a report of schema {found}, and this swarm writes and compares schema {SCHEMA}: {}",
        .file.display(),
        if found < &u64::from(SCHEMA) { "make it again with this swarm" } else { "a newer swarm made it" }
    )]
    OtherSchema {
        /// The report.
        file: PathBuf,
        /// Its version.
        found: u64,
    },
}

impl Baseline {
    /// Reads a report from a file.
    ///
    /// # Errors
    /// When it cannot be read, or is not a report of this version.
    pub fn open(file: &Path) -> Result<Self, BaselineError> {
        let text = fs::read(file).map_err(|error| BaselineError::Unreadable(file.to_owned(), error))?;
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
                figures: Figures::of_json(&report),
            }),
        }
    }

    /// The other run's figures, for rules that name them.
    #[must_use]
    pub const fn figures(&self) -> &Figures {
        &self.figures
    }

    /// How this run differs from the other one, in all figures that both have.
    #[must_use]
    pub fn compare(&self, now: &Figures) -> Comparison {
        let names: BTreeSet<_> = self.figures.iter().chain(now.iter()).map(|(name, _)| name).collect();
        let delta = |name| Some(Delta::between(self.figures.get(name)?, now.get(name)?));
        Comparison {
            file: self.file.clone(),
            started_unix_s: self.started_unix_s,
            figures: names.into_iter().filter_map(|name| Some((name.to_owned(), delta(name)?))).collect(),
        }
    }
}

impl Delta {
    /// From one value to the other.
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

    /// Opens a file with this content.
    fn open(content: &str) -> Result<Baseline, BaselineError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("old.json");
        fs::write(&file, content).unwrap();
        Baseline::open(&file)
    }

    fn report(p99: f64) -> Report {
        let times = Percentiles { p99, ..Percentiles::default() };
        Report { schema: SCHEMA, input_ack_ms: Some(times), ..Report::default() }
    }

    #[test]
    fn figures_that_both_have_are_compared() {
        let mut then = report(50.0);
        then.setting.started_unix_s = 1_700_000_000;
        then.join_ms = then.input_ack_ms;
        let baseline = open(&serde_json::to_string(&then).unwrap()).unwrap();
        let comparison = baseline.compare(&Figures::of(&report(60.0)));
        assert_eq!(comparison.started_unix_s, 1_700_000_000);
        let p99 = Delta { then: 50.0, now: 60.0, percent: Some(20.0) };
        assert_eq!(comparison.figures["input_ack_ms.p99"], p99);
        assert!(!comparison.figures.contains_key("join_ms.p99"), "nobody joined this time");
        assert_eq!(comparison.figures["refused"].percent, None, "there is no per cent of nothing");
    }

    #[test]
    fn a_reason_that_is_new_was_there_no_times_before() {
        let baseline = open(&serde_json::to_string(&report(50.0)).unwrap()).unwrap();
        let now = Report { closes: [("lost".to_owned(), 3)].into(), ..report(50.0) };
        let lost = baseline.compare(&Figures::of(&now)).figures["closes.lost"];
        assert_eq!((lost.then, lost.now), (0.0, 3.0));
    }

    #[test]
    fn a_report_of_fewer_fields_is_compared_in_those() {
        let baseline = open(&format!("{{\"schema\": {SCHEMA}, \"joined\": 5}}")).unwrap();
        let now = Report { joined: 10, ..report(1.0) };
        assert_eq!(baseline.compare(&Figures::of(&now)).figures["joined"].percent, Some(100.0));
    }

    #[test]
    fn what_cannot_be_compared_says_which_file_and_why() {
        for (content, why) in [
            ("schema: 2", "is not JSON"),
            ("[1, 2]", "no number called `schema`"),
            ("{\"schema\": 1}", "schema 1, and this swarm writes and compares schema 2: make it again"),
            ("{\"schema\": 9}", "a newer swarm made it"),
        ] {
            let error = open(content).unwrap_err().to_string();
            assert!(error.contains("old.json") && error.contains(why), "{error}");
        }
        let error = Baseline::open(Path::new("/nowhere/old.json")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/old.json cannot be read"), "{error}");
    }
}
