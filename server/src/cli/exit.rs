//! Every code that the process can exit with.

use std::process;

/// How the process ended, as scripts and service managers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// It did what it was asked to.
    Done = 0,
    /// Something broke that the configuration is not to blame for: try again, then look at the log. Of `replay`: a difference
    /// was found, or the journal is damaged.
    Internal = 1,
    /// The command line cannot be understood.
    Usage = 2,
    /// An address, or the data directory, is in use by another process (`EX_UNAVAILABLE`): free it or change the setting named.
    InUse = 69,
    /// The configuration is wrong (`EX_CONFIG`): starting again without changing it is pointless.
    Configuration = 78,
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
