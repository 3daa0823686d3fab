//! The configuration as an operator sees it: files, variables and flags in, values and error messages out.

use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::time::Duration;

use quarrel_shared::arena::Settings as ArenaSettings;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DuelSettings {
    mode: DuelMode,
    score: u8,
    gravity: f64,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum DuelMode {
    FreeForAll,
    Teams,
}

fn games() -> Vec<GameDefaults> {
    let duel = DuelSettings { mode: DuelMode::FreeForAll, score: 25, gravity: 1.0 };
    vec![
        GameDefaults {
            name: "duel",
            seats: 16,
            bots: 6,
            max_seats: 10_000,
            bot_skill: "hunt",
            skills: &["wander", "hunt"],
            settings: toml::Table::try_from(duel).unwrap(),
        },
        GameDefaults {
            name: "walk",
            seats: 64,
            bots: 0,
            max_seats: 80,
            bot_skill: "stroll",
            skills: &["stroll"],
            settings: toml::Table::new(),
        },
    ]
}

/// A configuration file that is removed at the end of the test, and the sources that name it.
struct TestFile {
    _folder: tempfile::TempDir,
    path: PathBuf,
    sources: Sources,
}

fn file_of(text: &str) -> TestFile {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quarrel.toml");
    fs::write(&path, text).unwrap();
    let sources = Sources { file: Some(path.clone()), ..Sources::default() };
    TestFile { _folder: folder, path, sources }
}

/// The error message for a file with this text, without the file's folder.
fn error_of(text: &str) -> String {
    let file = file_of(text);
    let error = load(&file.sources, &games()).expect_err("the file must be refused");
    error.to_string().replace(&file.path.display().to_string(), "quarrel.toml")
}

fn variables(pairs: &[(&str, &str)]) -> Sources {
    let env = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    Sources { env, ..Sources::default() }
}

fn flag(key: &'static str, value: &str, flag: &'static str) -> FlagValue {
    FlagValue { key, value: value.to_owned(), flag }
}

fn effective(config: &Config) -> String {
    let mut out = Vec::new();
    show::write_effective(config, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The values of a configuration, without their origins.
fn values_of(config: &Config) -> toml::Table {
    effective(config).parse().unwrap()
}

fn default_file() -> String {
    let mut out = Vec::new();
    show::write_default(&games(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn without_sources_the_first_game_runs_with_its_defaults() {
    let config = load(&Sources::default(), &games()).unwrap();
    assert_eq!(config.game.name, "duel");
    assert_eq!((config.room.seats, config.room.bots, config.room.bot_skill.as_str()), (16, 6, "hunt"));
    assert_eq!((config.room.tick_rate, config.room.send_rate), (30, 30));
    assert_eq!(config.net.workers, 1);
    assert!(config.room.workers >= 2, "rooms use all cores, and at least two threads");
    assert_eq!(config.net.listen.to_string(), "[::]:7777");
    assert_eq!(config.stop.grace(), Duration::from_secs(5));
    assert_eq!(config.net.cert, None);
}

#[test]
fn each_layer_overrides_the_one_before_it() {
    let file = file_of("[room]\ntick_rate = 20\nseats = 8\nrooms = 2\n");
    let mut sources = file.sources.clone();
    sources.env = variables(&[("QUARREL_ROOM__SEATS", "9"), ("QUARREL_ROOM__ROOMS", "3")]).env;
    sources.flags = vec![flag("room.rooms", "4", "--rooms")];
    let config = load(&sources, &games()).unwrap();
    assert_eq!(config.room.tick_rate, 20, "the file overrides the default");
    assert_eq!(config.room.seats, 9, "the environment overrides the file");
    assert_eq!(config.room.rooms, 4, "the flag overrides the environment");
    assert_eq!(config.origin("room.rooms"), Some(&Origin::Flag("--rooms")));
}

#[test]
fn the_send_rate_defaults_to_the_tick_rate() {
    let config = load(&variables(&[("QUARREL_ROOM__TICK_RATE", "60")]), &games()).unwrap();
    assert_eq!(config.room.send_rate, 60);
    let sources = variables(&[("QUARREL_ROOM__TICK_RATE", "60"), ("QUARREL_ROOM__SEND_RATE", "20")]);
    assert_eq!(load(&sources, &games()).unwrap().room.send_rate, 20);
}

#[test]
fn another_game_has_its_own_defaults() {
    let sources = Sources { flags: vec![flag("game.name", "walk", "--game")], ..Sources::default() };
    let config = load(&sources, &games()).unwrap();
    assert_eq!((config.room.seats, config.room.bots, config.room.bot_skill.as_str()), (64, 0, "stroll"));
}

#[test]
fn default_bots_are_limited_to_the_seats_and_configured_bots_above_them_are_refused() {
    let config = load(&variables(&[("QUARREL_ROOM__SEATS", "4")]), &games()).unwrap();
    assert_eq!(config.room.bots, 4);
    let error = error_of("[room]\nseats = 4\nbots = 5\n");
    assert_eq!(error, "quarrel.toml:3:1: room.bots is 5; it takes at most 4 (that is room.seats)");
}

#[test]
fn a_number_out_of_range_is_refused_with_its_place_and_range() {
    let error = error_of("[room]\n# fast\n  tick_rate = 500\n");
    assert_eq!(error, "quarrel.toml:3:3: room.tick_rate is 500; it takes 1 to 128");
    for (value, accepted) in [("0", false), ("1", true), ("128", true), ("129", false)] {
        let sources = variables(&[("QUARREL_ROOM__TICK_RATE", value)]);
        assert_eq!(
            load(&sources, &games()).is_ok(),
            accepted,
            "1 to 128 includes both bounds; the value is {value}"
        );
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_refused_with_the_accepted_values() {
    assert_eq!(
        error_of("[room]\ntick_rate = \"30\"\n"),
        "quarrel.toml:2:1: room.tick_rate is \"30\"; it takes 1 to 128"
    );
    assert!(error_of("[net]\nlisten = \"7777\"\n").contains("it takes an IP address and a port"));
    assert!(error_of("[log]\nformat = \"xml\"\n").ends_with("it takes \"auto\", \"text\" or \"json\""));
    assert!(error_of("[log]\nfilter = \"quarrel=loud\"\n").contains("log.filter is \"quarrel=loud\""));
    assert!(error_of("net = 7777\n").contains("net is integer; it takes keys, under a line [net]"));
}

#[test]
fn an_error_in_a_variable_or_a_flag_names_it() {
    let error = load(&variables(&[("QUARREL_ROOM__TICK_RATE", "fast")]), &games()).unwrap_err().to_string();
    assert_eq!(error, "environment QUARREL_ROOM__TICK_RATE: room.tick_rate is \"fast\"; it takes 1 to 128");
    let sources = Sources { flags: vec![flag("room.tick_rate", "0", "--tick-rate")], ..Sources::default() };
    let error = load(&sources, &games()).unwrap_err().to_string();
    assert_eq!(error, "--tick-rate: room.tick_rate is 0; it takes 1 to 128");
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_and_all_accepted_keys() {
    let error = error_of("[room]\ntickrate = 30\n");
    assert!(
        error.starts_with("quarrel.toml:2:1: unknown key `tickrate` (did you mean `tick_rate`?)"),
        "{error}"
    );
    assert!(error.contains("accepted here: tick_rate, send_rate, rooms, seats"), "{error}");
    let error = error_of("[nett]\n");
    assert!(error.starts_with("quarrel.toml:1:2: unknown section `nett` (did you mean `net`?)"), "{error}");
}

#[test]
fn an_unknown_variable_with_the_prefix_and_two_underscores_is_refused() {
    let error = load(&variables(&[("QUARREL_NET__LISTN", "x")]), &games()).unwrap_err().to_string();
    assert!(
        error.contains("unknown variable `QUARREL_NET__LISTN` (did you mean `QUARREL_NET__LISTEN`?)"),
        "{error}"
    );
    assert!(load(&variables(&[("PATH", "/bin"), ("NOT_QUARREL_NET__LISTEN", "x")]), &games()).is_ok());
}

#[test]
fn variables_that_kubernetes_docker_and_the_load_tester_set_are_ignored() {
    let config = load(
        &variables(&[
            ("QUARREL_SERVICE_HOST", "10.0.0.7"),
            ("QUARREL_SERVICE_PORT", "7777"),
            ("QUARREL_PORT", "udp://10.0.0.7:7777"),
            ("QUARREL_PORT_7777_UDP_ADDR", "10.0.0.7"),
            ("QUARREL_NET_SERVICE_HOST", "10.0.0.8"),
            ("QUARREL_NET_PORT", "tcp://10.0.0.8:80"),
            ("QUARREL_ENV_PATH", "/bin"),
            ("QUARREL_SWARM_KEY", "secret"),
            ("QUARREL_", ""),
        ]),
        &games(),
    );
    assert_eq!(config.unwrap().near_misses(), []);
}

#[test]
fn a_variable_with_nearly_the_name_of_a_key_is_ignored_and_reported_with_the_right_name() {
    for (variable, meant) in [
        ("QUARREL_NET_LISTEN", "QUARREL_NET__LISTEN"),
        ("QUARREL_TICK_RATE", "QUARREL_ROOM__TICK_RATE"),
        ("QUARREL_TICKRATE", "QUARREL_ROOM__TICK_RATE"),
        ("QUARREL_ROOM_TICK_RATE", "QUARREL_ROOM__TICK_RATE"),
        ("QUARREL_DATA_DIR", "QUARREL_DATA__DIR"),
        ("QUARREL_GAME_SETTINGS_SCORE", "QUARREL_GAME__SETTINGS__SCORE"),
        ("QUARREL_LISTEN", "QUARREL_NET__LISTEN or QUARREL_HTTP__LISTEN"),
    ] {
        let config = load(&variables(&[(variable, "60")]), &games()).unwrap();
        let misses: Vec<_> = config.near_misses().iter().map(NearMiss::to_string).collect();
        assert_eq!(misses, [format!("{variable} is not a key and has no effect; did you mean {meant}?")]);
    }
}

#[test]
fn the_value_of_a_key_that_is_not_unicode_is_refused_and_that_of_another_variable_ignored() {
    let broken = std::ffi::OsString::from_vec(b"/srv/qu\xe4rrel".to_vec());
    let sources = |name: &str| Sources { env: vec![(name.to_owned(), broken.clone())], ..Sources::default() };
    let error = load(&sources("QUARREL_DATA__DIR"), &games()).unwrap_err().to_string();
    assert_eq!(error, "environment QUARREL_DATA__DIR: data.dir is not valid UTF-8; it takes text in UTF-8");
    assert!(load(&sources("QUARREL_PORT"), &games()).is_ok());
}

#[test]
fn a_refused_value_is_reported_even_where_a_later_layer_overrides_it() {
    let mut sources = variables(&[("QUARREL_ROOM__ROOMS", "none")]);
    sources.flags = vec![flag("room.rooms", "4", "--rooms")];
    assert!(load(&sources, &games()).is_err());
}

#[test]
fn a_file_that_is_missing_or_not_toml_is_refused() {
    let error = error_of("[room]\ntick_rate = \n");
    assert!(error.starts_with("quarrel.toml:2:"), "{error}");
    let sources = Sources { file: Some("/nowhere/quarrel.toml".into()), ..Sources::default() };
    let error = load(&sources, &games()).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/quarrel.toml: cannot read the configuration file"), "{error}");
}

#[test]
fn an_unknown_game_is_refused_with_the_known_games() {
    let error = error_of("[game]\nname = \"chess\"\n");
    assert_eq!(error, "quarrel.toml:2:1: game.name is \"chess\"; it takes \"duel\" or \"walk\"");
}

#[test]
fn a_certificate_requires_its_key() {
    let error = error_of("[net]\ncert = \"a.pem\"\n");
    assert_eq!(error, "quarrel.toml:2:1: net.cert is set but net.key is not; they belong together");
    assert!(error_of("[net]\nkey = \"a.pem\"\n").contains("net.cert is not"));
}

#[test]
fn an_admin_address_that_other_machines_reach_needs_a_token() {
    let error = error_of("[http]\nlisten = \"0.0.0.0:7780\"\n");
    assert!(error.contains("http.listen is \"0.0.0.0:7780\"; it takes a loopback address"), "{error}");
    assert!(error.contains("http.token_file"), "{error}");
    for text in
        ["listen = \"[::1]:7780\"", "listen = \"0.0.0.0:7780\"\ntoken_file = \"/run/secrets/quarrel\""]
    {
        let file = file_of(&format!("[http]\n{text}\n"));
        assert!(load(&file.sources, &games()).is_ok(), "{text}");
    }
}

#[test]
fn the_keep_alive_interval_must_be_shorter_than_the_idle_timeout() {
    let error = error_of("[net]\nkeep_alive_ms = 10000\n");
    assert!(error.ends_with("it takes less than 10000 (that is net.idle_timeout_ms)"), "{error}");
    let error = error_of("[net]\nidle_timeout_ms = 2000\n");
    assert!(
        error.ends_with("net.idle_timeout_ms is 2000; it takes more than 3000 (that is net.keep_alive_ms)")
    );
}

#[test]
fn a_disconnected_players_seat_is_held_for_30_s_by_default() {
    let config = load(&Sources::default(), &games()).unwrap();
    assert_eq!((config.session.hold(), config.session.held), (Duration::from_secs(30), HeldSeatPolicy::Idle));
    let text = "[session]\nhold_ms = 0\nheld = \"bot\"\n";
    let config = load(&file_of(text).sources, &games()).unwrap();
    assert_eq!((config.session.hold(), config.session.held), (Duration::ZERO, HeldSeatPolicy::Bot));
    let error = error_of("[session]\nheld = \"gone\"\n");
    assert!(error.contains("session.held") && error.contains("idle"), "{error}");
}

#[test]
fn game_settings_merge_every_layer_into_the_games_own_type() {
    let file = file_of("[game.settings]\nmode = \"teams\"\ngravity = 2\n");
    let mut sources = file.sources.clone();
    sources.env = variables(&[("QUARREL_GAME__SETTINGS__SCORE", "50")]).env;
    let settings: DuelSettings = load(&sources, &games()).unwrap().settings().unwrap();
    assert_eq!(settings, DuelSettings { mode: DuelMode::Teams, score: 50, gravity: 2.0 });
}

#[test]
fn an_unknown_game_setting_is_refused() {
    let error = error_of("[game.settings]\nscores = 3\n");
    assert!(error.starts_with("quarrel.toml:2:1: unknown key `scores` (did you mean `score`?)"), "{error}");
    let error = error_of("[game.settings]\nscore = \"many\"\n");
    assert_eq!(error, "quarrel.toml:2:1: game.settings.score is \"many\"; it takes an integer, as in 25");
}

#[test]
fn a_setting_that_the_games_type_refuses_is_reported_at_its_place() {
    let file = file_of("[game.settings]\ngravity = 0.5\nmode = \"chess\"\n");
    let config = load(&file.sources, &games()).unwrap();
    let error = config.settings::<DuelSettings>().unwrap_err().to_string();
    assert!(error.contains("quarrel.toml:3:1: game.settings.mode: unknown variant `chess`"), "{error}");
    let config = load(&variables(&[("QUARREL_GAME__SETTINGS__SCORE", "256")]), &games()).unwrap();
    let error = config.settings::<DuelSettings>().unwrap_err().to_string();
    assert!(error.starts_with("environment QUARREL_GAME__SETTINGS__SCORE: game.settings.score:"), "{error}");
}

#[test]
fn arena_names_the_range_of_a_refused_number() {
    let settings = toml::Table::try_from(ArenaSettings::default()).unwrap();
    let arena = GameDefaults { name: "arena", settings, ..games().remove(0) };
    for (line, message) in [
        ("score_to_win = 0", "score_to_win: 0 is out of range; it takes 1 to 1000"),
        ("score_to_win = 70000", "score_to_win: 70000 is out of range; it takes 1 to 1000"),
        ("time_limit_s = -1", "time_limit_s: -1 is out of range; it takes 10 to 3600"),
        ("result_s = 61", "result_s: 61 is out of range; it takes 1 to 60"),
    ] {
        let file = file_of(&format!("[game.settings]\n{line}\n"));
        let config = load(&file.sources, std::slice::from_ref(&arena)).unwrap();
        let error = config.settings::<ArenaSettings>().expect_err(line).to_string();
        assert!(error.ends_with(&format!("quarrel.toml:2:1: game.settings.{message}")), "{error}");
    }
}

#[test]
fn the_default_file_names_every_key_and_loads_to_the_defaults() {
    let text = default_file();
    let loaded = load(&file_of(&text).sources, &games()).unwrap();
    let defaults = load(&Sources::default(), &games()).unwrap();
    assert_eq!(values_of(&loaded), values_of(&defaults));
    for key in keys::KEYS {
        let line = format!("{} = ", key.name);
        let named = text.lines().any(|text| text.trim_start_matches('#').starts_with(&line));
        assert!(named, "{} must be in the default file", key.path());
    }
}

#[test]
fn the_default_file_and_the_effective_file_have_the_same_keys() {
    let lines = |text: &str| -> Vec<String> {
        let names = keys::KEYS.iter().map(|key| key.name);
        let names: std::collections::BTreeSet<_> = names.collect();
        let first_word =
            |line: &str| line.trim_start_matches(['#', ' ']).split(' ').next().map(str::to_owned);
        let is_assigned = |line: &str| line.contains(" = ") || line.contains(" is not set: ");
        let words = text.lines().filter(|line| is_assigned(line)).filter_map(first_word);
        words.filter(|word| names.contains(word.as_str())).collect()
    };
    let config = load(&Sources::default(), &games()).unwrap();
    let (default, effective) = (lines(&default_file()), lines(&effective(&config)));
    assert_eq!(default, effective, "`config default` and `config show` must print the same keys");
    assert_eq!(default.len(), keys::KEYS.len(), "and all of them");
}

#[test]
fn commented_values_of_the_default_file_are_the_defaults() {
    let text = default_file();
    let uncommented: Vec<_> = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(value) if !value.starts_with(' ') && !value.contains("path/to/") => value,
            _ => line,
        })
        .collect();
    let loaded = load(&file_of(&uncommented.join("\n")).sources, &games()).unwrap();
    let defaults = load(&Sources::default(), &games()).unwrap();
    assert_eq!(values_of(&loaded), values_of(&defaults));
}

#[test]
fn the_effective_file_names_the_origin_of_each_value_and_loads_to_the_same_values() {
    let mut sources = variables(&[("QUARREL_GAME__SETTINGS__SCORE", "50")]);
    sources.flags = vec![flag("room.tick_rate", "60", "--tick-rate")];
    let config = load(&sources, &games()).unwrap();
    let text = effective(&config);
    for line in [
        "tick_rate = 60 # from --tick-rate",
        "send_rate = 60 # from room.tick_rate",
        "seats = 16 # from default of duel",
        "score = 50 # from environment QUARREL_GAME__SETTINGS__SCORE",
        "rooms = 64 # from default",
    ] {
        assert!(text.lines().any(|shown| shown == line), "`{line}` must be in\n{text}");
    }
    let again = load(&file_of(&text).sources, &games()).unwrap();
    assert_eq!(values_of(&again), values_of(&config));
}

#[test]
fn every_key_can_be_set_by_its_environment_variable() {
    for key in keys::KEYS {
        let value = match key.kind {
            keys::ValueKind::Address => "127.0.0.1:0".to_owned(),
            keys::ValueKind::Path => "somewhere".to_owned(),
            keys::ValueKind::Integer { max, .. } => max.to_string(),
            keys::ValueKind::Seats => "10000".to_owned(),
            keys::ValueKind::Filter => "debug".to_owned(),
            keys::ValueKind::Choice(keys::Choices::Fixed(words)) => words[0].to_owned(),
            keys::ValueKind::Choice(keys::Choices::Games) => "duel".to_owned(),
            keys::ValueKind::Choice(keys::Choices::Skills) => "wander".to_owned(),
        };
        // Keys with constraints get partners with which they can take their maximum.
        let pairs = [
            ("QUARREL_NET__IDLE_TIMEOUT_MS", "600000"),
            ("QUARREL_ROOM__TICK_RATE", "128"),
            ("QUARREL_ROOM__SEATS", "10000"),
            ("QUARREL_NET__CERT", "cert.pem"),
            ("QUARREL_NET__KEY", "key.pem"),
            (&key.variable(), &value),
        ];
        let config =
            load(&variables(&pairs), &games()).unwrap_or_else(|error| panic!("{}: {error}", key.path()));
        assert_eq!(config.origin(&key.path()), Some(&Origin::Environment(key.variable())));
    }
}
