use super::*;

const MS: Duration = Duration::from_millis(1);
const PERIOD_MS: f64 = 1000.0 / 30.0;

/// Snapshots that come over a link, and a screen that is looked at every 10 ms.
struct World {
    playout: Playout,
    now: Duration,
    tick: u32,
    /// How long each snapshot takes; `None`: it is lost.
    link: fn(u32) -> Option<u32>,
    arriving: Vec<(Duration, Tick)>,
    seen: Vec<(Duration, Moment)>,
    newest: Tick,
    /// How often the screen was past the newest snapshot.
    beyond: u32,
}

impl World {
    fn new(link: fn(u32) -> Option<u32>) -> Self {
        Self {
            playout: Playout::new(TickRate::DEFAULT, 1),
            now: Duration::ZERO,
            tick: 0,
            link,
            arriving: Vec::new(),
            seen: Vec::new(),
            newest: Tick(0),
            beyond: 0,
        }
    }

    fn run(&mut self, seconds: u32) {
        self.run_ms(seconds * 1000);
    }

    fn run_ms(&mut self, ms: u32) {
        for _ in 0..ms {
            self.now += MS;
            while f64::from(self.tick + 1) * PERIOD_MS <= self.now.as_secs_f64() * 1000.0 {
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
                self.beyond += u32::from(moment > Moment::of(self.newest));
                self.seen.push((self.now, moment));
            }
        }
    }
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
            let farthest = Moment::of(world.newest).offset(3 * 16);
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
