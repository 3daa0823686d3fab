//! What a run comes to: rules are held against the figures, and the swarm against itself.
//!
//! In this order: a run that somebody ended says nothing; nor does one in which nobody played, or in which the swarm itself was too
//! slow, since what it measured then may have been its own doing. Only then do the rules decide.

use super::{
    assemble::Ended,
    compare::Baseline,
    plan::Plan,
    report::{Report, Second, Verdict},
    slo::Figures,
};

/// How much longer than 99 of 100 deadlines the worst one may be missed by: one hiccup of a shared machine is not a slow swarm.
const WORST: f64 = 25.0;

/// So many seconds without a single snapshot, at the end of those that are measured, are no play.
const DESERTED_S: usize = 3;

/// A thread this busy has nothing left to keep a schedule with, in per cent of a core.
const BUSY_PERCENT: f64 = 97.0;

impl Report {
    /// Judges by the plan's rules, and by an older run where there is one.
    pub(super) fn judge(&mut self, plan: &Plan, ended: &Ended, baseline: Option<&Baseline>) {
        let figures = Figures::of(self);
        self.baseline = baseline.map(|baseline| baseline.compare(&figures));
        self.slo =
            plan.slo.iter().map(|rule| rule.check(&figures, baseline.map(Baseline::figures))).collect();
        let broken = self
            .slo
            .iter()
            .filter(|result| !result.ok)
            .map(|result| format!("'{}' is broken: {}", result.rule, result.was()));
        let (mut broken, slow) = (broken.collect::<Vec<_>>(), self.slowness(plan.max_lag_ms));
        if let Ended::Broken(rule) = ended {
            // What was broken for good stays broken, whatever the figures became while the bots went.
            broken.insert(0, format!("the run ended early: {rule}"));
        }
        (self.verdict, self.why) = match ended {
            Ended::Interrupted => {
                (Verdict::Aborted, vec!["somebody ended the run before its time".to_owned()])
            }
            _ if !slow.is_empty() => (Verdict::Invalid, slow),
            _ if !broken.is_empty() => (Verdict::Fail, broken),
            _ => match self.desertion() {
                Some(why) => (Verdict::Invalid, vec![why]),
                None => (Verdict::Pass, Vec::new()),
            },
        };
    }

    /// Why there was nobody to measure at the end; none when there was.
    fn desertion(&self) -> Option<String> {
        let trouble = || self.trouble.clone().unwrap_or_else(|| "nothing is known of why".to_owned());
        if self.joined == 0 {
            return Some(format!("nobody played: {}", trouble()));
        }
        let wanted = |second: &&Second| second.measured && second.bots_wanted > 0;
        let mut last = self.series.iter().rev().filter(wanted).take(DESERTED_S).peekable();
        let is_deserted = last.peek().is_some() && last.all(|second| second.snapshots == 0);
        is_deserted.then(|| format!("nobody played any more in the end: {}", trouble()))
    }

    /// Part of the swarm was lost, for these reasons: what the rest measured is no answer to what was asked, whatever the rules say.
    pub(super) fn mistrust(&mut self, lost: Vec<String>) {
        if !lost.is_empty() && self.verdict != Verdict::Aborted {
            self.verdict = Verdict::Invalid;
        }
        self.why.splice(0..0, lost);
    }

    /// Why the swarm cannot be trusted; nothing when it can.
    fn slowness(&self, max_lag_ms: f64) -> Vec<String> {
        let swarm = &self.swarm;
        let mut why = Vec::new();
        if swarm.lag_ms_p99 > max_lag_ms {
            why.push(format!(
                "the swarm itself was late: 1 of 100 of its deadlines was missed by {:.1} ms and more, and {max_lag_ms} ms are \
                 allowed (--max-lag-ms); give it more cores, --threads or agents",
                swarm.lag_ms_p99
            ));
        }
        if swarm.lag_ms_max > max_lag_ms * WORST {
            why.push(format!(
                "the swarm itself stood still for {:.0} ms, so maxima may be its own doing; {:.0} ms are allowed",
                swarm.lag_ms_max,
                max_lag_ms * WORST
            ));
        }
        if swarm.busiest_thread_percent > BUSY_PERCENT && swarm.lag_ms_p99 > max_lag_ms / 2.0 {
            why.push(format!(
                "a thread of the swarm was busy for {:.0} % of its busiest second; give it more --threads",
                swarm.busiest_thread_percent
            ));
        }
        why
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Percentiles, SwarmFigures};

    fn verdict(report: Report, slo: &[&str], ended: &Ended) -> (Verdict, String) {
        let plan = Plan { slo: slo.iter().map(|rule| rule.parse().unwrap()).collect(), ..Plan::default() };
        let mut report = report;
        report.judge(&plan, ended, None);
        (report.verdict, report.why.join("; "))
    }

