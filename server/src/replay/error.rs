//! Errors of `quarrel replay`.

use std::{io, path::Path};

use crate::exit_code::ExitCode;

/// Reasons why a command printed no result, or only a part of it.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The command failed.
    #[error("{message}")]
    Failed {
        /// The exit code of the process.
        code: ExitCode,
        /// The error and its remedy, for people.
        message: String,
    },
    /// The output was closed before the result was complete.
    #[error("the output was closed")]
    Output(#[from] io::Error),
}

impl ReplayError {
    /// Creates the error of a file that cannot be read or played.
    pub(super) fn configuration(path: &Path, reason: impl ToString) -> Self {
        Self::of_file(ExitCode::Configuration, path, reason)
    }

    /// Creates an error of the machine, the game or damaged content, which no other command line avoids.
    pub(super) fn internal(path: &Path, reason: impl ToString) -> Self {
        Self::of_file(ExitCode::Internal, path, reason)
    }

    /// Creates the error of a command line whose arguments do not fit the journal.
    pub(super) fn usage(path: &Path, reason: impl ToString) -> Self {
        Self::of_file(ExitCode::Usage, path, reason)
    }

    fn of_file(code: ExitCode, path: &Path, reason: impl ToString) -> Self {
        Self::Failed { code, message: format!("{}: {}", path.display(), reason.to_string()) }
    }
}
