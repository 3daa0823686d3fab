//! The exit codes of the process, and the failure of a verb.

use std::process;

/// The exit code of the process, for scripts and service managers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// The command succeeded.
    Done = 0,
    /// A failure that the configuration did not cause, so that a restart may help. For `serve`, also a stop that left unfinished work; for
    /// `replay`, also a replay that differs, or a damaged journal.
    Internal = 1,
    /// The command line is wrong.
    Usage = 2,
    /// An address or the data directory is in use by another process (`EX_UNAVAILABLE`): stop that process, or change the setting that the
    /// message names.
    InUse = 69,
    /// The configuration is wrong, or a file, folder or address that it names cannot be used (`EX_CONFIG`): a restart without a change
    /// fails again. For `replay`, the journal cannot be read or played by this build.
    Configuration = 78,
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// The failure of a verb: the exit code, and a message for standard error.
#[derive(Debug)]
pub(crate) struct VerbFailure {
    pub(crate) code: ExitCode,
    pub(crate) message: String,
}

impl VerbFailure {
    /// Creates a failure with the text of an error.
    pub(crate) fn new(code: ExitCode, message: impl ToString) -> Self {
        Self { code, message: message.to_string() }
    }

    /// Creates a failure that only a change of the configuration or of the system can fix.
    pub(crate) fn configuration(error: impl ToString) -> Self {
        Self::new(ExitCode::Configuration, error)
    }

    /// Creates a failure that the configuration did not cause.
    pub(crate) fn internal(error: impl ToString) -> Self {
        Self::new(ExitCode::Internal, error)
    }
}
