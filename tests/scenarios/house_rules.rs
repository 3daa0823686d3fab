//! The house's rules that no lint keeps: docs first, files of one concept, and no dependency older than its fix.

use std::{cmp::Ordering, fs};

use quarrel_harness::source;

/// Longer files usually hold two concepts.
const MOST_LINES: usize = 400;

/// Files that may be longer, each with its reason.
const LONG: &[(&str, &str)] = &[];

/// The least version of each dependency, from RELIABILITY.md: each is where a fault that matters here was fixed. More than one
/// line for a name: one for each major version that may be in use.
const MINIMUM_VERSIONS: &[(&str, &str)] = &[
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

/// What is not taken at all, and why.
const NOT_TAKEN: &[(&str, &str, &str)] = &[
    ("bincode", "3", "it does not compile, on purpose"),
    ("quinn-udp", "0.6", "quinn 0.11 uses 0.5"),
    ("rustls", "0.24", "it is not released"),
    ("rustls-pemfile", "", "rustls-pki-types reads PEM, and this is unmaintained"),
];

#[test]
fn every_file_begins_with_what_it_is() {
    for file in source::files(&["shared", "server", "client", "tests"]) {
        assert!(file.text.starts_with("//!"), "{}: a file's first line is its module's doc", file.place);
    }
}

#[test]
fn no_file_is_an_attic() {
    for file in source::files(&["shared", "server", "client", "tests"]) {
        let lines = file.text.lines().count();
        let may_be_long = LONG.iter().any(|(place, _)| *place == file.place);
        assert!(
            lines <= MOST_LINES || may_be_long,
            "{}: {lines} lines; does it hold two concepts?",
            file.place
        );
        assert!(lines > MOST_LINES || !may_be_long, "{}: short again; take it off the list", file.place);
    }
}

#[test]
fn no_dependency_is_older_than_its_fix() {
    let locked = locked();
    for (name, least) in MINIMUM_VERSIONS {
        for (_, version) in locked.iter().filter(|(locked, _)| locked == name) {
            // A fix of 0.10 says nothing of 0.9, nor the other way round.
            let is_older = breaking(version) == breaking(least) && order(version, least) == Ordering::Less;
            assert!(
                !is_older,
                "{name} {version} is older than {least}, where a fault was fixed: cargo update"
            );
        }
        let is_ancient = |version: &str| {
            let lines = MINIMUM_VERSIONS.iter().filter(|(known, _)| known == name);
            lines.into_iter().all(|(_, least)| order(version, least) == Ordering::Less)
        };
        let ancient = locked.iter().find(|(locked, version)| locked == name && is_ancient(version));
        assert!(ancient.is_none(), "{ancient:?} is older than any version with the fix");
    }
}

#[test]
fn nothing_is_taken_that_was_found_wanting() {
    for (name, version, because) in NOT_TAKEN {
        let taken = locked().into_iter().find(|(locked, taken)| locked == name && taken.starts_with(version));
        assert!(taken.is_none(), "{taken:?} is not to be taken: {because}");
    }
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
