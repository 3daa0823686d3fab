//! The exit codes of the program, which are a stable interface for scripts.

use super::report::Verdict;

/// The outcome of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExitCode {
    /// All rules held (for a capacity search: at least one load held), or a command without rules succeeded.
    Done,
    /// The swarm itself failed, or the run is inconclusive.
    Failed,
    /// The command line is wrong, or a file that it names cannot be read or written.
    Usage,
    /// A plan's file is wrong or cannot be read (`EX_CONFIG` of sysexits.h).
    Plan,
    /// A rule was broken (for a capacity search: no load held).
    Broken,
    /// The run was interrupted by ctrl-C, SIGTERM or SIGHUP.
    Aborted,
}

impl ExitCode {
    /// Returns the exit code of the process.
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
