//! The schedule of inputs: when to send the input of which tick, so that it arrives a little before the server uses it.
//!
//! A client runs ahead of the server: by the time that an input takes to arrive, and by a margin for jitter. Too far ahead is felt as
//! lag. Each snapshot reports how early the inputs arrive, and the clock stretches its own tick by a few per cent to hold the margin. It
//! jumps only after a stall, and then it skips the missed ticks instead of sending them in a burst.
//!
//! Stretching is for drift. A server that stalled skips ticks, and from then on inputs arrive too early by the skipped time. At a
//! stretch of a twentieth, half a second would be felt as lag for ten. So when a slip is detected (`slip`), the clock pauses for the
//! skipped time. No input is lost: those of the skipped time were sent and wait at the server for their ticks, and the simulation stood
//! still as well. A wrong pause would make inputs late, so two signals must agree: the margins that the server reports, and the ticks of
//! its snapshots, which arrive later than the schedule expects. A link that delays one direction causes only one of the two.
//!
//! Pure: times are durations since an epoch of the caller's choice.

use std::time::Duration;

use quarrel_shared::tick::{Tick, TickRate};

use crate::input::{
    margin::Margin,
    slip::{self, Slip, SlipDetector},
};

/// The maximum by which a tick is stretched or shortened, as a share of the period: imperceptible.
const MAX_STRETCH: f64 = 0.05;

/// The share of the error that each tick corrects. A correction shows a round trip later. A gain of 1/32 is stable for round trips of up
/// to 50 ticks (an integrator with dead time `d` is stable for a gain under π/2d).
const GAIN: f64 = 1.0 / 32.0;

/// The error beyond which the schedule is set again instead of stretched, because the client or the server stalled.
const MIN_STALL: Duration = Duration::from_secs(1);

/// The maximum age of the newest snapshot at which the clock still stretches. An error of a tenth of a tick is corrected after half a
/// second; a clock that kept stretching through ten seconds without snapshots would be off by hundreds of milliseconds.
const MAX_SNAPSHOT_AGE: Duration = Duration::from_millis(250);

/// One input to send: its tick and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputSlot {
    /// The tick that the input is for.
    pub tick: Tick,
    /// The time at which the input should be sent. Latency counts from here, even if the caller is late.
    pub due: Duration,
}

/// The schedule of one seat's inputs.
#[derive(Clone, Debug)]
pub(crate) struct ClientClock {
    period: Duration,
    next: InputSlot,
    margin: Margin,
    /// The margin before the snapshots that may show a slip, because a slip must not count as jitter.
    calm: Margin,
    detector: SlipDetector,
    newest: NewestSnapshot,
    phase: Phase,
}

/// The state of the schedule. A reported margin is of an input that was sent a round trip ago, so after a change of the schedule,
/// margins are ignored until those from before it have passed.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Set by a guess; margins are ignored until this time.
    Guessed(Duration),
    /// Corrected by the first margin, or paused for a slip; margins are ignored until this time.
    Corrected(Duration),
    /// Held by stretching.
    Steady,
}

/// The newest snapshot: its tick, its arrival, and the round trip then.
#[derive(Clone, Copy, Debug)]
struct NewestSnapshot {
    tick: Tick,
    arrived: Duration,
    rtt: Duration,
}

impl ClientClock {
    /// A schedule that starts `now`, when a message arrived that the server has just computed `tick`.
    #[must_use]
    pub(crate) fn new(rate: TickRate, tick: Tick, now: Duration, rtt: Duration) -> Self {
        let mut clock = Self {
            period: Duration::from_nanos(rate.period_ns()),
            next: InputSlot { tick, due: now },
            margin: Margin::new(rate),
            calm: Margin::new(rate),
            detector: SlipDetector::default(),
            newest: NewestSnapshot { tick, arrived: now, rtt },
            phase: Phase::Guessed(now),
        };
        clock.reset(now);
        clock
    }

    /// The time at which the next input is due.
    #[must_use]
    pub(crate) const fn wake_at(&self) -> Duration {
        self.next.due
    }

    /// Returns the next slot that is due by `now`. Call it until it returns `None`: a caller that slept gets a slot for each missed tick,
    /// unless it slept for more than a second.
    pub(crate) fn pop_due(&mut self, now: Duration) -> Option<InputSlot> {
        let late = now.checked_sub(self.next.due)?;
        if late > MIN_STALL {
            self.reset(now);
            return None;
        }
        let slot = self.next;
        self.next = InputSlot { tick: slot.tick.next(), due: slot.due + self.stretched_period() };
        Some(slot)
    }

