//! The playout clock: the time that the screen shows, a little in the past, so that there is a snapshot on either side of it.
//!
//! The distance is the interpolation delay. If it is too small, a late or lost snapshot leaves nothing to interpolate to; if it is too
//! large, others are shown where they were long ago. Each snapshot shows the delay at which it would have been in time, and the delay
//! follows: up quickly, down slowly, and never below two send intervals, which cover one lost snapshot.
//!
//! The screen never jumps and never moves back: it runs a few per cent faster or slower until it shows the wanted time. Only after a
//! stall of the client does it jump ahead; after a stall of the server, which skips ticks (a slip), it waits.
//!
//! If a slip is not detected, everything stands still until the fast snapshots from before it are forgotten. If one is detected wrongly,
//! everything is shown older than necessary until the next fast snapshot. So a slip that no delay could hide is accepted as soon as
//! snapshots agree on it, because nothing would move otherwise. A smaller one is accepted only if the inputs' margins show it too
//! ([`Playout::on_slip`]), because to this end a queue in the network looks the same, and the delay is there to hide that.
//!
//! Pure: times are durations since an epoch of the caller's choice.

use std::{collections::VecDeque, time::Duration};

use quarrel_shared::{
    limits::MAX_EXTRAPOLATION_MS,
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

use crate::input::slip::{self, Slip, SlipDetector};

/// The maximum by which the screen's time is stretched, as a share. More than that of the input clock, because others are only watched.
const MAX_STRETCH: f64 = 0.1;

/// The correction of an error per second, in seconds a second: most of it within a quarter of a second, limited by the stretch.
const GAIN: f64 = 4.0;

/// The error beyond which the screen jumps ahead or waits, in seconds, because the client or the server stalled.
const MIN_STALL_S: f64 = 0.5;

/// The maximum delay, in seconds. It adds to the round trip in the server's rewind for a shot, which is bounded too.
const MAX_DELAY_S: f64 = 0.2;

/// The lateness beyond which a snapshot shows a black-out instead of jitter or loss, in seconds.
const MIN_BLACK_OUT_S: f64 = 0.5;

/// The share of a missing delay that one snapshot adds.
const RISE: f64 = 0.35;

/// The share of an unneeded delay that one snapshot removes. At 30 snapshots a second, the excess falls to a third in ten seconds.
const FALL: f64 = 1.0 / 300.0;

/// The window for the minimum transit time, from which lateness counts, in seconds. After a change of path the old one is forgotten within
/// it.
const TRANSIT_WINDOW_S: f64 = 4.0;

/// The lateness beyond which neither the maximum delay nor extrapolation helps, in seconds, so that everything stands still. When several
/// snapshots agree on it, the server skipped ticks, or the path changed.
const FROZEN_S: f64 = MAX_DELAY_S + MAX_EXTRAPOLATION_MS as f64 / 1000.0;

/// The playout clock of one seat's screen.
#[derive(Clone, Debug)]
pub(crate) struct Playout {
    period_s: f64,
    /// The minimum delay: two send intervals.
    min_delay_s: f64,
    delay_s: f64,
    /// The delay before the snapshots that may show a slip, because the delay must not grow for a slip.
    calm_delay_s: f64,
    transit: MinTransit,
    detector: SlipDetector,
    newest: Option<Tick>,
    shown: Option<Shown>,
    /// True while the screen is far ahead and stands still until its time has come.
    is_waiting: bool,
}

/// The position of the screen at its last use.
#[derive(Clone, Copy, Debug)]
struct Shown {
    /// The shown time, in ticks.
    tick: f64,
    now: Duration,
}

impl Playout {
    /// A clock for a room with this tick rate, whose snapshots are `send_interval` ticks apart.
    #[must_use]
    pub(crate) fn new(rate: TickRate, send_interval: u32) -> Self {
        let period_s = 1.0 / f64::from(rate.hz());
        let min_delay_s = 2.0 * period_s * f64::from(send_interval.max(1));
        Self {
            period_s,
            min_delay_s,
            delay_s: min_delay_s,
            calm_delay_s: min_delay_s,
            transit: MinTransit::default(),
            detector: SlipDetector::default(),
            newest: None,
            shown: None,
            is_waiting: false,
        }
    }

    /// Updates the delay from a snapshot of `tick` that was applied `now`.
    pub(crate) fn on_snapshot(&mut self, tick: Tick, now: Duration) {
        let transit_s = now.as_secs_f64() - self.seconds(tick);
        self.transit.push(now, transit_s);
        let late_s = transit_s - self.transit.min_s();
        if let Some(Slip { since, .. }) = self.detector.push(now, late_s, late_s > FROZEN_S) {
            self.on_slip(since);
        }
        if let Some(previous) = self.newest.replace(tick) {
            // Until this snapshot arrived, there was nothing to interpolate to after the previous one.
            let needed_s = now.as_secs_f64() - self.transit.min_s() - self.seconds(previous);
            self.adjust_delay(needed_s);
        }
        if late_s < slip::MIN_SLIP_S {
            self.calm_delay_s = self.delay_s;
        }
    }

    /// Adjusts to a slip that the inputs' margins show. `since` is the arrival of the first snapshot after it. Ignored unless the snapshots
    /// since then are late too.
    pub(crate) fn on_slip(&mut self, since: Duration) {
        if self.transit.increase_since(since) < slip::MIN_SLIP_S / 2.0 {
            return;
        }
        self.transit.discard_before(since);
        self.delay_s = self.calm_delay_s;
        self.is_waiting = true;
    }

    /// Returns the time to show `now`, never before the previously returned one; `None` before the first snapshot.
    pub(crate) fn advance(&mut self, now: Duration) -> Option<SubTick> {
        self.newest?;
        let wanted = (now.as_secs_f64() - self.transit.min_s() - self.delay_s) / self.period_s;
        let tick = match self.shown {
            Some(shown) => self.approach(shown, wanted, now),
            None => wanted,
        };
        let tick = tick.max(0.0);
        self.shown = Some(Shown { tick, now });
        Some(SubTick::from_sixteenths((tick * f64::from(SubTick::PER_TICK)) as u64))
    }

    /// The interpolation delay: the time by which the screen is behind the fastest snapshots.
    #[must_use]
    pub(crate) fn delay(&self) -> Duration {
        Duration::from_secs_f64(self.delay_s)
    }

    fn approach(&mut self, shown: Shown, wanted: f64, now: Duration) -> f64 {
        let passed_s = now.saturating_sub(shown.now).as_secs_f64();
        let unstretched = shown.tick + passed_s / self.period_s;
        let error_s = (wanted - unstretched) * self.period_s;
        if error_s > MIN_STALL_S {
            self.is_waiting = false;
            return wanted;
        }
        self.is_waiting |= error_s < -MIN_STALL_S;
        if self.is_waiting {
            // The screen cannot move back, but nothing beyond `max_tick` was ever drawn.
            let held = shown.tick.min(self.max_tick());
            self.is_waiting = held > wanted;
            return held.max(wanted);
        }
        let stretch = (error_s * GAIN).clamp(-MAX_STRETCH, MAX_STRETCH);
        unstretched + passed_s * stretch / self.period_s
    }

    fn adjust_delay(&mut self, needed_s: f64) {
        if needed_s > MIN_BLACK_OUT_S {
            return;
        }
        let share = if needed_s > self.delay_s { RISE } else { FALL };
        let delay_s = self.delay_s + (needed_s - self.delay_s) * share;
        self.delay_s = delay_s.clamp(self.min_delay_s, MAX_DELAY_S.max(self.min_delay_s));
    }

    /// The latest time to which others are extrapolated, in ticks.
    fn max_tick(&self) -> f64 {
        let beyond_s = f64::from(MAX_EXTRAPOLATION_MS) / 1000.0;
        self.newest.map_or(0.0, |newest| f64::from(newest.0)) + beyond_s / self.period_s
    }

    fn seconds(&self, tick: Tick) -> f64 {
        f64::from(tick.0) * self.period_s
    }
}

/// The minimum transit time of recent snapshots: from the time of a tick, counted from tick 0, to the arrival of its snapshot.
#[derive(Clone, Debug, Default)]
struct MinTransit {
    /// Arrival and transit time of the candidates, both ascending: the first is the minimum.
    candidates: VecDeque<(Duration, f64)>,
}

impl MinTransit {
    fn push(&mut self, now: Duration, transit_s: f64) {
        while self.candidates.back().is_some_and(|(_, candidate_s)| *candidate_s >= transit_s) {
            self.candidates.pop_back();
        }
        self.candidates.push_back((now, transit_s));
        while self.candidates.front().is_some_and(|(at, _)| (now - *at).as_secs_f64() > TRANSIT_WINDOW_S) {
            self.candidates.pop_front();
        }
    }

    fn min_s(&self) -> f64 {
        self.candidates.front().map_or(0.0, |(_, transit_s)| *transit_s)
    }

    /// The minimum of the snapshots since this time, less that of all.
    fn increase_since(&self, since: Duration) -> f64 {
        let later = self.candidates.iter().find(|(at, _)| *at >= since);
        later.map_or(0.0, |(_, transit_s)| transit_s - self.min_s())
    }

    fn discard_before(&mut self, since: Duration) {
        while self.candidates.front().is_some_and(|(at, _)| *at < since) {
            self.candidates.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
