//! One rule: a figure, and what it has to be.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Figures, known};
use crate::report::{RuleResult, round};

/// The operators, the longer ones first: `<=` must not be read as a `<`.
const OPERATORS: [(&str, Operator); 6] = [
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("==", Operator::Equal),
    ("!=", Operator::Different),
    ("<", Operator::Less),
    (">", Operator::More),
];

/// `FIGURE OP VALUE`, as in `input_ack_ms.p99 < 80` or `server.cpu_cores <= baseline * 1.1`.
///
/// FIGURE is the path of a number in the report (`p99.9` may be said for `p999`), OP one of `< <= > >= == !=`, and VALUE a number,
/// or what the figure was in another run: `baseline`, `baseline * 1.1`, `baseline + 10`, `baseline + 10%`, and with `-` likewise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Rule {
    text: String,
    figure: String,
    operator: Operator,
    limit: Limit,
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

/// What a figure is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Limit {
    Number(f64),
    /// So many times what it was in the other run, and so much more.
    Baseline {
        times: f64,
        plus: f64,
    },
}

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// There is no operator in it.
    #[error(
        "`{0}` is no rule: a figure, one of < <= > >= == != and a value are needed, as in `input_ack_ms.p99 < 80`"
    )]
    Form(String),
    /// No report has such a figure.
    #[error("no report has a figure `{figure}`{}\nfigures are:\n  {}", meant(near), known::all())]
    UnknownFigure {
        /// As it was given.
        figure: String,
        /// What might have been meant.
        near: Vec<&'static str>,
    },
    /// The value is none.
    #[error(
        "`{0}` is no value: a number without a unit is needed, or `baseline`, `baseline * 1.1`, `baseline + 10`, `baseline + 10%`"
    )]
    Value(String),
    /// It names the baseline, and there is none.
    #[error("`{0}` needs another run's report to compare with: --baseline FILE")]
    NoBaseline(String),
    /// It names the baseline, which does not have the figure.
    #[error("`{rule}` cannot be judged: the baseline has no figure `{figure}`")]
    NotInBaseline {
        /// As it was given.
        rule: String,
        /// What it is about.
        figure: String,
    },
}

fn meant(near: &[&str]) -> String {
    if near.is_empty() { String::new() } else { format!("; is one of these meant? {}", near.join(", ")) }
}

impl Rule {
    /// The figure it is about.
    #[must_use]
    pub fn figure(&self) -> &str {
        &self.figure
    }

    /// Whether it can be judged at all once the run is over: the sooner somebody learns that, the better.
    ///
    /// # Errors
    /// When it names the baseline, and there is none or it lacks the figure.
    pub fn ready(&self, baseline: Option<&Figures>) -> Result<(), RuleError> {
        match (self.limit, baseline) {
            (Limit::Number(_), _) => Ok(()),
            (_, None) => Err(RuleError::NoBaseline(self.text.clone())),
            (_, Some(then)) if then.get(&self.figure).is_some() => Ok(()),
            _ => Err(RuleError::NotInBaseline { rule: self.text.clone(), figure: self.figure.clone() }),
        }
    }

    /// What becomes of it. A figure that was not measured breaks it, and so does one that the baseline lacks.
    #[must_use]
    pub fn check(&self, figures: &Figures, baseline: Option<&Figures>) -> RuleResult {
        let value = figures.get(&self.figure);
        let limit = match self.limit {
            Limit::Number(number) => Some(number),
            Limit::Baseline { times, plus } => {
                baseline.and_then(|then| then.get(&self.figure)).map(|then| round(then * times + plus))
            }
        };
        let ok = value.zip(limit).is_some_and(|(value, limit)| self.operator.holds(value, limit));
        RuleResult { rule: self.text.clone(), value, limit, ok }
    }

    /// Whether more of what happens cannot mend it. Nothing can mend a counter that is too high already; a rule that waits for a
    /// counter to grow, or for something to be measured at all, is left to the end. Everything else moves both ways, and is believed
    /// when it stays broken.
    pub(super) fn is_lost(&self, result: &RuleResult) -> bool {
        let Some((value, limit)) = result.value.zip(result.limit) else { return false };
        let may_grow = known::only_grows(&self.figure);
        !result.ok
            && match self.operator {
                Operator::Less | Operator::AtMost => true,
                Operator::More | Operator::AtLeast | Operator::Different => !may_grow,
                Operator::Equal => !may_grow || value > limit,
            }
    }
}

impl Operator {
    /// Exactly: somebody who asks for this number gets this number.
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
        if !known::is_known(&figure) {
            let near = known::near(&figure);
            return Err(RuleError::UnknownFigure { figure, near });
        }
        let limit = value.parse()?;
        Ok(Self { text: text.to_owned(), figure, operator, limit })
    }
}

/// A name may be any text, but none has an operator in it.
fn split(text: &str) -> Option<(&str, Operator, &str)> {
    let (figure, rest) = text.split_at(text.find(['<', '>', '=', '!'])?);
    let (operator, value) =
        OPERATORS.iter().find_map(|(sign, operator)| Some((*operator, rest.strip_prefix(sign)?)))?;
    Some((figure.trim(), operator, value.trim()))
}

