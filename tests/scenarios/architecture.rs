//! The architecture's dependency rules, checked by reading which paths every file names.
//!
//! *The simulation knows no async; rooms know no sockets; sessions know no world; storage knows no game; admin only asks; shared
//! knows no clock; the client's pure parts know no tokio; nothing depends on swarm.*

use std::collections::BTreeSet;

use quarrel_harness::source::{self, SourceFile};

/// Modules that must not name certain paths.
struct DependencyRule {
    place: &'static [&'static str],
    forbidden: &'static [&'static str],
    because: &'static str,
}

const RULES: &[DependencyRule] = &[
    DependencyRule {
        place: &["shared", "transport", "server", "client", "netsim"],
        forbidden: &["swarm"],
        because: "nothing depends on the load tester",
    },
    DependencyRule {
        place: &["client", "netsim", "transport"],
        forbidden: &["server"],
        because: "clients know the server by its protocol alone",
    },
    DependencyRule {
        place: &["transport"],
        forbidden: &["shared::game", "shared::snapshot", "shared::journal"],
        because: "both ends' transport moves bytes; it knows no games",
    },
    DependencyRule {
        place: &["shared"],
        forbidden: &["tokio", "quinn", "std::time", "std::thread", "std::net", "std::fs", "std::env", "rand"],
        because: "shared knows no clock, no sockets and no OS: the same entries give the same state on every machine",
    },
    DependencyRule {
        place: &["shared"],
        forbidden: &["std::collections::HashMap", "std::collections::HashSet"],
        because: "hash order is random, and a replay must never depend on it",
    },
    DependencyRule {
        place: &["shared::game"],
        forbidden: &[
            "shared::protocol",
            "shared::snapshot",
            "shared::journal",
            "shared::arena",
            "shared::crowd",
        ],
        because: "every other module is built on the game trait",
    },
    DependencyRule {
        place: &["shared::arena", "shared::crowd"],
        forbidden: &["shared::protocol", "shared::snapshot", "shared::journal"],
        because: "a game is simulated the same, whether it is sent, recorded or neither",
    },
    DependencyRule {
        place: &["shared::snapshot"],
        forbidden: &["shared::protocol", "shared::journal", "shared::arena", "shared::crowd"],
        because: "frames and deltas work for any game and over any wire",
    },
    DependencyRule {
        place: &["shared::protocol"],
        forbidden: &["shared::snapshot", "shared::journal", "shared::arena", "shared::crowd"],
        because: "messages and datagrams carry snapshots as bytes",
    },
    DependencyRule {
        place: &["shared::bits", "shared::tick"],
        forbidden: &["shared::game", "shared::protocol", "shared::snapshot", "shared::journal"],
        because: "bit coding and ticks are below everything else",
    },
    DependencyRule {
        place: &["server::net"],
        forbidden: &[
            "server::room",
            "server::lobby",
            "server::session",
            "server::storage",
            "server::admin",
            "shared::game",
            "shared::snapshot",
            "shared::journal",
        ],
        because: "net moves bytes; it knows no rooms, no games, no storage",
    },
    DependencyRule {
        place: &[
            "server::session::backlog",
            "server::session::priority",
            "server::session::phase",
            "server::session::handshake",
            "server::session::unacked",
            "server::session::rate_limit",
            "server::session::replicator",
            "server::session::rewind_clamp",
        ],
        forbidden: &[
            "tokio",
            "quinn",
            "std::net",
            "server::net",
            "server::room",
            "server::lobby",
            "server::session::task",
        ],
        because: "a session's decisions are pure; the task around them waits and moves bytes",
    },
    DependencyRule {
        place: &["server::session"],
        forbidden: &[
            "server::room::task",
            "server::room::seat",
            "server::room::bots",
            "server::room::input_buffer",
            "server::room::RoomState",
            "server::room::state::RoomState",
            "server::storage",
            "server::admin",
        ],
        because: "sessions know no world: they receive events and frames",
    },
    DependencyRule {
        place: &["server::room"],
        forbidden: &[
            "quinn",
            "bytes",
            "std::net",
            "tokio::net",
            "server::net",
            "server::session",
            "server::lobby",
            "server::admin",
            "shared::limits::MAX_DATAGRAM_BYTES",
        ],
        because: "rooms know no sockets, no bytes on the wire and no datagram sizes",
    },
    DependencyRule {
        place: &[
            "server::room::state",
            "server::room::seat",
            "server::room::input_buffer",
            "server::room::margin",
            "server::room::bots",
            "server::room::clock",
            "server::room::journal_schedule",
            "server::room::sync_test",
            "server::room::results",
        ],
        forbidden: &["tokio", "std::time::Instant", "std::time::SystemTime", "server::telemetry"],
        because: "a room's state is pure: the time is an argument",
    },
    DependencyRule {
        place: &["server::lobby::registry_state", "server::lobby::tickets", "server::lobby::matchmaker"],
        forbidden: &["tokio", "std::sync", "std::time::Instant", "std::time::SystemTime", "server::room"],
        because: "the lobby's decisions are pure: its state and the time are arguments",
    },
    DependencyRule {
        place: &["server::lobby"],
        forbidden: &[
            "quinn",
            "tokio::net",
            "server::net",
            "server::session",
            "server::admin",
            "shared::snapshot",
        ],
        because: "the lobby leads to rooms; it knows no sockets and no game state",
    },
    DependencyRule {
        place: &["server::lobby::matchmaker"],
        forbidden: &["tokio", "dashmap", "server::room"],
        because: "the choice of a room is a pure function",
    },
    DependencyRule {
        place: &["server::storage"],
        forbidden: &[
            "axum",
            "hyper",
            "quinn",
            "server::room",
            "server::session",
            "server::lobby",
            "server::net",
            "server::admin",
            "shared::game",
        ],
        because: "storage knows its own records and no game",
    },
    DependencyRule {
        place: &["server::storage::records"],
        forbidden: &[
            "tokio",
            "sqlx",
            "std::fs",
            "std::time::Instant",
            "std::time::SystemTime",
            "server::telemetry",
        ],
        because: "records do not depend on the database, and the time of a match is an argument",
    },
    DependencyRule {
        place: &["server::storage::journals::retention"],
        forbidden: &["tokio", "std::fs", "std::io", "std::time::Instant", "server::telemetry"],
        because: "the choice of the journals to delete is pure: the files and the time are arguments",
    },
    DependencyRule {
        place: &[
            "server::net",
            "server::session",
            "server::room",
            "server::lobby",
            "server::admin",
            "server::cli",
            "server::config",
            "server::server",
            "server::program",
            "client",
            "netsim",
            "transport",
            "swarm",
            "shared",
        ],
        forbidden: &["sqlx"],
        because: "only the storage knows its database",
    },
    DependencyRule {
        place: &["server::admin"],
        forbidden: &[
            "quinn",
            "server::room",
            "server::session",
            "server::net",
            "server::lobby",
            "shared::game",
            "shared::snapshot",
        ],
        because: "admin only asks, through its backend trait",
    },
    DependencyRule {
        place: &["shared::journal"],
        forbidden: &["shared::snapshot", "shared::arena", "shared::crowd"],
        because: "journals record any game, and do not depend on how it is sent",
    },
    DependencyRule {
        place: &["server::replay"],
        forbidden: &[
            "tokio",
            "quinn",
            "std::net",
            "server::net",
            "server::session",
            "server::room",
            "server::lobby",
            "server::storage",
            "server::admin",
            "shared::snapshot",
        ],
        because: "a replay needs the game and the file, but no server",
    },
    DependencyRule {
        place: &["server::config"],
        forbidden: &[
            "tokio",
            "quinn",
            "server::net",
            "server::room",
            "server::session",
            "server::lobby",
            "shared::game",
        ],
        because: "the configuration is read before anything runs, and does not depend on a game",
    },
    DependencyRule {
        place: &[
            "client::input",
            "client::view",
            "client::session::state",
            "client::session::requests",
            "client::net::opening",
            "netsim::direction",
            "netsim::seeded_direction",
            "netsim::in_flight",
        ],
        forbidden: &[
            "tokio",
            "quinn",
            "std::net",
            "std::fs",
            "std::thread",
            "std::time::Instant",
            "std::time::SystemTime",
        ],
        because: "the pure parts of clients and links get the time and the bytes as arguments",
    },
    DependencyRule {
        place: &[
            "swarm::measure",
            "swarm::run::schedule",
            "swarm::plan::stages",
            "swarm::plan::shares",
            "swarm::plan::storm",
            "swarm::plan::duration",
            "swarm::slo",
            "swarm::report",
            "swarm::capacity::search",
            "swarm::capacity::bottleneck",
            "swarm::capacity::report",
            "swarm::agent::wire",
            "swarm::agent::message",
        ],
        forbidden: &[
            "tokio",
            "quinn",
            "std::net",
            "std::fs",
            "std::thread",
            "std::time::Instant",
            "std::time::SystemTime",
        ],
        because: "the result of a load test is a function of its plan and its counts",
    },
];

