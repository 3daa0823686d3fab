//! Determinism: the same seed and entries give the same state at every tick, in a second run, through checkpoints, and on the
//! room's own code path.

use quarrel_shared::{
    arena::{Arena, Mode, Settings},
    bits::{BitReader, BitWriter},
    crowd::{Crowd, CrowdSettings},
    game::{Brain, Checksum, Game, Observation, Occupant, Outbox, Setup, checksum},
    id::SeatId,
    journal::{Entries, SeatChange},
    snapshot::{Frame, Interest, SeatFrame, View},
    tick::{Tick, TickRate},
};

/// Enough for fights, deaths, pickups, a match's end and the next one's start; a minute would cover no more.
const TICKS: u32 = 900;

/// The recorded entries of a room, tick by tick, and its checksum after each.
struct Played<G: Game> {
    setup: Setup<G::Settings>,
    entries: Vec<Entries<G::Input>>,
    checksums: Vec<Checksum>,
}

/// Lets bots play and records their entries. Seats change hands meanwhile.
fn play<G: Game>(settings: G::Settings, seats: u16, seed: u64) -> Played<G> {
    let setup = Setup { settings, seed, seats, tick_rate: TickRate::default() };
    let mut game = G::new(&setup);
    let mut brains: Vec<_> = (0..seats).map(|seat| brain::<G>(seed + u64::from(seat))).collect();
    let mut played = Played { setup, entries: Vec::new(), checksums: Vec::new() };
    let (mut interest, mut view, mut scratch) = (Interest::new(), View::default(), BitWriter::new());
    for tick in (1..=TICKS).map(Tick) {
        let frame = frame(&game, tick, seats);
        let mut entries = Entries::idle(seats);
        entries.changes = changes(tick, seats);
        for (seat, (brain, input)) in (0..).map(SeatId).zip(brains.iter_mut().zip(&mut entries.inputs)) {
            interest.pick(&frame, seat, &mut view);
            let seen = Observation { tick, rate: played.setup.tick_rate, seat, entities: &view.entities };
            *input = Some(brain.decide(seen));
        }
        entries.apply(&mut game, tick, TickRate::DEFAULT, &mut Outbox::new());
        played.checksums.push(checksum(&game, &mut scratch));
        played.entries.push(entries);
    }
    played
}

fn brain<G: Game>(seed: u64) -> Box<dyn Brain<G>> {
    let skills = G::SKILLS;
    G::brain(skills[seed as usize % skills.len()], seed).expect("a brain for each skill that the game names")
}

/// Every seat is taken at the first tick; later one seat after another changes hands.
fn changes(tick: Tick, seats: u16) -> Vec<SeatChange> {
    let taken = |seat| SeatChange::Taken(SeatId(seat), Occupant::Bot);
    match tick.0 {
        1 => (0..seats).map(taken).collect(),
        n if n % 100 == 0 => {
            let seat = (n / 100) as u16 % seats;
            vec![SeatChange::Left(SeatId(seat)), taken(seat)]
        }
        _ => Vec::new(),
    }
}

fn frame<G: Game>(game: &G, tick: Tick, seats: u16) -> Frame<G::Entity> {
    let seat = |seat| Some(SeatFrame { viewpoint: game.view(SeatId(seat)), ..SeatFrame::default() });
    Frame::new(tick, game.entities(), (0..seats).map(seat).collect())
}

/// Replays the entries with a checkpoint after every `checkpoint` ticks and compares the checksum of each tick with the first
/// run.
fn replay<G: Game>(played: &Played<G>, checkpoint: Option<u32>) {
    let mut game = G::new(&played.setup);
    let mut scratch = BitWriter::new();
    for (tick, (entries, expected)) in (1..).map(Tick).zip(played.entries.iter().zip(&played.checksums)) {
        entries.apply(&mut game, tick, TickRate::DEFAULT, &mut Outbox::new());
        assert_eq!(
            checksum(&game, &mut scratch),
            *expected,
            "a replay of {} must have the same checksum at tick {tick}",
            G::NAME
        );
        if checkpoint.is_some_and(|every| tick.0 % every == 0) {
            scratch.clear();
            game.save(&mut scratch);
            game = G::load(&played.setup, &mut BitReader::new(scratch.finish())).expect("a saved state");
        }
    }
}

fn replays<G: Game>(played: &Played<G>) {
    replay(played, None);
    replay(played, Some(TICKS / 2));
    replay(played, Some(7));
    let changed = played.checksums.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changed as u32 > TICKS / 2, "the state must change in more than half of the ticks");
}

#[test]
fn an_arena_plays_the_same_twice_and_through_checkpoints() {
    let settings = Settings { score_to_win: 2, result_s: 1, ..Settings::default() };
    replays(&play::<Arena>(settings, 8, 41));
}

#[test]
fn a_team_match_plays_the_same_twice_and_through_checkpoints() {
    let settings = Settings { mode: Mode::Teams, score_to_win: 5, result_s: 1, ..Settings::default() };
    replays(&play::<Arena>(settings, 6, 42));
}

#[test]
fn a_crowd_plays_the_same_twice_and_through_checkpoints() {
    replays(&play::<Crowd>(CrowdSettings {}, 60, 43));
}

#[test]
fn another_seed_gives_another_state() {
    let [first, second] = [44, 45].map(|seed| play::<Arena>(Settings::default(), 4, seed));
    assert_ne!(first.checksums.last(), second.checksums.last(), "the seed must influence the state");
}
