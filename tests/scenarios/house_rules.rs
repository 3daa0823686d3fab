//! House rules that no lint checks: every file starts with its docs, long files have a reason, and no dependency is older than
//! a fix that matters here.

use std::{cmp::Ordering, fs};

use quarrel_harness::source::{self, SourceFile};

/// A longer file usually holds two concepts, so it needs a reason.
const MAX_LINES: usize = 450;

/// Files that may be longer than [`MAX_LINES`], and why.
const LONG_FILES: &[(&str, &str)] =
    &[("server/src/session/task.rs", "one actor: its events, and what it does on each, are read together")];

/// The oldest accepted version of each dependency: the one that fixed a fault that matters here. A name has a line for each
/// major version that may be in use.
const MIN_VERSIONS: &[(&str, &str)] = &[
    ("quinn-proto", "0.11.19"),
    ("rustls", "0.23.45"),
    ("rustls-webpki", "0.103.13"),
    ("ring", "0.17.12"),
    ("tokio", "1.44.2"),
    ("bytes", "1.11.1"),
    ("rand", "0.9.3"),
    ("rand", "0.10.1"),
    ("dashmap", "5.1.0"),
    ("slab", "0.4.11"),
    ("h2", "0.4.16"),
    ("tokio-postgres", "0.7.18"),
    ("time", "0.3.47"),
    ("tracing-subscriber", "0.3.20"),
    ("lz4_flex", "0.11.6"),
];

/// Packages that are refused: name, start of the version, and why.
const REFUSED: &[(&str, &str, &str)] = &[
    ("bincode", "3", "it does not compile, on purpose"),
    ("quinn-udp", "0.6", "quinn 0.11 uses 0.5"),
    ("rustls", "0.24", "it is not released"),
    ("rustls-pemfile", "", "rustls-pki-types reads PEM, and this is unmaintained"),
];

#[test]
fn every_file_starts_with_its_module_docs() {
    // A crate's guide may be its documentation.
    let starts = ["//!", "#![doc = include_str!("];
    let has_docs = |file: &SourceFile| starts.iter().any(|start| file.text.starts_with(start));
    let without: Vec<_> =
        rust_files().into_iter().filter(|file| !has_docs(file)).map(|file| file.place).collect();
    assert!(without.is_empty(), "a file starts with its module's docs: {without:?}");
}

#[test]
fn a_file_of_more_than_450_lines_has_a_reason() {
    let is_long = |file: &SourceFile| file.text.lines().count() > MAX_LINES;
    let long: Vec<_> = rust_files().into_iter().filter(is_long).map(|file| file.place).collect();
    let is_listed = |place: &&String| LONG_FILES.iter().any(|(listed, _)| listed == place);
    let unlisted: Vec<_> = long.iter().filter(|place| !is_listed(place)).collect();
    assert!(
        unlisted.is_empty(),
        "split where the second concept starts, or list with a reason: {unlisted:?}"
    );
    for (place, _) in LONG_FILES {
        assert!(long.iter().any(|long| long == place), "{place}: short or gone, so it leaves the list");
    }
}

#[test]
fn no_dependency_is_older_than_its_fix() {
    let locked = locked();
    for (name, min) in MIN_VERSIONS {
        for (_, version) in locked.iter().filter(|(locked, _)| locked == name) {
            // A fix in 0.10 is not one in 0.9, nor the other way round.
            let is_older = breaking(version) == breaking(min) && order(version, min) == Ordering::Less;
            assert!(!is_older, "{name} {version} is older than {min}, where a fault was fixed: cargo update");
        }
        let is_ancient = |version: &str| {
            let lines = MIN_VERSIONS.iter().filter(|(known, _)| known == name);
            lines.into_iter().all(|(_, min)| order(version, min) == Ordering::Less)
        };
        let ancient = locked.iter().find(|(locked, version)| locked == name && is_ancient(version));
        assert!(ancient.is_none(), "{ancient:?} is older than any version with the fix");
    }
}

#[test]
fn no_refused_package_is_used() {
    for (name, version, because) in REFUSED {
        let used = locked().into_iter().find(|(locked, used)| locked == name && used.starts_with(version));
        assert!(used.is_none(), "{used:?} must not be used: {because}");
    }
}

/// All Rust files of the project.
fn rust_files() -> Vec<SourceFile> {
    source::files(&["shared", "server", "client", "tests"])
}

/// Every locked package and its version.
fn locked() -> Vec<(String, String)> {
    let text = fs::read_to_string(source::root().join("Cargo.lock")).expect("Cargo.lock is committed");
    let lock: toml::Table = text.parse().expect("Cargo.lock is TOML");
    let packages = lock["package"].as_array().expect("packages");
    let field = |package: &toml::Value, field: &str| package[field].as_str().unwrap_or_default().to_owned();
    packages.iter().map(|package| (field(package, "name"), field(package, "version"))).collect()
}

fn numbers(version: &str) -> Vec<u64> {
    version.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect()
}

fn order(a: &str, b: &str) -> Ordering {
    numbers(a).cmp(&numbers(b))
}

/// The part of a version that a breaking change raises.
fn breaking(version: &str) -> Vec<u64> {
    let numbers = numbers(version);
    let significant = numbers.iter().position(|number| *number > 0).unwrap_or(0);
    numbers[..=significant.min(numbers.len() - 1)].to_vec()
}
