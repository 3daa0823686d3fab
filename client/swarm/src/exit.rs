//! The exit codes: part of the interface, for scripts that decide by them.

use super::report::Verdict;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExitCode {
    /// All rules held.
    Done,
    /// The swarm itself failed, or nothing can be said.
    Failed,
    /// The command line cannot be understood.
    Usage,
    /// A plan's file is wrong (`EX_CONFIG` of sysexits.h).
    Plan,
    /// A rule was broken.
    Broken,
    /// Somebody ended the run.
    Aborted,
}

impl ExitCode {
    /// The number.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Plan => 78,
            Self::Broken => 99,
            Self::Aborted => 105,
        }
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Done,
            Verdict::Fail => Self::Broken,
            Verdict::Invalid => Self::Failed,
            Verdict::Aborted => Self::Aborted,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        code.number().into()
    }
}
