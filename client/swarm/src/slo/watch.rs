//! Which rules are broken for good while a run still goes on: a run of an hour that is lost in its second minute can end there.
//!
//! Whoever asks for it (`--abort-on-fail`) shows the figures once a second, from the end of the warm-up on. One bad second is no reason
//! to end a run, so a rule has to be broken so many times in a row. What time can still mend is left to the end:
//!
//! - a lower bound (`>`, `>=`), or a `!=`, on what only grows in a run, such as `joined >= 1000`;
//! - an `==` on what only grows, while it is below: `game.matches_finished == 3`;
//! - whatever was not measured yet.

use super::{Figures, Rule};
use crate::report::RuleResult;

/// How many times in a row a rule must be broken.
pub const BROKEN_IN_A_ROW: u32 = 3;

/// Looks at the rules while a run goes on.
#[derive(Clone, Debug)]
pub struct Watch {
    rules: Vec<(Rule, u32)>,
    baseline: Option<Figures>,
}

impl Watch {
    /// One that has seen nothing yet.
    #[must_use]
    pub fn new(rules: &[Rule], baseline: Option<Figures>) -> Self {
        Self { rules: rules.iter().map(|rule| (rule.clone(), 0)).collect(), baseline }
    }

    /// Judges the figures as they are by now, and gives the first rule that is broken for good.
    pub fn push(&mut self, figures: &Figures) -> Option<RuleResult> {
        let mut lost = None;
        for (rule, in_a_row) in &mut self.rules {
            let result = rule.check(figures, self.baseline.as_ref());
            *in_a_row = if rule.is_lost(&result) { *in_a_row + 1 } else { 0 };
            if *in_a_row >= BROKEN_IN_A_ROW && lost.is_none() {
                lost = Some(result);
            }
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Percentiles, Report};

    fn watch(rule: &str) -> Watch {
        Watch::new(&[rule.parse().unwrap()], None)
    }

    /// After how many judgements the run ends.
    fn ends(rule: &str, reports: impl IntoIterator<Item = Report>) -> Option<usize> {
        let mut watch = watch(rule);
        reports.into_iter().position(|report| watch.push(&Figures::of(&report)).is_some()).map(|at| at + 1)
    }

    fn p99(p99: f64) -> Report {
        Report { input_ack_ms: Some(Percentiles { p99, ..Percentiles::default() }), ..Report::default() }
    }

    #[test]
    fn a_rule_that_stays_broken_ends_the_run() {
        assert_eq!(ends("input_ack_ms.p99 < 80", [90.0, 91.0, 92.0].map(p99)), Some(3));
    }

    #[test]
    fn one_good_second_forgives() {
        assert_eq!(ends("input_ack_ms.p99 < 80", [90.0, 91.0, 10.0, 90.0, 90.0].map(p99)), None);
    }

    #[test]
    fn what_may_still_become_enough_is_left_to_the_end() {
        let few = || (0..9).map(|joined| Report { joined, ..Report::default() });
        for rule in ["joined >= 100", "joined > 50", "joined == 100", "closes.kicked != 0", "game.hits > 5"] {
            assert_eq!(ends(rule, few()), None, "{rule}");
        }
    }

    #[test]
    fn what_is_too_much_stays_too_much() {
        let lost = || (0..9).map(|disconnected| Report { disconnected, ..Report::default() });
        assert_eq!(ends("disconnected == 0", lost()), Some(4), "0 was fine, and 1, 2 and 3 were not");
        assert_eq!(ends("disconnected <= 2", lost()), Some(6));
    }

    #[test]
    fn what_was_not_measured_yet_ends_nothing() {
        assert_eq!(ends("server.tick_ms_p99 < 10", (0..9).map(|_| Report::default())), None);
    }

    #[test]
    fn a_lower_bound_on_a_rate_is_judged() {
        let few = || (0..9).map(|_| Report { snapshots_per_bot_s: Some(10.0), ..Report::default() });
        assert_eq!(ends("snapshots_per_bot_s >= 20", few()), Some(3));
    }
}
