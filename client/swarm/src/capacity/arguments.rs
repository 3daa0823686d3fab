//! The command line of `swarm capacity`, and the loop that runs one load (number of players) after the other.

use std::{thread, time::Duration};

use clap::Args;

use super::{CapacityReport, LoadResult, LoadSearch, bottleneck};
use crate::{
    plan::{Plan, PlanArguments, PlanError, Stages, duration},
    report::{Report, Verdict},
    slo::Rule,
};

/// The rules of a search for which neither flags nor a plan's file give rules.
const DEFAULT_RULES: [&str; 4] =
    ["refused == 0", "disconnected == 0", "input_ack_ms.p99 < 100", "snapshots_lost_percent < 1"];

/// Pause between two runs, in which the server closes the last connections and empty rooms.
const SETTLE: Duration = Duration::from_secs(2);

/// Number of bots that start per second. A server admits new players at a bounded rate, so the ramp of a large load is longer.
const STARTS_PER_S: u32 = 100;

/// The arguments of `swarm capacity`.
#[derive(Clone, Debug, Args)]
pub struct CapacityArguments {
    /// The flags of the plan that do not depend on the number of bots.
    #[command(flatten)]
    pub plan: PlanArguments,
    /// Start with this number of players.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub from: u32,
    /// Try at most this number of players.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub to: u32,
    /// End the search when the loads that hold and break differ by at most this many percent.
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0)]
    pub precision: f64,
    /// Play each load for this time after all bots have joined.
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = duration::parse)]
    pub duration: Duration,
    /// Print the number of such servers that this many players need.
    #[arg(long = "for", value_name = "N")]
    pub target: Option<u64>,
}

/// The end of a search.
#[derive(Clone, Debug, PartialEq)]
pub enum CapacityOutcome {
    /// The search is complete.
    Found(Box<CapacityReport>),
    /// No bot got a seat at the first load, for this reason.
    NoPlayers(String),
    /// The search was interrupted.
    Aborted,
}

impl CapacityArguments {
    /// Returns the plan of one load. Its stages and warm-up replace those of the plan's file.
    ///
    /// # Errors
    /// When the plan's file is invalid, or `--precision` or `--from` is out of range.
    pub fn plan(&self, players: u32) -> Result<Plan, PlanError> {
        let ramp = Duration::from_secs(u64::from(players.div_ceil(STARTS_PER_S)).max(2));
        let mut plan = self.plan.plan()?;
        plan.stages = Stages::ramp(players, ramp, self.duration);
        plan.warm_up = ramp;
        if plan.slo.is_empty() {
            plan.slo = DEFAULT_RULES.iter().filter_map(|rule| rule.parse::<Rule>().ok()).collect();
        }
        if !(0.1..=100.0).contains(&self.precision) {
            return Err(PlanError::at(["precision"], "the precision must be 0.1 to 100 percent"));
        }
        if self.from > self.to {
            return Err(PlanError::at(
                ["from"],
                format!("the first load is above the largest (--to), which is {}", self.to),
            ));
        }
        Ok(plan)
    }

