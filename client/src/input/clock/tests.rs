//! The schedule against a server that steps and a link that delays.

use std::collections::VecDeque;

use super::*;

const MS: Duration = Duration::from_millis(1);

/// A server that steps and a link that delays, in steps of a millisecond.
struct World {
    hz: u16,
    clock: ClientClock,
    now: Duration,
    one_way: Duration,
    jitter: u32,
    /// For how long snapshots are held up on their way, at each moment.
    held_up: fn(Duration) -> Duration,
    /// When the server stops and goes on: it lets that time slip.
    pause: std::ops::Range<Duration>,
    slipped: Duration,
    up: VecDeque<(Duration, Tick)>,
    down: VecDeque<(Duration, Tick, Option<i16>)>,
    server_tick: Tick,
    margin: Option<i16>,
    random: u32,
    sent: Vec<Slot>,
    late: u32,
}

impl World {
    /// `first_guess` is what the client takes the round trip for.
    fn new(one_way_ms: u32, jitter_ms: u32, first_guess_ms: u32) -> Self {
        Self::of(30, one_way_ms, jitter_ms, first_guess_ms)
    }

    fn of(hz: u16, one_way_ms: u32, jitter_ms: u32, first_guess_ms: u32) -> Self {
        let rate = TickRate::new(hz).unwrap();
        Self {
            hz,
            clock: ClientClock::new(rate, Tick(1000), Duration::ZERO, first_guess_ms * MS),
            now: Duration::ZERO,
            one_way: one_way_ms * MS,
            jitter: jitter_ms,
            held_up: |_| Duration::ZERO,
            pause: Duration::MAX..Duration::MAX,
            slipped: Duration::ZERO,
            up: VecDeque::new(),
            down: VecDeque::new(),
            server_tick: Tick(1000 + one_way_ms * u32::from(hz) / 1000),
            margin: None,
            random: 1,
            sent: Vec::new(),
            late: 0,
        }
    }

    fn delay(&mut self) -> Duration {
        self.random = self.random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.one_way + (self.random >> 16) % (self.jitter + 1) * MS
    }

    fn margin_ticks(&self) -> f64 {
        f64::from(self.margin.unwrap()) / 16.0
    }

    /// How early inputs come over so many milliseconds, on average.
    fn margin_ms_over(&mut self, ms: u32) -> f64 {
        let mut sum = 0.0;
        for _ in 0..ms {
            self.run_ms(1);
            sum += self.margin_ticks() * 1000.0 / f64::from(self.hz);
        }
        sum / f64::from(ms)
    }

    /// The server stands still for so long, from now on.
    fn stop_server(&mut self, ms: u32) {
        self.pause = self.now..self.now + ms * MS;
        self.run_ms(ms);
    }

    /// When the server makes this tick.
    fn step_at(&self, tick: Tick) -> Duration {
        let since = tick.0 as f64 - 1000.0 - self.one_way.as_secs_f64() * f64::from(self.hz);
        let at = Duration::try_from_secs_f64(since / f64::from(self.hz)).unwrap_or_default();
        at + self.slipped
    }

    fn run(&mut self, seconds: u32) {
        self.run_ms(seconds * 1000);
    }

    fn run_ms(&mut self, ms: u32) {
        for _ in 0..ms {
            self.now += MS;
            self.client();
            self.server();
        }
    }

    fn client(&mut self) {
        while self.down.front().is_some_and(|(at, ..)| *at <= self.now) {
            let (_, tick, margin) = self.down.pop_front().unwrap();
            self.clock.heard(tick, margin, true, self.now, 2 * self.one_way);
        }
        while let Some(slot) = self.clock.due(self.now) {
            self.sent.push(slot);
            let arrives = self.now + self.delay();
            self.up.push_back((arrives, slot.tick));
        }
    }

    fn server(&mut self) {
        if self.pause.contains(&self.now) {
            self.slipped += MS;
            return;
        }
        while self.up.front().is_some_and(|(at, _)| *at <= self.now) {
            let (at, tick) = self.up.pop_front().unwrap();
            let early = self.step_at(tick).as_secs_f64() - at.as_secs_f64();
            if early > 1.0 {
                continue;
            }
            self.margin = Some((early * f64::from(self.hz) * 16.0) as i16);
            self.late += u32::from(early < 0.0);
        }
        while self.step_at(self.server_tick.next()) <= self.now {
            self.server_tick = self.server_tick.next();
            let arrives = self.now + self.delay() + (self.held_up)(self.now);
            self.down.push_back((arrives, self.server_tick, self.margin));
        }
    }
}

#[test]
fn inputs_arrive_before_they_are_used_once_the_clock_has_settled() {
    for (one_way, jitter, first_guess) in [(0, 0, 1), (20, 5, 40), (60, 20, 120), (100, 0, 20), (10, 5, 300)]
    {
        let mut world = World::new(one_way, jitter, first_guess);
        world.run(20);
        world.late = 0;
        world.run(20);
        let margin = world.margin_ticks();
        assert!(world.late <= 6, "{} of 600 inputs were late at {one_way} ms", world.late);
        assert!((0.0..3.0).contains(&margin), "a margin of {margin} ticks is small at {one_way} ms");
    }
}

#[test]
fn a_first_guess_that_was_wrong_costs_a_round_trip_of_inputs_and_no_more() {
    for first_guess in [0, 400] {
        let mut world = World::new(50, 0, first_guess);
        world.run(1);
        world.late = 0;
        world.run(1);
        let margin = world.margin_ticks();
        assert_eq!(world.late, 0, "guessed {first_guess} ms");
        assert!((0.0..1.0).contains(&margin), "{margin} ticks early after a guess of {first_guess} ms");
    }
}

