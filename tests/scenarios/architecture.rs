//! Who may know whom: DESIGN.md, section 2, kept true by reading what every file names.
//!
//! *Simulation knows no async; rooms know no sockets; sessions know no world; storage knows no game; admin asks; shared knows
//! no clock.*

use quarrel_harness::source::{self, SourceFile};

/// A place, what it must not name, and why.
struct Rule {
    place: &'static [&'static str],
    forbidden: &'static [&'static str],
    because: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        place: &["shared"],
        forbidden: &["tokio", "quinn", "std::time", "std::thread", "std::net", "std::fs", "std::env", "rand"],
        because: "shared knows no clock, no sockets and no OS: the same entries give the same state on every machine",
    },
    Rule {
        place: &["shared"],
        forbidden: &["std::collections::HashMap", "std::collections::HashSet"],
        because: "hash order is random, and a replay must never depend on it",
    },
    Rule {
        place: &["shared::game"],
        forbidden: &[
            "shared::protocol",
            "shared::snapshot",
            "shared::journal",
            "shared::arena",
            "shared::crowd",
        ],
        because: "the game trait is below everything that carries a game",
    },
    Rule {
        place: &["shared::arena", "shared::crowd"],
        forbidden: &["shared::protocol", "shared::snapshot", "shared::journal"],
        because: "simulation knows no connections and not how it is sent",
    },
    Rule {
        place: &["shared::snapshot"],
        forbidden: &["shared::protocol", "shared::journal", "shared::arena", "shared::crowd"],
        because: "frames and deltas work for any game and over any wire",
    },
    Rule {
        place: &["shared::protocol"],
        forbidden: &["shared::snapshot", "shared::journal", "shared::arena", "shared::crowd"],
        because: "messages and datagrams go around snapshots; they do not look inside",
    },
    Rule {
        place: &["shared::bits", "shared::tick"],
        forbidden: &["shared::game", "shared::protocol", "shared::snapshot", "shared::journal"],
        because: "the ground floor knows nothing above it",
    },
    Rule {
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
    Rule {
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
        because: "what a session decides is pure; the task around it waits and moves bytes",
    },
    Rule {
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
        because: "sessions know no world: they hear facts and frames",
    },
    Rule {
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
    Rule {
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
        because: "a room's state is pure: it is told the time",
    },
    Rule {
        place: &["server::lobby::registry_state", "server::lobby::tickets", "server::lobby::matchmaker"],
        forbidden: &["tokio", "std::sync", "std::time::Instant", "std::time::SystemTime", "server::room"],
        because: "what the lobby decides is pure: it is shown what there is and told the time",
    },
    Rule {
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
    Rule {
        place: &["server::lobby::matchmaker"],
        forbidden: &["tokio", "dashmap", "server::room"],
        because: "which room a player goes to is a pure question",
    },
    Rule {
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
    Rule {
        place: &["server::storage::records"],
        forbidden: &[
            "tokio",
            "sqlx",
            "std::fs",
            "std::time::Instant",
            "std::time::SystemTime",
            "server::telemetry",
        ],
        because: "what is remembered is the same wherever it is kept, and whoever ended the match says when",
    },
    Rule {
        place: &["server::storage::journals::retention"],
        forbidden: &["tokio", "std::fs", "std::io", "std::time::Instant", "server::telemetry"],
        because: "which journals go is pure: it is shown what there is and told the time",
    },
    Rule {
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
            "shared",
        ],
        forbidden: &["sqlx"],
        because: "the storage alone knows which database it is",
    },
    Rule {
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
        because: "admin asks; it never reaches in",
    },
    Rule {
        place: &["shared::journal"],
        forbidden: &["shared::snapshot", "shared::arena", "shared::crowd"],
        because: "journals are of any game, and bytes alone: what is sent is none of their affair",
    },
    Rule {
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
        because: "a journal is played again without a server: the game and the file are all there is",
    },
    Rule {
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
        because: "the configuration is read before anything runs, and need not know games",
    },
    Rule {
        place: &[
            "server::net",
            "server::session",
            "server::room",
            "server::lobby",
            "server::storage",
            "server::admin",
            "server::config",
            "server::server",
            "server::program",
            "server::replay",
            "client::handle",
            "client::driver",
            "client::session",
            "client::connect",
            "client::swarm",
        ],
        forbidden: &["shared::arena", "shared::crowd"],
        because: "Quarrel runs anybody's game: none is named outside of the programs",
    },
    Rule {
        place: &[
            "client::clock",
            "client::margin",
            "client::inputs",
            "client::redundancy",
            "client::baseline",
            "client::events",
            "client::playout",
            "client::interpolation",
            "client::prediction",
            "client::matching",
            "client::requests",
            "client::opening",
            "client::correction",
            "client::screen",
            "client::session",
            "client::swarm::link::direction",
            "client::swarm::link::lane",
            "client::swarm::link::pipe",
            "client::slip",
        ],
        forbidden: &["tokio", "quinn", "std::net"],
        because: "a client's pure parts are told the time and given the bytes",
    },
    Rule {
        place: &[
            "client::swarm::measure",
            "client::swarm::schedule",
            "client::swarm::plan::stages",
            "client::swarm::plan::shares",
            "client::swarm::plan::storm",
            "client::swarm::plan::duration",
            "client::swarm::slo",
            "client::swarm::verdict",
            "client::swarm::report",
            "client::swarm::junit",
            "client::swarm::page",
            "client::swarm::capacity::search",
            "client::swarm::capacity::bottleneck",
            "client::swarm::capacity::report",
            "client::swarm::agent::wire",
            "client::swarm::agent::message",
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
        because: "what a load test comes to follows from its plan and its counts alone, wherever and whenever they were made",
    },
];

#[test]
fn no_file_names_what_its_place_must_not_know() {
    let files = source::files(&["shared/src", "server/src", "client/src"]);
    let broken: Vec<_> = files
        .iter()
        .filter(|file| !file.is_test())
        .flat_map(|file| file.paths().into_iter().filter_map(|path| verdict(file, &path)))
        .collect();
    assert!(broken.is_empty(), "the dependency rules of DESIGN.md are broken:\n{}", broken.join("\n"));
}

/// What is wrong with a file naming this path.
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
fn every_rule_is_about_a_place_that_exists() {
    let files = source::files(&["shared/src", "server/src", "client/src"]);
    for place in RULES.iter().flat_map(|rule| rule.place) {
        assert!(
            files.iter().any(|file| is_within(&file.module, place)),
            "a rule speaks of `{place}`, which is gone: has it moved?"
        );
    }
}

#[test]
fn only_the_encoding_names_bincode() {
    for file in source::files(&["shared/src", "server/src", "client/src"]) {
        let names_it = file.paths().iter().any(|path| is_within(path, "bincode"));
        assert_eq!(
            names_it,
            file.place == "shared/src/protocol/encoding.rs",
            "{}: bincode stays in one file, so that its successor is one file's work",
            file.place
        );
    }
}
