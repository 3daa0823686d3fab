//! The command `quarrel replay`: its text and JSON output and its exit codes.

use std::{ffi::OsString, fs, path::PathBuf};

use quarrel_harness::{
    games::{Fickle, FickleSettings, Flaw},
    journals::{RecordedRoom, brains, record_journal},
};
use quarrel_server::{
    cli::{ExitCode, Verb, parse},
    replay::{ReplayError, ReplayGame, run},
};
use quarrel_shared::{
    arena::{Arena, Settings},
    crowd::{Crowd, CrowdSettings},
    game::Setup,
    journal::{Annotation, Chunk, Journal, JournalWriter},
    tick::{Tick, TickRate},
};

const SEATS: u16 = 4;

/// A temporary folder of journals, deleted on drop.
pub(crate) struct JournalFolder(PathBuf);

impl JournalFolder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("quarrel-replay-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        fs::write(&path, bytes).expect("a file");
        path
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for JournalFolder {
    fn drop(&mut self) {
        // Files left in the system's temporary folder are harmless.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn setup(seed: u64) -> Setup<Settings> {
    Setup { settings: Settings::default(), seed, seats: SEATS, tick_rate: TickRate::DEFAULT }
}

/// A recorded Arena room with a mark at tick 450.
fn marked(seed: u64) -> RecordedRoom<Arena> {
    let mut room = RecordedRoom::open(setup(seed), brains(SEATS, 1), 1);
    room.play(450);
    room.annotate(&Annotation::Mark { reason: "look at \x1b[2J seat 1".into() });
    room.play(550);
    room
}

fn crowd(seed: u64) -> Setup<CrowdSettings> {
    Setup { settings: CrowdSettings {}, seed, seats: SEATS, tick_rate: TickRate::DEFAULT }
}

/// Runs `quarrel replay` with these arguments; returns its output and exit code.
pub(crate) fn replay(args: &[&str]) -> (String, ExitCode) {
    let args = ["quarrel", "replay"].iter().chain(args).map(OsString::from);
    let Ok(Verb::Replay(verb)) = parse(args, Vec::new()) else { panic!("the arguments must be valid") };
    let mut out = Vec::new();
    let code = run(
        &verb,
        &[ReplayGame::of::<Arena>(), ReplayGame::of::<Crowd>(), ReplayGame::of::<Fickle>()],
        &mut out,
    );
    let mut text = String::from_utf8(out).expect("text");
    let code = code.unwrap_or_else(|error| {
        let ReplayError::Failed { code, message } = error else { panic!("the output must be writable") };
        text.push_str(&message);
        code
    });
    (text, code)
}

fn json(args: &[&str]) -> serde_json::Value {
    let (text, _) = replay(args);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[track_caller]
pub(crate) fn assert_output(answer: (String, ExitCode), code: ExitCode, parts: &[&str]) {
    assert_eq!(answer.1, code, "{}", answer.0);
    for part in parts {
        assert!(answer.0.contains(part), "the output must contain {part:?}: {}", answer.0);
    }
}

#[test]
fn info_prints_the_content_of_a_journal() {
    let folder = JournalFolder::new("info");
    let path = folder.put("a.journal", &marked(3).end("room_closed"));
    let parts = [
        "game         \"arena\", revision",
        "seed         3\n",
        "opened       2027-01-15T08:00:00Z",
        "ticks        0 to 1000: 33.3s",
        "checkpoints  4, checksums in every tick",
        "end          \"room_closed\"",
        "bytes a player-minute, of 2.2 player-minutes",
        "note         after tick 450 (15.0s): mark 1, \"look at \\u{1b}[2J seat 1\"",
        "seat 3       \"player 3\" (player 4), ticks 1 to 1000 (0.0s to 33.3s), still seated",
    ];
    assert_output(replay(&["info", &path]), ExitCode::Done, &parts);
    let output = json(&["info", &path, "--json"]);
    assert_eq!((&output["last_tick"], &output["ticks"]), (&1000.into(), &1000.into()));
    assert_eq!(output["header"]["seed"], 3);
    assert_eq!(output["seats"].as_array().map(Vec::len), Some(4));
}

#[test]
fn a_valid_journal_verifies_and_a_torn_one_up_to_its_last_block() {
    let folder = JournalFolder::new("verify");
    let whole = marked(3).end("room_closed");
    let valid = folder.put("right.journal", &whole);
    let torn = folder.put("torn.journal", &whole[..whole.len() - 200]);
    let all = "1004 checksums compared, and all of them are the same";
    assert_output(
        replay(&["verify", &valid]),
        ExitCode::Done,
        &["1000 ticks (33.3s)", "times real time", all],
    );
    let tail = [
        "are not a complete block",
        "the writer was killed or is still writing; the journal is read up to tick ",
    ];
    assert_output(replay(&["verify", &valid, &torn]), ExitCode::Done, &tail);
    assert_output(replay(&["info", &torn]), ExitCode::Done, &["end          none yet", tail[0], tail[1]]);
    assert_output(replay(&["bisect", &torn]), ExitCode::Done, &["no divergence"]);
    let output = json(&["verify", &valid, "--json"]);
    assert_eq!((&output["ticks"], &output["checksums"]), (&1000.into(), &1004.into()));
    assert_eq!(output["difference"], serde_json::Value::Null);
}

/// The journal with a bit flipped in the `nth` of its blocks, and the offset of that block.
fn damaged(whole: &[u8], nth: impl Fn(usize) -> usize) -> (Vec<u8>, usize) {
    let journal = Journal::open(whole).expect("a journal");
    let block = &journal.blocks()[nth(journal.blocks().len())];
    let mut bytes = whole.to_vec();
    bytes[block.payload.start] ^= 1;
    (bytes, block.offset)
}

#[test]
fn a_damaged_journal_fails_and_the_damaged_byte_is_named() {
    let folder = JournalFolder::new("damaged");
    let whole = marked(3).end("room_closed");
    let valid = folder.put("right.journal", &whole);
    let (bytes, at) = damaged(&whole, |blocks| blocks / 2);
    let path = folder.put("a.journal", &bytes);
    let message = format!("damaged at byte {at}: complete blocks follow");
    let compared = " checksums compared before the damage, and all of them are the same";
    assert_output(replay(&["verify", &path]), ExitCode::Internal, &[&message, compared]);
    assert_output(replay(&["verify", &valid, &path]), ExitCode::Internal, &[&message]);
    assert_output(replay(&["bisect", &path]), ExitCode::Internal, &["no divergence", &message]);
    assert_output(replay(&["bisect", &valid, &path]), ExitCode::Internal, &["no divergence", &message]);
    assert_output(replay(&["info", &path]), ExitCode::Done, &[&message]);
    assert_output(
        replay(&["dump", &path, "--tick", "1000"]),
        ExitCode::Usage,
        &["is past the end of the journal", &message],
    );
    let out = folder.path("evidence.journal");
    assert_output(
        replay(&["slice", &path, "--from", "0", "--to", "99", "-o", &out]),
        ExitCode::Done,
        &[&message],
    );
    for args in [&["info", &path, "--json"][..], &["verify", &path, "--json"], &["bisect", &path, "--json"]] {
        assert_eq!(json(args)["damaged_at"], at, "{args:?}");
    }
    assert_eq!(json(&["verify", &valid, "--json"])["damaged_at"], serde_json::Value::Null);
    let (bytes, at) = damaged(&whole, |_| 1);
    let path = folder.put("beginning.journal", &bytes);
    let message = format!("damaged at byte {at}: complete blocks follow");
    assert_output(replay(&["bisect", &path]), ExitCode::Internal, &[&message]);
    assert_output(replay(&["verify", &path]), ExitCode::Internal, &[&message]);
}

#[test]
fn ticks_missing_before_the_end_are_reported() {
    let folder = JournalFolder::new("missing");
    let whole = marked(3).bytes().to_vec();
    let journal = Journal::open(&whole).expect("a journal");
    let last = journal.last_tick();
    let (from, to) = (last.next(), last.after(40));
    let (mut writer, mut bytes) =
        (JournalWriter::resume(&journal).expect("memory"), whole[..journal.valid_bytes()].to_vec());
    let (mut abrupt, mut silent) = (JournalWriter::resume(&journal).expect("memory"), bytes.clone());
    abrupt.end("room_closed", to, &mut silent);
    // As the storage notes it.
    let lost = Annotation::Lost { from: from.0, to: to.0, why: "the disk is full".into() };
    writer.write(&Chunk::annotation(&lost, to), &mut bytes).expect("memory");
    writer.end("room_closed", to, &mut bytes);
    for bytes in [&bytes, &silent] {
        let path = folder.put("a.journal", bytes);
        let message = format!("ticks {from} to {to}");
        let missing = format!("missing      {message}: the room ended after them");
        assert_output(replay(&["info", &path]), ExitCode::Done, &[&missing]);
        assert_output(
            replay(&["verify", &path]),
            ExitCode::Done,
            &[&format!("{message} are missing before the end")],
        );
        assert_eq!(json(&["info", &path, "--json"])["end_tick"], to.0);
    }
    let trailerless = folder.put("trailerless.journal", &bytes[..bytes.len() - 3]);
    let parts = [
        "end          \"room_closed\"",
        "the end of the room is complete, but the 13 bytes after it are not a trailer",
    ];
    assert_output(replay(&["info", &trailerless]), ExitCode::Done, &parts);
}

/// A journal that diverges after tick 450, where the game was replaced by one of another seed.
fn diverging_journal() -> Vec<u8> {
    let mut room = RecordedRoom::<Crowd>::open(crowd(3), brains(SEATS, 1), 1);
    room.play(450);
    let mut other = RecordedRoom::<Crowd>::open(crowd(4), brains(SEATS, 1), 1);
    other.play(450);
    std::mem::swap(room.game_mut(), other.game_mut());
    room.play(250);
    room.end("room_closed")
}

#[test]
fn a_divergence_is_found_at_its_tick_and_exits_with_1() {
    let folder = JournalFolder::new("difference");
    let diverging = folder.put("astray.journal", &diverging_journal());
    let valid = folder.put("right.journal", &record_journal(crowd(3), brains::<Crowd>(SEATS, 1), 700, 1));
    let none = folder.put("none.journal", b"QRLJRN, almost");
    let first = "the first difference is at tick 451";
    assert_output(replay(&["verify", &diverging]), ExitCode::Internal, &[first]);
    assert_output(
        replay(&["verify", &valid, &diverging, &none]),
        ExitCode::Internal,
        &[first, "this is not a journal"],
    );
    assert_output(replay(&["verify", &valid, &none]), ExitCode::Configuration, &["this is not a journal"]);
    let itself = [
        "diverge at tick 451",
        "the room itself computed something else",
        "entries of tick 451:",
        "seat 0: input Steering",
    ];
    assert_output(replay(&["bisect", &diverging]), ExitCode::Internal, &itself);
    let pair = [
        "of 3 common checkpoints: equal at tick 300, different at tick 600",
        "the journals diverge at tick 451 (15.0s)",
        "the entries are equal and the recorded states differ; this build agrees with the second",
        "differences after tick 600, the first journal first:",
        "entity 0",
        "Walker.at.x",
    ];
    assert_output(replay(&["bisect", &diverging, &valid]), ExitCode::Internal, &pair);
    let output = json(&["bisect", &diverging, &valid, "--json"]);
    assert_eq!(output["divergence"]["tick"], 451);
    assert_eq!(output["divergence"]["cause"]["second_agrees"], true);
    assert_output(
        replay(&["bisect", &valid, &valid]),
        ExitCode::Done,
        &["no divergence: the journals are the same up to tick 700"],
    );
}

#[test]
fn different_inputs_are_reported_by_seat() {
    let folder = JournalFolder::new("inputs");
    let one = folder.put("one.journal", &record_journal(crowd(3), brains::<Crowd>(SEATS, 1), 700, 0));
    let mut others = brains::<Crowd>(SEATS, 1);
    others[2] = None;
    let other = folder.put("other.journal", &record_journal(crowd(3), others, 700, 0));
    let parts = [
        "the journals diverge at tick 1 ",
        "the entries of that tick differ",
        "seat 2: input Steering",
        "in the first, no input",
    ];
    assert_output(replay(&["bisect", &one, &other]), ExitCode::Internal, &parts);
    let seed = folder.put("seed.journal", &record_journal(crowd(9), brains::<Crowd>(SEATS, 1), 10, 0));
    let refused = "do not start from the same setup: the seed is 3 in the first and 9 in the second";
    assert_output(replay(&["bisect", &one, &seed]), ExitCode::Configuration, &[refused]);
}

#[test]
fn a_room_is_dumped_as_it_was_after_a_tick() {
    let folder = JournalFolder::new("dump");
    let path = folder.put("a.journal", &marked(3).end("room_closed"));
    let parts = [
        "tick 450 (15.0s), checksum ",
        "seat 0: \"player 0\"",
        "entity 16.0: Match(",
        "entry: seat 0: input Input",
    ];
    assert_output(replay(&["dump", &path, "--tick", "15s"]), ExitCode::Done, &parts);
    assert_output(replay(&["dump", &path, "--tick", "300"]), ExitCode::Done, &["entry: seat 0: input Input"]);
    assert_output(replay(&["dump", &path, "--tick", "0"]), ExitCode::Done, &["are not in the journal"]);
    assert_output(
        replay(&["dump", &path, "--tick", "1001"]),
        ExitCode::Usage,
        &["its last tick is 1000 (33.3s)"],
    );
    let output = json(&["dump", &path, "--tick", "450", "--json"]);
    assert_eq!(output["tick"], 450);
    assert_eq!(output["reproduced"], true);
    assert_eq!(output["seats"][0]["holder"]["name"], "player 0");
    let entities: Vec<_> =
        output["entities"].as_array().expect("entities").iter().map(|it| &it["entity"]).collect();
    let has_position = |entity: &&serde_json::Value| entity["Fighter"]["body"]["at"]["x"].is_i64();
    assert!(entities.iter().any(has_position), "a coordinate must be a number: {entities:?}");
    let inputs = output["entries"]["inputs"].as_array().expect("inputs");
    assert_eq!(inputs.len(), 4);
    assert!(inputs[0]["input"]["fire"].is_boolean(), "an input must be an object: {}", inputs[0]);
}

#[test]
fn a_tick_before_a_save_is_dumped_with_its_entries() {
    let folder = JournalFolder::new("dump-saved");
    let mut room = marked(3);
    room.restart();
    room.play(20);
    let path = folder.put("a.journal", &room.end("room_closed"));
    let parts = ["tick 1000 (33.3s), checksum ", "entry: seat 0: input Input"];
    assert_output(replay(&["dump", &path, "--tick", "1000"]), ExitCode::Done, &parts);
    assert_output(replay(&["verify", &path]), ExitCode::Done, &["all of them are the same"]);
}

#[test]
fn a_slice_around_a_mark_is_a_journal_that_verifies() {
    let folder = JournalFolder::new("slice");
    let path = folder.put("a.journal", &marked(3).end("room_closed"));
    let out = folder.path("evidence.journal");
    let slice = ["slice", &path, "--around", "1", "--margin", "2s", "-o", &out];
    assert_output(replay(&slice), ExitCode::Done, &["ticks 390 to 510 (4.0s)"]);
    assert_output(replay(&slice), ExitCode::Usage, &["the file exists already: name another with -o"]);
    let nowhere = folder.path("nowhere/evidence.journal");
    let slice = ["slice", &path, "--around", "1", "-o", &nowhere];
    assert_output(replay(&slice), ExitCode::Internal, &["cannot be written"]);
    assert_output(
        replay(&["verify", &out]),
        ExitCode::Done,
        &["120 ticks", "120 checksums compared, and all"],
    );
    assert_output(
        replay(&["info", &out]),
        ExitCode::Done,
        &["cut out of a longer journal, ticks 390 to 510", "mark 1"],
    );
    let bytes = fs::read(&out).expect("the file");
    let journal = Journal::open(&bytes).expect("a journal");
    assert_eq!(
        journal.checkpoints().collect::<Vec<_>>(),
        [Tick(390)],
        "a slice may hold no earlier checkpoint"
    );
    let at = |path: &str| replay(&["dump", path, "--tick", "500"]).0;
    assert_eq!(at(&out), at(&path), "a slice must hold the same room");
    assert_output(
        replay(&["slice", &path, "--around", "2"]),
        ExitCode::Usage,
        &["there is no mark 2: the journal has only mark 1"],
    );
    assert_output(
        replay(&["slice", &path, "--from", "40s", "--to", "50s"]),
        ExitCode::Usage,
        &["the journal has ticks 0 to 1000"],
    );
}

#[test]
fn a_journal_of_an_unknown_game_exits_with_78() {
    let folder = JournalFolder::new("game");
    let path = folder.put("a.journal", &record_journal(crowd(3), brains::<Crowd>(SEATS, 1), 10, 0));
    let Ok(Verb::Replay(verb)) =
        parse(["quarrel", "replay", "verify", &path].map(OsString::from), Vec::new())
    else {
        panic!("the arguments must be valid")
    };
    let refused = run(&verb, &[ReplayGame::of::<Arena>()], &mut Vec::new());
    let Err(ReplayError::Failed { code: ExitCode::Configuration, message }) = refused else {
        panic!("{refused:?}")
    };
    assert!(
        message.ends_with("the journal is of the game \"crowd\", and this program has arena"),
        "{message}"
    );
    assert_output(replay(&["info", "/nowhere/a.journal"]), ExitCode::Configuration, &["cannot be read"]);
}

/// The journal of a Fickle room whose game has this flaw from tick 437 on.
fn flawed(flaw: Flaw, checksum_ticks: u32) -> Vec<u8> {
    let settings = FickleSettings { from: 437, flaw };
    let setup = Setup { settings, seed: 1, seats: SEATS, tick_rate: TickRate::DEFAULT };
    record_journal::<Fickle>(setup, (0..SEATS).map(|_| None).collect(), 900, checksum_ticks)
}

#[test]
fn a_bisect_finds_the_tick_and_field_of_a_game_that_reads_a_counter() {
    let folder = JournalFolder::new("fickle");
    for checksum_ticks in [1, 30, 0] {
        let path = folder.put("a.journal", &flawed(Flaw::Field, checksum_ticks));
        let parts = [
            "the game is not deterministic: played twice from tick 300 with the same entries",
            "different states at tick 437;",
            "Needle.reading.counter",
            "entries of tick 437:",
        ];
        assert_output(replay(&["bisect", &path]), ExitCode::Internal, &parts);
        let shown = if checksum_ticks == 1 {
            "the first difference is at tick 437"
        } else {
            "the first difference is after"
        };
        assert_output(replay(&["verify", &path]), ExitCode::Internal, &[shown]);
    }
}

#[test]
fn flaws_outside_of_entities_are_distinguished() {
    let folder = JournalFolder::new("flaws");
    let hidden = folder.put("hidden.journal", &flawed(Flaw::Hidden, 30));
    let parts = ["the game is not deterministic", "different states at tick 437;", "saved"];
    assert_output(replay(&["bisect", &hidden]), ExitCode::Internal, &parts);
    let save = folder.put("save.journal", &flawed(Flaw::Save, 30));
    assert_output(replay(&["verify", &save]), ExitCode::Done, &["all of them are the same"]);
    let parts = ["the game does not save all of its state", "before tick 600", "Needle.reading.swing"];
    assert_output(replay(&["bisect", &save]), ExitCode::Internal, &parts);
    let load = folder.put("load.journal", &flawed(Flaw::Load, 30));
    let parts = ["this build cannot load the state after tick 600"];
    assert_output(replay(&["bisect", &load]), ExitCode::Configuration, &parts);
}
