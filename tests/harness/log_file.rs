//! The log of a server process, in a file.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Stdio,
};

use tempfile::TempDir;

use crate::wait::until;

/// A file for a server's log, in a folder of its own.
pub struct LogFile {
    folder: TempDir,
}

impl Default for LogFile {
    fn default() -> Self {
        Self::new()
    }
}

impl LogFile {
    /// Creates the folder.
    ///
    /// # Panics
    /// When the folder cannot be created.
    #[must_use]
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder for the log") }
    }

    /// Creates an empty file for standard error.
    ///
    /// # Panics
    /// When the file cannot be created.
    #[must_use]
    pub fn writer(&self) -> Stdio {
        File::create(self.path()).expect("a file for the log").into()
    }

    /// The text of the log.
    ///
    /// # Panics
    /// When the file cannot be read.
    #[must_use]
    pub fn text(&self) -> String {
        fs::read_to_string(self.path()).expect("the log")
    }

    /// Waits until the log contains a text.
    ///
    /// # Panics
    /// When the text does not appear in time.
    pub async fn wait_for(&self, text: &str) {
        until(&format!("`{text}` in the log"), || self.text().contains(text)).await;
    }

    /// Checks that the log contains a text.
    ///
    /// # Panics
    /// When it does not.
    pub fn must_contain(&self, text: &str) {
        let log = self.text();
        assert!(log.contains(text), "`{text}` must be in the log:\n{log}");
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}
