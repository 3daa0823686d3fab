//! The uses between the files of a crate, and the names by which one file uses another.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    file::SourceFile,
    items::{self, Items},
    paths::Import,
};

/// The names by which one file uses another, by the two files' places.
pub type Edges = BTreeMap<(String, String), BTreeSet<String>>;

/// The maximum number of re-exports in a row; more is a loop of globs.
const MAX_REEXPORTS: usize = 16;

/// The modules of one crate.
struct Graph<'a> {
    modules: BTreeMap<String, Module<'a>>,
}

struct Module<'a> {
    place: &'a str,
    items: Items,
}

/// The target of a path.
#[derive(Clone, PartialEq, Eq)]
enum PathTarget {
    Module(String),
    /// An item, by the module that defines it.
    Item(String),
}

/// Returns the uses between the files of one crate, outside of tests. A re-export counts as a use by the file that names the
/// item, of the file that defines it; the file with the `pub use` only counts if its own code uses the name.
#[must_use]
pub fn edges(files: &[SourceFile]) -> Edges {
    let graph = Graph::new(files);
    let mut edges = Edges::new();
    for (name, module) in &graph.modules {
        for (target, used) in graph.uses(name, module) {
            let place = graph.modules[&target].place;
            if place != module.place {
                edges.entry((module.place.to_owned(), place.to_owned())).or_default().insert(used);
            }
        }
    }
    edges
}

impl<'a> Graph<'a> {
    fn new(files: &'a [SourceFile]) -> Self {
        let mut modules = BTreeMap::new();
        let mut tests = BTreeSet::new();
        let has_library = files.iter().any(|file| file.place.ends_with("/lib.rs"));
        // A binary beside a library is a crate of its own, which nothing can use.
        let is_other_crate = |file: &SourceFile| {
            file.place.contains("/bin/") || (has_library && file.place.ends_with("/main.rs"))
        };
        for file in files.iter().filter(|file| !is_other_crate(file)) {
            for (inner, items) in items::read(&file.text) {
                let module = [vec![file.module.clone()], inner].concat().join("::");
                tests.extend(items.test_children.iter().map(|child| format!("{module}::{child}")));
                modules.insert(module, Module { place: &file.place, items });
            }
        }
        let is_test = |module: &str| tests.iter().any(|test| is_within(module, test));
        modules.retain(|module, _| !is_test(module));
        Self { modules }
    }

    /// Everything that a module uses: the module that defines it, and its name.
    fn uses(&self, name: &str, module: &Module<'_>) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let Items { imports, paths, words, .. } = &module.items;
        for import in imports {
            match self.resolve(name, &import.path, 0) {
                Some(PathTarget::Item(target)) if !import.is_public || words.contains(&import.name) => {
                    found.push((target, import.path.last().expect("a path has parts").clone()));
                }
                Some(PathTarget::Module(target)) if import.is_glob => {
                    let used = words.iter().filter_map(|word| self.named_through(&target, word));
                    found.extend(used);
                }
                _ => {}
            }
        }
        for path in paths {
            if let Some(PathTarget::Item(target)) = self.resolve(name, path, 0) {
                found.push((target, path.join("::")));
            }
        }
        found
    }

    /// An item that a glob of a module brings in.
    fn named_through(&self, module: &str, word: &str) -> Option<(String, String)> {
        match self.lookup(module, word, true, 0)? {
            PathTarget::Item(target) => Some((target, word.to_owned())),
            PathTarget::Module(_) => None,
        }
    }

    fn resolve(&self, from: &str, path: &[String], depth: usize) -> Option<PathTarget> {
        let (first, mut rest) = path.split_first()?;
        let root = from.split("::").next()?;
        let parent = |module: &str| module.rsplit_once("::").map(|(parent, _)| parent.to_owned());
        let mut target = match first.as_str() {
            "crate" => PathTarget::Module(root.to_owned()),
            "self" => PathTarget::Module(from.to_owned()),
            "super" => PathTarget::Module(parent(from)?),
            "Self" => return None,
            name => self.lookup(from, name, rest.is_empty(), depth)?,
        };
        while let (PathTarget::Module(module), Some((part, after))) = (&target, rest.split_first()) {
            target = match part.as_str() {
                "super" => PathTarget::Module(parent(module)?),
                name => match self.lookup(module, name, after.is_empty(), depth) {
                    Some(found) => found,
                    // Made by a macro, most likely.
                    None if self.modules.contains_key(module) => PathTarget::Item(module.clone()),
                    None => return None,
                },
            };
            rest = after;
        }
        Some(target)
    }

    /// The meaning of a name within a module.
    fn lookup(&self, module: &str, name: &str, is_last: bool, depth: usize) -> Option<PathTarget> {
        if depth > MAX_REEXPORTS {
            return None;
        }
        let child = format!("{module}::{name}");
        let child = self.modules.contains_key(&child).then_some(PathTarget::Module(child));
        if !is_last && child.is_some() {
            return child;
        }
        let Some(Module { items, .. }) = self.modules.get(module) else { return child };
        let follow = |import: &Import| self.resolve(module, &import.path, depth + 1);
        let mut named = items.imports.iter().filter(|import| !import.is_glob && import.name == name);
        if items.defined.contains(name) {
            return Some(PathTarget::Item(module.to_owned()));
        }
        if let Some(found) = named.find_map(follow) {
            return Some(found);
        }
        if child.is_some() {
            return child;
        }
        let mut globs = items.imports.iter().filter(|import| import.is_glob);
        globs.find_map(|import| match follow(import)? {
            PathTarget::Module(inner) => self.lookup(&inner, name, is_last, depth + 1),
            PathTarget::Item(_) => None,
        })
    }
}

fn is_within(module: &str, place: &str) -> bool {
    module.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}
