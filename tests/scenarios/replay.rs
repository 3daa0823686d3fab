//! `quarrel replay`, as people and programs call it.

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

/// A folder of journals that is gone with it.
pub(crate) struct Shelf(PathBuf);

impl Shelf {
    pub(crate) fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("quarrel-replay-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
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

impl Drop for Shelf {
    fn drop(&mut self) {
        // What is left in a temporary folder does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn setup(seed: u64) -> Setup<Settings> {
    Setup { settings: Settings::default(), seed, seats: SEATS, tick_rate: TickRate::DEFAULT }
}

/// A room of Arena that somebody marked at tick 450.
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

/// What the program answers, and exits with.
pub(crate) fn replay(words: &[&str]) -> (String, ExitCode) {
    let words = ["quarrel", "replay"].iter().chain(words).map(OsString::from);
    let Ok(Verb::Replay(verb)) = parse(words, Vec::new()) else { panic!("it is understood") };
    let mut out = Vec::new();
    let code = run(
        &verb,
        &[ReplayGame::of::<Arena>(), ReplayGame::of::<Crowd>(), ReplayGame::of::<Fickle>()],
        &mut out,
    );
    let mut text = String::from_utf8(out).expect("text");
    let code = code.unwrap_or_else(|error| {
        let ReplayError::Failed { code, message } = error else { panic!("somebody reads") };
        text.push_str(&message);
        code
    });
    (text, code)
}

fn json(words: &[&str]) -> serde_json::Value {
    let (text, _) = replay(words);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[track_caller]
pub(crate) fn says(answer: (String, ExitCode), code: ExitCode, parts: &[&str]) {
    assert_eq!(answer.1, code, "{}", answer.0);
    for part in parts {
        assert!(answer.0.contains(part), "{part:?} is said: {}", answer.0);
    }
}

#[test]
fn info_says_what_a_journal_holds() {
    let shelf = Shelf::new("info");
    let path = shelf.put("a.journal", &marked(3).end("room_closed"));
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
    says(replay(&["info", &path]), ExitCode::Done, &parts);
    let told = json(&["info", &path, "--json"]);
    assert_eq!((&told["last_tick"], &told["ticks"]), (&1000.into(), &1000.into()));
    assert_eq!(told["header"]["seed"], 3);
    assert_eq!(told["seats"].as_array().map(Vec::len), Some(4));
}

#[test]
fn a_right_journal_is_verified_and_a_torn_one_up_to_its_last_block() {
    let shelf = Shelf::new("verify");
    let whole = marked(3).end("room_closed");
    let right = shelf.put("right.journal", &whole);
    let torn = shelf.put("torn.journal", &whole[..whole.len() - 200]);
    let all = "1004 checksums compared, and all of them are the same";
    says(replay(&["verify", &right]), ExitCode::Done, &["1000 ticks (33.3s)", "times real time", all]);
    let tail = ["are not a whole block", "the writer was killed or is still writing; read up to tick "];
    says(replay(&["verify", &right, &torn]), ExitCode::Done, &tail);
    says(replay(&["info", &torn]), ExitCode::Done, &["end          none yet", tail[0], tail[1]]);
    says(replay(&["bisect", &torn]), ExitCode::Done, &["no divergence"]);
    let told = json(&["verify", &right, "--json"]);
    assert_eq!((&told["ticks"], &told["checksums"]), (&1000.into(), &1004.into()));
    assert_eq!(told["difference"], serde_json::Value::Null);
}

/// The journal with a bit changed in the `nth` of its blocks, and where that block begins.
fn damaged(whole: &[u8], nth: impl Fn(usize) -> usize) -> (Vec<u8>, usize) {
    let journal = Journal::open(whole).expect("a journal");
    let block = &journal.blocks()[nth(journal.blocks().len())];
    let mut bytes = whole.to_vec();
    bytes[block.payload.start] ^= 1;
    (bytes, block.offset)
}

#[test]
fn a_damaged_journal_is_not_right_and_the_byte_is_named() {
    let shelf = Shelf::new("damaged");
    let whole = marked(3).end("room_closed");
    let right = shelf.put("right.journal", &whole);
    let (bytes, at) = damaged(&whole, |blocks| blocks / 2);
    let path = shelf.put("a.journal", &bytes);
    let said = format!("damaged at byte {at}: whole blocks follow");
    let compared = " checksums compared before the damage, and all of them are the same";
    says(replay(&["verify", &path]), ExitCode::Internal, &[&said, compared]);
    says(replay(&["verify", &right, &path]), ExitCode::Internal, &[&said]);
    says(replay(&["bisect", &path]), ExitCode::Internal, &["no divergence", &said]);
    says(replay(&["bisect", &right, &path]), ExitCode::Internal, &["no divergence", &said]);
    says(replay(&["info", &path]), ExitCode::Done, &[&said]);
    says(replay(&["dump", &path, "--tick", "1000"]), ExitCode::Usage, &["is past its end", &said]);
    let out = shelf.path("evidence.journal");
    says(replay(&["slice", &path, "--from", "0", "--to", "99", "-o", &out]), ExitCode::Done, &[&said]);
    for words in [&["info", &path, "--json"][..], &["verify", &path, "--json"], &["bisect", &path, "--json"]]
    {
        assert_eq!(json(words)["damaged_at"], at, "{words:?}");
    }
    assert_eq!(json(&["verify", &right, "--json"])["damaged_at"], serde_json::Value::Null);
    let (bytes, at) = damaged(&whole, |_| 1);
    let path = shelf.put("beginning.journal", &bytes);
    let said = format!("damaged at byte {at}: whole blocks follow");
    says(replay(&["bisect", &path]), ExitCode::Internal, &[&said]);
    says(replay(&["verify", &path]), ExitCode::Internal, &[&said]);
}

#[test]
fn ticks_that_are_missing_before_the_end_are_said() {
    let shelf = Shelf::new("missing");
    let whole = marked(3).bytes().to_vec();
    let journal = Journal::open(&whole).expect("a journal");
    let last = journal.last_tick();
    let (from, to) = (last.next(), last.after(40));
    let (mut writer, mut bytes) =
        (JournalWriter::resume(&journal).expect("memory"), whole[..journal.valid_bytes()].to_vec());
    let (mut abrupt, mut silent) = (JournalWriter::resume(&journal).expect("memory"), bytes.clone());
    abrupt.end("room_closed", to, &mut silent);
    // As the storage does it.
    let lost = Annotation::Lost { from: from.0, to: to.0, why: "the disk is full".into() };
    writer.write(&Chunk::annotation(&lost, to), &mut bytes).expect("memory");
    writer.end("room_closed", to, &mut bytes);
    for bytes in [&bytes, &silent] {
        let path = shelf.put("a.journal", bytes);
        let said = format!("ticks {from} to {to}");
        let missing = format!("missing      {said}: the room ended after them");
        says(replay(&["info", &path]), ExitCode::Done, &[&missing]);
        says(replay(&["verify", &path]), ExitCode::Done, &[&format!("{said} are missing before the end")]);
        assert_eq!(json(&["info", &path, "--json"])["end_tick"], to.0);
    }
    let trailerless = shelf.put("trailerless.journal", &bytes[..bytes.len() - 3]);
    let parts =
        ["end          \"room_closed\"", "the end is whole, and 13 bytes are in place of the trailer"];
    says(replay(&["info", &trailerless]), ExitCode::Done, &parts);
}

/// A room that went another way behind tick 450: its game was replaced by that of another seed.
fn gone_astray() -> Vec<u8> {
    let mut room = RecordedRoom::<Crowd>::open(crowd(3), brains(SEATS, 1), 1);
    room.play(450);
    let mut other = RecordedRoom::<Crowd>::open(crowd(4), brains(SEATS, 1), 1);
    other.play(450);
    std::mem::swap(room.game_mut(), other.game_mut());
    room.play(250);
    room.end("room_closed")
}

#[test]
fn a_difference_is_found_at_its_tick_and_exits_with_one() {
    let shelf = Shelf::new("difference");
    let astray = shelf.put("astray.journal", &gone_astray());
    let right = shelf.put("right.journal", &record_journal(crowd(3), brains::<Crowd>(SEATS, 1), 700, 1));
    let none = shelf.put("none.journal", b"QRLJRN, almost");
    let first = "the first difference is at tick 451";
    says(replay(&["verify", &astray]), ExitCode::Internal, &[first]);
    says(replay(&["verify", &right, &astray, &none]), ExitCode::Internal, &[first, "this is not a journal"]);
    says(replay(&["verify", &right, &none]), ExitCode::Configuration, &["this is not a journal"]);
    let itself = [
        "diverge at tick 451",
        "the room itself computed something else",
        "entries of tick 451:",
        "seat 0: input Steering",
    ];
    says(replay(&["bisect", &astray]), ExitCode::Internal, &itself);
    let pair = [
        "of 3 common checkpoints: equal at tick 300, different at tick 600",
        "they diverge at tick 451 (15.0s)",
        "the entries are equal and the recorded states differ; this build agrees with the second",
        "differences after tick 600, the first journal first:",
        "entity 0",
        "Walker.at.x",
    ];
    says(replay(&["bisect", &astray, &right]), ExitCode::Internal, &pair);
    let told = json(&["bisect", &astray, &right, "--json"]);
    assert_eq!(told["divergence"]["tick"], 451);
    assert_eq!(told["divergence"]["why"]["second_agrees"], true);
    says(
        replay(&["bisect", &right, &right]),
        ExitCode::Done,
        &["no divergence: they are the same up to tick 700"],
    );
}

#[test]
fn other_inputs_are_named_by_seat() {
    let shelf = Shelf::new("inputs");
    let one = shelf.put("one.journal", &record_journal(crowd(3), brains::<Crowd>(SEATS, 1), 700, 0));
    let mut others = brains::<Crowd>(SEATS, 1);
    others[2] = None;
    let other = shelf.put("other.journal", &record_journal(crowd(3), others, 700, 0));
    let parts = [
        "they diverge at tick 1 ",
        "the entries of that tick differ",
        "seat 2: input Steering",
        "in the first, no input",
    ];
    says(replay(&["bisect", &one, &other]), ExitCode::Internal, &parts);
    let seed = shelf.put("seed.journal", &record_journal(crowd(9), brains::<Crowd>(SEATS, 1), 10, 0));
    let refused = "do not start from the same setup: the seed is 3 in the first and 9 in the second";
    says(replay(&["bisect", &one, &seed]), ExitCode::Configuration, &[refused]);
}

#[test]
fn a_room_is_dumped_as_it_was_after_a_tick() {
    let shelf = Shelf::new("dump");
    let path = shelf.put("a.journal", &marked(3).end("room_closed"));
    let parts = [
        "tick 450 (15.0s), checksum ",
        "seat 0: \"player 0\"",
        "entity 16.0: Match(",
        "entry: seat 0: input Input",
    ];
    says(replay(&["dump", &path, "--tick", "15s"]), ExitCode::Done, &parts);
    says(replay(&["dump", &path, "--tick", "300"]), ExitCode::Done, &["entry: seat 0: input Input"]);
    says(replay(&["dump", &path, "--tick", "0"]), ExitCode::Done, &["are not in the journal"]);
    says(replay(&["dump", &path, "--tick", "1001"]), ExitCode::Usage, &["its last tick is 1000 (33.3s)"]);
    let told = json(&["dump", &path, "--tick", "450", "--json"]);
    assert_eq!(told["tick"], 450);
    let fields: Vec<_> =
        told["entities"].as_array().expect("entities").iter().map(|it| &it["fields"]).collect();
    assert!(fields.iter().any(|fields| fields["Fighter.body.at.x"].is_string()), "{fields:?}");
    assert_eq!(told["entries"]["inputs"].as_array().map(Vec::len), Some(4));
}

#[test]
fn a_tick_after_which_a_room_was_saved_is_dumped_with_what_went_into_it() {
    let shelf = Shelf::new("dump-saved");
    let mut room = marked(3);
    room.restart();
    room.play(20);
    let path = shelf.put("a.journal", &room.end("room_closed"));
    let parts = ["tick 1000 (33.3s), checksum ", "entry: seat 0: input Input"];
    says(replay(&["dump", &path, "--tick", "1000"]), ExitCode::Done, &parts);
    says(replay(&["verify", &path]), ExitCode::Done, &["all of them are the same"]);
}

#[test]
fn a_slice_around_a_mark_is_a_journal_that_verifies() {
    let shelf = Shelf::new("slice");
    let path = shelf.put("a.journal", &marked(3).end("room_closed"));
    let out = shelf.path("evidence.journal");
    let slice = ["slice", &path, "--around", "1", "--margin", "2s", "-o", &out];
    says(replay(&slice), ExitCode::Done, &["ticks 390 to 510 (4.0s)"]);
    says(replay(&slice), ExitCode::Usage, &["the file exists already: name another with -o"]);
    let nowhere = shelf.path("nowhere/evidence.journal");
    let slice = ["slice", &path, "--around", "1", "-o", &nowhere];
    says(replay(&slice), ExitCode::Internal, &["cannot be written"]);
    says(replay(&["verify", &out]), ExitCode::Done, &["120 ticks", "120 checksums compared, and all"]);
    says(
        replay(&["info", &out]),
        ExitCode::Done,
        &["cut out of a longer journal, ticks 390 to 510", "mark 1"],
    );
    let bytes = fs::read(&out).expect("the file");
    let journal = Journal::open(&bytes).expect("a journal");
    assert_eq!(journal.checkpoints().collect::<Vec<_>>(), [Tick(390)], "and nothing of what was before");
    let at = |path: &str| replay(&["dump", path, "--tick", "500"]).0;
    assert_eq!(at(&out), at(&path), "the same room");
    says(
        replay(&["slice", &path, "--around", "2"]),
        ExitCode::Usage,
        &["there is no mark 2: the journal has only mark 1"],
    );
    says(
        replay(&["slice", &path, "--from", "40s", "--to", "50s"]),
        ExitCode::Usage,
        &["the journal has ticks 0 to 1000"],
    );
}

#[test]
fn a_game_that_this_program_does_not_hold_exits_with_78() {
    let shelf = Shelf::new("game");
    let path = shelf.put("a.journal", &record_journal(crowd(3), brains::<Crowd>(SEATS, 1), 10, 0));
    let Ok(Verb::Replay(verb)) =
        parse(["quarrel", "replay", "verify", &path].map(OsString::from), Vec::new())
    else {
        panic!("it is understood")
    };
    let refused = run(&verb, &[ReplayGame::of::<Arena>()], &mut Vec::new());
    let Err(ReplayError::Failed { code: ExitCode::Configuration, message }) = refused else {
        panic!("{refused:?}")
    };
    assert!(
        message.ends_with("the journal is of the game \"crowd\", and this program has arena"),
        "{message}"
    );
    says(replay(&["info", "/nowhere/a.journal"]), ExitCode::Configuration, &["cannot be read"]);
}

/// The journal of a room of needles that is flawed from tick 437 on.
fn flawed(flaw: Flaw, checksum_ticks: u32) -> Vec<u8> {
    let settings = FickleSettings { from: 437, flaw };
    let setup = Setup { settings, seed: 1, seats: SEATS, tick_rate: TickRate::DEFAULT };
    record_journal::<Fickle>(setup, (0..SEATS).map(|_| None).collect(), 900, checksum_ticks)
}

#[test]
fn a_game_that_reads_a_counter_is_found_at_the_exact_tick_and_field() {
    let shelf = Shelf::new("fickle");
    for checksum_ticks in [1, 30, 0] {
        let path = shelf.put("a.journal", &flawed(Flaw::Field, checksum_ticks));
        let parts = [
            "the game is not deterministic: played twice from tick 300 with the same entries",
            "different states at tick 437;",
            "Needle.reading.counter",
            "entries of tick 437:",
        ];
        says(replay(&["bisect", &path]), ExitCode::Internal, &parts);
        let shown = if checksum_ticks == 1 {
            "the first difference is at tick 437"
        } else {
            "the first difference is after"
        };
        says(replay(&["verify", &path]), ExitCode::Internal, &[shown]);
    }
}

#[test]
fn flaws_that_no_entity_shows_are_told_apart() {
    let shelf = Shelf::new("flaws");
    let hidden = shelf.put("hidden.journal", &flawed(Flaw::Hidden, 30));
    let parts = ["the game is not deterministic", "different states at tick 437;", "saved"];
    says(replay(&["bisect", &hidden]), ExitCode::Internal, &parts);
    let save = shelf.put("save.journal", &flawed(Flaw::Save, 30));
    says(replay(&["verify", &save]), ExitCode::Done, &["all of them are the same"]);
    let parts = ["the game does not save all of its state", "before tick 600", "Needle.reading.swing"];
    says(replay(&["bisect", &save]), ExitCode::Internal, &parts);
    let load = shelf.put("load.journal", &flawed(Flaw::Load, 30));
    let parts = ["this build cannot load the state after tick 600"];
    says(replay(&["bisect", &load]), ExitCode::Configuration, &parts);
}
