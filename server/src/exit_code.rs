//! The exit codes of the process.

use std::process;

/// The result of the process for scripts and service managers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// The command succeeded.
    Done = 0,
    /// An error that the configuration does not cause: try again, then look at the log. With `replay`: a difference was found, or the
    /// journal is damaged.
    Internal = 1,
    /// The command line is invalid.
    Usage = 2,
    /// An address or the data directory is in use by another process (`EX_UNAVAILABLE`): free it, or change the named setting.
    InUse = 69,
    /// The configuration is wrong (`EX_CONFIG`): another start fails as well until it is changed.
    Configuration = 78,
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
