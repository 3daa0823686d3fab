//! The input clock with a simulated server and link.

use std::collections::VecDeque;

use super::*;

const MS: Duration = Duration::from_millis(1);

/// A client clock, a server and a link, in steps of a millisecond.
struct Simulation {
    hz: u16,
    clock: ClientClock,
    now: Duration,
    one_way: Duration,
    jitter: u32,
    /// The extra delay of a snapshot, by its sending time.
    extra_delay: fn(Duration) -> Duration,
    /// The time of the server's stall, which it skips.
    stall: std::ops::Range<Duration>,
    slipped: Duration,
    to_server: VecDeque<(Duration, Tick)>,
    to_client: VecDeque<(Duration, Tick, Option<i16>)>,
    server_tick: Tick,
    margin: Option<i16>,
    random: u32,
    sent: Vec<InputSlot>,
    late: u32,
}

impl Simulation {
    /// Creates a simulation at 30 Hz. `first_guess_ms` is the round trip time that the client assumes at first.
    fn new(one_way_ms: u32, jitter_ms: u32, first_guess_ms: u32) -> Self {
        Self::with_rate(30, one_way_ms, jitter_ms, first_guess_ms)
    }

    fn with_rate(hz: u16, one_way_ms: u32, jitter_ms: u32, first_guess_ms: u32) -> Self {
        let rate = TickRate::new(hz).unwrap();
        Self {
            hz,
            clock: ClientClock::new(rate, Tick(1000), Duration::ZERO, first_guess_ms * MS),
            now: Duration::ZERO,
            one_way: one_way_ms * MS,
            jitter: jitter_ms,
            extra_delay: |_| Duration::ZERO,
            stall: Duration::MAX..Duration::MAX,
            slipped: Duration::ZERO,
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
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

    /// Runs for this time and returns the mean margin over it, in milliseconds.
    fn margin_ms_over(&mut self, ms: u32) -> f64 {
        let mut sum = 0.0;
        for _ in 0..ms {
            self.run_ms(1);
            sum += self.margin_ticks() * 1000.0 / f64::from(self.hz);
        }
        sum / f64::from(ms)
    }

    /// Runs for this time, in which the server is stalled.
    fn stall_server(&mut self, ms: u32) {
        self.stall = self.now..self.now + ms * MS;
        self.run_ms(ms);
    }

    /// The time at which the server computes this tick.
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
        while self.to_client.front().is_some_and(|(at, ..)| *at <= self.now) {
            let (_, tick, margin) = self.to_client.pop_front().unwrap();
            self.clock.on_snapshot(tick, margin, true, self.now, 2 * self.one_way);
        }
        while let Some(slot) = self.clock.pop_due(self.now) {
            self.sent.push(slot);
            let arrives = self.now + self.delay();
            self.to_server.push_back((arrives, slot.tick));
        }
    }

    fn server(&mut self) {
        if self.stall.contains(&self.now) {
            self.slipped += MS;
            return;
        }
        while self.to_server.front().is_some_and(|(at, _)| *at <= self.now) {
            let (at, tick) = self.to_server.pop_front().unwrap();
            let early = self.step_at(tick).as_secs_f64() - at.as_secs_f64();
            if early > 1.0 {
                continue;
            }
            self.margin = Some((early * f64::from(self.hz) * 16.0) as i16);
            self.late += u32::from(early < 0.0);
        }
        while self.step_at(self.server_tick.next()) <= self.now {
            self.server_tick = self.server_tick.next();
            let arrives = self.now + self.delay() + (self.extra_delay)(self.now);
            self.to_client.push_back((arrives, self.server_tick, self.margin));
        }
    }
}

#[test]
fn inputs_arrive_before_they_are_used_once_the_clock_has_settled() {
    for (one_way, jitter, first_guess) in [(0, 0, 1), (20, 5, 40), (60, 20, 120), (100, 0, 20), (10, 5, 300)]
    {
        let mut simulation = Simulation::new(one_way, jitter, first_guess);
        simulation.run(20);
        simulation.late = 0;
        simulation.run(20);
        let margin = simulation.margin_ticks();
        assert!(simulation.late <= 6, "{} of 600 inputs were late at {one_way} ms", simulation.late);
        assert!(
            (0.0..3.0).contains(&margin),
            "the margin stays under three ticks at {one_way} ms, but is {margin}"
        );
    }
}

#[test]
fn after_a_wrong_first_guess_no_input_is_late_a_second_later() {
    for first_guess in [0, 400] {
        let mut simulation = Simulation::new(50, 0, first_guess);
        simulation.run(1);
        simulation.late = 0;
        simulation.run(1);
        let margin = simulation.margin_ticks();
        assert_eq!(simulation.late, 0, "no input is late a second after a guess of {first_guess} ms");
        assert!((0.0..1.0).contains(&margin), "{margin} ticks early after a guess of {first_guess} ms");
    }
}

#[test]
fn no_tick_is_skipped_or_stretched_by_more_than_five_percent() {
    let mut simulation = Simulation::new(60, 10, 120);
    simulation.run(1);
    simulation.sent.clear();
    // A longer path, as after a change of network: the schedule must move by more than a tick.
    simulation.one_way = 110 * MS;
    simulation.run(20);
    for pair in simulation.sent.windows(2) {
        let gap = (pair[1].due - pair[0].due).as_secs_f64() * f64::from(simulation.hz);
        assert_eq!(pair[1].tick, pair[0].tick.next());
        assert!(
            (0.9499..1.0501).contains(&gap),
            "a tick is stretched by no more than five per cent, not to {gap} periods"
        );
    }
}

#[test]
fn a_caller_that_slept_for_less_than_a_second_gets_each_missed_slot() {
    let mut clock = ClientClock::new(TickRate::default(), Tick(10), Duration::ZERO, 20 * MS);
    let first = clock.wake_at();
    let slots: Vec<_> = std::iter::from_fn(|| clock.pop_due(first + 500 * MS)).collect();
    assert_eq!(slots.len(), 16, "15 slots for the ticks of half a second, and one at the start");
    assert_eq!(slots[0].due, first);
}

#[test]
fn a_stall_of_the_client_skips_missed_ticks_instead_of_sending_a_burst() {
    let mut simulation = Simulation::new(20, 0, 40);
    simulation.run(5);
    let before = simulation.sent.len();
    simulation.now += 4000 * MS;
    simulation.server();
    simulation.run(1);
    let burst =
        simulation.sent[before..].iter().filter(|slot| slot.due < Duration::from_millis(9001)).count();
    assert!(burst <= 1, "missed ticks are skipped, but {burst} inputs were sent at once");
    simulation.run(5);
    simulation.late = 0;
    simulation.run(5);
    assert_eq!(simulation.late, 0, "the schedule is back ahead of the server");
}

#[test]
fn time_without_snapshots_hardly_moves_the_schedule() {
    let mut simulation = Simulation::new(20, 0, 40);
    simulation.run(10);
    // The last reports are of inputs that arrive half a tick too early.
    (0..20).for_each(|_| simulation.clock.margin.push(simulation.margin_ticks() + 0.5));
    let offset_ticks = |simulation: &Simulation| {
        let next = simulation.clock.next;
        next.due.as_secs_f64() * f64::from(simulation.hz) - f64::from(next.tick.0)
    };
    let before = offset_ticks(&simulation);
    (0..9000).for_each(|_| {
        simulation.now += MS;
        simulation.client();
    });
    let ticks = offset_ticks(&simulation) - before;
    assert!(ticks.abs() < 0.5, "{ticks} ticks off after nine seconds without snapshots");
}

#[test]
fn a_slip_of_seconds_is_followed_at_once() {
    let mut simulation = Simulation::new(20, 0, 40);
    simulation.run(5);
    simulation.stall = simulation.now..simulation.now + 3000 * MS;
    simulation.run(5);
    let margin = simulation.margin_ticks();
    assert!(margin < 3.0, "inputs are {margin} ticks early two seconds after the stall");
}

#[test]
fn a_slip_of_under_a_second_is_corrected_soon_after_the_stall() {
    for hz in [20, 30, 60] {
        for jitter in [0, 20] {
            for slip in [150, 370, 800] {
                let what = format!("a slip of {slip} ms at {hz} Hz with {jitter} ms of jitter");
                let mut simulation = Simulation::with_rate(hz, 20, jitter, 40);
                simulation.run(10);
                let before = simulation.margin_ms_over(1000);
                simulation.stall_server(slip);
                simulation.late = 0;
                // A few snapshots must agree, then the clock pauses for the slip, and then the first input after it arrives.
                simulation.run_ms(slip + 350);
                let after = simulation.margin_ms_over(500);
                assert!((after - before).abs() < 50.0, "{what}: {before} ms early, then {after} ms");
                let later = simulation.margin_ms_over(5000);
                assert!((later - before).abs() < 30.0, "{what}: {before} ms early, finally {later} ms");
                assert!(simulation.late <= 5, "{what}: {} inputs late after it", simulation.late);
                let (_, ticks) = simulation.sent.split_at(10);
                assert!(ticks.len() > 100, "{what}: {} inputs", ticks.len());
                let is_gapless = ticks.windows(2).all(|pair| pair[1].tick == pair[0].tick.next());
                assert!(is_gapless, "{what}: each tick has exactly one input");
            }
        }
    }
}

#[test]
fn a_slip_does_not_raise_the_target_margin() {
    let mut simulation = Simulation::new(20, 5, 40);
    simulation.run(10);
    let before = simulation.clock.margin.target();
    simulation.stall_server(370);
    simulation.run(1);
    let after = simulation.clock.margin.target();
    assert!((after - before).abs() < 0.3, "{before} ticks, then {after}");
}

#[test]
fn delayed_snapshots_do_not_pause_the_clock() {
    let mut simulation = Simulation::new(20, 10, 40);
    simulation.run(5);
    simulation.sent.clear();
    simulation.extra_delay = |now| if now.as_millis() % 2000 < 700 { 300 * MS } else { Duration::ZERO };
    simulation.run(20);
    let gaps = simulation
        .sent
        .windows(2)
        .map(|pair| (pair[1].due - pair[0].due).as_secs_f64() * f64::from(simulation.hz));
    let longest = gaps.fold(0.0, f64::max);
    assert!(longest < 1.0501, "a tick is stretched by no more than five per cent, not to {longest} periods");
}

#[test]
fn a_margin_from_before_a_pause_does_not_cause_another_one() {
    let mut simulation = Simulation::new(20, 0, 40);
    simulation.run(10);
    simulation.stall_server(400);
    // All later inputs are lost, so that the newest margin stays that of an input from before the pause.
    for _ in 0..2000 {
        simulation.run_ms(1);
        if simulation.now > 10_700 * MS {
            simulation.to_server.clear();
        }
    }
    let longest = simulation.sent.windows(2).map(|pair| pair[1].due - pair[0].due).max().unwrap();
    assert!((350 * MS..480 * MS).contains(&longest), "the pause lasts as long as the slip, not {longest:?}");
    let pauses = simulation.sent.windows(2).filter(|pair| pair[1].due - pair[0].due > 100 * MS);
    assert_eq!(pauses.count(), 1);
}
