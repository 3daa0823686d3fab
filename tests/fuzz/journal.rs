//! Journals from untrusted files: any bytes, valid journals with damage, and forged blocks with valid checksums.
//!
//! Every state that loads is stepped, in both games: a forged state is refused or played without a panic. Programs that replay
//! journals catch unwinds nevertheless, because they may replay other games.

use bolero::{check, generator::produce};
use quarrel_harness::journals::{RecordedRoom, brains};
use quarrel_shared::{
    arena::Arena,
    crowd::Crowd,
    game::{Game, Setup},
    journal::{
        Annotation, Chunk, Journal, JournalWriter, Playback, Segment,
        bisect::{bisect_one, bisect_pair},
        block,
        slice::slice,
    },
    tick::{Tick, TickRate},
};

use crate::{damage::Damage, heap};

const SEATS: u16 = 3;

/// The maximum number of ticks to read or play, because a block of a few bytes can stand for 65,535 idle ticks, each of which takes
/// time to play.
const MAX_TICKS: usize = 400;

/// The heap of the list of blocks for each byte of a journal, rounded up: the shortest block has 7 bytes, and its entry has 72 bytes
/// in a list that grows by doubling.
const LIST_BYTES_PER_BYTE: u64 = 40;

/// The heap of reading: the largest payload of a block, decompressed into a buffer that grows by doubling, and its state.
const READ_BYTES: u64 = 5 * block::MAX_PAYLOAD_BYTES as u64;

/// A journal of two segments, a mark and an end, with its chunks.
fn sample<G: Game>() -> (Vec<u8>, Vec<Chunk>) {
    let setup =
        Setup { settings: G::Settings::default(), seed: 9, seats: SEATS, tick_rate: TickRate::DEFAULT };
    let mut room = RecordedRoom::<G>::open(setup, brains(SEATS, 1), 1);
    room.play(40);
    room.annotate(&Annotation::Mark { reason: "look here".to_owned() });
    room.play(275);
    let chunks = room.chunks().to_vec();
    (room.end("room_closed"), chunks)
}

/// Opens a journal and reads everything that does not need its game; `None` when the bytes are not a journal.
fn opened(bytes: &[u8]) -> Option<Journal<'_>> {
    let max_heap = LIST_BYTES_PER_BYTE * bytes.len() as u64 + 64 * 1024;
    let journal = heap::within(max_heap, || Journal::open(bytes)).ok()?;
    assert!(journal.valid_bytes() <= bytes.len(), "the valid part must not be longer than the journal");
    heap::within(READ_BYTES, || {
        assert!(
            journal.annotations().count() <= journal.blocks().len(),
            "a block must hold at most one annotation"
        );
        let ticks: Vec<_> = journal.index().iter().map(|entry| entry.tick).collect();
        assert!(ticks.is_sorted(), "the ticks of the index must be in order");
    });
    Some(journal)
}

/// Reads up to [`MAX_TICKS`] ticks of every segment.
fn read<G: Game>(journal: &Journal<'_>) {
    for number in 0..journal.checkpoints().len() {
        heap::within(READ_BYTES, || {
            let Ok(mut segment): Result<Segment<'_, G::Input>, _> = journal.segment(number) else { return };
            let mut last = segment.checkpoint().tick;
            for _ in 0..MAX_TICKS {
                let Ok(Some(record)) = segment.next_tick() else { return };
                assert_eq!(record.tick, last.next(), "a segment must not skip a tick");
                last = record.tick;
            }
        });
    }
}

