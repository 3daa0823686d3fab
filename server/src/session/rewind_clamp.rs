//! The rewind clamp: limits the time that a player claims to have seen to what the history of the link makes possible. Pure.
//!
//! A shot is judged in the world that its shooter saw, so a client that claims an older time hits targets where they were before. The
//! room rewinds at most a quarter second; the clamp keeps a player with a short lag from claiming all of it.
//!
//! **The rule.** All times in ticks. When a datagram arrives:
//!
//! ```text
//! n       tick of the newest snapshot sent
//! a       tick of the newest snapshot acknowledged so far
//! s       ticks between two snapshots
//! E       MAX_EXTRAPOLATION_MS in ticks, the maximum that a client extrapolates
//! lag     n - a, one sample per send over the last WINDOW_MS
//! min     minimum of the lags: what this link can do
//! p90     90th percentile of the lags
//! spread  p90 - min - (s - 1), at least 0: late, lost and reordered snapshots all increase the lag, since `a` stands still meanwhile;
//!         the lag also grows by s - 1 between two sends
//!
//! newest  = a + E
//! played  = min + max(2 s, s + 3/2 spread) + 1        a client that interpolates between two snapshots
//! starved = min(n - a - E, p90 + s + E)               a client whose snapshots do not arrive, and whose screen stands at a + E
//! oldest  = n - max(played, starved)
//! ```
//!
//! A client waits for two sends on a good link, and for one send and up to one and a half times the spread on a bad one; the 1 is for
//! rounding. An input `k` ticks before the newest one was made `k` ticks earlier, so `n - k` replaces `n` for it. The ticks that inputs
//! are for are chosen by the client, and do not enter the rule.
//!
//! **The gain from lying.** `a` never goes back, and is never a tick that was not sent yet, so an acknowledgement of an old snapshot is
//! ignored, and one of a new snapshot only shortens the lag. A client that withholds all acknowledgements gets the lag, the old
//! baselines and the clamp of a link that really is so slow. A client that withholds some must do so for a tenth of the time before it
//! affects the percentile, and then gets what such a link gets.

use quarrel_shared::{
    bits::Bits,
    limits::MAX_EXTRAPOLATION_MS,
    protocol::datagram::{InputBatch, SnapshotAck},
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

use self::lag_window::LagWindow;

mod lag_window;

/// The length of the lag window in milliseconds: longer than clients take to recover from a bad period, and short enough that a player
/// whose link has improved does not keep the wide clamp for long.
const WINDOW_MS: u32 = 8000;

/// The clamp of one link.
#[derive(Clone, Debug)]
pub struct RewindClamp {
    rate: TickRate,
    /// The number of ticks between two snapshots.
    send_interval: u32,
    /// The tick of the newest snapshot sent.
    sent: Tick,
    /// The snapshots sent: bit `n` is for `n` ticks before `sent`.
    sent_before: u64,
    /// The tick of the newest snapshot acknowledged.
    acked: Option<Tick>,
    /// The value of `sent` at the last lag sample.
    sampled: Tick,
    lags: LagWindow,
    /// The number of lost snapshots since the last [`Self::take_lost`].
    lost: u64,
}

impl RewindClamp {
    /// The clamp of a link without history, in a room with this tick rate.
    #[must_use]
    pub fn new(rate: TickRate, send_interval: u32) -> Self {
        Self {
            rate,
            send_interval,
            sent: Tick(0),
            sent_before: 0,
            acked: None,
            sampled: Tick(0),
            lags: LagWindow::new(rate.ticks(WINDOW_MS).div_ceil(send_interval.max(1))),
            lost: 0,
        }
    }

    /// Records that a snapshot of this tick is sent. Ticks must be ascending.
    pub const fn record_sent(&mut self, tick: Tick) {
        self.sent_before = match self.sent_before.checked_shl(tick.since(self.sent)) {
            Some(before) => before | 1,
            None => 1,
        };
        self.sent = tick;
    }

    /// Clamps the times that the inputs of a datagram claim. Before the first acknowledged view the time is the present.
    pub fn clamp<I: Bits + Default + Clone + PartialEq>(
        &mut self,
        ack: Option<SnapshotAck>,
        batch: &mut InputBatch<I>,
    ) {
        if let Some(ack) = ack.filter(|ack| ack.newest <= self.sent) {
            self.record_ack(ack);
        }
        let Some(acked) = self.acked else {
            batch.iter_mut().for_each(|(tick, input)| input.seen = SubTick::of(tick));
            return;
        };
        self.sample_lag(acked);
        let newest = SubTick::of(acked).offset(self.extrapolation());
        let last = batch.newest();
        for (tick, input) in batch.iter_mut() {
            let sent = self.sent.before(last.since(tick));
            let oldest = SubTick::of(sent).offset(-self.max_delay(sent, acked));
            input.seen = input.seen.min(newest).max(oldest);
        }
    }

    /// Returns the number of sent snapshots that never became a view since the last call: lost, or reordered behind a newer one.
    pub const fn take_lost(&mut self) -> u64 {
        std::mem::replace(&mut self.lost, 0)
    }

    /// Records an acknowledgement. The snapshots sent since the previous one that it does not contain are lost.
    fn record_ack(&mut self, ack: SnapshotAck) {
        let passed = self.acked.map_or(0, |before| ack.newest.since(before));
        if self.acked.is_some_and(|before| ack.newest <= before) {
            return;
        }
        // A bit for each tick between the two, the newest lowest. A gap longer than the history cannot be evaluated.
        if (2..=32).contains(&passed) {
            let between = (1u64 << (passed - 1)) - 1;
            let age = self.sent.since(ack.newest) + 1;
            let sent = self.sent_before.checked_shr(age).unwrap_or(0) & between;
            self.lost += u64::from((sent & !u64::from(ack.history)).count_ones());
        }
        self.acked = Some(ack.newest);
    }

    /// Samples the lag once for each send, however many datagrams arrive.
    fn sample_lag(&mut self, acked: Tick) {
        if self.sent > self.sampled {
            self.sampled = self.sent;
            self.lags.push(self.sent.since(acked));
        }
    }

    /// The maximum delay of a player's screen behind `sent`, the newest snapshot sent when the input was made, in 1/16 tick.
    fn max_delay(&self, sent: Tick, acked: Tick) -> i64 {
        let parts = i64::from(SubTick::PER_TICK);
        let (min, p90) = self.lags.min_and_p90();
        // The lag grows by itself between two sends.
        let spread = (p90 - min).saturating_sub(self.send_interval - 1);
        let interpolation = (2 * self.send_interval).max(self.send_interval + spread + spread / 2);
        let played = i64::from(min + interpolation + 1) * parts;
        let starved = (i64::from(sent.since(acked)) * parts - self.extrapolation())
            .min(i64::from(p90 + self.send_interval) * parts + self.extrapolation());
        played.max(starved)
    }

    /// [`MAX_EXTRAPOLATION_MS`] in 1/16 tick, rounded up.
    fn extrapolation(&self) -> i64 {
        let parts =
            u64::from(MAX_EXTRAPOLATION_MS) * u64::from(self.rate.hz()) * u64::from(SubTick::PER_TICK);
        parts.div_ceil(1000) as i64
    }
}

#[cfg(test)]
mod tests;
