//! When to send the input of which tick, so that each arrives a little before the server uses it.
//!
//! A client runs ahead of what it sees: by the way up, so that inputs are in time, and by a margin, so that jitter does not
//! make them late. Too far ahead is felt as lag. Each snapshot says how early the inputs come, and the clock stretches its
//! own tick by a few per cent to hold the margin. It never jumps but after a stall, and then it skips what was missed rather
//! than sending it in a burst.
//!
//! Pure: moments are given, as the time since any epoch that the caller keeps to.

use std::time::Duration;

use quarrel_shared::tick::{Tick, TickRate};

use crate::margin::Margin;

/// The most by which a tick is stretched or shortened: what nobody feels.
const STRETCH_MOST: f64 = 0.05;

/// How much of the error each tick takes away. A correction shows a round trip later; at a thirty-second it stays
/// stable for round trips of up to 50 ticks (an integrator with dead time `d` is stable for a gain under π/2d).
const GAIN: f64 = 1.0 / 32.0;

/// A schedule that is off by more is not stretched back but set anew: somebody stood still.
const STALL: Duration = Duration::from_secs(1);

/// How old the newest news of the server may be for the clock to stretch by what it said. A tenth of a tick too much is gone after
/// half a second of stretching; whoever went on through ten seconds of darkness would come out of it hundreds of milliseconds late.
const NEWS: Duration = Duration::from_millis(250);

/// One input to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The tick that it is for.
    pub tick: Tick,
    /// When it was meant to be sent: latency counts from here, however late the caller is.
    pub due: Duration,
}

/// The schedule of one seat's inputs.
#[derive(Clone, Debug)]
pub struct ClientClock {
    period: Duration,
    next: Slot,
    margin: Margin,
    heard: Heard,
    phase: Phase,
}

/// How far the schedule can be trusted. Margins tell of inputs that were sent a round trip ago, so after a change they are
/// not listened to until those from before it have passed.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Set by a guess; deaf until then.
    Guessed(Duration),
    /// Corrected by the first margin; deaf until then.
    Corrected(Duration),
    /// Held by small stretches.
    Held,
}

/// The newest news of the server's tick.
#[derive(Clone, Copy, Debug)]
struct Heard {
    tick: Tick,
    at: Duration,
    rtt: Duration,
}

impl ClientClock {
    /// A schedule that begins `now`, when news came that the server just made `tick`.
    #[must_use]
    pub fn new(rate: TickRate, tick: Tick, now: Duration, rtt: Duration) -> Self {
        let mut clock = Self {
            period: Duration::from_nanos(rate.period_ns()),
            next: Slot { tick, due: now },
            margin: Margin::new(rate),
            heard: Heard { tick, at: now, rtt },
            phase: Phase::Guessed(now),
        };
        clock.set(now);
        clock
    }

    /// The newest tick whose input was asked for.
    #[must_use]
    pub const fn sent(&self) -> Tick {
        self.next.tick.before(1)
    }

    /// When the next input is due.
    #[must_use]
    pub const fn wake_at(&self) -> Duration {
        self.next.due
    }

    /// The next input that is due by `now`. Ask until there is none: a caller who slept gets each tick it missed, unless it
    /// slept for over a second.
    pub fn due(&mut self, now: Duration) -> Option<Slot> {
        let late = now.checked_sub(self.next.due)?;
        if late > STALL {
            self.set(now);
            return None;
        }
        let slot = self.next;
        self.next = Slot { tick: slot.tick.next(), due: slot.due + self.stretched_period() };
        Some(slot)
    }

    /// A snapshot of `tick` arrived `now` and says how early the newest input came, in 1/16 tick (`None` when none did yet),
    /// and whether that tick found its input.
    pub fn heard(&mut self, tick: Tick, margin: Option<i16>, found: bool, now: Duration, rtt: Duration) {
        let passed = tick.since(self.heard.tick);
        self.heard = Heard { tick, at: now, rtt };
        if self.is_stalled() {
            self.set(now);
            return;
        }
        let Some(margin) = margin.map(|margin| f64::from(margin) / 16.0) else { return };
        if let Phase::Held = self.phase {
            self.margin.ticks(passed, found);
        }
        match self.phase {
            Phase::Guessed(until) | Phase::Corrected(until) if now < until => {}
            Phase::Guessed(_) => self.correct(margin, now),
            Phase::Corrected(_) | Phase::Held => {
                self.phase = Phase::Held;
                self.margin.push(margin);
            }
        }
    }

