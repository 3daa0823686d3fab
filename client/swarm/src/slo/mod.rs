//! Service level objectives: rules about any figure of the report, as in `input_ack_ms.p99 < 80`.
//!
//! A rule with a misspelled figure must not pass unnoticed, so names are checked when a rule is parsed. The valid names are derived from
//! [`Report`](super::Report): rules can use a new field at once, and a rule that names a removed field is an error.
//!
//! - [`Figures`]: a report's numbers by name, which the comparison of two runs uses too. `figure_names` lists the names.
//! - [`Rule`]: a figure, an operator and a limit, which may depend on the baseline, the report of an older run.
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
