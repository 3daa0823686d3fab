//! Journals as anybody may hand them in: any bytes, real journals with damage, and blocks that are whole and hold anything.
//!
//! Whatever loads is stepped, of Arena too: a state that somebody forged is refused or borne. Programs that play journals catch
//! unwinds all the same, for a game may be anybody's.

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

/// How many ticks of a journal are read or played: a block of a few bytes may say that nothing happens for 65,535 of them, and each
/// of those is honest work.
const TICKS: usize = 400;

/// What the list of blocks may take, a byte: the shortest block has seven bytes and a place of 72 in a list that grows by doubling.
const LISTED_TIMES: u64 = 40;

/// What reading may take beside: a block's payload at its longest, unsqueezed into a buffer that doubles, and the state in it.
const READ_BYTES: u64 = 5 * block::MAX_PAYLOAD_BYTES as u64;

/// A journal of two segments, a mark and an end; and what the storage was handed of it.
fn sample<G: Game>() -> (Vec<u8>, Vec<Chunk>) {
    let setup =
        Setup { settings: G::Settings::default(), seed: 9, seats: SEATS, tick_rate: TickRate::DEFAULT };
    let mut room = RecordedRoom::<G>::open(setup, brains(SEATS, 1), 1);
    room.play(40);
    room.note(&Annotation::Mark { reason: "look here".to_owned() });
    room.play(275);
    let pieces = room.pieces().to_vec();
    (room.end("room_closed"), pieces)
}

/// Opens it and asks it everything that it says without its game; `None` when it is no journal.
fn opened(bytes: &[u8]) -> Option<Journal<'_>> {
    let most = LISTED_TIMES * bytes.len() as u64 + 64 * 1024;
    let journal = heap::within(most, || Journal::open(bytes)).ok()?;
    assert!(journal.valid_bytes() <= bytes.len(), "no more is good than is there");
    heap::within(READ_BYTES, || {
        assert!(journal.annotations().count() <= journal.blocks().len());
        let ticks: Vec<_> = journal.index().iter().map(|entry| entry.tick).collect();
        assert!(ticks.is_sorted(), "ticks never go back");
    });
    Some(journal)
}

/// Reads every segment, some ticks of each.
fn read<G: Game>(journal: &Journal<'_>) {
    for number in 0..journal.checkpoints().len() {
        heap::within(READ_BYTES, || {
            let Ok(mut segment): Result<Segment<'_, G::Input>, _> = journal.segment(number) else { return };
            let mut last = segment.checkpoint().tick;
            for _ in 0..TICKS {
                let Ok(Some(record)) = segment.next_tick() else { return };
                assert_eq!(record.tick, last.next(), "no tick is left out");
                last = record.tick;
            }
        });
    }
}

/// Plays it, as far as that is honest work, and does with it whatever the command line can.
fn play<G: Game>(journal: &Journal<'_>, other: &Journal<'_>) {
    if heap::within(READ_BYTES, || steps::<G>(journal)).is_some_and(|ticks| ticks < TICKS) {
        // What these come to is for the tests of bisect and slice to say.
        heap::within(READ_BYTES, || drop(bisect_one::<G>(journal)));
        heap::within(READ_BYTES, || drop(bisect_pair::<G>(journal, other)));
        heap::within(READ_BYTES, || drop(bisect_pair::<G>(other, journal)));
        for (from, to) in [(Tick(0), Tick(u32::MAX)), (Tick(35), Tick(60)), (Tick(280), Tick(310))] {
            let cut = heap::within(READ_BYTES, || slice::<G>(journal, from, to));
            if let Ok(cut) = cut {
                Journal::open(&cut.bytes).expect("a slice is a journal");
            }
        }
    }
}

/// How many ticks of it can be played, up to [`TICKS`]; `None` when it does not even begin.
fn steps<G: Game>(journal: &Journal<'_>) -> Option<usize> {
    let mut playback = Playback::<G>::open(journal).ok()?;
    (0..TICKS).find(|_| !matches!(playback.advance(), Ok(Some(_)))).or(Some(TICKS))
}

/// Something done to the pieces of a journal before they are packed: what, to which, where, and by how much.
type Edit = (u8, u8, u16, u8);

/// The pieces, forged, states among them; the journal of them is whole in every CRC.
fn forged(pieces: &[Chunk], edits: &[Edit]) -> Vec<u8> {
    let mut pieces = pieces.to_vec();
    for edit in edits {
        let at = usize::from(edit.1) % pieces.len().max(1);
        if at < pieces.len() {
            forge(&mut pieces, at, *edit);
        }
    }
    let (mut writer, mut out) = (JournalWriter::new().expect("memory"), Vec::new());
    for piece in &pieces {
        writer.write(piece, &mut out).expect("memory");
    }
    out
}

fn forge(pieces: &mut Vec<Chunk>, at: usize, (what, _, place, by): Edit) {
    let piece = &mut pieces[at];
    let place = usize::from(place) % piece.bytes.len().max(1);
    match what % 8 {
        0..=2 => piece.bytes.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= by),
        3 => piece.bytes.truncate(place),
        4 => piece.bytes.resize(piece.bytes.len() + usize::from(by), by),
        5 => piece.tick = Tick(u32::from(by) << (place % 25)),
        6 => pieces[at..].rotate_left(1),
        _ => {
            let twice = piece.clone();
            pieces.insert(at, twice);
        }
    }
}

fn forged_journals_are_read_played_and_cut_or_refused<G: Game>(iterations: usize) {
    let (whole, pieces) = sample::<G>();
    let right = Journal::open(&whole).expect("a journal");
    let edits = produce::<Vec<Edit>>().with().len(1..6usize);
    check!().with_iterations(iterations).with_generator(edits).for_each(|edits| {
        let bytes = forged(&pieces, edits);
        if let Some(journal) = opened(&bytes) {
            read::<G>(&journal);
            play::<G>(&journal, &right);
        }
    });
}

#[test]
fn damaged_journals_of_walkers_are_read_played_and_cut_or_refused() {
    let (whole, _) = sample::<Crowd>();
    let right = Journal::open(&whole).expect("a journal");
    check!().with_iterations(1_500).with_generator(Damage::any()).for_each(|damage| {
        let bytes = damage.applied(std::slice::from_ref(&whole));
        if let Some(journal) = opened(&bytes) {
            read::<Crowd>(&journal);
            play::<Crowd>(&journal, &right);
        }
    });
}

#[test]
fn forged_journals_of_walkers_are_read_played_and_cut_or_refused() {
    forged_journals_are_read_played_and_cut_or_refused::<Crowd>(600);
}

#[test]
fn forged_journals_of_an_arena_are_read_played_and_cut_or_refused() {
    forged_journals_are_read_played_and_cut_or_refused::<Arena>(200);
}
