//! One Rust file: its module, and the paths, tokens and types in it.

use super::{
    items::{self, TypeDefinition},
    paths,
    tokens::{self, Token},
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

impl SourceFile {
    pub(super) fn new(place: &str, text: String) -> Self {
        let module = module_of(place.strip_suffix(".rs").unwrap_or(place));
        Self { place: place.to_owned(), text, module }
    }

    /// Every path that the file's code names outside of tests, absolute: `server::room::state`, `tokio::sync::mpsc`.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (inner, items) in items::read(&self.text) {
            let module = [vec![self.module.clone()], inner].concat().join("::");
            let imported = items.imports.iter().map(|import| import.path.clone());
            let named = imported.chain(items.paths.iter().map(|path| items.with_import(path)));
            found.extend(named.map(|path| paths::absolute(&module, &path).join("::")));
        }
        found
    }

    /// The absolute path of every item that the file defines or imports outside of tests, by its name in the file's module.
    #[must_use]
    pub fn items(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (inner, items) in items::read(&self.text) {
            let module = [vec![self.module.clone()], inner].concat().join("::");
            let imported = items.imports.iter().map(|import| &import.name);
            found.extend(imported.chain(&items.defined).map(|name| format!("{module}::{name}")));
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
}

/// `server/src/room/mod` is the module `server::room`, and `client/swarm/src/run` is `swarm::run`: a package within another's
/// folder has a name of its own. Each folder of `tests` is a crate: `tests/harness/raw` is `harness::raw`.
fn module_of(stem: &str) -> String {
    let in_crate = stem.split_once("/src/").or_else(|| stem.strip_prefix("tests/")?.split_once('/'));
    let (folder, rest) = in_crate.unwrap_or(("", stem));
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
    fn a_path_that_starts_with_an_imported_name_is_that_of_the_import() {
        let found = paths("use std::time as clock; fn f() { clock::Instant::now() }");
        assert_eq!(found, ["std::time", "std::time::Instant::now"]);
    }

    #[test]
    fn items_are_definitions_and_reexports() {
        let text = "pub use self::state::RoomState; const MAX: u8 = 1; fn f() { let a = 1; }";
        let found = SourceFile::new("server/src/room/mod.rs", text.to_owned()).items();
        assert_eq!(found, ["server::room::RoomState", "server::room::MAX", "server::room::f"]);
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
        assert_eq!(module_of("tests/harness/sim/network"), "harness::sim::network");
        assert_eq!(module_of("tests/fuzz/main"), "fuzz");
    }

    #[test]
    fn types_are_found_outside_of_tests_and_impls() {
        let text = "pub struct A;\nimpl X for A { type Output = u8; }\n#[cfg(test)] mod tests { struct B; }\npub(crate) enum C {}";
        let found = SourceFile::new("server/src/a.rs", text.to_owned()).types();
        let found: Vec<_> = found.iter().map(|found| (found.name.as_str(), found.line)).collect();
        assert_eq!(found, [("A", 1), ("C", 4)]);
    }
}
