//! A mistake in a plan: the key, the line of the file or the flag, and a sentence.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use toml::de::DeTable;

use super::toml_location::{byte_of, key_at, line, wrong_element};

/// A mistake in a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PlanError {
    /// The path of the wrong key; empty when the whole file is wrong.
    path: Vec<String>,
    /// The file that contains the mistake; `None` when a flag does.
    file: Option<FileLocation>,
    message: String,
}

/// A place in a plan's file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FileLocation {
    file: PathBuf,
    /// Counted from 1; `None` when the file cannot be read.
    line: Option<usize>,
}

impl PlanError {
    /// A mistake at this key.
    pub fn at<const N: usize>(path: [&str; N], message: impl Into<String>) -> Self {
        Self { path: path.map(str::to_owned).to_vec(), file: None, message: message.into() }
    }

    /// The same mistake with its path inside another one.
    #[must_use]
    pub(super) fn within<const N: usize>(mut self, path: [&str; N]) -> Self {
        self.path.splice(0..0, path.map(str::to_owned));
        self
    }

    /// A file that cannot be read.
    pub(super) fn in_file(file: &Path, message: String) -> Self {
        Self { path: Vec::new(), file: Some(FileLocation { file: file.to_owned(), line: None }), message }
    }

    /// A file whose text is not a plan, or not TOML.
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

    /// The same mistake in this file, with the line of its key.
    pub(super) fn located(mut self, file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap_or_default();
        let table = DeTable::parse(&text).ok();
        let byte = table.and_then(|table| byte_of(table.get_ref(), &self.path));
        self.file = Some(FileLocation { file: file.to_owned(), line: byte.map(|byte| line(&text, byte)) });
        self
    }

    /// The path of the wrong key.
    pub(super) fn path(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// The same mistake at another path.
    pub(super) fn with_path<const N: usize>(self, path: [&str; N]) -> Self {
        Self { path: path.map(str::to_owned).to_vec(), ..self }
    }

    /// Whether the mistake is in a file, and not on the command line.
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
