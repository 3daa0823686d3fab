//! What is wrong with a plan, and where.

use std::{fmt, path::PathBuf};

use toml::de::{DeTable, DeValue};

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

    /// A file that cannot be read at all, or not from this byte on.
    pub(super) fn in_file(file: PathBuf, text: &str, byte: Option<usize>, why: String) -> Self {
        Self { path: Vec::new(), file: Some((file, byte.map(|byte| line(text, byte)))), why }
    }

    /// The same with the line of a file that said it.
    #[must_use]
    pub(super) fn located(mut self, file: PathBuf, text: &str) -> Self {
        let table = DeTable::parse(text).ok();
        let byte = table.and_then(|table| find(table.get_ref(), &self.path));
        self.file = Some((file, byte.map(|byte| line(text, byte))));
        self
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
                None => write!(f, "--{}: ", key.replace('_', "-"))?,
            }
        }
        f.write_str(&self.why)
    }
}

/// Where a value begins: that of the last key on the way to it that the file has.
fn find(table: &DeTable<'_>, path: &[String]) -> Option<usize> {
    let (first, rest) = path.split_first()?;
    let mut value = table.get(first.as_str())?;
    let mut at = value.span().start;
    for key in rest {
        let next = match value.get_ref() {
            DeValue::Table(table) => table.get(key.as_str()),
            DeValue::Array(array) => key.parse::<usize>().ok().and_then(|index| array.get(index)),
            _ => None,
        };
        let Some(next) = next else { break };
        (value, at) = (next, next.span().start);
    }
    Some(at)
}

fn line(text: &str, byte: usize) -> usize {
    text.get(..byte).unwrap_or(text).matches('\n').count() + 1
}
