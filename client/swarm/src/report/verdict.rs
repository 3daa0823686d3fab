//! The verdict of a run, from its rules and from the punctuality of the swarm itself.
//!
//! The first of these that applies:
//!
//! 1. `aborted`: the run was interrupted.
//! 2. `invalid`: an agent was lost, or the swarm itself was too slow, so that the figures may show the swarm and not the server.
//! 3. `fail`: a rule is broken.
//! 4. `invalid`: no bot played, or none played at the end.
//! 5. `pass`.

use super::{Report, SecondFigures, Verdict, assemble::RunEnd, compare::Baseline};
use crate::{plan::Plan, slo::Figures};

/// The largest lateness may be this multiple of `max_lag_ms`, the limit of the 99th percentile: one hiccup of a shared machine does not
/// make a swarm too slow.
const MAX_LAG_FACTOR: f64 = 25.0;

/// Number of seconds at the end of the measured part (fewer in a shorter run) that make a run `invalid` if none of them has a snapshot.
const END_SECONDS: usize = 3;

/// CPU use of a thread, in percent of a core, above which the thread has no reserve to keep its schedule. It makes a run `invalid` only
/// together with a lateness of more than half the limit.
const MAX_THREAD_PERCENT: f64 = 97.0;

impl Report {
    /// Checks the plan's rules, compares with the baseline, and sets the verdict with its reasons.
    pub(crate) fn decide_verdict(&mut self, plan: &Plan, ended: &RunEnd, baseline: Option<&Baseline>) {
        let figures = Figures::from_report(self);
        self.baseline = baseline.map(|baseline| baseline.compare(&figures));
        self.slo =
            plan.slo.iter().map(|rule| rule.check(&figures, baseline.map(Baseline::figures))).collect();
        let broken = self
            .slo
            .iter()
            .filter(|result| !result.ok)
            .map(|result| format!("'{}' is broken: {}", result.rule, result.failure_message()));
        let (mut broken, overload) = (broken.collect::<Vec<_>>(), self.overload_reasons(plan.max_lag_ms));
        if let RunEnd::RuleBroken(rule) = ended {
            // A rule that ended the run counts as broken, even if its figure recovered while the bots left.
            broken.insert(0, format!("the run ended early: {rule}"));
        }
        (self.verdict, self.why) = match ended {
            RunEnd::Interrupted => {
                (Verdict::Aborted, vec!["the run was interrupted before its end".to_owned()])
            }
            _ if !overload.is_empty() => (Verdict::Invalid, overload),
            _ if !broken.is_empty() => (Verdict::Fail, broken),
            _ => match self.no_players_reason() {
                Some(reason) => (Verdict::Invalid, vec![reason]),
                None => (Verdict::Pass, Vec::new()),
            },
        };
    }

    /// Returns a sentence if no bot played, or none at the end of the measured part.
    fn no_players_reason(&self) -> Option<String> {
        let trouble = || self.trouble.clone().unwrap_or_else(|| "the reason is unknown".to_owned());
        if self.joined == 0 {
            return Some(format!("no bot played: {}", trouble()));
        }
        let is_planned = |second: &&SecondFigures| second.measured && second.bots_wanted > 0;
        let mut last = self.series.iter().rev().filter(is_planned).take(END_SECONDS).peekable();
        let is_silent = last.peek().is_some() && last.all(|second| second.snapshots == 0);
        is_silent.then(|| format!("no bot played at the end of the run: {}", trouble()))
    }

    /// Makes the verdict `invalid` if agents were lost, and adds a sentence about each: the remaining agents ran only a part of the plan,
    /// so the figures prove nothing even if all rules hold. An aborted run stays aborted.
    pub(crate) fn invalidate(&mut self, lost: Vec<String>) {
        if !lost.is_empty() && self.verdict != Verdict::Aborted {
            self.verdict = Verdict::Invalid;
        }
        self.why.splice(0..0, lost);
    }

