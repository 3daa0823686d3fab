//! Runs the loads that a search asks for, one after the other, and says what they come to.

use std::{thread, time::Duration};

use clap::Args;

use super::{Answer, Search, Try, limit};
use crate::{
    plan::{Plan, PlanArguments, PlanError, Stages, duration},
    report::{Report, Verdict},
    slo::Rule,
};

/// What is asked of a server when nobody says what to ask.
const RULES: [&str; 4] =
    ["refused == 0", "disconnected == 0", "input_ack_ms.p99 < 100", "snapshots_lost_percent < 1"];

/// Between two loads: the server sees the last bots off, and rooms that are empty close.
const SETTLE: Duration = Duration::from_secs(2);

/// A server lets newcomers in at a bounded rate, so many come over a longer time: so many each second at most.
const COMING_PER_S: u32 = 100;

/// What to search for.
#[derive(Clone, Debug, Args)]
pub struct CapacityArguments {
    /// Who plays, and how.
    #[command(flatten)]
    pub plan: PlanArguments,
    /// The first load, in players.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub from: u32,
    /// The greatest load that is tried.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub to: u32,
    /// How close what holds and what breaks are to lie in the end, in per cent.
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0)]
    pub precision: f64,
    /// How long each load plays once all have come.
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = duration::parse)]
    pub duration: Duration,
    /// How many players there are to be: says how many such servers they need.
    #[arg(long = "for", value_name = "N")]
    pub target: Option<u64>,
}

/// What a search came to, or that somebody ended it.
#[derive(Clone, Debug, PartialEq)]
pub enum Sought {
    /// It is over.
    Found(Box<Answer>),
    /// Nobody got a seat under the first load, for this reason.
    Nobody(String),
    /// Somebody ended it early.
    Aborted,
}

impl CapacityArguments {
    /// The plan of a load.
    ///
    /// # Errors
    /// When the plan's file is none.
    pub fn plan(&self, players: u32) -> Result<Plan, PlanError> {
        let ramp = Duration::from_secs(u64::from(players.div_ceil(COMING_PER_S)).max(2));
        let mut plan = self.plan.plan()?;
        plan.stages = Stages::ramp(players, ramp, self.duration);
        plan.warm_up = ramp;
        if plan.slo.is_empty() {
            plan.slo = RULES.iter().filter_map(|rule| rule.parse::<Rule>().ok()).collect();
        }
        if !(0.1..=100.0).contains(&self.precision) {
            return Err(PlanError::at(["precision"], "0.1 to 100 per cent are a precision"));
        }
        if self.from > self.to {
            return Err(PlanError::at(
                ["from"],
                format!("the first load is above the greatest, which is {}", self.to),
            ));
        }
        Ok(plan)
    }

    /// Searches, with `run` making each run; `told` hears of each load as it was tried.
    ///
    /// # Errors
    /// When a run cannot be made.
    pub fn seek<E: From<PlanError>>(
        &self,
        mut run: impl FnMut(&Plan) -> Result<Report, E>,
        mut told: impl FnMut(&Try),
    ) -> Result<Sought, E> {
        let mut search = Search::new(self.from, self.to, self.precision / 100.0);
        let (mut tries, mut held, mut broke) = (Vec::new(), None::<(u32, Report)>, None::<(u32, Report)>);
        let mut setting = None;
        while let Some(players) = search.next() {
            let plan = self.plan(players)?;
            let mut report = run(&plan)?;
            if report.verdict == Verdict::Invalid && report.joined > 0 {
                // A hiccup of this machine is no property of the server; twice in a row it is this machine's limit.
                thread::sleep(SETTLE);
                report = run(&plan)?;
            }
            if report.verdict == Verdict::Aborted {
                return Ok(Sought::Aborted);
            }
            if report.joined == 0 && tries.is_empty() {
                return Ok(Sought::Nobody(report.why.first().cloned().unwrap_or_default()));
            }
            setting.get_or_insert_with(|| report.setting.clone());
            let each = Try::of(players, &report);
            told(&each);
            search.push(players, each.held);
            let kept = if each.held { &mut held } else { &mut broke };
            *kept = Some((players, report));
            tries.push(each);
            thread::sleep(SETTLE);
        }
        let Some(knee) = search.knee() else { return Ok(Sought::Aborted) };
        let at_knee = held.filter(|(players, _)| *players == knee.holds).map(|(_, report)| report);
        let limit =
            broke.map(|(_, broke)| limit(at_knee.as_ref(), &broke, 1000.0 / f64::from(broke.tick_hz.max(1))));
        let answer = Answer::new(knee, at_knee.as_ref(), limit, self.target, tries);
        Ok(Sought::Found(Box::new(Answer { setting: setting.unwrap_or_default(), ..answer })))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::{
        capacity::{Limit, SCHEMA},
        report::{ServerFigures, Setting},
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
    fn loads_come_slowly_enough_to_be_let_in() {
        let plan = arguments("--slo joined>0").plan(1000).unwrap();
        assert_eq!(
            (plan.stages.to_string().as_str(), plan.warm_up),
            ("0:1000@10s,1000@15s", Duration::from_secs(10))
        );
        assert_eq!(arguments("").plan(10).unwrap().slo.len(), RULES.len(), "all of them are rules");
        assert!(arguments("--from 10 --to 5").plan(5).is_err());
    }

    #[test]
    fn what_is_found_is_what_held_and_who_ends_it_ends_it() {
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
                setting: Setting { started_unix_s: runs, plan: plan.to_toml(), ..Setting::default() },
                joined: 1,
                server: Some(server(if holds { 1.0 } else { 1.9 })),
                ..Report::default()
            })
        };
        let sought = arguments("--from 4 --to 6 --precision 25 --for 100").seek(run, |_| ()).unwrap();
        let Sought::Found(answer) = sought else { panic!("nobody ended it") };
        assert_eq!((answer.players, answer.breaks_at, answer.limit), (4, Some(5), Some(Limit::ServerCpu)));
        assert_eq!(answer.machines_for.map(|machines| machines.machines), Some(25));
        assert_eq!((answer.schema, answer.tries.len() as u64), (SCHEMA, runs));
        assert_eq!(answer.setting.started_unix_s, 1, "the search began when the first load did");
        assert!(answer.setting.plan.contains("0:4@2s"), "{}", answer.setting.plan);
        let aborted =
            |_: &Plan| Ok::<_, PlanError>(Report { verdict: Verdict::Aborted, ..Report::default() });
        assert_eq!(arguments("").seek(aborted, |_| ()).unwrap(), Sought::Aborted);
    }
}
