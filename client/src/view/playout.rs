//! The playout clock: computes the displayed time, at which other players' entities are drawn. It is a little in the past, so that there
//! is a snapshot before and after it.
//!
//! The interpolation delay is the distance of the displayed time from the fastest snapshots. If the delay is too small, a late or lost
//! snapshot leaves nothing to interpolate to; if it is too large, others are drawn where they were long ago. Each snapshot shows the
//! delay at which it would have been in time, and the delay follows: it rises quickly, falls slowly, and is never below two send
//! intervals, which cover one lost snapshot.
//!
//! The displayed time normally neither jumps nor moves back: it runs up to ten per cent faster or slower until it is the wanted time. It
//! jumps ahead only after a stall of the client. After a stall of the server, which skips ticks (a slip), it waits.
//!
//! If a slip is not detected, everything stands still until the fast snapshots from before it are forgotten. If one is detected wrongly,
//! everything is drawn older than necessary until the next fast snapshot. So a slip that is larger than any delay is accepted as soon as
//! snapshots agree on it, because nothing would move otherwise. A smaller slip is accepted only if the margins of the client's inputs
//! show it too ([`Playout::on_slip`]), because snapshots arrive late in the same way from a queue in the network, and hiding such queues
//! is the purpose of the delay.
//!
//! Has no clock of its own and no I/O: times are durations since an epoch of the caller's choice.

use std::{collections::VecDeque, time::Duration};

