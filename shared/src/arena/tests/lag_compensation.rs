//! Lag compensation: a hit on the displayed positions is a hit in the room, and the rewind gives no other advantage.

use super::rig::Rig;
use crate::{
    arena::{Arena, ArenaEntity, Event, Fighter, Input, Settings, Weapon, arrow_target, releases_arrow},
    bits::BitWriter,
    game::{Angle, Entity, Game, Inputs, Occupant, Outbox, Point, Rewind, Setup, Step, UNIT},
    id::SeatId,
    limits::MAX_REWIND_MS,
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

const RATES: [u16; 4] = [10, 30, 60, 128];
const SHOOTER: SeatId = SeatId(0);
const RUNNER: SeatId = SeatId(1);

/// A shooter in the west and a runner in the east, on open floor.
struct Duel {
    arena: Arena,
    setup: Setup<Settings>,
    /// The runner's position at each tick.
    positions: Vec<Point>,
}

impl Duel {
    fn new(hz: u16, apart: i32) -> Self {
        let tick_rate = TickRate::new(hz).unwrap();
        let setup = Setup { settings: Settings::default(), seed: 1, seats: 3, tick_rate };
        let mut arena = Arena::new(&setup);
        (0..2).for_each(|seat| arena.seat_taken(SeatId(seat), Occupant::Player));
        let (arms, length) = (Point::new(0, 3 * UNIT), Point::new(apart, 0));
        let map = arena.map.clone();
        let is_open = |at: &Point| {
            let east = *at + length;
            map.is_free(east - arms, east + arms)
                && [-arms, Point::default(), arms].into_iter().all(|arm| map.is_free(*at, east + arm))
        };
        let west = map.floor().find(is_open).expect("this map has open floor");
        let mut duel = Self { arena, setup, positions: Vec::new() };
        duel.put(SHOOTER, west);
        duel.put(RUNNER, west + length - arms);
        duel
    }

    fn fighter(&mut self, seat: SeatId) -> &mut Fighter {
        &mut self.arena.player_mut(seat).unwrap().fighter.state
    }

    fn put(&mut self, seat: SeatId, at: Point) {
        self.fighter(seat).body.at = at;
    }

    /// Steps one tick and returns its events.
    fn step(&mut self, shooter: Input, runner: Input, seen: SubTick) -> Vec<Event> {
        let tick = self.arena.tick.next();
        let (inputs, seen) = ([Some(shooter), Some(runner), None], [seen]);
        let rewind = Rewind::new(tick, self.setup.tick_rate, &seen);
        let mut events = Outbox::new();
        self.arena.step(Step { tick, inputs: Inputs::new(&inputs), rewind, events: &mut events });
        let at = self.fighter(RUNNER).body.at;
        self.positions.push(at);
        events.drain().map(|(_, event)| event).collect()
    }

    /// Draws the bow while the runner runs south, for `ms` milliseconds.
    fn draw(&mut self, ms: u32) {
        for _ in 0..self.setup.tick_rate.ticks(ms) {
            self.step(bow(true, Angle(0)), running(), self.now());
        }
    }

    fn now(&self) -> SubTick {
        SubTick::of(self.arena.tick.next())
    }

    /// The time `ms` milliseconds before the next tick.
    fn ago(&self, ms: u32) -> SubTick {
        let sixteenths = ms * u32::from(self.setup.tick_rate.hz()) * SubTick::PER_TICK / 1000;
        self.now().offset(-i64::from(sixteenths))
    }

    /// The runner's displayed position at `moment`, interpolated between two ticks.
    fn seen_at(&self, moment: SubTick) -> Point {
        let place = |tick: Tick| self.positions[tick.0 as usize - 1];
        place(moment.tick()).towards(place(moment.tick().next()), moment.part(), SubTick::PER_TICK)
    }

    fn direction_to(&mut self, at: Point) -> Angle {
        Angle::of(at - self.fighter(SHOOTER).body.at)
    }

    /// Releases an arrow at a position, as seen at `seen`. Returns whether it hits.
    fn shoot(&mut self, at: Point, seen: SubTick, runner: Input) -> bool {
        let aim = self.direction_to(at);
        let events = self.step(bow(false, aim), runner, seen);
        assert!(events.iter().any(|event| matches!(event, Event::Fired { .. })), "an arrow is released");
        is_hit(&events)
    }

    /// A position out of the shooter's line of sight.
    fn cover(&mut self) -> Point {
        let from = self.fighter(SHOOTER).body.at;
        let map = &self.arena.map;
        map.floor().find(|at| !map.is_free(from, *at)).expect("this map has walls")
    }
}

fn bow(fire: bool, aim: Angle) -> Input {
    Input { weapon: Weapon::Longbow, fire, aim, ..Input::default() }
}

fn running() -> Input {
    Input { move_y: 127, ..Input::default() }
}

fn is_hit(events: &[Event]) -> bool {
    events.iter().any(|event| matches!(event, Event::Hit { .. }))
}

#[test]
fn a_shot_at_a_runner_hits_where_the_shooter_saw_it() {
    for hz in RATES {
        for ago_ms in [110, 150, 200, 250] {
            let mut duel = Duel::new(hz, 6 * UNIT);
            duel.draw(600);
            let seen = duel.ago(ago_ms);
            let at = duel.seen_at(seen);
            assert!(duel.shoot(at, seen, running()), "seen {ago_ms} ms ago at {hz} Hz");
        }
    }
}

#[test]
fn the_same_shot_misses_without_rewind() {
    for hz in RATES {
        for ago_ms in [110, 150, 200, 250] {
            let mut duel = Duel::new(hz, 6 * UNIT);
            duel.draw(600);
            let (seen, now) = (duel.ago(ago_ms), duel.now());
            let at = duel.seen_at(seen);
            assert!(!duel.shoot(at, now, running()), "seen {ago_ms} ms ago at {hz} Hz");
        }
    }
}

#[test]
fn a_shot_at_a_fighter_in_cover_hits_within_a_quarter_second_and_misses_later() {
    for hz in RATES {
        let rate = TickRate::new(hz).unwrap();
        for ticks in 1..=rate.ticks(2 * MAX_REWIND_MS) {
            let mut duel = Duel::new(hz, 6 * UNIT);
            duel.draw(600);
            let (seen, cover) = (SubTick::of(duel.arena.tick), duel.cover());
            let at = duel.seen_at(seen.offset(-1));
            duel.put(RUNNER, cover);
            (1..ticks).for_each(|_| drop(duel.step(bow(true, Angle(0)), Input::default(), seen)));
            let is_soon = ticks * 1000 <= MAX_REWIND_MS * u32::from(hz);
            // In the last tick before the bound the runner is interpolated between its old position and the cover, to which it
            // was teleported: there, hit and miss are both accepted.
            let hits = duel.shoot(at, seen, Input::default());
            let is_last = (ticks - 1) * 1000 < MAX_REWIND_MS * u32::from(hz);
            assert!(hits == is_soon || is_last && hits, "{ticks} ticks in cover at {hz} Hz: {hits}");
        }
    }
}

#[test]
fn a_forged_view_time_rewinds_no_more_than_a_quarter_second() {
    for hz in RATES {
        for forged in [SubTick::default(), SubTick::from_sixteenths(7)] {
            let mut duel = Duel::new(hz, 6 * UNIT);
            duel.draw(700);
            let at = duel.seen_at(duel.ago(2 * MAX_REWIND_MS));
            assert!(!duel.shoot(at, forged, running()), "half a second ago is out of reach at {hz} Hz");
            let mut duel = Duel::new(hz, 6 * UNIT);
            duel.draw(700);
            let at = duel.seen_at(duel.ago(MAX_REWIND_MS));
            assert!(
                duel.shoot(at, forged, running()),
                "a forged time counts as a quarter second ago at {hz} Hz"
            );
        }
    }
}

#[test]
fn a_view_time_in_the_future_counts_as_now() {
    for hz in RATES {
        for ahead in [1, 16, i64::from(u32::MAX)] {
            let mut duel = Duel::new(hz, 6 * UNIT);
            duel.draw(600);
            let last = duel.fighter(RUNNER).clone();
            let (at, future) = (last.body.extrapolate(1).at, duel.now().offset(ahead));
            assert!(duel.shoot(at, future, running()), "{ahead} sixteenths ahead at {hz} Hz");
        }
    }
}

#[test]
fn a_sword_hits_a_fighter_that_its_owner_saw_in_reach() {
    for hz in RATES {
        for (is_rewound, hits) in [(true, true), (false, false)] {
            let mut duel = Duel::new(hz, 512);
            let near = duel.fighter(SHOOTER).body.at + Point::new(500, 0);
            duel.put(RUNNER, near);
            let away = Input { move_x: 127, ..Input::default() };
            (0..duel.setup.tick_rate.ticks(300))
                .for_each(|_| drop(duel.step(Input::default(), away, duel.now())));
            let seen = if is_rewound { duel.ago(MAX_REWIND_MS) } else { duel.now() };
            let swing = Input { weapon: Weapon::Sword, fire: true, ..Input::default() };
            assert_eq!(is_hit(&duel.step(swing, away, seen)), hits, "rewound: {is_rewound}, at {hz} Hz");
        }
    }
}

#[test]
fn a_fighter_eliminated_after_the_displayed_time_takes_no_hit_and_stops_no_arrow() {
    let mut duel = Duel::new(30, 6 * UNIT);
    duel.arena.seat_taken(SeatId(2), Occupant::Player);
    duel.draw(600);
    let at = duel.fighter(RUNNER).body.at;
    duel.fighter(RUNNER).health = 0;
    duel.arena.player_mut(RUNNER).unwrap().kit.state.respawn_ticks = 60;
    duel.put(SeatId(2), at);
    let tick = |duel: &mut Duel| duel.step(bow(true, Angle(0)), Input::default(), duel.now());
    assert!(!is_hit(&tick(&mut duel)));
    let (aim, seen) = (duel.direction_to(at), duel.ago(20));
    let events = duel.step(bow(false, aim), Input::default(), seen);
    let hit = events.iter().find_map(|event| match event {
        Event::Hit { victim, .. } => Some(*victim),
        _ => None,
    });
    assert_eq!(hit, Some(SeatId(2)), "the arrow passes the eliminated fighter and hits the next");
}

#[test]
fn a_respawned_fighter_cannot_be_hit_at_its_old_position() {
    let mut duel = Duel::new(30, 6 * UNIT);
    duel.draw(600);
    let (seen, at) = (SubTick::of(duel.arena.tick), duel.fighter(RUNNER).body.at);
    duel.fighter(RUNNER).health = 0;
    duel.arena.player_mut(RUNNER).unwrap().kit.state.respawn_ticks = 2;
    (0..2).for_each(|_| drop(duel.step(bow(true, Angle(0)), Input::default(), seen)));
    assert!(duel.fighter(RUNNER).is_alive() && duel.fighter(RUNNER).body.at != at);
    assert!(!duel.shoot(at, seen, Input::default()));
}

#[test]
fn a_new_occupant_cannot_be_hit_where_the_previous_one_stood() {
    let mut duel = Duel::new(30, 6 * UNIT);
    duel.draw(600);
    let (seen, at) = (SubTick::of(duel.arena.tick), duel.fighter(RUNNER).body.at);
    duel.arena.seat_left(RUNNER);
    duel.arena.seat_taken(RUNNER, Occupant::Player);
    assert!(!duel.shoot(at, seen, Input::default()));
}

/// The fighter that an arrow hits when the shooter's client displays the others in the past, computed from entities alone, is
/// the fighter that it hits in the room.
#[test]
fn a_hit_on_the_displayed_positions_is_a_hit_in_the_room() {
    for (hz, lag) in [(10, 33), (30, 0), (30, 45), (30, 120), (60, 131), (128, 509)] {
        let mut rig = Rig::new(&["hunt"; 12], Settings::default(), hz, 17);
        rig.lag = lag;
        let mut shown: Vec<Vec<Fighter>> = vec![rig.fighters().cloned().collect()];
        let (mut arrows, mut hits) = (0, 0);
        for _ in 0..u32::from(hz) * 60 {
            let kits: Vec<_> = rig.arena.players().map(|player| player.kit.state.clone()).collect();
            let map = rig.arena.map().clone();
            let (inputs, events) = rig.step_with_inputs();
            let is_calm = !events.iter().any(|event| {
                matches!(
                    event,
                    Event::Eliminated { .. } | Event::MatchStarted { .. } | Event::MatchEnded { .. }
                )
            });
            let before = shown.last().unwrap().clone();
            shown.push(rig.fighters().cloned().collect());
            let moment = SubTick::of(rig.tick).offset(-i64::from(lag));
            for (seat, input) in (0..).map(SeatId).zip(&inputs) {
                let (own, kit) = (&before[seat.index()], &kits[seat.index()]);
                if !is_calm || !releases_arrow(own, kit, input, rig.setup.tick_rate) {
                    continue;
                }
                let now = shown.last().unwrap();
                let alive = |other: &Fighter| now[other.seat.index()].is_alive();
                let targets: Vec<Fighter> = displayed(&shown, moment).filter(alive).collect();
                let target = arrow_target(&map, &now[seat.index()], targets.iter());
                let hit = events.iter().find_map(|event| match *event {
                    Event::Hit { by, victim, weapon: Weapon::Longbow, .. } if by == seat => Some(victim),
                    _ => None,
                });
                assert_eq!(target, hit, "{seat} at {} and {hz} Hz", rig.tick);
                arrows += 1;
                hits += u32::from(hit.is_some());
            }
        }
        assert!(arrows > 20 && hits > 0, "{hits} hits of {arrows} arrows at {hz} Hz");
    }
}

/// All fighters as a client displays them at `moment`.
fn displayed(shown: &[Vec<Fighter>], moment: SubTick) -> impl Iterator<Item = Fighter> {
    let frame = |tick: Tick| &shown[(tick.0 as usize).min(shown.len() - 1)];
    let pairs = frame(moment.tick()).iter().zip(frame(moment.tick().next()));
    pairs.map(move |(old, new)| {
        let (old, new) = (ArenaEntity::Fighter(old.clone()), ArenaEntity::Fighter(new.clone()));
        match old.interpolate(&new, moment.part(), SubTick::PER_TICK) {
            ArenaEntity::Fighter(fighter) => fighter,
            other => panic!("a fighter is displayed as {other:?}"),
        }
    })
}

#[test]
fn the_position_history_is_saved_compactly() {
    let mut rig = Rig::new(&["hunt"; 16], Settings::default(), 30, 4);
    (0..300).for_each(|_| drop(rig.step()));
    let mut out = BitWriter::new();
    rig.arena.history.save(&mut out);
    let bytes = out.finish().len();
    assert!(bytes < 400, "{bytes} bytes for ten ticks of sixteen fighters");
}
