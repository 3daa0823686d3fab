//! The playout clock with links that delay and lose snapshots, and with servers that stall.

use super::*;

const MS: Duration = Duration::from_millis(1);
const PERIOD_MS: f64 = 1000.0 / 30.0;

/// A link: the transit time of the snapshot of a tick, in milliseconds; `None` for a lost one.
type Link = Box<dyn Fn(u32) -> Option<u32>>;

/// A server's snapshots over a link, and a client that draws a frame every 10 ms.
struct Simulation {
    period_ms: f64,
    playout: Playout,
    now: Duration,
    tick: u32,
    link: Link,
    arriving: Vec<(Duration, Tick)>,
    displayed: Vec<(Duration, SubTick)>,
    newest: Tick,
    /// The number of frames whose displayed time was past the newest snapshot.
    extrapolated: u32,
    /// The number of these frames in which everything stood still, because extrapolation is limited.
    frozen: u32,
}

impl Simulation {
    fn new(link: impl Fn(u32) -> Option<u32> + 'static) -> Self {
        Self::with_rate(30, link)
    }

    fn with_rate(hz: u16, link: impl Fn(u32) -> Option<u32> + 'static) -> Self {
        Self {
            period_ms: 1000.0 / f64::from(hz),
            playout: Playout::new(TickRate::new(hz).unwrap(), 1),
            now: Duration::ZERO,
            tick: 0,
            link: Box::new(link),
            arriving: Vec::new(),
            displayed: Vec::new(),
            newest: Tick(0),
            extrapolated: 0,
            frozen: 0,
        }
    }

    fn run(&mut self, seconds: u32) {
        self.run_ms(seconds * 1000);
    }

    fn run_ms(&mut self, ms: u32) {
        for _ in 0..ms {
            self.now += MS;
            while f64::from(self.tick + 1) * self.period_ms <= self.now.as_secs_f64() * 1000.0 {
                self.tick += 1;
                if let Some(transit_ms) = (self.link)(self.tick) {
                    self.arriving.push((self.now + transit_ms * MS, Tick(self.tick)));
                }
            }
            while let Some(index) = self.arriving.iter().position(|(at, _)| *at <= self.now) {
                let (_, tick) = self.arriving.remove(index);
                if tick > self.newest {
                    self.newest = tick;
                    self.playout.on_snapshot(tick, self.now);
                }
            }
            if self.now.as_millis().is_multiple_of(10)
                && let Some(displayed) = self.playout.advance(self.now)
            {
                let past_ms = displayed.since(SubTick::of(self.newest)) as f64 / 16.0 * self.period_ms;
                self.extrapolated += u32::from(past_ms > 0.0);
                self.frozen += u32::from(past_ms > f64::from(MAX_EXTRAPOLATION_MS));
                self.displayed.push((self.now, displayed));
            }
        }
    }
}

/// A link with this jitter, and a server that skips `slip_ms` after ten seconds.
fn slipping(hz: u32, slip_ms: u32, jitter_ms: u32) -> impl Fn(u32) -> Option<u32> {
    move |tick| Some(40 + tick * 7919 % (jitter_ms + 1) + if tick > hz * 10 { slip_ms } else { 0 })
}

#[test]
fn on_a_quiet_link_the_delay_is_two_send_intervals() {
    let mut simulation = Simulation::new(|_| Some(40));
    simulation.run(10);
    assert_eq!(simulation.extrapolated, 0);
    assert!(
        (0.066..0.068).contains(&simulation.playout.delay().as_secs_f64()),
        "{:?}",
        simulation.playout.delay()
    );
}

#[test]
fn jitter_and_loss_raise_the_delay_until_hardly_a_snapshot_is_late() {
    let mut simulation = Simulation::new(|tick| (tick % 23 > 1).then_some(40 + tick * 7919 % 40));
    simulation.run(20);
    simulation.extrapolated = 0;
    simulation.run(60);
    let share = f64::from(simulation.extrapolated) / 6000.0;
    assert!(share < 0.03, "{share} of the frames were past the newest snapshot");
    assert!(simulation.playout.delay() > 90 * MS, "{:?}", simulation.playout.delay());
}

#[test]
fn the_delay_falls_when_the_link_improves() {
    let mut simulation = Simulation::new(|tick| (tick > 900 || tick % 9 > 1).then_some(40));
    simulation.run(30);
    let bad = simulation.playout.delay();
    simulation.run(30);
    assert!(simulation.playout.delay() < bad * 3 / 4, "{bad:?}, then {:?}", simulation.playout.delay());
}

#[test]
fn the_displayed_time_runs_at_most_a_tenth_faster_or_slower_when_the_path_changes() {
    // The path gets longer by 60 ms, as after a change of network.
    let mut simulation = Simulation::new(|tick| Some(if tick < 300 { 40 } else { 100 }));
    simulation.run(30);
    for pair in simulation.displayed.windows(2).skip(1) {
        // A displayed time is a multiple of 1/16 tick, 2.1 ms.
        let step_ms = pair[1].1.since(pair[0].1) as f64 / 16.0 * PERIOD_MS;
        assert!((6.9..13.1).contains(&step_ms), "{step_ms} ms of the room in 10 ms at {:?}", pair[1].0);
    }
}

#[test]
fn after_a_black_out_the_delay_and_the_displayed_time_are_as_before() {
    let mut simulation = Simulation::new(|tick| (!(300..360).contains(&tick)).then_some(40));
    simulation.run(20);
    let (now, displayed) = simulation.displayed[simulation.displayed.len() - 1];
    let behind = now.as_secs_f64() * 1000.0 - displayed.sixteenths() as f64 / 16.0 * PERIOD_MS;
    assert!((100.0..120.0).contains(&behind), "{behind} ms behind the server");
    assert!(simulation.playout.delay() < 80 * MS, "{:?}", simulation.playout.delay());
}