#[test]
fn ticks_are_sent_one_by_one_and_stretched_by_five_percent_at_most() {
    let mut world = World::new(60, 10, 120);
    world.run(1);
    world.sent.clear();
    // A longer way, as after a change of network: the schedule must move by more than a tick.
    world.one_way = 110 * MS;
    world.run(20);
    for pair in world.sent.windows(2) {
        let gap = (pair[1].due - pair[0].due).as_secs_f64() * f64::from(world.hz);
        assert_eq!(pair[1].tick, pair[0].tick.next());
        assert!((0.9499..1.0501).contains(&gap), "a tick of {gap} periods");
    }
}

#[test]
fn a_caller_who_slept_for_less_than_a_second_gets_each_tick_with_its_own_time() {
    let mut clock = ClientClock::new(TickRate::default(), Tick(10), Duration::ZERO, 20 * MS);
    let first = clock.wake_at();
    let slots: Vec<_> = std::iter::from_fn(|| clock.due(first + 500 * MS)).collect();
    assert_eq!(slots.len(), 16, "half a second and the tick at its start");
    assert_eq!(slots[0].due, first);
}

#[test]
fn a_stall_of_the_client_skips_what_was_missed_instead_of_sending_a_burst() {
    let mut world = World::new(20, 0, 40);
    world.run(5);
    let before = world.sent.len();
    world.now += 4000 * MS;
    world.server();
    world.run(1);
    let burst = world.sent[before..].iter().filter(|slot| slot.due < Duration::from_millis(9001)).count();
    assert!(burst <= 1, "{burst} inputs at once");
    world.run(5);
    world.late = 0;
    world.run(5);
    assert_eq!(world.late, 0, "the schedule is back ahead of the server");
}

#[test]
fn a_silence_of_the_link_does_not_move_the_schedule() {
    let mut world = World::new(20, 0, 40);
    world.run(10);
    // The last that is heard is that inputs come half a tick too early.
    (0..20).for_each(|_| world.clock.margin.push(world.margin_ticks() + 0.5));
    let drift = |world: &World| {
        let next = world.clock.next;
        next.due.as_secs_f64() * f64::from(world.hz) - f64::from(next.tick.0)
    };
    let before = drift(&world);
    (0..9000).for_each(|_| {
        world.now += MS;
        world.client();
    });
    let ticks = drift(&world) - before;
    assert!(ticks.abs() < 0.5, "{ticks} ticks off after nine seconds of silence");
}

#[test]
fn a_server_that_let_seconds_slip_is_followed_at_once() {
    let mut world = World::new(20, 0, 40);
    world.run(5);
    world.pause = world.now..world.now + 3000 * MS;
    world.run(5);
    let margin = world.margin_ticks();
    assert!(margin < 3.0, "inputs are {margin} ticks early two seconds after the stall");
}

#[test]
fn a_slip_of_under_a_second_is_over_soon_after_the_server_goes_on() {
    for hz in [20, 30, 60] {
        for jitter in [0, 20] {
            for slip in [150, 370, 800] {
                let what = format!("{slip} ms slipped at {hz} Hz, with {jitter} ms of jitter");
                let mut world = World::of(hz, 20, jitter, 40);
                world.run(10);
                let before = world.margin_ms_over(1000);
                world.stop_server(slip);
                world.late = 0;
                // A few snapshots must agree, then the slip is waited through, and the first input after it arrives.
                world.run_ms(slip + 350);
                let after = world.margin_ms_over(500);
                assert!((after - before).abs() < 50.0, "{what}: {before} ms early, then {after} ms");
                let later = world.margin_ms_over(5000);
                assert!((later - before).abs() < 30.0, "{what}: {before} ms early, in the end {later} ms");
                assert!(world.late <= 5, "{what}: {} inputs late after it", world.late);
                let (_, ticks) = world.sent.split_at(10);
                assert!(ticks.len() > 100, "{what}: {} inputs", ticks.len());
                let is_whole = ticks.windows(2).all(|pair| pair[1].tick == pair[0].tick.next());
                assert!(is_whole, "{what}: each tick has its input, once");
            }
        }
    }
}

#[test]
fn a_slip_does_not_make_the_wanted_margin_larger() {
    let mut world = World::new(20, 5, 40);
    world.run(10);
    let before = world.clock.margin.wanted();
    world.stop_server(370);
    world.run(1);
    let after = world.clock.margin.wanted();
    assert!((after - before).abs() < 0.3, "{before} ticks, then {after}");
}

#[test]
fn snapshots_that_are_held_up_on_their_way_pause_nothing() {
    let mut world = World::new(20, 10, 40);
    world.run(5);
    world.sent.clear();
    world.held_up = |now| if now.as_millis() % 2000 < 700 { 300 * MS } else { Duration::ZERO };
    world.run(20);
    let gaps =
        world.sent.windows(2).map(|pair| (pair[1].due - pair[0].due).as_secs_f64() * f64::from(world.hz));
    let longest = gaps.fold(0.0, f64::max);
    assert!(longest < 1.0501, "a tick of {longest} periods");
}

#[test]
fn a_margin_from_before_a_pause_does_not_cause_another_one() {
    let mut world = World::new(20, 0, 40);
    world.run(10);
    world.stop_server(400);
    // All inputs are lost from then on, so that the newest margin stays that of one from before the pause.
    for _ in 0..2000 {
        world.run_ms(1);
        if world.now > 10_700 * MS {
            world.up.clear();
        }
    }
    let longest = world.sent.windows(2).map(|pair| pair[1].due - pair[0].due).max().unwrap();
    assert!((350 * MS..480 * MS).contains(&longest), "one pause, and it is {longest:?}");
    let pauses = world.sent.windows(2).filter(|pair| pair[1].due - pair[0].due > 100 * MS);
    assert_eq!(pauses.count(), 1);
}
