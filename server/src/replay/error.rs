//! Errors of `quarrel replay`.

use std::{io, path::Path};

use crate::exit_code::ExitCode;

/// Reasons why a command gave no answer, or only a part of it.
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
    /// The output was closed before the answer was complete.
    #[error("the output was closed")]
    Output(#[from] io::Error),
}

impl ReplayError {
    /// An error of the file that was given.
    pub(super) fn configuration(path: &Path, why: impl ToString) -> Self {
        Self::of_file(ExitCode::Configuration, path, why)
    }

    /// An error of the machine or of damaged content, which another command line does not avoid.
    pub(super) fn internal(path: &Path, why: impl ToString) -> Self {
        Self::of_file(ExitCode::Internal, path, why)
    }

    /// An error of the command line.
    pub(super) fn usage(path: &Path, why: impl ToString) -> Self {
        Self::of_file(ExitCode::Usage, path, why)
    }

    fn of_file(code: ExitCode, path: &Path, why: impl ToString) -> Self {
        Self::Failed { code, message: format!("{}: {}", path.display(), why.to_string()) }
    }
}
