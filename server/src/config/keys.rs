//! The table of every configuration key.
//!
//! Names, documentation, defaults, accepted values, flags: all of it is said once, here.
//! The default file, the environment's names, the errors about unknown keys and the checks of values are all
//! drawn from this table, so that none of them can drift from the others.

pub use super::key::{ENVIRONMENT_PREFIX, Fallback, Key, Kind, Words, variable};

/// The section whose keys are the game's own, and so not in [`KEYS`].
pub const SETTINGS_SECTION: &str = "game.settings";

const HOUR_MS: i64 = 3_600_000;

/// Every key, in the order of the default file.
pub const KEYS: &[Key] = &[
    Key {
        section: "net",
        name: "listen",
        doc: "The UDP address that players connect to. [::] takes IPv4 and IPv6 alike.",
        kind: Kind::Address,
        fallback: Fallback::Text("[::]:7777"),
        flag: Some("--listen"),
    },
    Key {
        section: "net",
        name: "cert",
        doc: "A PEM file with the certificate chain, the server's own first. Set together with key.",
        kind: Kind::Path,
        fallback: Fallback::Unset("a 13-day development certificate is made in the data directory"),
        flag: Some("--cert"),
    },
    Key {
        section: "net",
        name: "key",
        doc: "A PEM file with the private key of cert.",
        kind: Kind::Path,
        fallback: Fallback::Unset("made together with the development certificate"),
        flag: Some("--key"),
    },
    Key {
        section: "net",
        name: "max_sessions",
        doc: "The most players connected at once; the next one is told that the server is full.",
        kind: Kind::Integer { min: 1, max: 100_000 },
        fallback: Fallback::Integer(4096),
        flag: None,
    },
    Key {
        section: "net",
        name: "handshake_timeout_ms",
        doc: "How long a connection may take to say who it is.",
        kind: Kind::Integer { min: 100, max: 60_000 },
        fallback: Fallback::Integer(5000),
        flag: None,
    },
    Key {
        section: "net",
        name: "idle_timeout_ms",
        doc: "How long a connection may be silent before it counts as lost.",
        kind: Kind::Integer { min: 1000, max: 600_000 },
        fallback: Fallback::Integer(10_000),
        flag: None,
    },
    Key {
        section: "net",
        name: "keep_alive_ms",
        doc: "How often an otherwise silent connection is kept alive. Shorter than idle_timeout_ms.",
        kind: Kind::Integer { min: 100, max: 60_000 },
        fallback: Fallback::Integer(3000),
        flag: None,
    },
    Key {
        section: "net",
        name: "handshakes_per_address_s",
        doc: "New connections a second from one address (IPv4 /24, IPv6 /64); more are ignored, and come in later: a client whose first packet is ignored sends it again after 0.3, 0.9, 2.1 and 4.5 s.",
        kind: Kind::Integer { min: 1, max: 1_000_000 },
        fallback: Fallback::Integer(100),
        flag: None,
    },
    Key {
        section: "net",
        name: "handshake_burst",
        doc: "How many new connections one address may make at once before that rate holds. At once 512 bots need a ramp of 5 s; in 2 s they all come in too, the last ones after up to 6 s.",
        kind: Kind::Integer { min: 1, max: 1_000_000 },
        fallback: Fallback::Integer(128),
        flag: None,
    },
    Key {
        section: "net",
        name: "retry_above_half_open",
        doc: "With more unfinished handshakes than this, newcomers must first prove their address (QUIC Retry).",
        kind: Kind::Integer { min: 0, max: 1_000_000 },
        fallback: Fallback::Integer(256),
        flag: None,
    },
    Key {
        section: "net",
        name: "max_half_open",
        doc: "With this many unfinished handshakes newcomers are refused.",
        kind: Kind::Integer { min: 1, max: 1_000_000 },
        fallback: Fallback::Integer(2048),
        flag: None,
    },
    Key {
        section: "net",
        name: "workers",
        doc: "Threads that move packets.",
        kind: Kind::Integer { min: 1, max: 64 },
        fallback: Fallback::Integer(1),
        flag: None,
    },
    Key {
        section: "http",
        name: "listen",
        doc: "The TCP address of the operator's plane: health, metrics, listings. It has no password.",
        kind: Kind::Address,
        fallback: Fallback::Text("127.0.0.1:7780"),
        flag: Some("--http"),
    },
    Key {
        section: "data",
        name: "dir",
        doc: "The folder of everything the server keeps. Made on the first start.",
        kind: Kind::Path,
        fallback: Fallback::Text("./quarrel-data"),
        flag: Some("--data-dir"),
    },
    Key {
        section: "journal",
        name: "write",
        doc: "Whether rooms are written down in the data directory's journals: for replays, and so that rooms outlive a crash.",
        kind: Kind::Word(Words::Fixed(&["on", "off"])),
        fallback: Fallback::Text("on"),
        flag: None,
    },
    Key {
        section: "journal",
        name: "resume",
        doc: "Whether rooms that ran when the server ended go on when it starts again. off ends their journals; so does --no-resume.",
        kind: Kind::Word(Words::Fixed(&["on", "off"])),
        fallback: Fallback::Text("on"),
        flag: None,
    },
    Key {
        section: "journal",
        name: "checkpoint_ms",
        doc: "How often a journal has the room's whole state: a crashed room is brought back from the last one and what followed.",
        kind: Kind::Integer { min: 1000, max: HOUR_MS },
        fallback: Fallback::Integer(10_000),
        flag: None,
    },
    Key {
        section: "journal",
        name: "checksum_ms",
        doc: "How often a tick in a journal has its state's checksum: as near does a replay find the tick at which it differs. 1 puts it into each, 0 into none.",
        kind: Kind::Integer { min: 0, max: 60_000 },
        fallback: Fallback::Integer(1000),
        flag: None,
    },
    Key {
        section: "journal",
        name: "keep_hours",
        doc: "For how long the journal of a room that has ended is kept, and one that was set aside. 0: as long as keep_mb allows.",
        kind: Kind::Integer { min: 0, max: 100_000 },
        fallback: Fallback::Integer(168),
        flag: None,
    },
    Key {
        section: "journal",
        name: "keep_mb",
        doc: "How large all journals may be together, in megabytes; the oldest are deleted first, and none of a room that runs. 0: as large as they get.",
        kind: Kind::Integer { min: 0, max: 100_000_000 },
        fallback: Fallback::Integer(10_000),
        flag: None,
    },
    Key {
        section: "game",
        name: "name",
        doc: "Which game is played.",
        kind: Kind::Word(Words::Games),
        fallback: Fallback::FirstGame,
        flag: Some("--game"),
    },
    Key {
        section: "room",
        name: "tick_rate",
        doc: "Steps of the game a second.",
        kind: Kind::Integer { min: 1, max: 128 },
        fallback: Fallback::Integer(30),
        flag: Some("--tick-rate"),
    },
    Key {
        section: "room",
        name: "send_rate",
        doc: "Snapshots a second to each player, at most tick_rate.",
        kind: Kind::Integer { min: 1, max: 128 },
        fallback: Fallback::SameAs("room.tick_rate"),
        flag: Some("--send-rate"),
    },
    Key {
        section: "room",
        name: "rooms",
        doc: "The most rooms at once.",
        kind: Kind::Integer { min: 1, max: 10_000 },
        fallback: Fallback::Integer(64),
        flag: Some("--rooms"),
    },
    Key {
        section: "room",
        name: "seats",
        doc: "Places in each room.",
        kind: Kind::Integer { min: 1, max: 10_000 },
        fallback: Fallback::GameSeats,
        flag: Some("--seats"),
    },
    Key {
        section: "room",
        name: "bots",
        doc: "Bots in each room beside its people, as far as seats are empty: they leave as people come. At most seats.",
        kind: Kind::Integer { min: 0, max: 10_000 },
        fallback: Fallback::GameBots,
        flag: Some("--bots"),
    },
    Key {
        section: "room",
        name: "bot_skill",
        doc: "How well those bots play.",
        kind: Kind::Word(Words::Skills),
        fallback: Fallback::GameSkill,
        flag: None,
    },
    Key {
        section: "room",
        name: "linger_ms",
        doc: "How long a room without people is kept.",
        kind: Kind::Integer { min: 0, max: 24 * HOUR_MS },
        fallback: Fallback::Integer(30_000),
        flag: None,
    },
    Key {
        section: "room",
        name: "workers",
        doc: "Threads that step rooms. One room never uses more than one at a time.",
        kind: Kind::Integer { min: 1, max: 64 },
        fallback: Fallback::Integer(1),
        flag: None,
    },
    Key {
        section: "room",
        name: "sync_test",
        doc: "Whether each step is made twice from a saved state and compared: a room whose game does not do the same twice ends, and the log names what differs. A step takes a few times as long. on in development builds, off in release builds.",
        kind: Kind::Word(Words::Fixed(&["on", "off"])),
        fallback: Fallback::Text(if cfg!(debug_assertions) { "on" } else { "off" }),
        flag: Some("--sync-test"),
    },
    Key {
        section: "session",
        name: "hold_ms",
        doc: "For how long a seat is held for a player whose connection was lost. 0: it goes free at once. After a restart of the server it waits ten seconds at least.",
        kind: Kind::Integer { min: 0, max: 600_000 },
        fallback: Fallback::Integer(30_000),
        flag: None,
    },
    Key {
        section: "session",
        name: "held",
        doc: "What becomes of the fighter on a held seat: idle, it stands; bot, a bot of the room's skill plays it until its player is back.",
        kind: Kind::Word(Words::Fixed(&["idle", "bot"])),
        fallback: Fallback::Text("idle"),
        flag: None,
    },
    Key {
        section: "log",
        name: "filter",
        doc: "Which log lines are written: a level, or levels by module as in info,quarrel_server::room=debug.",
        kind: Kind::Filter,
        fallback: Fallback::Text("info"),
        flag: Some("--log"),
    },
    Key {
        section: "log",
        name: "format",
        doc: "How log lines look. auto is text on a terminal and JSON otherwise.",
        kind: Kind::Word(Words::Fixed(&["auto", "text", "json"])),
        fallback: Fallback::Text("auto"),
        flag: None,
    },
    Key {
        section: "stop",
        name: "rooms",
        doc: "What becomes of rooms when the server is told to stop: end, they are over; save, they go on when it starts again, and players come back by themselves.",
        kind: Kind::Word(Words::Fixed(&["end", "save"])),
        fallback: Fallback::Text("end"),
        flag: Some("--on-stop"),
    },
    Key {
        section: "stop",
        name: "grace_ms",
        doc: "How long a stop may take before the server exits with work unfinished.",
        kind: Kind::Integer { min: 0, max: HOUR_MS },
        fallback: Fallback::Integer(5000),
        flag: None,
    },
];