#[test]
fn after_a_slip_of_three_seconds_others_are_interpolated_within_half_a_second() {
    for delay_ms in [0, 200] {
        let mut simulation = Simulation::new(|tick| Some(if tick < 300 { 40 } else { 3040 }));
        simulation.playout.delay_s = simulation.playout.delay_s.max(f64::from(delay_ms) / 1000.0);
        // The first snapshot after the stall arrives at 13.04 seconds.
        simulation.run_ms(13_040);
        let drawn = |simulation: &Simulation| {
            let max = SubTick::of(simulation.newest).offset(3 * 16);
            simulation.displayed.last().map(|(_, displayed)| *displayed).min(Some(max))
        };
        let mut before = drawn(&simulation);
        for _ in 0..50 {
            simulation.run_ms(10);
            let now = drawn(&simulation);
            assert!(
                now >= before,
                "the displayed time, limited to the maximum extrapolation, never moves back"
            );
            before = now;
        }
        simulation.extrapolated = 0;
        simulation.run(20);
        assert_eq!(simulation.extrapolated, 0, "at a delay of {delay_ms} ms");
    }
}

#[test]
fn late_snapshots_at_the_end_of_a_black_out_are_not_a_slip() {
    let single: fn(u32) -> Option<u32> = |tick| match tick {
        330 => Some(2040),
        300..=400 => None,
        _ => Some(40),
    };
    // A queue that drains ten times as fast as it filled.
    let queue: fn(u32) -> Option<u32> = |tick| match tick {
        300..=360 => Some(2040 - (tick - 300) * 30),
        _ => Some(40),
    };
    for link in [single, queue] {
        let mut simulation = Simulation::new(link);
        simulation.run(9);
        let transit = simulation.playout.transit.min_s();
        for _ in 0..5000 {
            simulation.run_ms(1);
            assert!(simulation.playout.transit.min_s() < transit + 0.002, "at {:?}", simulation.now);
        }
        let (now, displayed) = simulation.displayed[simulation.displayed.len() - 1];
        let behind = now.as_secs_f64() * 1000.0 - displayed.sixteenths() as f64 / 16.0 * PERIOD_MS;
        assert!((100.0..125.0).contains(&behind), "{behind} ms behind the server");
    }
}

#[test]
fn a_slip_that_is_larger_than_any_delay_is_corrected_soon_after_the_stall() {
    for hz in [20, 30, 60] {
        for jitter in [0, 20] {
            for slip in [370, 800] {
                let what = format!("a slip of {slip} ms at {hz} Hz with {jitter} ms of jitter");
                let mut simulation = Simulation::with_rate(hz, slipping(hz.into(), slip, jitter));
                simulation.run(10);
                let delay = simulation.playout.delay();
                simulation.run_ms(slip + 40 + 250);
                (simulation.frozen, simulation.extrapolated) = (0, 0);
                simulation.run_ms(350);
                assert_eq!(simulation.frozen, 0, "{what}: nothing stands still a quarter of a second later");
                simulation.extrapolated = 0;
                simulation.run(4);
                let share = f64::from(simulation.extrapolated) / 400.0;
                assert!(share < 0.05, "{what}: {share} of the frames were past the newest snapshot");
                let later = simulation.playout.delay();
                assert!(later < delay + 20 * MS, "{what}: a delay of {delay:?}, then {later:?}");
            }
        }
    }
}

#[test]
fn a_smaller_slip_that_margins_show_is_corrected_soon_too() {
    for hz in [20, 30, 60] {
        for slip in [120, 150, 250] {
            let what = format!("a slip of {slip} ms at {hz} Hz");
            let mut simulation = Simulation::with_rate(hz, slipping(hz.into(), slip, 10));
            simulation.run(10);
            let delay = simulation.playout.delay();
            simulation.run_ms(slip + 50);
            let since = simulation.now;
            simulation.run_ms(200);
            simulation.playout.on_slip(since);
            let before = simulation.displayed[simulation.displayed.len() - 1].1;
            simulation.run_ms(300);
            assert!(
                simulation.displayed[simulation.displayed.len() - 1].1 > before,
                "{what}: the displayed time moves again"
            );
            simulation.extrapolated = 0;
            simulation.run(4);
            let share = f64::from(simulation.extrapolated) / 400.0;
            assert!(share < 0.05, "{what}: {share} of the frames were past the newest snapshot");
            let later = simulation.playout.delay();
            assert!(later < delay + 20 * MS, "{what}: a delay of {delay:?}, then {later:?}");
        }
    }
}

#[test]
fn a_slip_that_margins_show_and_snapshots_do_not_changes_nothing() {
    let mut simulation = Simulation::new(slipping(30, 0, 20));
    simulation.run(10);
    let transit = simulation.playout.transit.min_s();
    simulation.playout.on_slip(simulation.now - 150 * MS);
    assert!(!simulation.playout.is_waiting);
    assert_eq!(simulation.playout.transit.min_s().to_bits(), transit.to_bits());
}

#[test]
fn a_queue_that_fills_and_drains_is_not_a_slip() {
    let queue = |tick: u32| if tick % 90 < 45 { tick % 90 * 4 } else { (90 - tick % 90) * 4 };
    let mut simulation = Simulation::new(move |tick| Some(40 + queue(tick)));
    simulation.run(10);
    let mut before = simulation.playout.transit.min_s();
    for _ in 0..20_000 {
        simulation.run_ms(1);
        let now = simulation.playout.transit.min_s();
        assert!((now - before).abs() < 0.01, "at {:?}", simulation.now);
        before = now;
    }
    assert_eq!(simulation.frozen, 0);
}