#[test]
fn no_file_names_a_path_that_its_module_must_not_know() {
    let files = all_files();
    let broken: Vec<_> = files
        .iter()
        .filter(|file| !file.is_test())
        .flat_map(|file| file.paths().into_iter().filter_map(|path| verdict(file, &path)))
        .collect();
    assert!(broken.is_empty(), "dependency rules are broken:\n{}", broken.join("\n"));
}

/// The Rust files of all crates.
fn all_files() -> Vec<SourceFile> {
    source::crates().into_iter().flatten().collect()
}

/// The rule that a path breaks in a file, as a line.
fn verdict(file: &SourceFile, path: &str) -> Option<String> {
    let rule = RULES.iter().find(|rule| {
        rule.place.iter().any(|place| is_within(&file.module, place))
            && rule.forbidden.iter().any(|forbidden| is_within(path, forbidden))
    })?;
    Some(format!("  {} must not name `{path}`: {}", file.place, rule.because))
}

fn is_within(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[test]
fn every_rule_is_about_a_module_that_exists() {
    let files = all_files();
    for place in RULES.iter().flat_map(|rule| rule.place) {
        assert!(
            files.iter().any(|file| is_within(&file.module, place)),
            "a rule is about `{place}`, which does not exist: has it moved?"
        );
    }
}

#[test]
fn every_forbidden_path_of_the_workspace_exists() {
    let files = all_files();
    let items: BTreeSet<_> = files.iter().flat_map(SourceFile::items).collect();
    let is_ours = |path: &str| files.iter().any(|file| is_within(path, crate_of(file)));
    let exists = |path: &str| items.contains(path) || files.iter().any(|file| is_within(&file.module, path));
    for path in RULES.iter().flat_map(|rule| rule.forbidden).filter(|path| is_ours(path)) {
        assert!(exists(path), "a rule forbids `{path}`, which does not exist: has it moved?");
    }
}

fn crate_of(file: &SourceFile) -> &str {
    file.module.split("::").next().unwrap_or_default()
}

/// The programs, each of which names the games that ship with Quarrel.
const PROGRAMS: [&str; 4] =
    ["server/src/main.rs", "client/swarm/src/bin/swarm.rs", "tests/server/main.rs", "tests/swarm/main.rs"];

#[test]
fn only_the_programs_name_a_game() {
    for file in all_files().iter().filter(|file| !file.is_test()) {
        let is_of_any_game = ["server", "client", "netsim", "transport", "swarm"].contains(&crate_of(file));
        let named = file.paths().into_iter().find(|path| GAMES.iter().any(|game| is_within(path, game)));
        match named {
            Some(_) if PROGRAMS.contains(&file.place.as_str()) => {}
            Some(path) if is_of_any_game => {
                panic!("{} names `{path}`, but Quarrel runs any game", file.place)
            }
            _ => assert!(!PROGRAMS.contains(&file.place.as_str()), "{} names no game", file.place),
        }
    }
}

/// The games that ship with Quarrel.
const GAMES: [&str; 2] = ["shared::arena", "shared::crowd"];

#[test]
fn only_the_encoding_names_bincode() {
    for file in all_files() {
        let names_it = file.paths().iter().any(|path| is_within(path, "bincode"));
        assert_eq!(
            names_it,
            file.place == "shared/src/protocol/encoding.rs",
            "{}: bincode stays in one file, so that its successor is one file's work",
            file.place
        );
    }
}