/// The key with this section and name.
pub fn find(section: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.section == section && key.name == name)
}

/// The whole number that a key is by default, by its full name.
pub fn default_of(path: &str) -> Option<i64> {
    KEYS.iter().find(|key| key.path() == path).and_then(|key| match key.fallback {
        Fallback::Integer(number) => Some(number),
        _ => None,
    })
}

/// Every section, in the order of the default file.
pub fn sections() -> Vec<&'static str> {
    let mut sections: Vec<_> = KEYS.iter().map(|key| key.section).collect();
    sections.dedup();
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_one_section_stand_together() {
        let sections = sections();
        let mut once = sections.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), sections.len(), "a section that appears twice would be printed twice");
    }

    #[test]
    fn no_key_no_variable_and_no_flag_is_named_twice() {
        let mut names: Vec<_> = KEYS.iter().flat_map(|key| [key.path(), key.variable()]).collect();
        names.extend(KEYS.iter().filter_map(|key| key.flag.map(str::to_owned)));
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "every name must mean one key");
    }

    #[test]
    fn every_key_is_documented_with_whole_sentences() {
        for key in KEYS {
            assert!(key.doc.ends_with('.'), "the doc of {} is a sentence", key.path());
        }
    }

    #[test]
    fn a_variable_has_two_underscores_for_each_dot() {
        assert_eq!(variable("game.settings", "mode"), "QUARREL_GAME__SETTINGS__MODE");
        assert_eq!(variable("room", "tick_rate"), "QUARREL_ROOM__TICK_RATE");
    }
}
