//! Errors of the database of match results, each with advice for the operator.

use std::{io, path::PathBuf};

use sqlx::migrate::MigrateError;

use crate::exit_code::{EIO, ExitCode};

/// An error of using the database of match results.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the match results in {}: {source}; {}", path.display(), fault.advice())]
pub struct DatabaseError {
    path: PathBuf,
    fault: DatabaseFault,
    source: sqlx::Error,
}

/// The kind of a database's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseFault {
    /// Another program has locked the database.
    Locked,
    /// The disk of the database is full.
    DiskFull,
    /// The disk or the system failed while it read or wrote.
    InputOutput,
    /// The system has too little memory or too few file descriptors.
    Exhausted,
    /// The file is damaged, or is not a database.
    Damaged,
    /// The user of the server may not write the file.
    NotWritable,
    /// The file cannot be opened, for example because it is a folder.
    NotOpenable,
    /// SQLite cannot open its files beside the database, although the database itself can be opened. SQLite does not name the reason, which
    /// may be a limit of open files.
    FilesBeside,
    /// The tables are those of another version of the program, most likely of a newer one.
    OtherVersion,
    /// Any other error.
    Other,
}

impl DatabaseError {
    /// Creates the error of the database in this file.
    pub(super) fn new(path: PathBuf, source: sqlx::Error) -> Self {
        Self { path, fault: DatabaseFault::of(&source), source }
    }

    /// Returns the kind of the fault.
    #[must_use]
    pub const fn fault(&self) -> DatabaseFault {
        self.fault
    }

    /// Returns the exit code of a command that needs the database.
    pub(crate) const fn exit_code(&self) -> ExitCode {
        if self.fault.may_pass() { ExitCode::TryAgain } else { ExitCode::Configuration }
    }
}

impl DatabaseFault {
    /// Whether a server starts in spite of this fault: its rooms play, and results wait until the database can be used. True of faults that
    /// may pass, and of a damaged file, because damage comes from outside like a full disk does. Any other fault is a mistake of the
    /// installation, which is best noticed at the start.
    #[must_use]
    pub const fn allows_start(self) -> bool {
        self.may_pass() || matches!(self, Self::Damaged)
    }

    /// Whether the fault may pass without a change by a person.
    const fn may_pass(self) -> bool {
        matches!(
            self,
            Self::Locked | Self::DiskFull | Self::InputOutput | Self::Exhausted | Self::FilesBeside
        )
    }

    /// Returns what an operator can do.
    const fn advice(self) -> &'static str {
        match self {
            Self::Locked => "another program has locked it: wait for that program or end it",
            Self::DiskFull => "its disk or quota is full: free some space",
            Self::InputOutput => "its disk failed or is full: see the kernel's log",
            Self::Exhausted => "the server is out of memory or of open files: give it more",
            Self::Damaged => {
                "the file is damaged or not a database: move it and the files with -wal and -shm after its name away, \
                 and the server creates a new one; the sqlite3 command .recover reads what is left of the old one"
            }
            Self::NotWritable => "the server's user must be able to write it: change its owner or its mode",
            Self::NotOpenable => "it must be a file that the server's user may open: move away what is there",
            Self::FilesBeside => {
                "the files with -wal and -shm after its name must belong to the server's user, the limit of open files \
                 must leave some for them, and the path must be shorter than 500 bytes"
            }
            Self::OtherVersion => {
                "another version of this program has written it: use that version, or move the file away"
            }
            Self::Other => "move the file away if it is not a database of this program",
        }
    }

    fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => {
                error.code().and_then(|code| code.parse().ok()).map_or(Self::Other, Self::of_code)
            }
            sqlx::Error::Io(error) => Self::of_io(error),
            sqlx::Error::Migrate(error) => match &**error {
                MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Self::of(error),
                _ => Self::OtherVersion,
            },
            _ => Self::Other,
        }
    }

    fn of_io(error: &io::Error) -> Self {
        use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        match error.kind() {
            StorageFull | QuotaExceeded => Self::DiskFull,
            PermissionDenied | ReadOnlyFilesystem => Self::NotWritable,
            _ if error.raw_os_error() == Some(EIO) => Self::InputOutput,
            _ if ExitCode::of(error, ExitCode::Configuration) == ExitCode::TryAgain => Self::Exhausted,
            _ => Self::NotOpenable,
        }
    }

    /// Returns the fault of a result code of SQLite. The lowest byte is the primary code, and the other bits are details.
    const fn of_code(code: i32) -> Self {
        match code & 0xff {
            SQLITE_BUSY | SQLITE_LOCKED | SQLITE_PROTOCOL => Self::Locked,
            SQLITE_FULL => Self::DiskFull,
            SQLITE_IOERR => Self::InputOutput,
            SQLITE_NOMEM => Self::Exhausted,
            SQLITE_CORRUPT | SQLITE_NOTADB => Self::Damaged,
            SQLITE_PERM | SQLITE_READONLY | SQLITE_AUTH => Self::NotWritable,
            SQLITE_CANTOPEN => Self::FilesBeside,
            _ => Self::Other,
        }
    }
}

// The primary result codes of SQLite that opening or writing a database can return, from https://www.sqlite.org/rescode.html.
const SQLITE_PERM: i32 = 3;
const SQLITE_BUSY: i32 = 5;
const SQLITE_LOCKED: i32 = 6;
const SQLITE_NOMEM: i32 = 7;
const SQLITE_READONLY: i32 = 8;
const SQLITE_IOERR: i32 = 10;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_FULL: i32 = 13;
const SQLITE_CANTOPEN: i32 = 14;
const SQLITE_PROTOCOL: i32 = 15;
const SQLITE_AUTH: i32 = 23;
const SQLITE_NOTADB: i32 = 26;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extended_result_codes_have_the_fault_of_their_primary_code() {
        for (code, fault) in [
            (5, DatabaseFault::Locked),
            (5 | 1 << 8, DatabaseFault::Locked),
            (10 | 13 << 8, DatabaseFault::InputOutput),
            (11, DatabaseFault::Damaged),
            (26, DatabaseFault::Damaged),
            (13, DatabaseFault::DiskFull),
            (8 | 5 << 8, DatabaseFault::NotWritable),
            (14, DatabaseFault::FilesBeside),
            (1, DatabaseFault::Other),
        ] {
            assert_eq!(DatabaseFault::of_code(code), fault, "{code}");
        }
    }

    #[test]
    fn a_migration_that_cannot_run_is_not_another_version() {
        let fault = |error: MigrateError| DatabaseFault::of(&sqlx::Error::Migrate(Box::new(error)));
        let full = || sqlx::Error::Io(io::ErrorKind::StorageFull.into());
        assert_eq!(fault(MigrateError::Execute(full())), DatabaseFault::DiskFull);
        assert_eq!(fault(MigrateError::ExecuteMigration(full(), 1)), DatabaseFault::DiskFull);
        assert_eq!(fault(MigrateError::VersionMissing(9)), DatabaseFault::OtherVersion);
    }

    #[test]
    fn a_server_starts_with_faults_that_pass_and_with_a_damaged_file() {
        use DatabaseFault::{
            Damaged, DiskFull, Exhausted, FilesBeside, InputOutput, Locked, NotOpenable, NotWritable, Other,
            OtherVersion,
        };
        for fault in [Locked, DiskFull, InputOutput, Exhausted, FilesBeside, Damaged] {
            assert!(fault.allows_start(), "{fault:?}");
        }
        for fault in [NotWritable, NotOpenable, OtherVersion, Other] {
            assert!(!fault.allows_start(), "{fault:?} must be repaired first");
        }
    }
}
