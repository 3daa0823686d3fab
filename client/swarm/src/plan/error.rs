//! What is wrong with a plan, and where.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use toml::de::DeTable;

use super::place::{find, key_at, line, wrong_element};

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PlanError {
    /// Under which key; none when all of it is wrong.
    path: Vec<String>,
    /// In which file, if it came from one, and on which line of it, counted from 1.
    file: Option<(PathBuf, Option<usize>)>,
    why: String,
}

impl PlanError {
    /// Something under this key.
    pub fn at<const N: usize>(path: [&str; N], why: impl Into<String>) -> Self {
        Self { path: path.map(str::to_owned).to_vec(), file: None, why: why.into() }
    }

    /// The same with its key inside of another one.
    #[must_use]
    pub(super) fn within<const N: usize>(mut self, path: [&str; N]) -> Self {
        self.path.splice(0..0, path.map(str::to_owned));
        self
    }

    /// A file that cannot be read at all.
    pub(super) fn in_file(file: &Path, why: String) -> Self {
        Self { path: Vec::new(), file: Some((file.to_owned(), None)), why }
    }

    /// A file whose text is no plan, or not even TOML.
    pub(super) fn in_text(file: &Path, text: &str, error: &toml::de::Error) -> Self {
        let (mut path, mut byte) = (Vec::new(), error.span().map(|span| span.start));
        if let (Ok(table), Some(at)) = (DeTable::parse(text), byte) {
            path = key_at(table.get_ref(), at);
            if let [key] = &path[..]
                && let Some(index) = wrong_element(table.get_ref(), key)
            {
                path.push(index.to_string());
                byte = find(table.get_ref(), &path);
            }
        }
        let line = byte.map(|byte| line(text, byte));
        Self { path, file: Some((file.to_owned(), line)), why: error.message().replace('\n', ", ") }
    }

    /// The same, when this file said it: with its line.
    pub(super) fn located(mut self, file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap_or_default();
        let table = DeTable::parse(&text).ok();
        let byte = table.and_then(|table| find(table.get_ref(), &self.path));
        self.file = Some((file.to_owned(), byte.map(|byte| line(&text, byte))));
        self
    }

    /// Under which key it is.
    pub(super) fn path(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    /// The same under another key.
    pub(super) fn under<const N: usize>(self, path: [&str; N]) -> Self {
        Self { path: path.map(str::to_owned).to_vec(), ..self }
    }

    /// Whether a file is to blame, and not the command line.
    #[must_use]
    pub const fn is_of_file(&self) -> bool {
        self.file.is_some()
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some((file, Some(line))) => write!(f, "{}:{line}: ", file.display())?,
            Some((file, None)) => write!(f, "{}: ", file.display())?,
            None => {}
        }
        if let Some(key) = self.path.iter().rev().find(|key| key.parse::<usize>().is_err()) {
            match self.file {
                Some(_) => write!(f, "{key}: ")?,
                None if key == "storms" => f.write_str("--storm: ")?,
                None => write!(f, "--{}: ", key.replace('_', "-"))?,
            }
        }
        f.write_str(&self.why)
    }
}
