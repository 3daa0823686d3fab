//! A mistake in a plan: the key, the line of the file or the flag, and a sentence.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use toml::de::DeTable;

use super::toml_location::{byte_of, key_at, line, wrong_element};

/// The error of a mistake in a plan, whether from a file or from flags.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PlanError {
    /// The path of the wrong key; empty when the file as a whole is wrong.
    path: Vec<String>,
    /// The location of the mistake in the plan's file; `None` for a mistake in a flag.
    file: Option<FileLocation>,
    message: String,
}

/// A location in a plan's file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FileLocation {
    file: PathBuf,
    /// The line, counted from 1; `None` when the file cannot be read or the line is unknown.
    line: Option<usize>,
}

impl PlanError {
    /// Creates the error of a mistake at this key.
    pub fn at<const N: usize>(path: [&str; N], message: impl Into<String>) -> Self {
        Self { path: path.map(str::to_owned).to_vec(), file: None, message: message.into() }
    }

    /// Returns the error with `path` put before its own path.
    #[must_use]
    pub(super) fn within<const N: usize>(mut self, path: [&str; N]) -> Self {
        self.path.splice(0..0, path.map(str::to_owned));
        self
    }

    /// Creates the error of a file that cannot be read.
    pub(super) fn in_file(file: &Path, message: String) -> Self {
        Self { path: Vec::new(), file: Some(FileLocation { file: file.to_owned(), line: None }), message }
    }

    /// Creates the error of a file whose text is not TOML, or not a plan.
    pub(super) fn in_text(file: &Path, text: &str, error: &toml::de::Error) -> Self {
        let (mut path, mut byte) = (Vec::new(), error.span().map(|span| span.start));
        if let (Ok(table), Some(at)) = (DeTable::parse(text), byte) {
            path = key_at(table.get_ref(), at);
            if let [key] = &path[..]
                && let Some(index) = wrong_element(table.get_ref(), key)
            {
                path.push(index.to_string());
                byte = byte_of(table.get_ref(), &path);
            }
        }
        let line = byte.map(|byte| line(text, byte));
        Self {
            path,
            file: Some(FileLocation { file: file.to_owned(), line }),
            message: error.message().replace('\n', ", "),
        }
    }

    /// Returns the error with its location in this file: the line of its key, for which the file is read again.
    pub(super) fn located(mut self, file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap_or_default();
        let table = DeTable::parse(&text).ok();
        let byte = table.and_then(|table| byte_of(table.get_ref(), &self.path));
        self.file = Some(FileLocation { file: file.to_owned(), line: byte.map(|byte| line(&text, byte)) });
        self
    }

    /// Returns the path of the wrong key.
    pub(super) fn path(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// Returns the error with another path.
    pub(super) fn with_path<const N: usize>(self, path: [&str; N]) -> Self {
        Self { path: path.map(str::to_owned).to_vec(), ..self }
    }

    /// Returns true if the mistake is in a plan's file, and false if it is on the command line.
    #[must_use]
    pub const fn is_in_plan_file(&self) -> bool {
        self.file.is_some()
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(FileLocation { file, line: Some(line) }) => write!(f, "{}:{line}: ", file.display())?,
            Some(FileLocation { file, line: None }) => write!(f, "{}: ", file.display())?,
            None => {}
        }
        if let Some(key) = self.path.iter().rev().find(|key| key.parse::<usize>().is_err()) {
            match self.file {
                Some(_) => write!(f, "{key}: ")?,
                None if key == "storms" => f.write_str("--storm: ")?,
                None => write!(f, "--{}: ", key.replace('_', "-"))?,
            }
        }
        f.write_str(&self.message)
    }
}
