//! Service level objectives: rules about any figure of the report, as in `input_ack_ms.p99 < 80`.
//!
//! A misspelled figure must not pass unnoticed, so figure names are checked when a rule is parsed, against the report itself: a field that is
//! added to [`Report`](super::Report) can be used in rules at once, and a rule that names a removed field is an error.
//!
//! - [`Figures`]: a report's numbers by name; two runs are compared by them too. `figure_names` lists the names.
//! - [`Rule`]: a figure, an operator and a limit, which may depend on the baseline.
//! - [`RuleWatch`]: finds rules that are broken beyond repair while the run is in progress.

mod figure_names;
mod figures;
mod flatten;
mod rule;
mod watch;

#[cfg(test)]
pub(super) use self::figure_names::sample;
pub use self::{
    figures::Figures,
    rule::{Rule, RuleError},
    watch::{BROKEN_IN_A_ROW, RuleWatch},
};