    /// Whether the newest news lies so far from the schedule that one of the two ends must have stood still. Margins do not
    /// tell: a server drops what comes much too early.
    fn is_stalled(&self) -> bool {
        let Heard { tick, at, rtt } = self.heard;
        let ahead = f64::from(self.next.tick.0) - f64::from(tick.0);
        let sent = self.next.due.as_secs_f64() - ahead * self.period.as_secs_f64();
        let lead = at.as_secs_f64() - sent - rtt.as_secs_f64();
        lead.abs() > STALL.as_secs_f64()
    }

    /// Starts the schedule over, from the newest news of the server's tick.
    fn set(&mut self, now: Duration) {
        self.margin.restart();
        let Heard { tick, at, rtt } = self.heard;
        // The news was half a round trip old when it came, and an input is half a round trip under way.
        let lead = rtt + self.period.mul_f64(self.margin.wanted());
        let ahead = (now.saturating_sub(at) + lead).div_duration_f64(self.period).ceil();
        let due = (at + self.period.mul_f64(ahead)).saturating_sub(lead).max(now);
        self.next = Slot { tick: tick.after(ahead as u32), due };
        self.phase = Phase::Guessed(self.deaf_until());
    }

    /// Takes the first margin after the clock was set at its word: what was guessed is known now, and stretching there would
    /// lose every input meanwhile.
    fn correct(&mut self, margin: f64, now: Duration) {
        let period = self.period.as_secs_f64();
        let due = self.next.due.as_secs_f64() + period * (margin - self.margin.wanted());
        let skipped = ((now.as_secs_f64() - due) / period).ceil().max(0.0);
        self.next.tick = self.next.tick.after(skipped as u32);
        self.next.due = Duration::try_from_secs_f64(due + period * skipped).unwrap_or(now);
        self.phase = Phase::Corrected(self.deaf_until());
    }

    /// When the margins that come tell of the next input: it waits for a step on its way.
    fn deaf_until(&self) -> Duration {
        self.next.due + self.heard.rtt + 2 * self.period
    }

    /// Shorter while inputs come too late, longer while they come too early. Whoever hears nothing keeps the server's own pace.
    fn stretched_period(&self) -> Duration {
        if self.next.due > self.heard.at + NEWS {
            return self.period;
        }
        let stretch = (self.margin.error() * GAIN).clamp(-STRETCH_MOST, STRETCH_MOST);
        self.period.mul_f64(1.0 + stretch)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    const RATE: u16 = 30;
    const MS: Duration = Duration::from_millis(1);

    /// A server that steps and a link that delays, in steps of a millisecond.
    struct World {
        clock: ClientClock,
        now: Duration,
        one_way: Duration,
        jitter: u32,
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
            let rate = TickRate::new(RATE).unwrap();
            Self {
                clock: ClientClock::new(rate, Tick(1000), Duration::ZERO, first_guess_ms * MS),
                now: Duration::ZERO,
                one_way: one_way_ms * MS,
                jitter: jitter_ms,
                pause: Duration::MAX..Duration::MAX,
                slipped: Duration::ZERO,
                up: VecDeque::new(),
                down: VecDeque::new(),
                server_tick: Tick(1000 + one_way_ms * u32::from(RATE) / 1000),
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

        /// When the server makes this tick.
        fn step_at(&self, tick: Tick) -> Duration {
            let since = tick.0 as f64 - 1000.0 - self.one_way.as_secs_f64() * f64::from(RATE);
            let at = Duration::try_from_secs_f64(since / f64::from(RATE)).unwrap_or_default();
            at + self.slipped
        }

        fn run(&mut self, seconds: u32) {
            for _ in 0..seconds * 1000 {
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
                self.margin = Some((early * f64::from(RATE) * 16.0) as i16);
                self.late += u32::from(early < 0.0);
            }
            while self.step_at(self.server_tick.next()) <= self.now {
                self.server_tick = self.server_tick.next();
                let arrives = self.now + self.delay();
                self.down.push_back((arrives, self.server_tick, self.margin));
            }
        }
    }

    #[test]
    fn inputs_arrive_before_they_are_used_once_the_clock_has_settled() {
        for (one_way, jitter, first_guess) in
            [(0, 0, 1), (20, 5, 40), (60, 20, 120), (100, 0, 20), (10, 5, 300)]
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
            let gap = (pair[1].due - pair[0].due).as_secs_f64() * f64::from(RATE);
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
            next.due.as_secs_f64() * f64::from(RATE) - f64::from(next.tick.0)
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
}
