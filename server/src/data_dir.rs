//! The data directory: the folder of all files that the server writes.
//!
//! Every start creates the folder when it is missing and tests it with a write, because a server that cannot write a match result
//! should fail at its start and not after a week.

mod run;

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub use self::run::{ServerRun, UncleanShutdown};

/// The path of a data directory, which existed and was writable when it was opened.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

/// The name of the file that a server locks while it uses the folder.
const LOCK: &str = "lock";

/// Errors of using the data directory.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// The data directory does not exist and cannot be created, or its path is not a folder.
    #[error("cannot create the data directory {}: {source}; set data.dir (--data-dir) to a folder that you may write", path.display())]
    Make {
        /// The folder.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// Another server uses the data directory.
    #[error("another server uses the data directory {}; stop that server, or set data.dir (--data-dir) to another folder", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// A file in the data directory exists and cannot be read.
    #[error("cannot read {}: {source}; the server needs this file and does not replace it", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A file in the data directory cannot be written.
    #[error("cannot write {}: {source}; data.dir (--data-dir) must be writable and have free space", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
}

impl DataDir {
    /// Creates the folder when it is missing, and tests it with a write.
    ///
    /// # Errors
    /// When the folder cannot be created or written.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        fs::create_dir_all(path).map_err(|source| DataDirError::Make { path: path.to_owned(), source })?;
        let dir = Self(path.to_owned());
        // Not empty, because a full disk accepts an empty file.
        dir.write_private(".writable", b"1")?;
        // If the file of the test cannot be removed, it does no harm.
        let _ = fs::remove_file(path.join(".writable"));
        Ok(dir)
    }

    /// Whether a server uses the folder now; a server may start at any time after the call. False when the lock cannot be tested.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        // A shared lock, so that two callers at the same time do not take each other for a server. Dropping the file releases
        // the lock.
        File::open(self.file(LOCK))
            .is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the path of a file with this name, which need not exist.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file that only its owner may read, and creates its folder when that is missing. A concurrent reader sees the old content
    /// or the new content, never a part.
    ///
    /// # Errors
    /// When the file cannot be written; it keeps its old content then.
    pub fn write_private(&self, name: &str, bytes: &[u8]) -> Result<(), DataDirError> {
        let path = self.file(name);
        write_and_rename(&path, bytes).map_err(|source| DataDirError::Write { path, source })
    }
}

/// Writes a temporary file, flushes it to the disk and renames it to `path`.
fn write_and_rename(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    }
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".tmp");
    // A temporary file that a crash left may have other permissions, and `mode` applies to new files only.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_created_with_its_parents() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(&folder.path().join("a/b")).unwrap();
        assert!(dir.path().is_dir());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "the test write leaves nothing behind");
    }

    #[test]
    fn a_folder_that_cannot_be_created_names_the_setting_to_change() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = DataDir::open(&file).unwrap_err().to_string();
        assert!(
            error.contains("cannot create the data directory") && error.contains("--data-dir"),
            "{error}"
        );
    }

    #[test]
    fn only_the_owner_may_read_a_private_file_and_the_rest_of_a_crashed_write_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        fs::create_dir(dir.file("tls")).unwrap();
        fs::write(dir.file("tls/secret.tmp"), "half").unwrap();
        dir.write_private("tls/secret", b"whole").unwrap();
        assert_eq!(fs::read(dir.file("tls/secret")).unwrap(), b"whole");
        assert_eq!(fs::metadata(dir.file("tls/secret")).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
