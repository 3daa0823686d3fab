//! Where the screen is on the room's time line: a little in the past, so that there is a snapshot on either side of it.
//!
//! How much is the interpolation delay. Too little, and a late or lost snapshot leaves nothing to draw towards; too much, and
//! everybody is seen where they were long ago. So each snapshot says how much delay it would have taken to be in time, and the
//! delay follows: up at once, down slowly, never under two send intervals, which one lost snapshot fits into.
//!
//! The screen never jumps and never goes back: it runs a few per cent faster or slower until it is where it should be. Only
//! after a stall does it jump ahead; and after a stall of the server, which lets that time slip, it waits.
//!
//! Not to believe in such a slip is to stand frozen until the quick snapshots from before it are forgotten. To believe in one wrongly is
//! to show everything older than it need be until a quick snapshot comes. So one that no delay could hide is believed when
//! snapshots agree on it: nothing would move otherwise. A smaller one is believed when the inputs' margins tell of it too
//! ([`Playout::slipped`]), for from here a queue on the way looks the same, and that one is for the delay to hide.
//!
//! Pure: moments are given, as the time since any epoch that the caller keeps to.

use std::{collections::VecDeque, time::Duration};

use quarrel_shared::{
    limits::MAX_EXTRAPOLATION_MS,
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

use crate::input::slip::{self, Slip, Suspicion};

/// The most by which the screen's time is stretched. More than a player's own clock may, for others are only looked at.
const STRETCH_MOST: f64 = 0.1;

/// How much of the error a second takes away, in seconds a second: within a quarter second most of it, bounded by the stretch.
const GAIN: f64 = 4.0;

/// How far off the screen may be before it jumps ahead: somebody stood still.
const STALL_S: f64 = 0.5;

/// The longest delay: what a shot is judged in is bounded too, and the round trip comes on top.
const DELAY_MOST_S: f64 = 0.2;

/// A snapshot that came so late says nothing about jitter or loss: the link was gone.
const BLACK_OUT_S: f64 = 0.5;

/// How much of a delay that was missing is added at once.
const RISE: f64 = 0.35;

/// How much of a delay that was not needed is taken away by one snapshot. At 30 a second it falls to a third in ten seconds.
const FALL: f64 = 1.0 / 300.0;

/// The quickest way of the last so many seconds is what lateness counts from. A change of path is forgotten as fast.
const QUICKEST_OF_S: f64 = 4.0;

/// Snapshots that come so much slower than the quickest lie beyond what the longest delay hides and things are moved: everything stands
/// still. When they agree, the server let time slip, or the path is another one.
const FROZEN_S: f64 = DELAY_MOST_S + MAX_EXTRAPOLATION_MS as f64 / 1000.0;

/// The screen's clock of one seat.
#[derive(Clone, Debug)]
pub struct Playout {
    period_s: f64,
    /// The least delay: two send intervals.
    least_s: f64,
    delay_s: f64,
    /// As it was before the snapshots that may tell of a slip, which no delay is for.
    calm_delay_s: f64,
    quickest: Quickest,
    slow: Suspicion,
    newest: Option<Tick>,
    shown: Option<Shown>,
    /// It was far ahead, and stands until it is due there.
    waits: bool,
}

/// Where the screen was when it was last looked at.
#[derive(Clone, Copy, Debug)]
struct Shown {
    /// In ticks.
    at: f64,
    when: Duration,
}

impl Playout {
    /// A screen of a room of this rate, whose snapshots lie `send_interval` ticks apart.
    #[must_use]
    pub fn new(rate: TickRate, send_interval: u32) -> Self {
        let period_s = 1.0 / f64::from(rate.hz());
        let least_s = 2.0 * period_s * f64::from(send_interval.max(1));
        Self {
            period_s,
            least_s,
            delay_s: least_s,
            calm_delay_s: least_s,
            quickest: Quickest::default(),
            slow: Suspicion::default(),
            newest: None,
            shown: None,
            waits: false,
        }
    }

    /// The snapshot of `tick` was applied `now`.
    pub fn heard(&mut self, tick: Tick, now: Duration) {
        let way_s = now.as_secs_f64() - self.seconds(tick);
        self.quickest.push(now, way_s);
        let slower_s = way_s - self.quickest.way_s();
        if let Some(Slip { since, .. }) = self.slow.push(now, slower_s, slower_s > FROZEN_S) {
            self.slipped(since);
        }
        if let Some(before) = self.newest.replace(tick) {
            // Until this snapshot came, the screen could go no further than the one before it.
            let needed_s = now.as_secs_f64() - self.quickest.way_s() - self.seconds(before);
            self.learn(needed_s);
        }
        if slower_s < slip::LEAST_S {
            self.calm_delay_s = self.delay_s;
        }
    }

    /// The inputs' margins tell that since then snapshots come of a server that had let time slip. Those snapshots must show it too.
    pub fn slipped(&mut self, since: Duration) {
        if self.quickest.slower_since(since) < slip::LEAST_S / 2.0 {
            return;
        }
        self.quickest.forget_before(since);
        self.delay_s = self.calm_delay_s;
        self.waits = true;
    }

    /// Where the screen is `now`, which never lies before where it was; `None` before the first snapshot.
    pub fn advance(&mut self, now: Duration) -> Option<SubTick> {
        self.newest?;
        let wanted = (now.as_secs_f64() - self.quickest.way_s() - self.delay_s) / self.period_s;
        let at = match self.shown {
            Some(shown) => self.approach(shown, wanted, now),
            None => wanted,
        };
        let at = at.max(0.0);
        self.shown = Some(Shown { at, when: now });
        Some(SubTick::from_sixteenths((at * f64::from(SubTick::PER_TICK)) as u64))
    }

    /// How far the screen is behind the quickest snapshots.
    #[must_use]
    pub fn delay(&self) -> Duration {
        Duration::from_secs_f64(self.delay_s)
    }

    fn approach(&mut self, shown: Shown, wanted: f64, now: Duration) -> f64 {
        let passed_s = now.saturating_sub(shown.when).as_secs_f64();
        let straight = shown.at + passed_s / self.period_s;
        let error_s = (wanted - straight) * self.period_s;
        if error_s > STALL_S {
            self.waits = false;
            return wanted;
        }
        self.waits |= error_s < -STALL_S;
        if self.waits {
            // What was shown cannot be taken back, but nothing was shown that lies farther than this past the newest snapshot.
            let stands = shown.at.min(self.farthest());
            self.waits = stands > wanted;
            return stands.max(wanted);
        }
        let stretch = (error_s * GAIN).clamp(-STRETCH_MOST, STRETCH_MOST);
        straight + passed_s * stretch / self.period_s
    }

    fn learn(&mut self, needed_s: f64) {
        if needed_s > BLACK_OUT_S {
            return;
        }
        let share = if needed_s > self.delay_s { RISE } else { FALL };
        let delay_s = self.delay_s + (needed_s - self.delay_s) * share;
        self.delay_s = delay_s.clamp(self.least_s, DELAY_MOST_S.max(self.least_s));
    }

    /// How far others are ever moved, in ticks.
    fn farthest(&self) -> f64 {
        let beyond_s = f64::from(MAX_EXTRAPOLATION_MS) / 1000.0;
        self.newest.map_or(0.0, |newest| f64::from(newest.0)) + beyond_s / self.period_s
    }

    fn seconds(&self, tick: Tick) -> f64 {
        f64::from(tick.0) * self.period_s
    }
}

/// The least time between a tick, counted from tick 0, and the arrival of its snapshot, over the last few seconds.
#[derive(Clone, Debug, Default)]
struct Quickest {
    /// Candidates, each later and slower than the one before it: the first is the quickest.
    ways: VecDeque<(Duration, f64)>,
}

impl Quickest {
    fn push(&mut self, now: Duration, way_s: f64) {
        while self.ways.back().is_some_and(|(_, slower)| *slower >= way_s) {
            self.ways.pop_back();
        }
        self.ways.push_back((now, way_s));
        while self.ways.front().is_some_and(|(at, _)| (now - *at).as_secs_f64() > QUICKEST_OF_S) {
            self.ways.pop_front();
        }
    }

    fn way_s(&self) -> f64 {
        self.ways.front().map_or(0.0, |(_, way_s)| *way_s)
    }

    /// How much slower the quickest was of those that came since then.
    fn slower_since(&self, since: Duration) -> f64 {
        let later = self.ways.iter().find(|(at, _)| *at >= since);
        later.map_or(0.0, |(_, way_s)| way_s - self.way_s())
    }

    fn forget_before(&mut self, since: Duration) {
        while self.ways.front().is_some_and(|(at, _)| *at < since) {
            self.ways.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
