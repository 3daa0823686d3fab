//! A plan from a TOML file.

use std::{fs, path::Path};

use super::{Plan, PlanError};
use crate::swarm::game::Games;

/// Larger files are no plans.
const FILE_BYTES: u64 = 1024 * 1024;

impl Plan {
    /// The plan in a file.
    ///
    /// # Errors
    /// When it cannot be read or is no plan: the line, and what would be accepted.
    pub fn read(path: &Path) -> Result<Self, PlanError> {
        let unreadable = |why: String| PlanError::in_file(path.to_owned(), "", None, why);
        let bytes = fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
        if bytes > FILE_BYTES {
            return Err(unreadable(format!("{bytes} bytes are too many for a plan")));
        }
        let text = fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
        toml::from_str(&text).map_err(|error| {
            let byte = error.span().map(|span| span.start);
            PlanError::in_file(path.to_owned(), &text, byte, error.message().replace('\n', ", "))
        })
    }

    /// As [`Self::check`], for a plan that came from this file.
    ///
    /// # Errors
    /// The same, with the line.
    pub fn check_file(&self, path: &Path, games: &Games) -> Result<(), PlanError> {
        self.check(games).map_err(|error| {
            let text = fs::read_to_string(path).unwrap_or_default();
            error.located(path.to_owned(), &text)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, time::Duration};

    use quarrel_shared::crowd::Crowd;
    use tempfile::NamedTempFile;

    use super::*;
    use crate::swarm::game::GameEntry;

    fn file(text: &str) -> NamedTempFile {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn games() -> Games {
        Games::new(vec![GameEntry::of::<Crowd>(&[])])
    }

    fn error(text: &str) -> String {
        let file = file(text);
        let read = Plan::read(file.path()).and_then(|plan| plan.check_file(file.path(), &games()));
        let error = read.unwrap_err();
        assert!(error.is_of_file(), "{error}");
        error.to_string().replace(&file.path().display().to_string(), "plan.toml")
    }

    const PLAN: &str = r#"
        stages = "0:50@10s,200@60s,0@5s"
        warm_up = "10s"
        churn = 30
        storms = ["25%@30s"]
        slo = ["input_ack_ms.p99 < 80"]

        [[bots]]
        name = "phones"
        share = 30
        brain = "stroll"
        link = "lte"

        [[bots]]
        name = "desks"
        share = 70

        [[hostile]]
        kind = "flood"
        bots = 2
    "#;

    #[test]
    fn a_file_says_all_that_flags_do() {
        let file = file(PLAN);
        let plan = Plan::read(file.path()).unwrap();
        plan.check_file(file.path(), &games()).unwrap();
        assert_eq!((plan.stages.most(), plan.warm_up, plan.bots.len()), (200, Duration::from_secs(10), 2));
        let again: Plan = toml::from_str(&plan.to_toml()).unwrap();
        assert_eq!(again, plan, "a report's plan makes the same run");
        let sent: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
        assert_eq!(sent, plan, "and so does what an agent is sent");
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        for (text, line, why) in [
            ("seed = 1\nstages = \"50\"\n", 2, "as in"),
            ("seed = 1\n\nspeed = 4\n", 3, "unknown field"),
            ("[[bots]]\nbrain = \"stroll\"\n[[bots]]\nname=\"b\"\nbrain = \"sprint\"\n", 5, "stroll"),
            ("[[bots]]\nlink = \"pigeon\"\n", 2, "wifi"),
            ("[[bots]]\ngame = \"chess\"\n", 2, "crowd"),
            ("warm_up = \"1h\"\n", 1, "nothing is left"),
            ("slo = [\n  \"joined > 0\",\n  \"fun > 3\"]\n", 1, "fun"),
            ("[[hostile]]\nkind = \"rude\"\n", 2, "flood"),
            ("seed = \n", 1, ""),
        ] {
            let error = error(text);
            assert!(
                error.starts_with(&format!("plan.toml:{line}: ")) && error.contains(why),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = Plan::read(Path::new("/nowhere/plan.toml")).unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/plan.toml: "), "{error}");
    }
}
