//! A journal of each version of the format, frozen: whatever becomes of the rules or of the code, it is read.
//!
//! `QUARREL_FREEZE=1` writes one that is missing and leaves those that are there alone: a file that somebody kept for years does not
//! change either. Behind the journal stand its entries at some ticks, in the game's own coding, which is read as long as the game
//! codes its inputs so; and it is played again as long as the game's rules are those of the journal.

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

/// Whose entries are kept.
const TICKS: [u32; 4] = [1, 60, 302, 340];

/// Bytes in a line of the file.
const LINE_BYTES: usize = 60;

fn path(format: u8) -> PathBuf {
    source::root().join(format!("tests/vectors/journal_{format}.txt"))
}

/// A room in which something of every kind happens.
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

/// What a tick had, in the game's own coding: of each seat whether it wants anything, and what; then what it saw.
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

/// The journal, and the entries that stand behind it.
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
fn a_journal_of_any_version_of_the_format_is_read() {
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
        reads_its_index(&bytes, &journal);
    }
}

/// The end leads to the index, and that to everything it names.
fn reads_its_index(bytes: &[u8], journal: &Journal<'_>) {
    let offset = block::read_trailer(&bytes[bytes.len() - TRAILER_BYTES..]).expect("a trailer") as usize;
    let end = block::read(bytes, offset, journal.last_tick()).expect("the end");
    let (reason, index) = block::read_end(&bytes[end.payload]).expect("an index");
    assert_eq!((reason.as_str(), &index), ("room_closed", &journal.index()));
    let kinds: Vec<_> = index.iter().map(|entry| (entry.kind, entry.tick.0)).collect();
    let (checkpoint, note) = (ChunkKind::Checkpoint, ChunkKind::Annotation);
    assert_eq!(kinds, [(checkpoint, 0), (note, 120), (checkpoint, 300), (note, 310)]);
}

#[test]
fn who_sits_where_is_read_whatever_the_game_is_now() {
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
    assert!(!checkpoint.state.is_empty(), "and its game's state is there");
}

#[test]
fn entries_are_what_they_were_and_the_match_is_the_same_while_the_rules_are() {
    let (bytes, kept) = frozen(1);
    let journal = Journal::open(&bytes).expect("a journal");
    if journal.header().coding != coding_of::<Arena>() {
        return; // Another revision of the rules: what the format itself says is read, above, and the rest by its own build.
    }
    assert_eq!(kept.len(), TICKS.len(), "the file has its entries");
    assert_eq!(entries(&journal), kept);
    assert_eq!(journal.header().revision, Arena::REVISION);
    let fault = bisect_one::<Arena>(&journal).expect("it can be played");
    assert_eq!(fault, None, "the rules have changed, and Arena's revision has not");
}
