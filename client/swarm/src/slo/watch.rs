//! Detection of rules that are broken beyond repair, so that a long run can end early.
//!
//! With `--abort-on-fail` the rules are checked once a second, from the end of the warm-up on. One bad second does not end a run: a rule is
//! broken beyond repair when [`BROKEN_IN_A_ROW`] checks in a row fail. Failures that later seconds may repair do not count until the end of
//! the run:
//!
//! - a lower bound (`>`, `>=`), or a `!=`, on a counter, such as `joined >= 1000`;
//! - an `==` on a counter that is still below the value: `game.matches_finished == 3`;
//! - any rule about a figure that is not measured yet.

use super::{Figures, Rule};
use crate::report::RuleResult;

/// Number of checks in a row that a rule must fail to end the run.
pub const BROKEN_IN_A_ROW: u32 = 3;

/// Checks the rules during a run.
#[derive(Clone, Debug)]
pub struct RuleWatch {
    /// Each rule, with the number of its last checks that failed in a row.
    rules: Vec<(Rule, u32)>,
    baseline: Option<Figures>,
}

impl RuleWatch {
    /// Creates a watch of these rules; `baseline` has the figures of an older run, to which rules may refer.
    #[must_use]
    pub fn new(rules: &[Rule], baseline: Option<Figures>) -> Self {
        Self { rules: rules.iter().map(|rule| (rule.clone(), 0)).collect(), baseline }
    }

    /// Checks the current figures, and returns the result of the first rule that is broken beyond repair, if any.
    pub fn push(&mut self, figures: &Figures) -> Option<RuleResult> {
        let mut broken = None;
        for (rule, in_a_row) in &mut self.rules {
            let result = rule.check(figures, self.baseline.as_ref());
            *in_a_row = if rule.can_end_run(&result) { *in_a_row + 1 } else { 0 };
            if *in_a_row >= BROKEN_IN_A_ROW && broken.is_none() {
                broken = Some(result);
            }
        }
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Percentiles, Report};

    fn watch(rule: &str) -> RuleWatch {
        RuleWatch::new(&[rule.parse().unwrap()], None)
    }

    /// Returns the number of checks after which the run ends; `None` if it does not end.
    fn checks_until_end(rule: &str, reports: impl IntoIterator<Item = Report>) -> Option<usize> {
        let mut watch = watch(rule);
        reports
            .into_iter()
            .position(|report| watch.push(&Figures::from_report(&report)).is_some())
            .map(|at| at + 1)
    }

    fn p99(p99: f64) -> Report {
        Report { input_ack_ms: Some(Percentiles { p99, ..Percentiles::default() }), ..Report::default() }
    }

    #[test]
    fn a_rule_that_stays_broken_ends_the_run() {
        assert_eq!(checks_until_end("input_ack_ms.p99 < 80", [90.0, 91.0, 92.0].map(p99)), Some(3));
    }

    #[test]
    fn one_good_second_restarts_the_count() {
        assert_eq!(checks_until_end("input_ack_ms.p99 < 80", [90.0, 91.0, 10.0, 90.0, 90.0].map(p99)), None);
    }

    #[test]
    fn a_counter_that_may_still_reach_its_limit_is_left_to_the_end() {
        let few = || (0..9).map(|joined| Report { joined, ..Report::default() });
        for rule in ["joined >= 100", "joined > 50", "joined == 100", "closes.kicked != 0", "game.hits > 5"] {
            assert_eq!(checks_until_end(rule, few()), None, "{rule}");
        }
    }

    #[test]
    fn a_counter_above_its_limit_ends_the_run() {
        let lost = || (0..9).map(|disconnected| Report { disconnected, ..Report::default() });
        assert_eq!(checks_until_end("disconnected == 0", lost()), Some(4), "0 holds; 1, 2 and 3 are broken");
        assert_eq!(checks_until_end("disconnected <= 2", lost()), Some(6));
    }

    #[test]
    fn a_figure_that_was_not_measured_yet_does_not_end_the_run() {
        assert_eq!(checks_until_end("server.tick_ms_p99 < 10", (0..9).map(|_| Report::default())), None);
    }

    #[test]
    fn a_broken_lower_bound_on_a_rate_ends_the_run() {
        let few = || (0..9).map(|_| Report { snapshots_per_bot_s: Some(10.0), ..Report::default() });
        assert_eq!(checks_until_end("snapshots_per_bot_s >= 20", few()), Some(3));
    }
}
