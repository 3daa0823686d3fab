//! The schedule of inputs: the time at which each tick's input is sent, so that the input arrives a little before the server uses it.
//!
//! A client runs ahead of the server: by the time that an input takes to arrive, and by a margin for jitter. A player feels a larger
//! margin as lag. Each snapshot reports how early the newest input arrived, and the clock stretches its tick period by up to five per
//! cent to hold the margin. The clock jumps only after a first measurement, a stall or a slip. After a stall of more than a second it
//! skips the missed ticks instead of sending their inputs in a burst.
//!
//! A slip: a server that stalled skips ticks, and from then on inputs arrive too early by the skipped time. Stretching by a twentieth
//! would take ten seconds to remove half a second of such lag. So when a slip is detected (`slip`), the clock pauses for the skipped
//! time. No input is lost: the inputs of the skipped time were sent and wait at the server for their ticks, and the simulation stood
//! still as well. A wrong pause would make inputs late, so two signals must agree: the margins that the server reports, and the ticks
//! of its snapshots, which arrive later than the schedule expects. A link that delays one direction causes only one of the two.
//!
//! Has no clock of its own and no I/O: times are durations since an epoch of the caller's choice.

use std::time::Duration;

use quarrel_shared::tick::{Tick, TickRate};

use crate::input::{
    margin::Margin,
    slip::{self, Slip, SlipDetector},
};

/// The maximum by which a tick is stretched or shortened, as a share of the period: players do not notice it.
const MAX_STRETCH: f64 = 0.05;

/// The share of the error that each tick corrects. The effect of a correction is measured a round trip later, and an integrator with a
/// dead time of `d` ticks is stable for gains below π/(2d). At a round trip of 50 ticks that is 0.0314, just above 1/32.
const GAIN: f64 = 1.0 / 32.0;

/// The error beyond which the schedule is reset instead of stretched, because the client or the server stalled.
const MIN_STALL: Duration = Duration::from_secs(1);

/// The maximum age of the newest snapshot at which the clock still stretches. Without snapshots the measured error stays the same
/// while the clock corrects it: a clock that kept stretching for ten seconds would be off by up to 500 ms.
const MAX_SNAPSHOT_AGE: Duration = Duration::from_millis(250);

/// An input to send: its tick and the time of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputSlot {
    /// The tick that the input is for.
    pub tick: Tick,
    /// The time at which the input should be sent. The player's latency counts from this time, even if the caller is late.
    pub due: Duration,
}

/// The schedule of one seat's inputs.
#[derive(Clone, Debug)]
pub(crate) struct ClientClock {
    period: Duration,
    next: InputSlot,
    margin: Margin,
    /// The margin as measured before the newest snapshots that may show a slip, because a slip must not count as jitter.
    margin_before_slip: Margin,
    detector: SlipDetector,
    newest: SnapshotTiming,
    phase: Phase,
}

/// The state of the schedule. A reported margin is of an input that was sent a round trip ago. So after a change of the schedule,
/// margins are ignored until they are of inputs that were sent after the change.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Derived from the newest snapshot alone, which assumes equal delays in both directions. Margins are ignored until this time.
    Guessed(Duration),
    /// Corrected by the first margin, or paused for a slip. Margins are ignored until this time.
    Corrected(Duration),
    /// Kept at the target margin by stretching.
    Steady,
}

/// The tick of a snapshot, the time of its arrival, and the round trip time as measured on its arrival.
#[derive(Clone, Copy, Debug)]
struct SnapshotTiming {
    tick: Tick,
    arrived: Duration,
    rtt: Duration,
}

impl ClientClock {
    /// Creates a schedule for a server whose message from `tick` arrives at `now`, over a connection with this round trip time.
    #[must_use]
    pub(crate) fn new(rate: TickRate, tick: Tick, now: Duration, rtt: Duration) -> Self {
        let mut clock = Self {
            period: Duration::from_nanos(rate.period_ns()),
            next: InputSlot { tick, due: now },
            margin: Margin::new(rate),
            margin_before_slip: Margin::new(rate),
            detector: SlipDetector::default(),
            newest: SnapshotTiming { tick, arrived: now, rtt },
            phase: Phase::Guessed(now),
        };
        clock.reset(now);
        clock
    }

    /// Returns the time at which the next input is due.
    #[must_use]
    pub(crate) const fn wake_at(&self) -> Duration {
        self.next.due
    }

    /// Returns the next slot that is due by `now`. Callers repeat the call until it returns `None`: a caller that slept gets a slot for
    /// each missed tick. If the next slot is more than a second late, the schedule is reset instead, and the missed ticks are skipped.
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

