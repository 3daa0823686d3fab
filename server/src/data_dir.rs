//! The folder of everything the server keeps.
//!
//! It is made on the first start, and it is tried by writing into it: a server that finds out after a week that
//! it cannot write a match record should have said so at once.

mod run;

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub use self::run::{Run, Unsettled};

/// A folder that exists and takes files.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

/// The file that is locked by whoever uses the folder.
const LOCK: &str = "lock";

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// It does not exist and cannot be made, or something else has its name.
    #[error("cannot make the data directory {}: {source}; set data.dir (--data-dir) to a folder of yours", path.display())]
    Make {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another server uses it.
    #[error("another server uses the data directory {}; stop that one, or set data.dir (--data-dir) to another folder", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// It exists, but a file in it cannot be written.
    #[error("cannot write {}: {source}; data.dir (--data-dir) must be writable and have room", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl DataDir {
    /// Makes the folder where it is missing, and tries to write into it.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        fs::create_dir_all(path).map_err(|source| DataDirError::Make { path: path.to_owned(), source })?;
        let dir = Self(path.to_owned());
        dir.write_private(".writable", b"")?;
        // The trial has served its purpose; a leftover would harm nobody.
        let _ = fs::remove_file(path.join(".writable"));
        Ok(dir)
    }

    /// Whether a server uses it, as far as can be told: one may begin to at any time.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        // Shared, so that whoever asks at the same time does not take this one for a server; and it is gone with the file.
        File::open(self.file(LOCK))
            .is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where a file of this name is or would be.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file that only its owner may read; whoever reads it meanwhile sees the old one or the new one, whole.
    pub fn write_private(&self, name: &str, bytes: &[u8]) -> Result<(), DataDirError> {
        let path = self.file(name);
        write_and_rename(&path, bytes).map_err(|source| DataDirError::Write { path, source })
    }
}

fn write_and_rename(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        fs::create_dir_all(folder)?;
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    }
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".tmp");
    // A leftover of a crash may have other permissions, and `mode` counts only for a file that is new.
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
    fn the_folder_is_made_with_all_above_it() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(&folder.path().join("a/b")).unwrap();
        assert!(dir.path().is_dir());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "the trial must leave nothing behind");
    }

    #[test]
    fn a_folder_that_cannot_be_made_says_which_setting_to_change() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = DataDir::open(&file).unwrap_err().to_string();
        assert!(error.contains("cannot make the data directory") && error.contains("--data-dir"), "{error}");
    }

    #[test]
    fn private_files_are_their_owners_alone_and_survive_a_crashed_write() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        fs::create_dir(dir.file("tls")).unwrap();
        fs::write(dir.file("tls/secret.tmp"), "half").unwrap();
        dir.write_private("tls/secret", b"whole").unwrap();
        assert_eq!(fs::read(dir.file("tls/secret")).unwrap(), b"whole");
        assert_eq!(fs::metadata(dir.file("tls/secret")).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
