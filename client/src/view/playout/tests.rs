//! The screen's time under links that delay and lose snapshots, and servers that let time slip.

use super::*;

const MS: Duration = Duration::from_millis(1);
const PERIOD_MS: f64 = 1000.0 / 30.0;

/// How long each snapshot takes over a link, in milliseconds; `None`: it is lost.
type Ways = Box<dyn Fn(u32) -> Option<u32>>;

/// Snapshots that come over a link, and a screen that is looked at every 10 ms.
struct World {
    period_ms: f64,
    playout: Playout,
    now: Duration,
    tick: u32,
    link: Ways,
    arriving: Vec<(Duration, Tick)>,
    seen: Vec<(Duration, SubTick)>,
    newest: Tick,
    /// How often the screen was past the newest snapshot.
    beyond: u32,
    /// How often it was so far past it that everything stood still.
    frozen: u32,
}

impl World {
    fn new(link: impl Fn(u32) -> Option<u32> + 'static) -> Self {
        Self::of(30, link)
    }

    fn of(hz: u16, link: impl Fn(u32) -> Option<u32> + 'static) -> Self {
        Self {
            period_ms: 1000.0 / f64::from(hz),
            playout: Playout::new(TickRate::new(hz).unwrap(), 1),
            now: Duration::ZERO,
            tick: 0,
            link: Box::new(link),
            arriving: Vec::new(),
            seen: Vec::new(),
            newest: Tick(0),
            beyond: 0,
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
                if let Some(way_ms) = (self.link)(self.tick) {
                    self.arriving.push((self.now + way_ms * MS, Tick(self.tick)));
                }
            }
            while let Some(at) = self.arriving.iter().position(|(at, _)| *at <= self.now) {
                let (_, tick) = self.arriving.remove(at);
                if tick > self.newest {
                    self.newest = tick;
                    self.playout.heard(tick, self.now);
                }
            }
            if self.now.as_millis().is_multiple_of(10)
                && let Some(moment) = self.playout.advance(self.now)
            {
                let beyond = moment.since(SubTick::of(self.newest)) as f64 / 16.0 * self.period_ms;
                self.beyond += u32::from(beyond > 0.0);
                self.frozen += u32::from(beyond > f64::from(MAX_EXTRAPOLATION_MS));
                self.seen.push((self.now, moment));
            }
        }
    }
}

/// A link with so much jitter; after ten seconds the server lets time slip.
fn slipping(hz: u32, slip_ms: u32, jitter_ms: u32) -> impl Fn(u32) -> Option<u32> {
    move |tick| Some(40 + tick * 7919 % (jitter_ms + 1) + if tick > hz * 10 { slip_ms } else { 0 })
}

#[test]
fn on_a_quiet_link_the_screen_is_two_send_intervals_behind() {
    let mut world = World::new(|_| Some(40));
    world.run(10);
    assert_eq!(world.beyond, 0);
    assert!((0.066..0.068).contains(&world.playout.delay().as_secs_f64()), "{:?}", world.playout.delay());
}

#[test]
fn jitter_and_loss_raise_the_delay_until_next_to_nothing_is_missing() {
    let mut world = World::new(|tick| (tick % 23 > 1).then_some(40 + tick * 7919 % 40));
    world.run(20);
    world.beyond = 0;
    world.run(60);
    let share = f64::from(world.beyond) / 6000.0;
    assert!(share < 0.03, "{share} of the time there was nothing to draw towards");
    assert!(world.playout.delay() > 90 * MS, "{:?}", world.playout.delay());
}

#[test]
fn the_delay_falls_again_when_the_link_is_good_again() {
    let mut world = World::new(|tick| (tick > 900 || tick % 9 > 1).then_some(40));
    world.run(30);
    let bad = world.playout.delay();
    world.run(30);
    assert!(world.playout.delay() < bad * 3 / 4, "{bad:?}, then {:?}", world.playout.delay());
}

#[test]
fn the_screen_never_goes_back_and_is_stretched_by_a_tenth_at_most() {
    // The way gets longer by 60 ms, as after a change of network.
    let mut world = World::new(|tick| Some(if tick < 300 { 40 } else { 100 }));
    world.run(30);
    for pair in world.seen.windows(2).skip(1) {
        let passed = pair[1].1.since(pair[0].1) as f64 / 16.0 * PERIOD_MS;
        assert!((6.9..13.1).contains(&passed), "{passed} ms of the room in 10 ms at {:?}", pair[1].0);
    }
}

#[test]
fn after_a_black_out_the_screen_is_where_it_should_be_and_the_delay_as_it_was() {
    let mut world = World::new(|tick| (!(300..360).contains(&tick)).then_some(40));
    world.run(20);
    let (now, moment) = world.seen[world.seen.len() - 1];
    let behind = now.as_secs_f64() * 1000.0 - moment.sixteenths() as f64 / 16.0 * PERIOD_MS;
    assert!((100.0..120.0).contains(&behind), "{behind} ms behind the server");
    assert!(world.playout.delay() < 80 * MS, "{:?}", world.playout.delay());
}

