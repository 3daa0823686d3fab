//! The project's own source, read as text: which module names which path. What the tests of the architecture look at.
//!
//! A small reader of Rust, not a compiler: comments, strings and test modules are left out, `use` trees are unfolded, and
//! `crate`, `self`, `super` and `quarrel_…` are made absolute. A path that a macro glues together escapes it.

use std::{
    fs,
    path::{Path, PathBuf},
};

mod paths;
mod tokens;

/// One source file.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Where, from the project's root.
    pub place: String,
    /// Its text.
    pub text: String,
    /// Its module, as in `server::room::state`.
    pub module: String,
}

impl SourceFile {
    /// Every path that the file names outside of its tests, absolute: `server::room::state`, `tokio::sync::mpsc`.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        paths::named(&self.module, &tokens::read(&self.text))
    }

    /// Whether it is nothing but tests.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.module.split("::").any(|part| part == "tests")
    }
}

/// The project's root.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All Rust files below these folders of the project, in order.
///
/// # Panics
/// When a folder cannot be read.
#[must_use]
pub fn files(folders: &[&str]) -> Vec<SourceFile> {
    let mut found = Vec::new();
    for folder in folders {
        collect(&root().join(folder), folder, &mut found);
    }
    found.sort_by(|a, b| a.place.cmp(&b.place));
    found
}

fn collect(folder: &Path, place: &str, found: &mut Vec<SourceFile>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let place = format!("{place}/{name}");
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect(&path, &place, found);
            }
        } else if let Some(stem) = place.strip_suffix(".rs") {
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{place}: {error}"));
            found.push(SourceFile { module: module_of(stem), place, text });
        }
    }
}

/// `server/src/room/mod` is the module `server::room`.
fn module_of(stem: &str) -> String {
    let parts = stem.split('/').filter(|part| !matches!(*part, "src" | "mod" | "lib" | "main"));
    parts.collect::<Vec<_>>().join("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        let file = SourceFile {
            place: "server/src/room/task.rs".to_owned(),
            text: text.to_owned(),
            module: module_of("server/src/room/task"),
        };
        file.paths()
    }

    #[test]
    fn use_trees_are_unfolded_and_made_absolute() {
        let found = paths(
            "use super::{clock::RoomClock, state::*}; use crate::net; use quarrel_shared::{id, tick as t};",
        );
        let expected = [
            "server::room::clock::RoomClock",
            "server::room::state",
            "server::net",
            "shared::id",
            "shared::tick",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn paths_in_the_code_are_found_and_words_in_comments_and_strings_are_not() {
        let found =
            paths("// tokio::spawn\nfn f<'a>() { let c = '\"'; tokio::time::sleep(\"quinn::Endpoint\"); }");
        assert_eq!(found, ["tokio::time::sleep"]);
    }

    #[test]
    fn a_test_module_may_name_what_it_likes() {
        assert!(paths("#[cfg(test)]\nmod tests { use tokio::time; fn f() { {} } }").is_empty());
    }
}
