//! A plan from a TOML file.

use std::{fs, path::Path};

use super::{Plan, PlanError};

/// The maximum length of a plan's file.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

impl Plan {
    /// Reads a plan from a file.
    ///
    /// # Errors
    /// When the file cannot be read, is longer than 1 MiB, or is not a plan. The error has the line and the accepted form.
    pub fn read(path: &Path) -> Result<Self, PlanError> {
        let unreadable = |message: String| PlanError::in_file(path, message);
        let bytes = fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
        if bytes > MAX_FILE_BYTES {
            return Err(unreadable(format!(
                "a plan has at most {MAX_FILE_BYTES} bytes, and this file has {bytes}"
            )));
        }
        let text = fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
        toml::from_str(&text).map_err(|error| PlanError::in_text(path, &text, &error))
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write, time::Duration};

    use quarrel_shared::crowd::Crowd;
    use tempfile::NamedTempFile;

    use super::*;
    use crate::{
        game::{GameEntry, GameRegistry},
        plan::{GameCatalog, PlanArguments, RunArguments, ServerTarget, TrustRoots},
    };

    fn file(text: &str) -> NamedTempFile {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn catalog() -> GameCatalog {
        GameRegistry::new(vec![GameEntry::of::<Crowd>(&[])]).catalog()
    }

    /// Builds the plan and runs all checks that precede a run.
    fn prepare(arguments: &RunArguments) -> Result<Plan, PlanError> {
        let plan = arguments.plan()?;
        arguments.check(&plan, &catalog())?;
        let ready =
            plan.check_rules(None).and_then(|()| ServerTarget::resolve_all(&plan, &TrustRoots::read(&plan)?));
        ready.map_err(|error| arguments.locate(&plan, error))?;
        Ok(plan)
    }

    fn arguments(file: &NamedTempFile) -> RunArguments {
        let plan = PlanArguments { plan: Some(file.path().to_owned()), ..PlanArguments::default() };
        RunArguments { plan, ..RunArguments::default() }
    }

    fn error(text: &str) -> String {
        let file = file(text);
        let error = prepare(&arguments(&file)).unwrap_err();
        assert!(error.is_in_plan_file(), "{error}");
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
    fn a_plan_file_is_read_and_survives_toml_and_json() {
        let file = file(PLAN);
        let plan = prepare(&arguments(&file)).unwrap();
        assert_eq!(
            (plan.stages.max_bots(), plan.warm_up, plan.bots.len()),
            (200, Duration::from_secs(10), 2)
        );
        let again: Plan = toml::from_str(&plan.to_toml()).unwrap();
        assert_eq!(again, plan, "the plan in a report must repeat the same run");
        let sent: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
        assert_eq!(sent, plan, "an agent must receive the same plan");
    }

    #[test]
    fn a_mistake_is_reported_with_its_line() {
        for (text, place, message) in [
            ("seed = 1\nstages = \"50\"\n", "2: stages: ", "as in"),
            ("seed = 1\n\nspeed = 4\n", "3: ", "unknown field"),
            (
                "[[bots]]\nbrain = \"stroll\"\n[[bots]]\nname=\"b\"\nbrain = \"sprint\"\n",
                "5: brain: ",
                "stroll",
            ),
            ("[[bots]]\nlink = \"pigeon\"\n", "2: link: ", "wifi"),
            ("[[bots]]\ngame = \"chess\"\n", "2: game: ", "crowd"),
            ("[[bots]]\nshare = \"all\"\n", "2: share: ", "expected u32"),
            ("bots = [\n  {name = \"a\"},\n  {speed = 3},\n]\n", "3: bots: ", "unknown field"),
            ("warm_up = \"1h\"\n", "1: warm_up: ", "nothing is left"),
            ("[[hostile]]\nkind = \"rude\"\n", "2: kind: ", "flood"),
            ("seed = \n", "1: ", ""),
        ] {
            let error = error(text);
            assert!(
                error.starts_with(&format!("plan.toml:{place}")) && error.contains(message),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_wrong_element_of_a_list_is_reported_with_its_own_line() {
        for (text, place, message) in [
            ("slo = [\n  \"joined > 0\",\n  \"fun > 3\"]\n", "3: slo: ", "fun"),
            ("slo = [\n  \"joined > 0\",\n  3]\n", "3: slo: ", "expected a string"),
            ("slo = [\n  \"joined > 0\",\n\n  \"joined > baseline\"]\n", "4: slo: ", "--baseline"),
            ("storms = [\n  \"5%@1s\",\n  \"5%\"]\n", "3: storms: ", "as in"),
            ("storms = [\n  \"5%@1s\",\n  \"5%@9h\"]\n", "3: storms: ", "the run is over"),
        ] {
            let error = error(text);
            assert!(
                error.starts_with(&format!("plan.toml:{place}")) && error.contains(message),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_wrong_server_or_certificate_is_reported_with_its_line() {
        for (text, place, message) in [
            ("seed = 1\ncert_hash = \"zz\"\n", "2: cert_hash: ", "64 hexadecimal digits"),
            ("seed = 1\nserver_http = \"what ever\"\n", "2: server_http: ", "http://"),
            ("seed = 1\nroots = \"/nowhere/ca.pem\"\n", "2: roots: ", "/nowhere/ca.pem"),
            ("seed = 1\nserver = \"nowhere\"\n", "2: server: ", "127.0.0.1:7777"),
            ("[[bots]]\n[[bots]]\nname = \"b\"\nserver = \"nowhere\"\n", "4: server: ", "127.0.0.1:7777"),
            (
                "[[bots]]\n[[bots]]\nname = \"b\"\nserver = \"no.such.invalid:1\"\n",
                "4: server: ",
                "no.such.invalid",
            ),
            ("[[bots]]\nserver = \"192.0.2.1:7777\"\n", "2: server: ", "--cert-hash"),
        ] {
            let error = error(text);
            assert!(
                error.starts_with(&format!("plan.toml:{place}")) && error.contains(message),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_wrong_flag_beside_a_file_is_reported_as_the_flag() {
        type Set = fn(&mut RunArguments);
        let file = file("slo = [\"joined > 0\"]\nserver = \"127.0.0.1:7777\"\n[[bots]]\n");
        let base = arguments(&file);
        let with = |set: Set| {
            let mut arguments = base.clone();
            set(&mut arguments);
            let error = prepare(&arguments).unwrap_err();
            assert!(!error.is_in_plan_file(), "{error}");
            error.to_string()
        };
        let cases: [(Set, &str); 7] = [
            (|run| run.plan.server = Some("nowhere".to_owned()), "--server: "),
            (|run| run.plan.server_http = Some("nowhere".to_owned()), "--server-http: "),
            (|run| run.plan.roots = Some("/nowhere/ca.pem".to_owned()), "--roots: "),
            (|run| run.plan.slo = vec!["joined > baseline".parse().unwrap()], "--slo: "),
            (|run| run.storm = vec!["5%@9h".parse().unwrap()], "--storm: "),
            (|run| run.warm_up = Some(Duration::from_secs(3600)), "--warm-up: "),
            (|run| run.plan.brain = Some("stroll,stroll".parse().unwrap()), "--brain: "),
        ];
        for (set, flag) in cases {
            let error = with(set);
            assert!(error.starts_with(flag), "{flag} {error}");
        }
    }

    #[test]
    fn groups_that_flags_split_are_located_in_the_file() {
        let text = "[[bots]]\n[[bots]]\nname = \"b\"\nserver = \"nowhere\"\n";
        let file = file(text);
        let mut arguments = arguments(&file);
        arguments.plan.link = Some("wifi:2,lte:1".parse().unwrap());
        let error = prepare(&arguments).unwrap_err().to_string();
        assert!(error.contains(":4: server: "), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Plan::read(Path::new("/nowhere/plan.toml")).unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/plan.toml: "), "{error}");
    }
}
