//! Frozen encodings: files of `name: hex` lines under `tests/vectors`, which a scenario compares with the current encoder.
//!
//! To change them on purpose, raise `PROTOCOL_VERSION` or the game's `REVISION`, run the scenarios with `QUARREL_FREEZE=1`, and
//! review the difference in git.

use std::{env, fmt::Write as _, fs, path::PathBuf};

/// The environment variable that makes the tests write the files instead of comparing them, with any value.
pub const FREEZE: &str = "QUARREL_FREEZE";

/// The named encodings of one file.
#[derive(Debug)]
pub struct Vectors {
    file: &'static str,
    about: &'static str,
    lines: Vec<(String, Vec<u8>)>,
}

impl Vectors {
    /// An empty list for `tests/vectors/{file}.txt`; the file begins with the sentence `about`.
    #[must_use]
    pub const fn new(file: &'static str, about: &'static str) -> Self {
        Self { file, about, lines: Vec::new() }
    }

    /// Adds an encoding; its name must be unique within the file.
    pub fn add(&mut self, name: impl Into<String>, bytes: Vec<u8>) {
        self.lines.push((name.into(), bytes));
    }

    /// Compares every encoding with the file, or writes the file when [`FREEZE`] is set.
    ///
    /// # Panics
    /// When an encoding differs from its frozen bytes or is missing from the file, or when the file holds an encoding too many.
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
                "{}: the bytes of \"{name}\" must not change, because peers of this version cannot decode others; for an \
                 intended change, raise the version and run with {FREEZE}=1",
                self.file
            );
        }
        assert_eq!(
            frozen, current,
            "{}: every frozen encoding must still be written, in the same order",
            self.file
        );
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
