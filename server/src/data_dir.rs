//! The folder of everything the server keeps.
//!
//! It is made on the first start, and it is tried by writing into it: a server that finds out after a week that
//! it cannot write a match record should have said so at once.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A folder that exists and takes files.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

/// One run of a server on a data directory.
#[derive(Debug)]
pub struct Run {
    dir: DataDir,
    number: u32,
    last: u32,
    was_ended_well: bool,
    _lock: File,
}

impl Run {
    /// Its number, higher than any before.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// The run before, if it was ended before it could say that everything was written.
    #[must_use]
    pub fn crashed(&self) -> Option<u32> {
        (!self.was_ended_well).then_some(self.last)
    }

    /// Everything is written.
    ///
    /// # Errors
    /// When that cannot be written down; the next run then looks once more.
    pub fn end(self) -> Result<(), DataDirError> {
        self.say(STOPPED)
    }

    fn say(&self, state: &str) -> Result<(), DataDirError> {
        self.dir.write_private(RUN, format!("{} {state}\n", self.number).as_bytes())
    }
}

/// The file that is locked by whoever uses the folder, and the one that says which run that is.
const LOCK: &str = "lock";
const RUN: &str = "run";
const RUNNING: &str = "running";
const STOPPED: &str = "stopped";

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

    /// Begins a run: nobody else may use the folder until what this gives is dropped, and no run before had this number, as far as
    /// the folder says; `seen` is the highest that its journals tell of.
    ///
    /// # Errors
    /// When another server uses it, or it cannot be written.
    pub fn begin_run(&self, seen: u32) -> Result<Run, DataDirError> {
        let failed = |name| move |source| DataDirError::Write { path: self.file(name), source };
        let mut lock = OpenOptions::new();
        lock.create(true).truncate(false).write(true).mode(0o600);
        let lock = lock.open(self.file(LOCK)).map_err(failed(LOCK))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DataDirError::InUse { path: self.0.clone() }),
            Err(TryLockError::Error(source)) => return Err(failed(LOCK)(source)),
        }
        let last = fs::read_to_string(self.file(RUN)).unwrap_or_default();
        let (last, was_ended_well) = match last.trim().split_once(' ') {
            Some((number, state)) => (number.parse().unwrap_or(0), state == STOPPED),
            // Never written, or lost: then nobody knows how the last one ended.
            None => (seen, seen == 0),
        };
        let run = Run {
            dir: self.clone(),
            number: last.max(seen).saturating_add(1),
            last,
            was_ended_well,
            _lock: lock,
        };
        run.say(RUNNING)?;
        Ok(run)
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
    fn each_run_has_a_number_of_its_own_and_knows_how_the_last_one_ended() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        let first = dir.begin_run(0).unwrap();
        assert_eq!((first.number(), first.crashed()), (1, None));
        assert!(matches!(dir.begin_run(0), Err(DataDirError::InUse { .. })), "two servers in one folder");
        assert!(dir.is_in_use());
        drop(first);
        assert!(!dir.is_in_use());
        let second = dir.begin_run(0).unwrap();
        assert_eq!(
            (second.number(), second.crashed()),
            (2, Some(1)),
            "the first one did not say that it ended"
        );
        second.end().unwrap();
        assert_eq!(dir.begin_run(0).unwrap().crashed(), None);
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
