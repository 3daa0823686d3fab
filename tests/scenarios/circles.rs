//! No circle of files: a file that uses an item of another is not used by it, directly or through others.
//!
//! Files that need each other can only be read, changed and tested together, so they hide one concept spread over two places.

use std::{collections::BTreeSet, fmt::Write};

use quarrel_harness::source::{self, Circle, Edges, SourceFile};

/// Circles that may stay: a file of the circle, and why.
const ACCEPTED_CIRCLES: &[(&str, &str)] = &[];

#[test]
fn no_two_files_need_each_other() {
    let mut found = String::new();
    let mut accepted: Vec<_> = ACCEPTED_CIRCLES.iter().map(|(place, _)| *place).collect();
    for files in source::crates() {
        let files: Vec<_> = files.into_iter().filter(|file| !file.is_test()).collect();
        let edges = source::edges(&files);
        for circle in source::circles(&edges) {
            let listed = accepted.iter().position(|place| circle.files.iter().any(|file| file == place));
            match listed {
                Some(at) => drop(accepted.swap_remove(at)),
                None => found.push_str(&described(&circle, &edges)),
            }
        }
    }
    assert!(
        found.is_empty(),
        "files that need each other are one file, or their shared type moves below both:{found}"
    );
    assert!(accepted.is_empty(), "a circle that is gone leaves the list: {accepted:?}");
}

/// The shortest way around a circle, with the names that lead from file to file.
fn described(circle: &Circle, edges: &Edges) -> String {
    let mut text = format!("\n  a circle of {} files; its shortest way around:", circle.files.len());
    let next = circle.shortest.iter().cycle().skip(1);
    for (from, to) in circle.shortest.iter().zip(next) {
        let names: Vec<_> = edges[&(from.clone(), to.clone())].iter().map(String::as_str).collect();
        write!(text, "\n    {from} uses {} of {to}", names.join(", ")).expect("a string takes any text");
    }
    text
}

fn file(place: &str, module: &str, text: &str) -> SourceFile {
    SourceFile { place: place.to_owned(), text: text.to_owned(), module: module.to_owned() }
}

/// Every use between these files as `a -> b: names`.
fn uses(files: &[SourceFile]) -> Vec<String> {
    let line = |((from, to), names): ((String, String), BTreeSet<String>)| {
        format!("{from} -> {to}: {}", names.into_iter().collect::<Vec<_>>().join(" "))
    };
    source::edges(files).into_iter().map(line).collect()
}

#[test]
fn a_reexport_leads_to_the_file_that_defines_the_item() {
    let files = [
        file("lib", "x", "mod a; mod b; pub use self::a::*;"),
        file("a", "x::a", "mod deep; pub(crate) use self::deep::{Deep as Renamed, other};"),
        file("deep", "x::a::deep", "pub struct Deep; pub fn other() {}"),
        file("b", "x::b", "use crate::Renamed; fn f() { crate::a::other(); }"),
    ];
    assert_eq!(uses(&files), ["b -> deep: Renamed crate::a::other"]);
}

#[test]
fn a_child_that_uses_an_item_of_its_parent_is_in_a_circle_with_a_parent_that_uses_the_child() {
    let files = [
        file("parent", "x::p", "mod child; use self::child::run; pub struct Parent; fn f() { run(); }"),
        file("child", "x::p::child", "use super::Parent; pub fn run() {}"),
        file("lib", "x", "mod p;"),
    ];
    let circles = source::circles(&source::edges(&files));
    assert_eq!(
        circles,
        [Circle { files: vec!["child".into(), "parent".into()], shortest: circles[0].shortest.clone() }]
    );
    assert!(described(&circles[0], &source::edges(&files)).contains("child uses Parent of parent"));
}

#[test]
fn declarations_reexports_and_tests_are_not_uses() {
    let files = [
        file(
            "parent",
            "x::p",
            "mod child; pub use self::child::run; pub struct Parent; #[cfg(test)] mod check;",
        ),
        file(
            "child",
            "x::p::child",
            "use super::Parent; pub fn run() {} #[cfg(test)] mod tests { use super::super::a; }",
        ),
        file("check", "x::p::check", "use crate::p::child::run;"),
    ];
    assert_eq!(uses(&files), ["child -> parent: Parent"]);
}

#[test]
fn names_that_a_glob_brings_in_are_uses() {
    let files = [
        file("a", "x::a", "use crate::b::*; fn f(_: Kind) {}"),
        file("b", "x::b", "pub use crate::c::Kind; pub struct Other;"),
        file("c", "x::c", "pub enum Kind { One }"),
    ];
    assert_eq!(uses(&files), ["a -> c: Kind"]);
}

#[test]
fn the_harness_and_the_other_tests_are_read_too() {
    let crates = source::crates();
    for root in ["harness/lib", "scenarios/main", "fuzz/main", "sim/main"] {
        let place = format!("tests/{root}.rs");
        let is_read = crates.iter().flatten().any(|file| file.place == place && !file.is_test());
        assert!(is_read, "{place} is the root of a crate, whose files must not use each other in circles");
    }
}

#[test]
fn a_circle_is_reported_once_with_its_shortest_way_around() {
    let edge = |from: &str, to: &str| ((from.to_owned(), to.to_owned()), Default::default());
    let edges: Edges = ["ab", "bc", "ca", "cb", "cd", "de"].map(|pair| edge(&pair[..1], &pair[1..])).into();
    let circles = source::circles(&edges);
    assert_eq!(circles.len(), 1);
    assert_eq!(circles[0].files, ["a", "b", "c"]);
    assert_eq!(circles[0].shortest, ["b", "c"]);
}
