//! What a run is held to: rules about any figure of its report, as in `input_ack_ms.p99 < 80`.
//!
//! A rule that names no figure would hold for ever, so names are checked when a rule is read, against the report itself: a field that is
//! added to [`Report`](super::Report) can be held to something at once, and one that goes breaks the rules that name it, loudly.
//!
//! - [`Figures`]: a report's numbers by name; also what two runs are compared by.
//! - [`Rule`]: one figure and what it has to be, or what it was in another run.
//! - [`Watch`]: which rules are broken for good while the run still goes on.

mod figures;
mod known;
mod rule;
mod watch;

#[cfg(test)]
pub(super) use self::known::sample;
pub use self::{
    figures::Figures,
    rule::{Rule, RuleError},
    watch::{BROKEN_IN_A_ROW, Watch},
};
