//! When to send the input of which tick, so that each arrives a little before the server uses it.
//!
//! A client runs ahead of what it sees: by the way up, so that inputs are in time, and by a margin, so that jitter does not
//! make them late. Too far ahead is felt as lag. Each snapshot says how early the inputs come, and the clock stretches its
//! own tick by a few per cent to hold the margin. It never jumps but after a stall, and then it skips what was missed rather
//! than sending it in a burst.
//!
//! A stretch of a few per cent is for drift. A server that stood still lets that time slip, and everybody's inputs come so much too early
//! from then on: taken away by a twentieth, half a second would be felt as lag for ten. So when news agree that there was a slip (`slip`),
//! the clock pauses for as long. Nothing is lost by it: the inputs of the time that slipped were sent and wait at the server for their
//! ticks, and the world they are for stood still as well. Two witnesses are needed, since to pause wrongly makes inputs late: the
//! margins that the server tells, and the ticks of its snapshots, which come later than by the schedule. A link that holds up one way
//! is but one of them.
//!
//! Pure: moments are given, as the time since any epoch that the caller keeps to.

use std::time::Duration;

use quarrel_shared::tick::{Tick, TickRate};

use crate::input::{
    margin::Margin,
    slip::{self, Slip, Suspicion},
};

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
    /// As it was before the news that may tell of a slip, which is no jitter.
    calm: Margin,
    suspicion: Suspicion,
    heard: Heard,
    phase: Phase,
}

/// How far the schedule can be trusted. Margins tell of inputs that were sent a round trip ago, so after a change they are
/// not listened to until those from before it have passed.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Set by a guess; deaf until then.
    Guessed(Duration),
    /// Corrected by the first margin, or paused for a slip; deaf until then.
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
            calm: Margin::new(rate),
            suspicion: Suspicion::default(),
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
    /// and whether that tick found its input. Gives since when the snapshots come of a server that had let time slip, once that is
    /// sure.
    pub fn heard(
        &mut self,
        tick: Tick,
        margin: Option<i16>,
        found: bool,
        now: Duration,
        rtt: Duration,
    ) -> Option<Duration> {
        let passed = tick.since(self.heard.tick);
        self.heard = Heard { tick, at: now, rtt };
        if self.is_stalled() {
            self.set(now);
            return None;
        }
        let margin = margin.map(|margin| f64::from(margin) / 16.0)?;
        if let Phase::Held = self.phase {
            self.margin.ticks(passed, found);
        }
        match self.phase {
            Phase::Guessed(until) | Phase::Corrected(until) if now < until => None,
            Phase::Guessed(_) => {
                self.correct(margin, now);
                None
            }
            Phase::Corrected(_) | Phase::Held => {
                self.phase = Phase::Held;
                self.margin.push(margin);
                self.suspect(margin, now)
            }
        }
    }

    /// Pauses once margins agree that the server let time slip. Says since when they do.
    fn suspect(&mut self, margin: f64, now: Duration) -> Option<Duration> {
        let early_s = (margin - self.calm.wanted()) * self.period.as_secs_f64();
        let lead_s = self.lead_s() - self.calm.wanted() * self.period.as_secs_f64();
        // Half of it is enough for the second witness: the stall itself has made the round trip look longer than it is.
        let (is_early, is_behind) = (early_s > slip::LEAST_S, lead_s > slip::LEAST_S / 2.0);
        let slip = self.suspicion.push(now, early_s, is_early && is_behind);
        if let Some(Slip { least_s, .. }) = slip {
            self.margin = self.calm.clone();
            self.margin.restart();
            self.correct(self.margin.wanted() + least_s / self.period.as_secs_f64(), now);
        } else if !is_early && !is_behind {
            // The first snapshot after a stall brings a margin from before it, and tells of ticks that were made up for without inputs:
            // that is no loss of the link's.
            self.calm.clone_from(&self.margin);
        }
        slip.map(|slip| slip.since)
    }

    /// Whether the newest news lies so far from the schedule that one of the two ends must have stood still. Margins do not
    /// tell: a server drops what comes much too early.
    fn is_stalled(&self) -> bool {
        self.lead_s().abs() > STALL.as_secs_f64()
    }

    /// How much longer than a round trip it took from the input of the newest tick that was heard of to that news, in seconds: how
    /// early inputs come, if the news was as quick as ever.
    fn lead_s(&self) -> f64 {
        let Heard { tick, at, rtt } = self.heard;
        let ahead = f64::from(self.next.tick.0) - f64::from(tick.0);
        let sent = self.next.due.as_secs_f64() - ahead * self.period.as_secs_f64();
        at.as_secs_f64() - sent - rtt.as_secs_f64()
    }

    /// Starts the schedule over, from the newest news of the server's tick.
    fn set(&mut self, now: Duration) {
        self.margin.restart();
        self.calm.clone_from(&self.margin);
        self.suspicion = Suspicion::default();
        let Heard { tick, at, rtt } = self.heard;
        // The news was half a round trip old when it came, and an input is half a round trip under way.
        let lead = rtt + self.period.mul_f64(self.margin.wanted());
        let ahead = (now.saturating_sub(at) + lead).div_duration_f64(self.period).ceil();
        let due = (at + self.period.mul_f64(ahead)).saturating_sub(lead).max(now);
        self.next = Slot { tick: tick.after(ahead as u32), due };
        self.phase = Phase::Guessed(self.deaf_until());
    }

    /// Takes a margin at its word, the first after the clock was set or that of a slip: what was guessed is known now, and stretching
    /// there would lose every input meanwhile, or take too long.
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
mod tests;