/// Plays a journal, and bisects and slices it if it has fewer than [`MAX_TICKS`] ticks.
fn play<G: Game>(journal: &Journal<'_>, other: &Journal<'_>) {
    if heap::within(READ_BYTES, || steps::<G>(journal)).is_some_and(|ticks| ticks < MAX_TICKS) {
        // The results are checked by the tests of bisect and slice.
        heap::within(READ_BYTES, || drop(bisect_one::<G>(journal)));
        heap::within(READ_BYTES, || drop(bisect_pair::<G>(journal, other)));
        heap::within(READ_BYTES, || drop(bisect_pair::<G>(other, journal)));
        for (from, to) in [(Tick(0), Tick(u32::MAX)), (Tick(35), Tick(60)), (Tick(280), Tick(310))] {
            let cut = heap::within(READ_BYTES, || slice::<G>(journal, from, to));
            if let Ok(cut) = cut {
                Journal::open(&cut.bytes).expect("a slice must be a valid journal");
            }
        }
    }
}

/// Returns the number of ticks that can be played, up to [`MAX_TICKS`]; `None` when the first state does not load.
fn steps<G: Game>(journal: &Journal<'_>) -> Option<usize> {
    let mut playback = Playback::<G>::open(journal).ok()?;
    (0..MAX_TICKS).find(|_| !matches!(playback.advance(), Ok(Some(_)))).or(Some(MAX_TICKS))
}

/// An edit of the chunks of a journal: the kind, the chunk, the position in its bytes, and the value.
type Edit = (u8, u8, u16, u8);

/// Writes a journal of edited chunks, states included, with valid checksums.
fn forged(chunks: &[Chunk], edits: &[Edit]) -> Vec<u8> {
    let mut chunks = chunks.to_vec();
    for edit in edits {
        let at = usize::from(edit.1) % chunks.len().max(1);
        if at < chunks.len() {
            forge(&mut chunks, at, *edit);
        }
    }
    let (mut writer, mut out) = (JournalWriter::new().expect("memory"), Vec::new());
    for chunk in &chunks {
        writer.write(chunk, &mut out).expect("memory");
    }
    out
}

fn forge(chunks: &mut Vec<Chunk>, at: usize, (kind, _, position, value): Edit) {
    let chunk = &mut chunks[at];
    let position = usize::from(position) % chunk.bytes.len().max(1);
    match kind % 8 {
        0..=2 => chunk.bytes.iter_mut().skip(position).take(1).for_each(|byte| *byte ^= value),
        3 => chunk.bytes.truncate(position),
        4 => chunk.bytes.resize(chunk.bytes.len() + usize::from(value), value),
        5 => chunk.tick = Tick(u32::from(value) << (position % 25)),
        6 => chunks[at..].rotate_left(1),
        _ => {
            let copy = chunk.clone();
            chunks.insert(at, copy);
        }
    }
}

fn forged_journals_are_played_and_sliced_or_refused<G: Game>(iterations: usize) {
    let (whole, chunks) = sample::<G>();
    let valid = Journal::open(&whole).expect("a valid journal");
    let edits = produce::<Vec<Edit>>().with().len(1..6usize);
    check!().with_iterations(iterations).with_generator(edits).for_each(|edits| {
        let bytes = forged(&chunks, edits);
        if let Some(journal) = opened(&bytes) {
            read::<G>(&journal);
            play::<G>(&journal, &valid);
        }
    });
}

#[test]
fn damaged_journals_of_crowd_are_played_and_sliced_or_refused() {
    let (whole, _) = sample::<Crowd>();
    let valid = Journal::open(&whole).expect("a valid journal");
    check!().with_iterations(1_500).with_generator(Damage::any()).for_each(|damage| {
        let bytes = damage.applied(std::slice::from_ref(&whole));
        if let Some(journal) = opened(&bytes) {
            read::<Crowd>(&journal);
            play::<Crowd>(&journal, &valid);
        }
    });
}

#[test]
fn forged_journals_of_crowd_are_played_and_sliced_or_refused() {
    forged_journals_are_played_and_sliced_or_refused::<Crowd>(600);
}

#[test]
fn forged_journals_of_arena_are_played_and_sliced_or_refused() {
    forged_journals_are_played_and_sliced_or_refused::<Arena>(200);
}