    fn good() -> Report {
        let times = Percentiles { p50: 30.0, p90: 40.0, p99: 50.0, p999: 60.0, max: 70.0, count: 1000 };
        Report { joined: 10, input_ack_ms: Some(times), ..Report::default() }
    }

    #[test]
    fn rules_that_hold_pass_and_one_that_is_broken_fails() {
        assert_eq!(verdict(good(), &["input_ack_ms.p99 < 80"], &Ended::AsPlanned).0, Verdict::Pass);
        let (verdict, why) = verdict(good(), &["joined == 10", "input_ack_ms.p99 < 45"], &Ended::AsPlanned);
        assert_eq!(verdict, Verdict::Fail);
        assert!(
            why.contains("input_ack_ms.p99 < 45") && why.contains("50") && !why.contains("joined"),
            "{why}"
        );
    }

    #[test]
    fn a_rule_that_ended_the_run_is_broken_whatever_the_figures_became() {
        let broken = Ended::Broken("'bots < 3' was broken for good".to_owned());
        let (verdict, why) = verdict(good(), &["joined == 10"], &broken);
        assert_eq!(verdict, Verdict::Fail);
        assert!(why.contains("bots < 3"), "{why}");
    }

    #[test]
    fn a_swarm_that_was_late_itself_says_nothing_of_a_server() {
        for swarm in [
            SwarmFigures { lag_ms_p99: 10.5, ..SwarmFigures::default() },
            SwarmFigures { lag_ms_p99: 1.0, lag_ms_max: 251.0, ..SwarmFigures::default() },
            SwarmFigures { lag_ms_p99: 6.0, busiest_thread_percent: 99.0, ..SwarmFigures::default() },
        ] {
            let (verdict, why) = verdict(Report { swarm, ..good() }, &["joined == 9"], &Ended::AsPlanned);
            assert_eq!(verdict, Verdict::Invalid, "even where a rule is broken: {swarm:?}");
            assert!(why.contains("swarm"), "{why}");
        }
        let hiccup = SwarmFigures {
            lag_ms_p99: 4.0,
            lag_ms_max: 100.0,
            busiest_thread_percent: 98.0,
            ..SwarmFigures::default()
        };
        assert_eq!(verdict(Report { swarm: hiccup, ..good() }, &[], &Ended::AsPlanned).0, Verdict::Pass);
    }

    #[test]
    fn a_run_without_players_is_invalid_and_one_that_was_ended_aborted() {
        let nobody = Report { trouble: Some("nobody answered".to_owned()), ..Report::default() };
        let (verdict_of_nobody, why) = verdict(nobody.clone(), &[], &Ended::AsPlanned);
        assert_eq!(verdict_of_nobody, Verdict::Invalid);
        assert!(why.contains("nobody answered"), "{why}");
        assert_eq!(verdict(nobody, &["joined > 0"], &Ended::AsPlanned).0, Verdict::Fail, "a rule says more");
        let second =
            |at_s, snapshots| Second { at_s, measured: true, bots_wanted: 9, snapshots, ..Second::default() };
        let series = [30, 30, 0, 0, 0].into_iter().zip(0..).map(|(snapshots, at_s)| second(at_s, snapshots));
        let deserted = Report { series: series.collect(), ..good() };
        assert_eq!(
            verdict(deserted, &[], &Ended::AsPlanned).0,
            Verdict::Invalid,
            "the server died before the end"
        );
        assert_eq!(verdict(good(), &["joined == 9"], &Ended::Interrupted).0, Verdict::Aborted);
    }

    #[test]
    fn a_run_that_lost_an_agent_says_nothing_whatever_its_rules_say() {
        let lost = || vec!["agent b was lost at 12 s: it was ended".to_owned()];
        for (slo, ended, verdict) in [
            ("joined == 10", Ended::AsPlanned, Verdict::Invalid),
            ("joined == 9", Ended::AsPlanned, Verdict::Invalid),
            ("joined == 9", Ended::Interrupted, Verdict::Aborted),
        ] {
            let plan = Plan { slo: vec![slo.parse().unwrap()], ..Plan::default() };
            let mut report = good();
            report.judge(&plan, &ended, None);
            report.mistrust(lost());
            assert_eq!((report.verdict, &report.why[..1]), (verdict, &lost()[..]));
        }
        let mut report = good();
        report.judge(&Plan::default(), &Ended::AsPlanned, None);
        report.mistrust(Vec::new());
        assert_eq!(report.verdict, Verdict::Pass);
    }
}
