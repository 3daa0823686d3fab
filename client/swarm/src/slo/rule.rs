//! One rule: a figure, an operator and a limit.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Figures, figure_names};
use crate::report::{RuleResult, round};

/// The operators. Longer ones come first, so that `<=` is not parsed as `<`.
const OPERATORS: [(&str, Operator); 6] = [
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("==", Operator::Equal),
    ("!=", Operator::Different),
    ("<", Operator::Less),
    (">", Operator::More),
];

/// A rule `FIGURE OP VALUE`, as in `input_ack_ms.p99 < 80` or `server.cpu_cores <= baseline * 1.1`.
///
/// FIGURE is the path of a number in the report (`p99.9` is accepted for `p999`), and OP one of `< <= > >= == !=`. VALUE is a number, or is
/// computed from the figure's value in the baseline: `baseline`, `baseline * 1.1`, `baseline + 10`, `baseline - 10`, `baseline + 10%`,
/// `baseline - 10%`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Rule {
    text: String,
    figure: String,
    operator: Operator,
    limit: Threshold,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
    Different,
}

/// The right-hand side of a rule.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Threshold {
    Number(f64),
    /// The figure's value in the baseline, times `times`, plus `plus`.
    Baseline {
        times: f64,
        plus: f64,
    },
}

/// The error of parsing a rule, or of a rule that cannot be checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The text has no operator.
    #[error(
        "`{0}` is not a rule: expected FIGURE OP VALUE with one of < <= > >= == !=, as in `input_ack_ms.p99 < 80`"
    )]
    Form(String),
    /// The figure does not exist.
    #[error(
        "no report has a figure `{figure}`{}\nfigures are:\n  {}",
        suggestion(similar),
        figure_names::list()
    )]
    UnknownFigure {
        /// The name as given.
        figure: String,
        /// Similar names that exist.
        similar: Vec<&'static str>,
    },
    /// The value is not a number or a baseline expression.
    #[error(
        "`{0}` is not a value: expected a number without a unit, or `baseline`, `baseline * 1.1`, `baseline + 10`, `baseline + 10%`"
    )]
    Value(String),
    /// The rule refers to the baseline, and no baseline is given.
    #[error("`{0}` needs the report of an older run: give --baseline FILE")]
    NoBaseline(String),
    /// The rule refers to the baseline, which lacks the figure.
    #[error("`{rule}` cannot be checked: the baseline has no figure `{figure}`")]
    NotInBaseline {
        /// The rule as given.
        rule: String,
        /// The rule's figure.
        figure: String,
    },
}

fn suggestion(similar: &[&str]) -> String {
    if similar.is_empty() { String::new() } else { format!("; did you mean {}?", similar.join(", ")) }
}

impl Rule {
    /// Returns the name of the rule's figure.
    #[must_use]
    pub fn figure(&self) -> &str {
        &self.figure
    }

    /// Checks before a run that the baseline has the figure of this rule, if the rule refers to the baseline.
    ///
    /// # Errors
    /// When the rule refers to the baseline, and no baseline is given or it lacks the figure.
    pub fn check_baseline(&self, baseline: Option<&Figures>) -> Result<(), RuleError> {
        match (self.limit, baseline) {
            (Threshold::Number(_), _) => Ok(()),
            (_, None) => Err(RuleError::NoBaseline(self.text.clone())),
            (_, Some(then)) if then.get(&self.figure).is_some() => Ok(()),
            _ => Err(RuleError::NotInBaseline { rule: self.text.clone(), figure: self.figure.clone() }),
        }
    }

    /// Checks the rule. The rule is broken, too, if its figure was not measured, or if the rule refers to the baseline and the baseline
    /// lacks the figure. A limit from the baseline is rounded to three decimals, as figures are.
    #[must_use]
    pub fn check(&self, figures: &Figures, baseline: Option<&Figures>) -> RuleResult {
        let value = figures.get(&self.figure);
        let limit = match self.limit {
            Threshold::Number(number) => Some(number),
            Threshold::Baseline { times, plus } => {
                baseline.and_then(|then| then.get(&self.figure)).map(|then| round(then * times + plus))
            }
        };
        let ok = value.zip(limit).is_some_and(|(value, limit)| self.operator.holds(value, limit));
        RuleResult { rule: self.text.clone(), value, limit, ok }
    }