    /// Updates the schedule from a snapshot of `tick` that arrived at `now`. `margin` is the time by which the newest input arrived
    /// early, in 1/16 tick (`None` before the first input); `found` is whether the server had the input of `tick` in time. When a slip
    /// is detected, returns the arrival of the first snapshot after the slip.
    pub(crate) fn on_snapshot(
        &mut self,
        tick: Tick,
        margin: Option<i16>,
        found: bool,
        now: Duration,
        rtt: Duration,
    ) -> Option<Duration> {
        let new_ticks = tick.since(self.newest.tick);
        self.newest = SnapshotTiming { tick, arrived: now, rtt };
        if self.is_stalled() {
            self.reset(now);
            return None;
        }
        let margin = margin.map(|margin| f64::from(margin) / 16.0)?;
        if let Phase::Steady = self.phase {
            self.margin.on_ticks(new_ticks, found);
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

    /// Pauses the clock when a slip is detected, and returns the arrival of the first snapshot after the slip.
    fn detect_slip(&mut self, margin: f64, now: Duration) -> Option<Duration> {
        let target = self.margin_before_slip.target();
        // The two signals: inputs arrive earlier than intended, and snapshots later than the schedule expects.
        let early_s = (margin - target) * self.period.as_secs_f64();
        let late_s = self.lead_s() - target * self.period.as_secs_f64();
        // Half of the minimum is enough for the second signal, because the stall itself lengthens the measured round trip.
        let (is_early, is_late) = (early_s > slip::MIN_SLIP_S, late_s > slip::MIN_SLIP_S / 2.0);
        let slip = self.detector.push(now, early_s, is_early && is_late);
        if let Some(Slip { offset_s, .. }) = slip {
            self.margin = self.margin_before_slip.clone();
            self.margin.restart();
            self.correct(self.margin.target() + offset_s / self.period.as_secs_f64(), now);
        } else if !is_early && !is_late {
            // Neither signal, so this snapshot is not from after a slip. The first snapshot after a stall has only one of the two: it
            // reports a margin from before the stall, and ticks without inputs that the link did not lose.
            self.margin_before_slip.clone_from(&self.margin);
        }
        slip.map(|slip| slip.since)
    }

    /// Returns true if the newest snapshot is at such a distance from the schedule that the client or the server must have stalled. Reported margins
    /// do not show such a stall, because a server drops inputs that arrive much too early.
    fn is_stalled(&self) -> bool {
        self.lead_s().abs() > MIN_STALL.as_secs_f64()
    }

    /// Returns the time from sending the input of the newest snapshot's tick to the arrival of that snapshot, less a round trip, in
    /// seconds. If the snapshot was not delayed, inputs arrive early by this time.
    fn lead_s(&self) -> f64 {
        let SnapshotTiming { tick, arrived, rtt } = self.newest;
        let ahead = f64::from(self.next.tick.0) - f64::from(tick.0);
        let sent = self.next.due.as_secs_f64() - ahead * self.period.as_secs_f64();
        arrived.as_secs_f64() - sent - rtt.as_secs_f64()
    }

    /// Derives the schedule from the newest snapshot, without regard to the previous schedule.
    fn reset(&mut self, now: Duration) {
        self.margin.restart();
        self.margin_before_slip.clone_from(&self.margin);
        self.detector = SlipDetector::default();
        let SnapshotTiming { tick, arrived, rtt } = self.newest;
        // The snapshot was half a round trip old on arrival, and an input needs half a round trip.
        let lead = rtt + self.period.mul_f64(self.margin.target());
        let ahead = (now.saturating_sub(arrived) + lead).div_duration_f64(self.period).ceil();
        let due = (arrived + self.period.mul_f64(ahead)).saturating_sub(lead).max(now);
        self.next = InputSlot { tick: tick.after(ahead as u32), due };
        self.phase = Phase::Guessed(self.ignore_until());
    }

    /// Corrects the entire error at once, after a first guess or a slip. `margin` is the margin in ticks that inputs of the present
    /// schedule have. Stretching would make every input late meanwhile, or take too long.
    fn correct(&mut self, margin: f64, now: Duration) {
        let period = self.period.as_secs_f64();
        let due = self.next.due.as_secs_f64() + period * (margin - self.margin.target());
        let skipped = ((now.as_secs_f64() - due) / period).ceil().max(0.0);
        self.next.tick = self.next.tick.after(skipped as u32);
        self.next.due = Duration::try_from_secs_f64(due + period * skipped).unwrap_or(now);
        self.phase = Phase::Corrected(self.ignore_until());
    }

    /// Returns the time from which reported margins are of the next input or a later one: after a round trip and up to two periods of
    /// waiting for a tick and a snapshot.
    fn ignore_until(&self) -> Duration {
        self.next.due + self.newest.rtt + 2 * self.period
    }

    /// Returns the period until the next input: shorter while inputs arrive too late, longer while they arrive too early, and the
    /// unstretched period while no snapshots arrive.
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
