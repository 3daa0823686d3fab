//! Frozen bytes: files of `name: hex` lines under `tests/vectors`, which a scenario holds against what the code writes today.
//!
//! They change only on purpose: raise `PROTOCOL_VERSION` or the game's `REVISION`, run the scenarios with `QUARREL_FREEZE=1`,
//! and look at the difference in git.

use std::{env, fmt::Write as _, fs, path::PathBuf};

/// Set to anything, the files are written rather than compared.
pub const FREEZE: &str = "QUARREL_FREEZE";

/// The codings of one file.
#[derive(Debug)]
pub struct Vectors {
    file: &'static str,
    about: &'static str,
    lines: Vec<(String, Vec<u8>)>,
}

impl Vectors {
    /// For `tests/vectors/{file}.txt`, which begins with a sentence of what it holds.
    #[must_use]
    pub const fn new(file: &'static str, about: &'static str) -> Self {
        Self { file, about, lines: Vec::new() }
    }

    /// Adds a coding; names are unique within a file.
    pub fn add(&mut self, name: impl Into<String>, bytes: Vec<u8>) {
        self.lines.push((name.into(), bytes));
    }

    /// Holds every coding against the file, or writes the file when [`FREEZE`] is set.
    ///
    /// # Panics
    /// When a coding differs from its frozen bytes, is missing from the file, or the file holds one too many.
    pub fn check(&self) {
        if env::var_os(FREEZE).is_some() {
            fs::write(self.path(), self.text()).unwrap_or_else(|error| panic!("{}: {error}", self.file));
            return;
        }
        let frozen = fs::read_to_string(self.path()).unwrap_or_else(|error| panic!("{}: {error}", self.file));
        let frozen: Vec<_> = frozen.lines().filter(|line| !line.starts_with('#')).collect();
        let current = self.text();
        let current: Vec<_> = current.lines().filter(|line| !line.starts_with('#')).collect();
        for line in &current {
            let name = line.split(':').next().unwrap_or_default();
            let was = frozen.iter().find(|frozen| frozen.split(':').next() == Some(name));
            assert_eq!(
                was,
                Some(line),
                "{}: the bytes of \"{name}\" have changed, and peers of this version would not understand them; if that is \
                 meant, raise the version and run with {FREEZE}=1",
                self.file
            );
        }
        assert_eq!(frozen, current, "{}: what is frozen is still written, in this order", self.file);
    }

    fn text(&self) -> String {
        let mut text = format!("# {} Written by the scenario `vectors`; see its docs.\n", self.about);
        for (name, bytes) in &self.lines {
            let _ = write!(text, "{name}: ");
            for byte in bytes {
                let _ = write!(text, "{byte:02x}");
            }
            text.push('\n');
        }
        text
    }

    fn path(&self) -> PathBuf {
        crate::source::root().join("tests/vectors").join(self.file).with_extension("txt")
    }
}