    /// Whether this result of the rule may end the run early: the rule is broken, and does not just wait for a counter to rise or for a
    /// first measurement. A counter that is too high stays too high. Other figures may still fall or rise, so the caller requires several
    /// such results in a row.
    pub(super) fn can_end_run(&self, result: &RuleResult) -> bool {
        let Some((value, limit)) = result.value.zip(result.limit) else { return false };
        let is_counter = figure_names::is_monotonic(&self.figure);
        !result.ok
            && match self.operator {
                Operator::Less | Operator::AtMost => true,
                Operator::More | Operator::AtLeast | Operator::Different => !is_counter,
                Operator::Equal => !is_counter || value > limit,
            }
    }
}

impl Operator {
    /// Compares exactly, without a tolerance.
    fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Less => value < limit,
            Self::AtMost => value <= limit,
            Self::More => value > limit,
            Self::AtLeast => value >= limit,
            Self::Equal => value == limit,
            Self::Different => value != limit,
        }
    }
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let text = text.trim();
        let (figure, operator, value) = split(text).ok_or_else(|| RuleError::Form(text.to_owned()))?;
        let figure = match figure.strip_suffix(".p99.9") {
            Some(times) => format!("{times}.p999"),
            None => figure.to_owned(),
        };
        if !figure_names::is_known(&figure) {
            let similar = figure_names::similar(&figure);
            return Err(RuleError::UnknownFigure { figure, similar });
        }
        let limit = value.parse()?;
        Ok(Self { text: text.to_owned(), figure, operator, limit })
    }
}

/// Splits a rule into figure, operator and value, at the first character of an operator; `None` without an operator.
fn split(text: &str) -> Option<(&str, Operator, &str)> {
    let (figure, rest) = text.split_at(text.find(['<', '>', '=', '!'])?);
    let (operator, value) =
        OPERATORS.iter().find_map(|(sign, operator)| Some((*operator, rest.strip_prefix(sign)?)))?;
    Some((figure.trim(), operator, value.trim()))
}