use quarrel_shared::{
    limits::MAX_EXTRAPOLATION_MS,
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

use crate::input::slip::{self, Slip, SlipDetector};

/// The maximum by which the displayed time runs faster or slower, as a share: more than the stretch of the input clock, because players
/// only watch others, and do not control them.
const MAX_STRETCH: f64 = 0.1;

/// The share of an error that is corrected per second. The error falls to 37 % (1/e) within a quarter of a second, if the stretch permits.
const GAIN: f64 = 4.0;

/// The error beyond which the displayed time jumps ahead or waits, in seconds, because the client or the server stalled.
const MIN_STALL_S: f64 = 0.5;

/// The maximum delay, in seconds, unless two send intervals are longer. The delay adds to the round trip in the time by which the server
/// must rewind the world for a shot, and the server bounds that time.
const MAX_DELAY_S: f64 = 0.2;

/// The needed delay beyond which a snapshot shows a black-out (an interruption of the link) instead of jitter or loss, in seconds. Such a
/// snapshot does not change the delay.
const MIN_BLACK_OUT_S: f64 = 0.5;

/// The share of a missing delay that one snapshot adds.
const RISE: f64 = 0.35;

/// The share of an unneeded delay that one snapshot removes. At 30 snapshots a second, the excess falls to 37 % (1/e) in ten seconds.
const FALL: f64 = 1.0 / 300.0;

/// The window of the minimum transit time, in seconds. The lateness of a snapshot counts from that minimum. After a change of the network
/// path, the old path's minimum is forgotten within this time.
const TRANSIT_WINDOW_S: f64 = 4.0;

/// The lateness beyond which everything stands still, because it exceeds the maximum delay and the maximum extrapolation together, in
/// seconds. When several snapshots are equally late by more than this, the server skipped ticks, or the network path changed.
const FROZEN_S: f64 = MAX_DELAY_S + MAX_EXTRAPOLATION_MS as f64 / 1000.0;

/// The playout clock of one seat.
#[derive(Clone, Debug)]
pub(crate) struct Playout {
    period_s: f64,
    /// The minimum delay: two send intervals.
    min_delay_s: f64,
    delay_s: f64,
    /// The delay before the newest snapshots that may show a slip, because the delay must not grow for a slip.
    delay_before_slip_s: f64,
    transit: MinTransit,
    detector: SlipDetector,
    /// The tick of the newest snapshot.
    newest: Option<Tick>,
    displayed: Option<Displayed>,
    /// True while the displayed time is far ahead of the wanted time and stands still.
    is_waiting: bool,
}

/// The displayed time at the last call of [`Playout::advance`].
#[derive(Clone, Copy, Debug)]
struct Displayed {
    /// The displayed time, in ticks.
    ticks: f64,
    /// The time of the call.
    now: Duration,
}

impl Playout {
    /// Creates a clock for a room with this tick rate, whose snapshots are `send_interval` ticks apart.
    #[must_use]
    pub(crate) fn new(rate: TickRate, send_interval: u32) -> Self {
        let period_s = 1.0 / f64::from(rate.hz());
        let min_delay_s = 2.0 * period_s * f64::from(send_interval.max(1));
        Self {
            period_s,
            min_delay_s,
            delay_s: min_delay_s,
            delay_before_slip_s: min_delay_s,
            transit: MinTransit::default(),
            detector: SlipDetector::default(),
            newest: None,
            displayed: None,
            is_waiting: false,
        }
    }

    /// Updates the delay from a snapshot of `tick` that arrived at `now`. Accepts a slip that is larger than [`FROZEN_S`].
    pub(crate) fn on_snapshot(&mut self, tick: Tick, now: Duration) {
        let transit_s = now.as_secs_f64() - self.seconds(tick);
        self.transit.push(now, transit_s);
        let late_s = transit_s - self.transit.min_s();
        if let Some(Slip { since, .. }) = self.detector.push(now, late_s, late_s > FROZEN_S) {
            self.on_slip(since);
        }
        if let Some(previous) = self.newest.replace(tick) {
            // With this delay, the previous snapshot would be displayed when this one arrives, just in time to interpolate to it.
            let needed_s = now.as_secs_f64() - self.transit.min_s() - self.seconds(previous);
            self.adjust_delay(needed_s);
        }
        if late_s < slip::MIN_SLIP_S {
            self.delay_before_slip_s = self.delay_s;
        }
    }

    /// Adjusts to a slip that the margins of the inputs show. `since` is the arrival of the first snapshot after the slip. The slip is
    /// ignored unless the snapshots since then are late too.
    pub(crate) fn on_slip(&mut self, since: Duration) {
        if self.transit.increase_since(since) < slip::MIN_SLIP_S / 2.0 {
            return;
        }
        self.transit.discard_before(since);
        self.delay_s = self.delay_before_slip_s;
        self.is_waiting = true;
    }

    /// Returns the displayed time at `now`; `None` before the first snapshot. The result may be past the newest snapshot by any time.
    /// Limited to the maximum extrapolation, it never moves back.
    pub(crate) fn advance(&mut self, now: Duration) -> Option<SubTick> {
        self.newest?;
        let wanted = (now.as_secs_f64() - self.transit.min_s() - self.delay_s) / self.period_s;
        let ticks = match self.displayed {
            Some(displayed) => self.approach(displayed, wanted, now),
            None => wanted,
        };
        let ticks = ticks.max(0.0);
        self.displayed = Some(Displayed { ticks, now });
        Some(SubTick::from_sixteenths((ticks * f64::from(SubTick::PER_TICK)) as u64))
    }

    /// Returns the interpolation delay: the time by which the wanted displayed time is behind the fastest snapshots.
    #[must_use]
    pub(crate) fn delay(&self) -> Duration {
        Duration::from_secs_f64(self.delay_s)
    }

    /// Returns the next displayed time, in ticks: it approaches `wanted`, jumps to it, or waits for it.
    fn approach(&mut self, displayed: Displayed, wanted: f64, now: Duration) -> f64 {
        let elapsed_s = now.saturating_sub(displayed.now).as_secs_f64();
        let unstretched = displayed.ticks + elapsed_s / self.period_s;
        let error_s = (wanted - unstretched) * self.period_s;
        if error_s > MIN_STALL_S {
            self.is_waiting = false;
            return wanted;
        }
        self.is_waiting |= error_s < -MIN_STALL_S;
        if self.is_waiting {
            // The drawn time must not move back, but no time beyond `max_tick` was ever drawn.
            let held = displayed.ticks.min(self.max_tick());
            self.is_waiting = held > wanted;
            return held.max(wanted);
        }
        let stretch = (error_s * GAIN).clamp(-MAX_STRETCH, MAX_STRETCH);
        unstretched + elapsed_s * stretch / self.period_s
    }

    /// Moves the delay towards the delay that a snapshot needed.
    fn adjust_delay(&mut self, needed_s: f64) {
        if needed_s > MIN_BLACK_OUT_S {
            return;
        }
        let share = if needed_s > self.delay_s { RISE } else { FALL };
        let delay_s = self.delay_s + (needed_s - self.delay_s) * share;
        self.delay_s = delay_s.clamp(self.min_delay_s, MAX_DELAY_S.max(self.min_delay_s));
    }

    /// Returns the latest time to which others are extrapolated, in ticks.
    fn max_tick(&self) -> f64 {
        let extrapolation_s = f64::from(MAX_EXTRAPOLATION_MS) / 1000.0;
        self.newest.map_or(0.0, |newest| f64::from(newest.0)) + extrapolation_s / self.period_s
    }

    /// Returns the time of a tick since tick 0, in seconds.
    fn seconds(&self, tick: Tick) -> f64 {
        f64::from(tick.0) * self.period_s
    }
}

/// The minimum transit time of the snapshots of the last [`TRANSIT_WINDOW_S`]. The transit time of a snapshot is its arrival minus the
/// time of its tick since tick 0: it has an unknown constant offset, which is the same for all snapshots of a room.
#[derive(Clone, Debug, Default)]
struct MinTransit {
    /// Arrival and transit time in seconds of the snapshots that no later snapshot undercuts, both ascending: the first is the minimum.
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

    /// Returns the minimum of the snapshots since this time, less the minimum of all.
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
