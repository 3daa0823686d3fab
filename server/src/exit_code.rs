//! The exit codes of the process, and the failure of a verb.

use std::{error::Error, io, process};

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
    /// The system refused something for a reason that passes by itself (`EX_TEMPFAIL`), such as a full disk: another try may succeed.
    TryAgain = 75,
    /// The configuration is wrong, or a file, folder or address that it names cannot be used (`EX_CONFIG`): a restart without a change
    /// fails again. For `replay`, the journal cannot be read or played by this build.
    Configuration = 78,
}

impl ExitCode {
    /// Returns [`TryAgain`](Self::TryAgain) for an error whose cause is a [passing](is_passing) error of the system, and `otherwise` for
    /// any other.
    pub(crate) fn of(error: &(dyn Error + 'static), otherwise: Self) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if error.downcast_ref::<io::Error>().is_some_and(is_passing) {
                return Self::TryAgain;
            }
            cause = error.source();
        }
        otherwise
    }
}

/// The numbers of Linux for errors that have no [`io::ErrorKind`]: of a disk (`EIO`), and of too many open files in the system (`ENFILE`)
/// or in the process (`EMFILE`), and of too little memory for sockets (`ENOBUFS`).
pub(crate) const EIO: i32 = 5;
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;
const ENOBUFS: i32 = 105;

/// Whether an error of the system may pass without a change of the configuration: a resource is exhausted or busy, or a device failed.
/// An address that the machine does not have counts, because at the start of a machine its addresses may come later than its services.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{
        AddrNotAvailable, Interrupted, OutOfMemory, QuotaExceeded, ResourceBusy, StaleNetworkFileHandle,
        StorageFull, TimedOut, WouldBlock,
    };
    matches!(error.raw_os_error(), Some(EIO | ENFILE | EMFILE | ENOBUFS))
        || matches!(
            error.kind(),
            AddrNotAvailable
                | Interrupted
                | OutOfMemory
                | QuotaExceeded
                | ResourceBusy
                | StaleNetworkFileHandle
                | StorageFull
                | TimedOut
                | WouldBlock
        )
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

    /// Creates a failure that only a change of the configuration or of the system can fix, unless its cause passes by itself.
    pub(crate) fn configuration(error: impl Error + 'static) -> Self {
        Self::new(ExitCode::of(&error, ExitCode::Configuration), error)
    }

    /// Creates a failure that the configuration did not cause.
    pub(crate) fn internal(error: impl Error + 'static) -> Self {
        Self::new(ExitCode::of(&error, ExitCode::Internal), error)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::{data_dir::DataDirError, net::keys::KeysError};

    #[test]
    fn a_cause_that_passes_asks_for_another_try_and_any_other_cause_for_a_change() {
        for (error, code) in [
            (io::ErrorKind::StorageFull.into(), ExitCode::TryAgain),
            (io::Error::from_raw_os_error(EIO), ExitCode::TryAgain),
            (io::Error::from_raw_os_error(EMFILE), ExitCode::TryAgain),
            (io::ErrorKind::PermissionDenied.into(), ExitCode::Configuration),
            (io::ErrorKind::ReadOnlyFilesystem.into(), ExitCode::Configuration),
            (io::ErrorKind::NotADirectory.into(), ExitCode::Configuration),
        ] {
            // The cause is two errors deep.
            let error = DataDirError::Write { path: PathBuf::from("run"), source: error };
            let failure = VerbFailure::configuration(KeysError::DataDir(error));
            assert_eq!(failure.code, code, "{}", failure.message);
        }
    }
}
