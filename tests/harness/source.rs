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
mod file;
mod graph;
mod items;
mod paths;
mod prose;
mod tokens;

pub use self::{
    circles::{Circle, circles},
    file::SourceFile,
    graph::{Edges, edges},
    items::TypeDefinition,
    prose::{Passage, PassageKind, Word, passages},
    tokens::{Token, TokenKind},
};

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

/// The Rust files of each crate, unit tests included: those below a package's `src`, or those of each target that the package's
/// Cargo.toml names, such as the harness and the scenarios.
///
/// # Panics
/// When a folder or a Cargo.toml cannot be read.
#[must_use]
pub fn crates() -> Vec<Vec<SourceFile>> {
    packages().iter().flat_map(|package| crate_folders(package)).map(|folder| files(&[&folder])).collect()
}

/// The folder of each crate of a package.
fn crate_folders(package: &str) -> Vec<String> {
    let sources = format!("{package}/src");
    if root().join(&sources).is_dir() {
        return vec![sources];
    }
    let path = root().join(package).join("Cargo.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let manifest: toml::Table = text.parse().expect("Cargo.toml is TOML");
    let listed = ["bin", "test"].into_iter().filter_map(|kind| manifest.get(kind)?.as_array()).flatten();
    let targets = manifest.get("lib").into_iter().chain(listed);
    let folder = |target: &toml::Value| {
        let root = target["path"].as_str().expect("a target names the path of its root");
        let (folder, _) = root.rsplit_once('/').expect("each target has a folder of its own");
        format!("{package}/{folder}")
    };
    targets.map(folder).collect()
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