    /// Updates the schedule from a snapshot of `tick` that arrived `now`. `margin` is how early the newest input arrived, in 1/16 tick
    /// (`None` before the first one); `found` is whether the tick had its input. When a slip is detected, returns the arrival of the
    /// first snapshot after it.
    pub(crate) fn on_snapshot(
        &mut self,
        tick: Tick,
        margin: Option<i16>,
        found: bool,
        now: Duration,
        rtt: Duration,
    ) -> Option<Duration> {
        let passed = tick.since(self.newest.tick);
        self.newest = NewestSnapshot { tick, arrived: now, rtt };
        if self.is_stalled() {
            self.reset(now);
            return None;
        }
        let margin = margin.map(|margin| f64::from(margin) / 16.0)?;
        if let Phase::Steady = self.phase {
            self.margin.on_ticks(passed, found);
        }
        match self.phase {
            Phase::Guessed(until) | Phase::Corrected(until) if now < until => None,
            Phase::Guessed(_) => {
                self.correct(margin, now);
                None
            }
            Phase::Corrected(_) | Phase::Steady => {
                self.phase = Phase::Steady;
                self.margin.push(margin);
                self.detect_slip(margin, now)
            }
        }
    }

    /// Pauses the clock when a slip is detected, and returns the arrival of the first snapshot after it.
    fn detect_slip(&mut self, margin: f64, now: Duration) -> Option<Duration> {
        let early_s = (margin - self.calm.target()) * self.period.as_secs_f64();
        let lead_s = self.lead_s() - self.calm.target() * self.period.as_secs_f64();
        // Half of the minimum is enough for the second signal, because the stall itself lengthens the measured round trip.
        let (is_early, is_behind) = (early_s > slip::MIN_SLIP_S, lead_s > slip::MIN_SLIP_S / 2.0);
        let slip = self.detector.push(now, early_s, is_early && is_behind);
        if let Some(Slip { offset_s, .. }) = slip {
            self.margin = self.calm.clone();
            self.margin.restart();
            self.correct(self.margin.target() + offset_s / self.period.as_secs_f64(), now);
        } else if !is_early && !is_behind {
            // The first snapshot after a stall reports a margin from before it, and ticks that were caught up on without inputs. Those
            // inputs were not lost by the link.
            self.calm.clone_from(&self.margin);
        }
        slip.map(|slip| slip.since)
    }

    /// Returns true if the newest snapshot is so far from the schedule that the client or the server must have stalled. Margins do not
    /// show that, because a server drops inputs that arrive much too early.
    fn is_stalled(&self) -> bool {
        self.lead_s().abs() > MIN_STALL.as_secs_f64()
    }

    /// The time from the input of the newest snapshot's tick to that snapshot, less a round trip, in seconds. This is how early inputs
    /// arrive, if the snapshot was not delayed.
    fn lead_s(&self) -> f64 {
        let NewestSnapshot { tick, arrived, rtt } = self.newest;
        let ahead = f64::from(self.next.tick.0) - f64::from(tick.0);
        let sent = self.next.due.as_secs_f64() - ahead * self.period.as_secs_f64();
        arrived.as_secs_f64() - sent - rtt.as_secs_f64()
    }

    /// Sets the schedule again, from the newest snapshot.
    fn reset(&mut self, now: Duration) {
        self.margin.restart();
        self.calm.clone_from(&self.margin);
        self.detector = SlipDetector::default();
        let NewestSnapshot { tick, arrived, rtt } = self.newest;
        // The snapshot was half a round trip old on arrival, and an input needs half a round trip.
        let lead = rtt + self.period.mul_f64(self.margin.target());
        let ahead = (now.saturating_sub(arrived) + lead).div_duration_f64(self.period).ceil();
        let due = (arrived + self.period.mul_f64(ahead)).saturating_sub(lead).max(now);
        self.next = InputSlot { tick: tick.after(ahead as u32), due };
        self.phase = Phase::Guessed(self.ignore_until());
    }

    /// Corrects the whole error at once, from the first margin after a reset or from a slip. Stretching would make every input late
    /// meanwhile, or take too long.
    fn correct(&mut self, margin: f64, now: Duration) {
        let period = self.period.as_secs_f64();
        let due = self.next.due.as_secs_f64() + period * (margin - self.margin.target());
        let skipped = ((now.as_secs_f64() - due) / period).ceil().max(0.0);
        self.next.tick = self.next.tick.after(skipped as u32);
        self.next.due = Duration::try_from_secs_f64(due + period * skipped).unwrap_or(now);
        self.phase = Phase::Corrected(self.ignore_until());
    }

    /// The time from which reported margins are of the next input, including its wait for a tick.
    fn ignore_until(&self) -> Duration {
        self.next.due + self.newest.rtt + 2 * self.period
    }

    /// The period until the next input: shorter while inputs arrive too late, longer while too early, and the server's own while no
    /// snapshots arrive.
    fn stretched_period(&self) -> Duration {
        if self.next.due > self.newest.arrived + MAX_SNAPSHOT_AGE {
            return self.period;
        }
        let stretch = (self.margin.error() * GAIN).clamp(-MAX_STRETCH, MAX_STRETCH);
        self.period.mul_f64(1.0 + stretch)
    }
}

#[cfg(test)]
mod tests;