#[test]
fn a_server_that_let_three_seconds_slip_is_drawn_between_snapshots_within_half_a_second() {
    for delay_ms in [0, 200] {
        let mut world = World::new(|tick| Some(if tick < 300 { 40 } else { 3040 }));
        world.playout.delay_s = world.playout.delay_s.max(f64::from(delay_ms) / 1000.0);
        // The first snapshot after the stall comes at 13.04 seconds.
        world.run_ms(13_040);
        let drawn = |world: &World| {
            let farthest = SubTick::of(world.newest).offset(3 * 16);
            world.seen.last().map(|(_, moment)| *moment).min(Some(farthest))
        };
        let mut before = drawn(&world);
        for _ in 0..50 {
            world.run_ms(10);
            let now = drawn(&world);
            assert!(now >= before, "what is drawn never goes back");
            before = now;
        }
        world.beyond = 0;
        world.run(20);
        assert_eq!(world.beyond, 0, "at a delay of {delay_ms} ms");
    }
}

#[test]
fn what_comes_late_at_the_end_of_a_black_out_restarts_nothing() {
    let single: fn(u32) -> Option<u32> = |tick| match tick {
        330 => Some(2040),
        300..=400 => None,
        _ => Some(40),
    };
    // A queue that drains ten times as fast as it was filled.
    let queue: fn(u32) -> Option<u32> = |tick| match tick {
        300..=360 => Some(2040 - (tick - 300) * 30),
        _ => Some(40),
    };
    for link in [single, queue] {
        let mut world = World::new(link);
        world.run(9);
        let quickest = world.playout.quickest.way_s();
        for _ in 0..5000 {
            world.run_ms(1);
            assert!(world.playout.quickest.way_s() < quickest + 0.002, "at {:?}", world.now);
        }
        let (now, moment) = world.seen[world.seen.len() - 1];
        let behind = now.as_secs_f64() * 1000.0 - moment.sixteenths() as f64 / 16.0 * PERIOD_MS;
        assert!((100.0..125.0).contains(&behind), "{behind} ms behind the server");
    }
}

#[test]
fn a_slip_that_no_delay_hides_is_over_soon_after_the_server_goes_on() {
    for hz in [20, 30, 60] {
        for jitter in [0, 20] {
            for slip in [370, 800] {
                let what = format!("{slip} ms slipped at {hz} Hz, with {jitter} ms of jitter");
                let mut world = World::of(hz, slipping(hz.into(), slip, jitter));
                world.run(10);
                let delay = world.playout.delay();
                world.run_ms(slip + 40 + 250);
                (world.frozen, world.beyond) = (0, 0);
                world.run_ms(350);
                assert_eq!(world.frozen, 0, "{what}: nothing stands still a quarter second later");
                world.beyond = 0;
                world.run(4);
                let share = f64::from(world.beyond) / 400.0;
                assert!(share < 0.05, "{what}: {share} of the time lay past the newest snapshot");
                let later = world.playout.delay();
                assert!(later < delay + 20 * MS, "{what}: a delay of {delay:?}, then {later:?}");
            }
        }
    }
}

#[test]
fn a_smaller_slip_that_the_margins_tell_of_is_over_soon_too() {
    for hz in [20, 30, 60] {
        for slip in [120, 150, 250] {
            let what = format!("{slip} ms slipped at {hz} Hz");
            let mut world = World::of(hz, slipping(hz.into(), slip, 10));
            world.run(10);
            let delay = world.playout.delay();
            world.run_ms(slip + 50);
            let since = world.now;
            world.run_ms(200);
            world.playout.slipped(since);
            let before = world.seen[world.seen.len() - 1].1;
            world.run_ms(300);
            assert!(world.seen[world.seen.len() - 1].1 > before, "{what}: the screen goes on");
            world.beyond = 0;
            world.run(4);
            let share = f64::from(world.beyond) / 400.0;
            assert!(share < 0.05, "{what}: {share} of the time lay past the newest snapshot");
            let later = world.playout.delay();
            assert!(later < delay + 20 * MS, "{what}: a delay of {delay:?}, then {later:?}");
        }
    }
}

#[test]
fn margins_that_tell_of_a_slip_which_no_snapshot_shows_change_nothing() {
    let mut world = World::new(slipping(30, 0, 20));
    world.run(10);
    let quickest = world.playout.quickest.way_s();
    world.playout.slipped(world.now - 150 * MS);
    assert!(!world.playout.waits);
    assert_eq!(world.playout.quickest.way_s().to_bits(), quickest.to_bits());
}

#[test]
fn a_queue_that_comes_and_goes_is_for_the_delay_to_hide() {
    let queue = |tick: u32| if tick % 90 < 45 { tick % 90 * 4 } else { (90 - tick % 90) * 4 };
    let mut world = World::new(move |tick| Some(40 + queue(tick)));
    world.run(10);
    let mut before = world.playout.quickest.way_s();
    for _ in 0..20_000 {
        world.run_ms(1);
        let now = world.playout.quickest.way_s();
        assert!((now - before).abs() < 0.01, "at {:?}", world.now);
        before = now;
    }
    assert_eq!(world.frozen, 0);
}
