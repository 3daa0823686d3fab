//! Frozen journals, one of each version of the format: every later version of the code must read them.
//!
//! `QUARREL_FREEZE=1` writes a missing one and never overwrites: the journals that users keep for years do not change either.
//! After the journal the file holds its entries at some ticks, in the game's own coding, which are compared as long as the game
//! codes its inputs so; and the journal is replayed as long as the game's rules are those of the journal.

use std::{env, fmt::Write as _, fs, path::PathBuf};

use quarrel_harness::{
    journals::{RecordedRoom, brains},
    source,
    vectors::FREEZE,
};
use quarrel_shared::{
    arena::{Arena, Input, Settings},
    bits::{BitWriter, Bits as _},
    game::{Game as _, Setup},
    id::{PlayerId, SeatId},
    journal::{
        Annotation, ChunkKind, Holder, Journal, SeatEntry, TickRecord,
        bisect::bisect_one,
        block::{self, MAGIC, TRAILER_BYTES},
        header::coding_of,
    },
    protocol::{TicketNumber, messages::Name},
    tick::{Tick, TickRate},
};

const SEATS: u16 = 4;

/// The ticks whose entries the file holds.
const TICKS: [u32; 4] = [1, 60, 302, 340];

/// Journal bytes per line of the file.
const LINE_BYTES: usize = 60;

fn path(format: u8) -> PathBuf {
    source::root().join(format!("tests/vectors/journal_{format}.txt"))
}

/// The journal of a room with every kind of entry.
fn room() -> Vec<u8> {
    let setup = Setup { settings: Settings::default(), seed: 9, seats: SEATS, tick_rate: TickRate::DEFAULT };
    let mut room = RecordedRoom::<Arena>::open(setup, brains(SEATS, 1), 30);
    room.play(100);
    room.push_seat_entry(SeatEntry::Left(SeatId(1)));
    room.play(20);
    room.annotate(&mark());
    room.push_seat_entry(SeatEntry::Taken(SeatId(1), Holder { name: Name::lossy("bot"), player: None }));
    room.push_seat_entry(SeatEntry::Resumed(SeatId(2), TicketNumber { run: 1, count: 1 }));
    room.play(190);
    room.annotate(&outcome());
    room.play(50);
    room.end("room_closed")
}

fn mark() -> Annotation {
    Annotation::Mark { reason: "look at Jörg".to_owned() }
}

fn outcome() -> Annotation {
    Annotation::Outcome { record: serde_json::json!({ "tick": 310, "seats": [{ "seat": 0, "score": 4 }] }) }
}

/// The entries of a tick in the game's own coding: for each seat whether it has an input, the input, and the view time.
fn coded(record: &TickRecord<Input>) -> Vec<u8> {
    let mut out = BitWriter::new();
    for (input, seen) in record.entries.inputs.iter().zip(&record.entries.seen) {
        out.write_bool(input.is_some());
        input.iter().for_each(|input| input.encode(&mut out));
        out.write_u64(seen.sixteenths());
    }
    out.finish().to_vec()
}

/// The entries of some ticks.
fn entries(journal: &Journal<'_>) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for number in 0..journal.checkpoints().len() {
        let mut segment = journal.segment::<Input>(number).expect("a segment");
        while let Some(record) = segment.next_tick().expect("its ticks") {
            if TICKS.contains(&record.tick.0) {
                found.push((format!("entries {}", record.tick), coded(&record)));
            }
        }
    }
    found
}

fn freeze(format: u8) {
    let bytes = room();
    let mut text =
        "# A journal, and its entries at some ticks. Never rewritten; see the scenario `journal_vector`.\n"
            .to_owned();
    let journal = Journal::open(&bytes).expect("a journal");
    let lines = bytes.chunks(LINE_BYTES).map(|line| ("journal".to_owned(), line.to_vec()));
    for (name, bytes) in lines.chain(entries(&journal)) {
        let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let _ = writeln!(text, "{name}: {hex}");
    }
    fs::write(path(format), text).expect("a file that can be written");
}

