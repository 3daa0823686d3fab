//! Secrecy shown by difference: two runs that differ only in what a seat cannot see send it the same bytes.

use super::rig::see;
use crate::{
    arena::{Arena, ArenaEntity, Event, Fighter, Input, Settings, Team, Weapon},
    bits::{BitWriter, Bits},
    game::{Angle, Game, GameRng, Inputs, Occupant, Outbox, Point, Rewind, Setup, Step, UNIT},
    id::SeatId,
    snapshot::{Frame, Interest, SeatFrame, View, diff},
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

const TICKS: u32 = 900;
const SEATS: u16 = 6;
/// The seat whose view is compared.
const LOOKER: SeatId = SeatId(0);
/// The seat that acts differently in the two runs.
const HIDDEN: SeatId = SeatId(1);

/// One of the two runs.
struct Run {
    arena: Arena,
    rate: TickRate,
    /// The last view of [`LOOKER`], as a client without packet loss has it.
    base: Option<View<ArenaEntity>>,
}

impl Run {
    fn new(seed: u64, hz: u16) -> Self {
        let rate = TickRate::new(hz).unwrap();
        // Long enough that no match ends.
        let settings = Settings { time_limit_s: 3600, ..Settings::default() };
        let mut arena = Arena::new(&Setup { settings, seed, seats: SEATS, tick_rate: rate });
        (0..SEATS).for_each(|seat| arena.seat_taken(SeatId(seat), Occupant::Player));
        // A fighter with full health, armour and quiver takes no pickup, which others would see later.
        arena.player_mut(HIDDEN).unwrap().fighter.state.armour = Fighter::MAX_ARMOUR;
        // Bolts of team mates never hit: a hit is sent to its victim, and from then on the runs would differ rightly.
        arena.players_mut().for_each(|player| player.fighter.state.team = Some(Team::Red));
        Self { arena, rate, base: None }
    }

    /// Steps a tick and returns the encoded events for the looker.
    fn step(&mut self, inputs: &[Option<Input>]) -> Vec<u8> {
        let tick = self.arena.tick.next();
        let seen = vec![SubTick::of(tick).offset(-50); inputs.len()];
        let rewind = Rewind::new(tick, self.rate, &seen);
        let mut events = Outbox::new();
        // More than is ever needed, so that neither run takes a quiver from the floor, however often it shoots.
        self.arena.players_mut().for_each(|player| player.kit.state.quiver = u8::MAX);
        self.arena.step(Step { tick, inputs: Inputs::new(inputs), rewind, events: &mut events });
        let mut out = BitWriter::new();
        let visible = events.drain().filter(|(audience, _)| audience.includes(LOOKER));
        visible.for_each(|(_, event): (_, Event)| event.encode(&mut out));
        out.finish().to_vec()
    }

    /// The looker's view, encoded as a delta to its previous one.
    fn look(&mut self) -> Vec<u8> {
        let viewpoint = self.arena.view(LOOKER);
        let seat = SeatFrame { viewpoint, ..SeatFrame::default() };
        let frame = Frame::new(self.arena.tick, self.arena.entities(), vec![Some(seat)]);
        let mut view = View::default();
        Interest::new().pick(&frame, LOOKER, &mut view);
        let mut out = BitWriter::new();
        diff(self.base.as_ref(), &view, &mut out);
        self.base = Some(view);
        out.finish().to_vec()
    }

    fn at(&self, seat: SeatId) -> Point {
        self.arena.seats[seat.index()].as_ref().unwrap().fighter.state.body.at
    }

    /// The number of this seat's bolts in flight.
    fn bolts_of(&self, seat: SeatId) -> usize {
        self.arena.bolts.values().filter(|bolt| bolt.owner == seat).count()
    }

    /// Whether the looker sees neither the hidden fighter nor its bolts, and is out of its earshot.
    fn is_hidden(&self) -> bool {
        let mut view = Vec::new();
        see(&self.arena, LOOKER, &mut view);
        let is_it = |one: &ArenaEntity| match one {
            ArenaEntity::Fighter(one) => one.seat == HIDDEN,
            ArenaEntity::Bolt(bolt) => bolt.owner == HIDDEN,
            _ => false,
        };
        !view.iter().any(|(_, one)| is_it(one))
            && self.at(LOOKER).distance(self.at(HIDDEN)) > 24 * UNIT as u32
    }
}

/// A player that walks, dashes and shoots a crossbow, or draws a bow and lowers it again. It ignores the others, so the
/// hidden seat's actions do not influence them.
struct RandomPlayer {
    rng: GameRng,
    input: Input,
    until: Tick,
}

impl RandomPlayer {
    fn new(seed: u64, stream: u64) -> Self {
        Self { rng: GameRng::new(seed, stream), input: Input::default(), until: Tick(0) }
    }

    fn next(&mut self, tick: Tick) -> Option<Input> {
        let Self { rng, input, until } = self;
        if tick >= *until {
            *until = tick.after(5 + rng.below(40));
            let (move_x, move_y) = (rng.between(-127, 127) as i8, rng.between(-127, 127) as i8);
            let fire = rng.chance(3, 4);
            let drawn = if rng.chance(1, 3) { Weapon::Longbow } else { Weapon::Crossbow };
            let weapon = if fire { drawn } else { Weapon::Sword };
            let aim = Angle(rng.next_u32() as u16);
            *input = Input { move_x, move_y, aim, weapon, fire, dash: rng.chance(1, 2) };
        }
        Some(*input)
    }
}

#[test]
fn actions_out_of_sight_and_earshot_change_no_byte() {
    let (mut compared, mut different, mut shot) = (0, 0, 0);
    for (seed, hz) in (0..).zip([30, 30, 10, 60, 30, 128, 30, 30]) {
        let mut runs = [Run::new(seed, hz), Run::new(seed, hz)];
        let mut players: Vec<RandomPlayer> =
            (0..u64::from(SEATS)).map(|seat| RandomPlayer::new(seed, seat)).collect();
        let mut hidden = [100, 200].map(|stream| RandomPlayer::new(seed, stream));
        let mut was_hidden = false;
        for tick in (1..=TICKS).map(Tick) {
            let mut inputs: Vec<Option<Input>> = players.iter_mut().map(|player| player.next(tick)).collect();
            let events = [0, 1].map(|n| {
                inputs[HIDDEN.index()] = hidden[n].next(tick);
                runs[n].step(&inputs)
            });
            let is_hidden = runs.iter().all(Run::is_hidden);
            if is_hidden && was_hidden {
                assert_eq!(events[0], events[1], "events at {tick} of room {seed}");
            }
            if is_hidden {
                let [one, two] = &mut runs;
                assert_eq!(one.look(), two.look(), "the view at {tick} of room {seed}");
                compared += 1;
                different += u32::from(one.at(HIDDEN).distance(two.at(HIDDEN)) > 4 * UNIT as u32);
                shot += u32::from(one.bolts_of(HIDDEN) != two.bolts_of(HIDDEN) && one.bolts_of(LOOKER) > 0);
            }
            was_hidden = is_hidden;
        }
    }
    assert!(different > 2000, "{different} of {compared} ticks had a difference to hide");
    assert!(
        shot > 200,
        "{shot} ticks had a different number of hidden bolts while the looker had bolts in flight"
    );
}

/// Checks the comparison itself: as soon as the difference is visible, the bytes differ.
#[test]
fn visible_actions_change_bytes() {
    let mut differs = 0;
    for seed in 0..8 {
        let mut runs = [Run::new(seed, 30), Run::new(seed, 30)];
        let mut hidden = [100, 200].map(|stream| RandomPlayer::new(seed, stream));
        for tick in (1..=TICKS).map(Tick) {
            for (run, player) in runs.iter_mut().zip(&mut hidden) {
                let mut inputs = [None; SEATS as usize];
                inputs[HIDDEN.index()] = player.next(tick);
                run.step(&inputs);
            }
            let [one, two] = &mut runs;
            differs += u32::from(one.look() != two.look());
        }
    }
    assert!(differs > 0, "the hidden seat was never visible to the looker");
}
