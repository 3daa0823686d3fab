//! The exit codes of the process.

use std::process;

/// The exit code of the process, for scripts and service managers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// The command succeeded.
    Done = 0,
    /// A failure that the configuration did not cause: a restart may help, and the log names the cause. For `replay`: the replay
    /// differs, or the journal is damaged.
    Internal = 1,
    /// The command line is wrong.
    Usage = 2,
    /// An address or the data directory is in use by another process (`EX_UNAVAILABLE`): stop it, or change the named setting.
    InUse = 69,
    /// The configuration is wrong (`EX_CONFIG`): a restart without a change fails again.
    Configuration = 78,
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