/// The frozen journal and the entries after it.
fn frozen(format: u8) -> (Vec<u8>, Vec<(String, Vec<u8>)>) {
    if env::var_os(FREEZE).is_some() && format == MAGIC[7] && !path(format).exists() {
        freeze(format);
    }
    let text = fs::read_to_string(path(format)).unwrap_or_else(|error| panic!("journal {format}: {error}"));
    let (mut journal, mut entries) = (Vec::new(), Vec::new());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, hex) = line.split_once(": ").expect("a name and bytes");
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        if name == "journal" {
            journal.extend(bytes);
        } else {
            entries.push((name.to_owned(), bytes));
        }
    }
    (journal, entries)
}

#[test]
fn a_journal_of_every_format_version_is_read() {
    for format in 1..=MAGIC[7] {
        let (bytes, _) = frozen(format);
        let journal = Journal::open(&bytes).unwrap_or_else(|error| panic!("journal {format}: {error}"));
        let header = journal.header();
        assert_eq!((header.game.as_str(), header.seed, header.seats), ("arena", 9, SEATS));
        assert_eq!((header.tick_rate, header.checksum_ticks, header.build.as_str()), (30, 30, "test"));
        assert_eq!(header.opened_unix_ms, 1_800_000_000_000);
        assert_eq!(
            (journal.end(), journal.tail(), journal.last_tick()),
            (Some("room_closed"), None, Tick(360))
        );
        let notes: Vec<_> = journal.annotations().map(|note| note.expect("a note")).collect();
        assert_eq!(notes, [(Tick(120), mark()), (Tick(310), outcome())]);
        assert_eq!(journal.checkpoints().collect::<Vec<_>>(), [Tick(0), Tick(300)]);
        assert_index(&bytes, &journal);
    }
}

/// Asserts that the trailer leads to the index, and the index to every block that it names.
fn assert_index(bytes: &[u8], journal: &Journal<'_>) {
    let offset = block::read_trailer(&bytes[bytes.len() - TRAILER_BYTES..]).expect("a trailer") as usize;
    let end = block::read(bytes, offset, journal.last_tick()).expect("the end");
    let (reason, index) = block::read_end(&bytes[end.payload]).expect("an index");
    assert_eq!((reason.as_str(), &index), ("room_closed", &journal.index()));
    let kinds: Vec<_> = index.iter().map(|entry| (entry.kind, entry.tick.0)).collect();
    let (checkpoint, note) = (ChunkKind::Checkpoint, ChunkKind::Annotation);
    assert_eq!(kinds, [(checkpoint, 0), (note, 120), (checkpoint, 300), (note, 310)]);
}

#[test]
fn seat_holders_are_read_without_the_game() {
    let (bytes, _) = frozen(1);
    let journal = Journal::open(&bytes).expect("a journal");
    let checkpoint = journal.segment::<Input>(1).expect("a segment").into_checkpoint();
    let holder = |name, player| Some(Holder { name: Name::lossy(name), player });
    let player = |id, count| Some((PlayerId(id), TicketNumber { run: 1, count }));
    let holders = [
        holder("player 0", player(1, 0)),
        holder("bot", None),
        holder("player 2", player(3, 1)),
        holder("player 3", player(4, 0)),
    ];
    assert_eq!(checkpoint.holders, holders);
    assert!(!checkpoint.state.is_empty(), "the checkpoint must hold the game's state");
}

#[test]
fn entries_are_unchanged_and_the_match_replays_while_the_rules_are_the_same() {
    let (bytes, kept) = frozen(1);
    let journal = Journal::open(&bytes).expect("a journal");
    if journal.header().coding != coding_of::<Arena>() {
        return; // Another revision of the rules: the tests above read the format itself, and only the journal's own build replays the rest.
    }
    assert_eq!(kept.len(), TICKS.len(), "the file must hold the entries of every tick");
    assert_eq!(entries(&journal), kept);
    assert_eq!(journal.header().revision, Arena::REVISION);
    let fault = bisect_one::<Arena>(&journal).expect("a journal that can be replayed");
    assert_eq!(fault, None, "a change of the rules must raise Arena's revision");
}