impl FromStr for Threshold {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let invalid = || RuleError::Value(text.to_owned());
        let Some(rest) = text.strip_prefix("baseline") else {
            return Ok(Self::Number(number(text).ok_or_else(invalid)?));
        };
        let rest = rest.trim();
        let Some(sign) = rest.chars().next() else { return Ok(Self::Baseline { times: 1.0, plus: 0.0 }) };
        let operand = rest[sign.len_utf8()..].trim();
        let (operand, is_percent) = match operand.strip_suffix('%') {
            Some(operand) => (operand.trim_end(), true),
            None => (operand, false),
        };
        let operand = number(operand).ok_or_else(invalid)?;
        match (sign, is_percent) {
            ('*', false) => Ok(Self::Baseline { times: operand, plus: 0.0 }),
            ('+', false) => Ok(Self::Baseline { times: 1.0, plus: operand }),
            ('-', false) => Ok(Self::Baseline { times: 1.0, plus: -operand }),
            ('+', true) => Ok(Self::Baseline { times: 1.0 + operand / 100.0, plus: 0.0 }),
            ('-', true) => Ok(Self::Baseline { times: 1.0 - operand / 100.0, plus: 0.0 }),
            _ => Err(invalid()),
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl TryFrom<String> for Rule {
    type Error = RuleError;

    fn try_from(text: String) -> Result<Self, RuleError> {
        text.parse()
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        rule.text
    }
}

impl RuleResult {
    /// Describes the value that broke the rule, as in `input_ack_ms.p99 was 91.2`.
    #[must_use]
    pub fn failure_message(&self) -> String {
        let figure = split(&self.rule).map_or(self.rule.as_str(), |(figure, ..)| figure);
        match (self.value, self.limit) {
            (None, _) => format!("{figure} was not measured"),
            (Some(value), None) => {
                format!("{figure} was {value}, and the baseline does not have this figure")
            }
            (Some(value), Some(limit)) if self.rule.contains("baseline") => {
                format!("{figure} was {value}, against {limit}")
            }
            (Some(value), Some(_)) => format!("{figure} was {value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Percentiles, Report};

    fn figures(p99: f64, disconnected: u64) -> Figures {
        let times = Percentiles { p99, p999: 2.0 * p99, ..Percentiles::default() };
        Figures::from_report(&Report { input_ack_ms: Some(times), disconnected, ..Report::default() })
    }

    fn holds(rule: &str, now: &Figures, then: Option<&Figures>) -> bool {
        rule.parse::<Rule>().unwrap().check(now, then).ok
    }

    #[test]
    fn every_operator_compares_as_written() {
        let now = figures(80.0, 3);
        for (operator, ok) in
            [("<", false), ("<=", true), (">", false), (">=", true), ("==", true), ("!=", false)]
        {
            assert_eq!(holds(&format!("input_ack_ms.p99 {operator} 80"), &now, None), ok, "{operator}");
        }
        assert!(holds("disconnected<4", &now, None), "spaces are optional");
        assert!(holds("input_ack_ms.p99.9 == 160", &now, None), "p99.9 is accepted for p999");
    }

    #[test]
    fn a_rule_may_refer_to_the_baseline() {
        let (now, then) = (figures(80.0, 3), figures(75.0, 0));
        for (value, ok) in [
            ("baseline", false),
            ("baseline * 1.1", true),
            ("baseline + 6", true),
            ("baseline + 4", false),
            ("baseline+10%", true),
            ("baseline + 5 %", false),
            ("baseline - 1", false),
        ] {
            assert_eq!(holds(&format!("input_ack_ms.p99 < {value}"), &now, Some(&then)), ok, "{value}");
        }
        let rule: Rule = "input_ack_ms.p99 < baseline".parse().unwrap();
        assert_eq!(rule.check(&now, Some(&then)).failure_message(), "input_ack_ms.p99 was 80, against 75");
    }

    #[test]
    fn a_figure_that_was_not_measured_breaks_every_rule() {
        for operator in ["<", "!=", ">="] {
            let rule: Rule = format!("server.tick_ms_max {operator} 10").parse().unwrap();
            let result = rule.check(&figures(1.0, 0), None);
            assert_eq!((result.value, result.ok), (None, false));
            assert_eq!(result.failure_message(), "server.tick_ms_max was not measured");
        }
        assert!(
            holds("closes.kicked == 0", &figures(1.0, 0), None),
            "a close reason that never occurred counts as 0"
        );
    }

    #[test]
    fn a_rule_without_its_baseline_is_rejected_before_the_run() {
        let rule: Rule = "input_ack_ms.p99 < baseline".parse().unwrap();
        assert!(rule.check_baseline(None).unwrap_err().to_string().contains("--baseline"));
        let empty = Figures::from_report(&Report::default());
        assert!(rule.check_baseline(Some(&empty)).unwrap_err().to_string().contains("`input_ack_ms.p99`"));
        assert_eq!(rule.check_baseline(Some(&figures(1.0, 0))), Ok(()));
        assert_eq!("input_ack_ms.p99 < 1".parse::<Rule>().unwrap().check_baseline(None), Ok(()));
    }

    #[test]
    fn an_unknown_figure_is_reported_with_similar_names_and_all_names() {
        let error = "input_ack.p99 < 80".parse::<Rule>().unwrap_err().to_string();
        let (first, rest) = error.split_once('\n').unwrap();
        assert!(first.contains("did you mean input_ack_ms.p99"), "{first}");
        assert!(rest.contains("groups.NAME.input_ack_ms.{count, max"), "{rest}");
        assert!(!"zebra < 1".parse::<Rule>().unwrap_err().to_string().contains("did you mean"));
    }

    #[test]
    fn a_malformed_rule_is_rejected() {
        for text in ["", "disconnected", "disconnected = 0", "disconnected ! 0"] {
            assert!(matches!(text.parse::<Rule>(), Err(RuleError::Form(_))), "{text}");
        }
        for value in ["", "80ms", "NaN", "inf", "baseline * ", "baseline * 10%", "baseline / 2", "baselines"]
        {
            let rule = format!("disconnected == {value}");
            assert!(matches!(rule.parse::<Rule>(), Err(RuleError::Value(_))), "{rule}");
        }
    }

    #[test]
    fn a_rule_is_serialized_as_its_text() {
        let rule: Rule = serde_json::from_str("\" input_ack_ms.p99.9  <80 \"").unwrap();
        assert_eq!(rule.to_string(), "input_ack_ms.p99.9  <80");
        assert_eq!(rule.figure(), "input_ack_ms.p999");
        assert_eq!(serde_json::to_string(&rule).unwrap(), "\"input_ack_ms.p99.9  <80\"");
        assert!(serde_json::from_str::<Rule>("\"zebra < 1\"").is_err());
    }
}