    /// Runs the search. `run` performs each run, and `on_result` is called after each try of a load. A load whose run is `invalid` although bots
    /// joined is run a second time.
    ///
    /// # Errors
    /// When [`Self::plan`] or `run` returns an error.
    pub fn search<E: From<PlanError>>(
        &self,
        mut run: impl FnMut(&Plan) -> Result<Report, E>,
        mut on_result: impl FnMut(&LoadResult),
    ) -> Result<CapacityOutcome, E> {
        let mut search = LoadSearch::new(self.from, self.to, self.precision / 100.0);
        let (mut tries, mut held, mut broke) = (Vec::new(), None::<(u32, Report)>, None::<(u32, Report)>);
        let mut setting = None;
        while let Some(players) = search.next() {
            let plan = self.plan(players)?;
            let mut report = run(&plan)?;
            if report.verdict == Verdict::Invalid && report.joined > 0 {
                // A single hiccup of this machine is not evidence about the server. Two in a row mean that this machine is the limit.
                thread::sleep(SETTLE);
                report = run(&plan)?;
            }
            if report.verdict == Verdict::Aborted {
                return Ok(CapacityOutcome::Aborted);
            }
            if report.joined == 0 && tries.is_empty() {
                return Ok(CapacityOutcome::NoPlayers(report.why.first().cloned().unwrap_or_default()));
            }
            setting.get_or_insert_with(|| report.setting.clone());
            let result = LoadResult::of(players, &report);
            on_result(&result);
            search.push(players, result.held);
            let kept = if result.held { &mut held } else { &mut broke };
            *kept = Some((players, report));
            tries.push(result);
            thread::sleep(SETTLE);
        }
        let Some(knee) = search.knee() else { return Ok(CapacityOutcome::Aborted) };
        let at_knee = held.filter(|(players, _)| *players == knee.holds).map(|(_, report)| report);
        let limit = broke
            .map(|(_, broke)| bottleneck(at_knee.as_ref(), &broke, 1000.0 / f64::from(broke.tick_hz.max(1))));
        let report = CapacityReport::new(knee, at_knee.as_ref(), limit, self.target, tries);
        Ok(CapacityOutcome::Found(Box::new(CapacityReport {
            setting: setting.unwrap_or_default(),
            ..report
        })))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::{
        capacity::{Bottleneck, SCHEMA},
        report::{RunSetting, ServerFigures},
    };

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        capacity: CapacityArguments,
    }

    fn arguments(line: &str) -> CapacityArguments {
        Line::try_parse_from(std::iter::once("capacity").chain(line.split_whitespace())).unwrap().capacity
    }

    #[test]
    fn bots_of_a_load_start_slowly_enough_to_be_admitted() {
        let plan = arguments("--slo joined>0").plan(1000).unwrap();
        assert_eq!(
            (plan.stages.to_string().as_str(), plan.warm_up),
            ("0:1000@10s,1000@15s", Duration::from_secs(10))
        );
        assert_eq!(
            arguments("").plan(10).unwrap().slo.len(),
            DEFAULT_RULES.len(),
            "every default rule parses"
        );
        assert!(arguments("--from 10 --to 5").plan(5).is_err());
    }

    #[test]
    fn a_search_finds_the_load_that_held_and_an_interrupt_ends_it() {
        let server = |cpu_cores| ServerFigures {
            cpu_cores: Some(cpu_cores),
            cores: Some(2),
            rss_mb: Some(100.0),
            ..ServerFigures::default()
        };
        let mut runs = 0;
        let run = |plan: &Plan| {
            runs += 1;
            let holds = plan.stages.max_bots() <= 4;
            let verdict = if holds { Verdict::Pass } else { Verdict::Fail };
            let played = f64::from(plan.stages.max_bots());
            Ok::<_, PlanError>(Report {
                seconds: 1.0,
                bot_seconds: played,
                verdict,
                setting: RunSetting { started_unix_s: runs, plan: plan.to_toml(), ..RunSetting::default() },
                joined: 1,
                server: Some(server(if holds { 1.0 } else { 1.9 })),
                ..Report::default()
            })
        };
        let outcome = arguments("--from 4 --to 6 --precision 25 --for 100").search(run, |_| ()).unwrap();
        let CapacityOutcome::Found(answer) = outcome else { panic!("the search was not interrupted") };
        assert_eq!(
            (answer.players, answer.breaks_at, answer.limit),
            (4, Some(5), Some(Bottleneck::ServerCpu))
        );
        assert_eq!(answer.machines_for.map(|machines| machines.machines), Some(25));
        assert_eq!((answer.schema, answer.tries.len() as u64), (SCHEMA, runs));
        assert_eq!(answer.setting.started_unix_s, 1, "the search starts with its first load");
        assert!(answer.setting.plan.contains("0:4@2s"), "{}", answer.setting.plan);
        let aborted =
            |_: &Plan| Ok::<_, PlanError>(Report { verdict: Verdict::Aborted, ..Report::default() });
        assert_eq!(arguments("").search(aborted, |_| ()).unwrap(), CapacityOutcome::Aborted);
    }
}