    /// Returns the reasons why the swarm was too slow for its figures to be valid; empty when the swarm kept its schedule.
    fn overload_reasons(&self, max_lag_ms: f64) -> Vec<String> {
        let swarm = &self.swarm;
        let mut reasons = Vec::new();
        if swarm.lag_ms_p99 > max_lag_ms {
            reasons.push(format!(
                "the swarm itself was late: 1 of 100 of its deadlines was missed by {:.1} ms and more, and {max_lag_ms} ms are \
                 allowed (--max-lag-ms); give the swarm more cores, --threads or agents",
                swarm.lag_ms_p99
            ));
        }
        if swarm.lag_ms_max > max_lag_ms * MAX_LAG_FACTOR {
            reasons.push(format!(
                "the swarm itself stood still for {:.0} ms, which may have caused the largest values; {:.0} ms are allowed",
                swarm.lag_ms_max,
                max_lag_ms * MAX_LAG_FACTOR
            ));
        }
        if swarm.busiest_thread_percent > MAX_THREAD_PERCENT && swarm.lag_ms_p99 > max_lag_ms / 2.0 {
            reasons.push(format!(
                "a thread of the swarm was busy for {:.0} % of its busiest second; give the swarm more --threads",
                swarm.busiest_thread_percent
            ));
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Percentiles, SwarmFigures};

    fn verdict(report: Report, slo: &[&str], ended: &RunEnd) -> (Verdict, String) {
        let plan = Plan { slo: slo.iter().map(|rule| rule.parse().unwrap()).collect(), ..Plan::default() };
        let mut report = report;
        report.decide_verdict(&plan, ended, None);
        (report.verdict, report.why.join("; "))
    }

    fn good() -> Report {
        let times = Percentiles { p50: 30.0, p90: 40.0, p99: 50.0, p999: 60.0, max: 70.0, count: 1000 };
        Report { joined: 10, input_ack_ms: Some(times), ..Report::default() }
    }

    #[test]
    fn rules_that_hold_pass_and_one_that_is_broken_fails() {
        assert_eq!(verdict(good(), &["input_ack_ms.p99 < 80"], &RunEnd::Completed).0, Verdict::Pass);
        let (verdict, reasons) =
            verdict(good(), &["joined == 10", "input_ack_ms.p99 < 45"], &RunEnd::Completed);
        assert_eq!(verdict, Verdict::Fail);
        assert!(
            reasons.contains("input_ack_ms.p99 < 45")
                && reasons.contains("50")
                && !reasons.contains("joined"),
            "{reasons}"
        );
    }

    #[test]
    fn a_rule_that_ended_the_run_stays_broken() {
        let broken = RunEnd::RuleBroken("'bots < 3' was broken for good".to_owned());
        let (verdict, reasons) = verdict(good(), &["joined == 10"], &broken);
        assert_eq!(verdict, Verdict::Fail);
        assert!(reasons.contains("bots < 3"), "{reasons}");
    }

    #[test]
    fn a_swarm_that_was_late_makes_the_run_invalid() {
        for swarm in [
            SwarmFigures { lag_ms_p99: 10.5, ..SwarmFigures::default() },
            SwarmFigures { lag_ms_p99: 1.0, lag_ms_max: 251.0, ..SwarmFigures::default() },
            SwarmFigures { lag_ms_p99: 6.0, busiest_thread_percent: 99.0, ..SwarmFigures::default() },
        ] {
            let (verdict, reasons) =
                verdict(Report { swarm, ..good() }, &["joined == 9"], &RunEnd::Completed);
            assert_eq!(verdict, Verdict::Invalid, "lateness outranks a broken rule: {swarm:?}");
            assert!(reasons.contains("swarm"), "{reasons}");
        }
        let hiccup = SwarmFigures {
            lag_ms_p99: 4.0,
            lag_ms_max: 100.0,
            busiest_thread_percent: 98.0,
            ..SwarmFigures::default()
        };
        assert_eq!(verdict(Report { swarm: hiccup, ..good() }, &[], &RunEnd::Completed).0, Verdict::Pass);
    }

    #[test]
    fn a_run_without_players_is_invalid_and_an_interrupted_one_is_aborted() {
        let empty = Report { trouble: Some("no answer from the server".to_owned()), ..Report::default() };
        let (verdict_of_empty, reasons) = verdict(empty.clone(), &[], &RunEnd::Completed);
        assert_eq!(verdict_of_empty, Verdict::Invalid);
        assert!(reasons.contains("no answer from the server"), "{reasons}");
        assert_eq!(
            verdict(empty, &["joined > 0"], &RunEnd::Completed).0,
            Verdict::Fail,
            "a broken rule outranks a run without players"
        );
        let second = |at_s, snapshots| SecondFigures {
            at_s,
            measured: true,
            bots_wanted: 9,
            snapshots,
            ..SecondFigures::default()
        };
        let series = [30, 30, 0, 0, 0].into_iter().zip(0..).map(|(snapshots, at_s)| second(at_s, snapshots));
        let silent = Report { series: series.collect(), ..good() };
        assert_eq!(
            verdict(silent, &[], &RunEnd::Completed).0,
            Verdict::Invalid,
            "the server died before the end"
        );
        assert_eq!(verdict(good(), &["joined == 9"], &RunEnd::Interrupted).0, Verdict::Aborted);
    }

    #[test]
    fn a_run_that_lost_an_agent_is_invalid_even_if_its_rules_hold() {
        let lost = || vec!["agent b was lost at 12 s: it was ended".to_owned()];
        for (slo, ended, verdict) in [
            ("joined == 10", RunEnd::Completed, Verdict::Invalid),
            ("joined == 9", RunEnd::Completed, Verdict::Invalid),
            ("joined == 9", RunEnd::Interrupted, Verdict::Aborted),
        ] {
            let plan = Plan { slo: vec![slo.parse().unwrap()], ..Plan::default() };
            let mut report = good();
            report.decide_verdict(&plan, &ended, None);
            report.invalidate(lost());
            assert_eq!((report.verdict, &report.why[..1]), (verdict, &lost()[..]));
        }
        let mut report = good();
        report.decide_verdict(&Plan::default(), &RunEnd::Completed, None);
        report.invalidate(Vec::new());
        assert_eq!(report.verdict, Verdict::Pass);
    }
}
