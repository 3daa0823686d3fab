//! The project's own source, read as text: modules, the paths and words in them, and the circles between them.
//!
//! The tests of the architecture, of the house rules and of the language use it. It is a small reader of Rust, not a compiler:
//! it skips comments, strings and test modules, unfolds `use` trees, and makes `crate`, `self`, `super` and `quarrel_…`
//! absolute. It does not see a path that a macro assembles.

use std::{
    fs,
    path::{Path, PathBuf},
};

mod circles;
mod graph;
mod items;
mod paths;
mod prose;
mod tokens;

pub use self::{
    circles::{Circle, circles},
    graph::{Edges, edges},
    prose::{Passage, PassageKind, Word, passages},
    tokens::{Token, TokenKind},
};

/// One Rust file.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Its path from the project's root.
    pub place: String,
    /// Its text.
    pub text: String,
    /// Its module, as in `server::room::state`.
    pub module: String,
}

/// A type that a file defines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeDefinition {
    /// Its name.
    pub name: String,
    /// The line of its name, from 1.
    pub line: usize,
}

impl SourceFile {
    fn new(place: &str, text: String) -> Self {
        let module = module_of(place.strip_suffix(".rs").unwrap_or(place));
        Self { place: place.to_owned(), text, module }
    }

    /// Every path that the file's code names outside of tests, absolute: `server::room::state`, `tokio::sync::mpsc`.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (inner, items) in items::read(&self.text) {
            let module = [vec![self.module.clone()], inner].concat().join("::");
            let imported = items.imports.iter().map(|import| &import.path);
            let named = imported.chain(&items.paths);
            found.extend(named.map(|path| paths::absolute(&module, path).join("::")));
        }
        found
    }

    /// The file's words, signs, comments and strings, tests included.
    #[must_use]
    pub fn tokens(&self) -> Vec<Token> {
        tokens::read(&self.text)
    }

    /// The types that the file defines outside of tests and of `impl` blocks.
    #[must_use]
    pub fn types(&self) -> Vec<TypeDefinition> {
        items::types(&self.text)
    }

    /// Whether the file is in a folder or a module of tests.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.module.split("::").any(|part| part == "tests")
    }

    /// The folder of its package, from the project's root.
    #[must_use]
    pub fn package(&self) -> &str {
        self.place.split_once("/src/").map_or("tests", |(package, _)| package)
    }
}

/// The project's root.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The folder of each of the workspace's packages, from the project's root.
///
/// # Panics
/// When the workspace's Cargo.toml cannot be read.
#[must_use]
pub fn packages() -> Vec<String> {
    let text = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace has a Cargo.toml");
    let workspace: toml::Table = text.parse().expect("Cargo.toml is TOML");
    let members = workspace["workspace"]["members"].as_array().expect("the workspace has members");
    members.iter().map(|member| member.as_str().expect("a member is a path").to_owned()).collect()
}

/// The Rust files below `src` of each package that has such a folder, by package, tests included.
///
/// # Panics
/// When a folder cannot be read.
#[must_use]
pub fn crates() -> Vec<Vec<SourceFile>> {
    let folders = packages().into_iter().map(|package| format!("{package}/src"));
    folders.filter(|folder| root().join(folder).is_dir()).map(|folder| files(&[&folder])).collect()
}

/// All Rust files below these folders of the project, in order.
///
/// # Panics
/// When a folder cannot be read.
#[must_use]
pub fn files(folders: &[&str]) -> Vec<SourceFile> {
    let is_rust = |place: &str| place.ends_with(".rs");
    read_below(folders, &is_rust).into_iter().map(|(place, text)| SourceFile::new(&place, text)).collect()
}

/// The place and text of every file that people write: code, documents, settings and scripts, in order.
///
/// # Panics
/// When a folder cannot be read.
#[must_use]
pub fn written_files() -> Vec<(String, String)> {
    let mut found = read_below(&["shared", "server", "client", "tests", ".ci"], &is_written);
    for name in ["README.md", "Cargo.toml", "clippy.toml", "rustfmt.toml"] {
        let text = fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        found.push((name.to_owned(), text));
    }
    found
}

fn is_written(place: &str) -> bool {
    let name = place.rsplit('/').next().unwrap_or(place);
    name.rsplit_once('.').is_none_or(|(_, extension)| {
        matches!(extension, "rs" | "md" | "sh" | "py" | "js" | "css" | "html" | "toml" | "sql")
    })
}

fn read_below(folders: &[&str], is_wanted: &dyn Fn(&str) -> bool) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in folders {
        collect(&root().join(folder), folder, is_wanted, &mut found);
    }
    found.sort();
    found
}

/// Folders that builds, runs and tools leave behind.
const LEFT_BEHIND: [&str; 4] = ["target", "quarrel-data", "node_modules", "__pycache__"];

fn collect(folder: &Path, place: &str, is_wanted: &dyn Fn(&str) -> bool, found: &mut Vec<(String, String)>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let place = format!("{place}/{name}");
        if path.is_dir() {
            if !LEFT_BEHIND.contains(&name) && !name.starts_with('.') {
                collect(&path, &place, is_wanted, found);
            }
        } else if is_wanted(&place) {
            let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{place}: {error}"));
            found.push((place, text));
        }
    }
}

/// `server/src/room/mod` is the module `server::room`, and `client/swarm/src/run` is `swarm::run`: a package within another's
/// folder has a name of its own.
fn module_of(stem: &str) -> String {
    let (folder, rest) = stem.split_once("/src/").unwrap_or(("", stem));
    let package = folder.rsplit('/').next().filter(|name| !name.is_empty());
    let parts = rest.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main"));
    package.into_iter().chain(parts).collect::<Vec<_>>().join("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        SourceFile::new("server/src/room/task.rs", text.to_owned()).paths()
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
    fn paths_in_code_are_found_but_not_in_comments_and_strings() {
        let found =
            paths("// tokio::spawn\nfn f<'a>() { let c = '\"'; tokio::time::sleep(\"quinn::Endpoint\"); }");
        assert_eq!(found, ["tokio::time::sleep"]);
    }

    #[test]
    fn test_code_may_name_any_path() {
        assert!(paths("#[cfg(test)]\nmod tests { use tokio::time; fn f() { {} } }").is_empty());
        assert!(paths("#[cfg(test)]\nuse tokio::time;").is_empty());
        assert!(paths("#[cfg(test)]\nfn f(a: [u8; 2]) { tokio::time::now() }").is_empty());
    }

    #[test]
    fn super_in_an_inline_module_is_its_parent() {
        assert_eq!(paths("mod text { use super::Plan; }"), ["server::room::task::Plan"]);
    }

    #[test]
    fn a_package_within_another_folder_has_its_own_name() {
        assert_eq!(module_of("client/swarm/src/plan/mod"), "swarm::plan");
        assert_eq!(module_of("shared/transport/src/lib"), "transport");
    }

    #[test]
    fn types_are_found_outside_of_tests_and_impls() {
        let text = "pub struct A;\nimpl X for A { type Output = u8; }\n#[cfg(test)] mod tests { struct B; }\npub(crate) enum C {}";
        let found = SourceFile::new("server/src/a.rs", text.to_owned()).types();
        let found: Vec<_> = found.iter().map(|found| (found.name.as_str(), found.line)).collect();
        assert_eq!(found, [("A", 1), ("C", 4)]);
    }
}