impl FromStr for Limit {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let wrong = || RuleError::Value(text.to_owned());
        let Some(rest) = text.strip_prefix("baseline") else {
            return Ok(Self::Number(number(text).ok_or_else(wrong)?));
        };
        let rest = rest.trim();
        let Some(sign) = rest.chars().next() else { return Ok(Self::Baseline { times: 1.0, plus: 0.0 }) };
        let operand = rest[sign.len_utf8()..].trim();
        let (operand, is_percent) = match operand.strip_suffix('%') {
            Some(operand) => (operand.trim_end(), true),
            None => (operand, false),
        };
        let operand = number(operand).ok_or_else(wrong)?;
        match (sign, is_percent) {
            ('*', false) => Ok(Self::Baseline { times: operand, plus: 0.0 }),
            ('+', false) => Ok(Self::Baseline { times: 1.0, plus: operand }),
            ('-', false) => Ok(Self::Baseline { times: 1.0, plus: -operand }),
            ('+', true) => Ok(Self::Baseline { times: 1.0 + operand / 100.0, plus: 0.0 }),
            ('-', true) => Ok(Self::Baseline { times: 1.0 - operand / 100.0, plus: 0.0 }),
            _ => Err(wrong()),
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
    /// What is wrong, as in `input_ack_ms.p99 was 91.2`.
    #[must_use]
    pub fn was(&self) -> String {
        let figure = split(&self.rule).map_or(self.rule.as_str(), |(figure, ..)| figure);
        match (self.value, self.limit) {
            (None, _) => format!("{figure} was not measured"),
            (Some(value), None) => format!("{figure} was {value}, and the baseline has no such figure"),
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
        Figures::of(&Report { input_ack_ms: Some(times), disconnected, ..Report::default() })
    }

    fn holds(rule: &str, now: &Figures, then: Option<&Figures>) -> bool {
        rule.parse::<Rule>().unwrap().check(now, then).ok
    }

    #[test]
    fn every_operator_does_what_it_says() {
        let now = figures(80.0, 3);
        for (operator, ok) in
            [("<", false), ("<=", true), (">", false), (">=", true), ("==", true), ("!=", false)]
        {
            assert_eq!(holds(&format!("input_ack_ms.p99 {operator} 80"), &now, None), ok, "{operator}");
        }
        assert!(holds("disconnected<4", &now, None), "spaces are for people");
        assert!(holds("input_ack_ms.p99.9 == 160", &now, None), "99.9 is what people say");
    }

    #[test]
    fn a_figure_may_be_held_against_another_run() {
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
        assert_eq!(rule.check(&now, Some(&then)).was(), "input_ack_ms.p99 was 80, against 75");
    }

    #[test]
    fn what_was_not_measured_breaks_every_rule() {
        for operator in ["<", "!=", ">="] {
            let rule: Rule = format!("server.tick_ms_max {operator} 10").parse().unwrap();
            let result = rule.check(&figures(1.0, 0), None);
            assert_eq!((result.value, result.ok), (None, false));
            assert_eq!(result.was(), "server.tick_ms_max was not measured");
        }
        assert!(
            holds("closes.kicked == 0", &figures(1.0, 0), None),
            "but what never happened happened 0 times"
        );
    }

    #[test]
    fn a_rule_that_cannot_be_judged_says_so_before_the_run() {
        let rule: Rule = "input_ack_ms.p99 < baseline".parse().unwrap();
        assert!(rule.ready(None).unwrap_err().to_string().contains("--baseline"));
        let empty = Figures::of(&Report::default());
        assert!(rule.ready(Some(&empty)).unwrap_err().to_string().contains("`input_ack_ms.p99`"));
        assert_eq!(rule.ready(Some(&figures(1.0, 0))), Ok(()));
        assert_eq!("input_ack_ms.p99 < 1".parse::<Rule>().unwrap().ready(None), Ok(()));
    }

    #[test]
    fn an_unknown_figure_says_what_there_is_and_what_was_meant() {
        let error = "input_ack.p99 < 80".parse::<Rule>().unwrap_err().to_string();
        let (first, rest) = error.split_once('\n').unwrap();
        assert!(first.contains("meant? input_ack_ms.p99"), "{first}");
        assert!(rest.contains("groups.NAME.input_ack_ms.{count, max"), "{rest}");
        assert!(!"zebra < 1".parse::<Rule>().unwrap_err().to_string().contains("meant"));
    }

    #[test]
    fn what_is_no_rule_is_refused_with_an_example() {
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
    fn a_rule_is_its_text() {
        let rule: Rule = serde_json::from_str("\" input_ack_ms.p99.9  <80 \"").unwrap();
        assert_eq!(rule.to_string(), "input_ack_ms.p99.9  <80");
        assert_eq!(rule.figure(), "input_ack_ms.p999");
        assert_eq!(serde_json::to_string(&rule).unwrap(), "\"input_ack_ms.p99.9  <80\"");
        assert!(serde_json::from_str::<Rule>("\"zebra < 1\"").is_err());
    }
}
