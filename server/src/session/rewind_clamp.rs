//! The rewind clamp: limits the displayed tick that a client claims to what the history of its link makes possible. Has no I/O.
//!
//! The *displayed tick* of an input is the tick, in 1/16, of the world that the player saw when making the input. The room judges a shot in
//! the world of that tick, so a client that claims an older one hits targets where they were before. The room rewinds by at most a quarter
//! second; the clamp keeps a player with a short lag from claiming all of it.
//!
//! **The rule.** All quantities are in ticks. When a datagram arrives:
//!
//! ```text
//! n       tick of the newest snapshot sent
//! a       tick of the newest acknowledged snapshot
//! s       ticks between two snapshots
//! E       MAX_EXTRAPOLATION_MS in ticks, the maximum by which a client extrapolates past its newest snapshot
//! lag     n - a, one sample per send over the last WINDOW_MS
//! min     minimum of the lags: the link without disturbance
//! p90     90th percentile of the lags
//! spread  p90 - min - (s - 1), at least 0. Late, lost and reordered snapshots increase the lag, because `a` does not change meanwhile.
//!         The lag of a good link varies by s - 1 as well, between two sends; that part is subtracted.
//!
//! newest  = a + E
//! played  = min + max(2 s, s + 3/2 spread) + 1        for a client that interpolates between two snapshots
//! starved = min(n - a - E, p90 + s + E)               for a client whose snapshots do not arrive, and whose displayed tick stays at a + E
//! oldest  = n - max(played, starved)
//! ```
//!
//! The displayed tick of an input is clamped to `oldest..=newest`. The term of `played`: a client displays the world two sends late on a
//! good link, and one send and up to one and a half times the spread late on a bad one; the 1 is for rounding. An input `k` ticks before
//! the newest one of its datagram was made `k` ticks earlier, so `n - k` replaces `n` for it. The ticks for which the inputs are meant are
//! chosen by the client, and the rule does not use them otherwise.
//!
//! **The gain from lying.** `a` never decreases and never exceeds `n`. So an acknowledgement of an old snapshot is ignored, and an
//! acknowledgement of a new snapshot only shortens the lag. A client that withholds all acknowledgements gets the lag, the old baselines
//! and the clamp of a link that is as slow as it claims. A client that withholds some of them must do so for a tenth of the time before it
//! affects the percentile, and then gets the clamp of a link with that spread.

use quarrel_shared::{
    bits::Bits,
    limits::MAX_EXTRAPOLATION_MS,
    protocol::datagram::{InputBatch, SnapshotAck},
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

use self::lag_window::LagWindow;

mod lag_window;

/// The length of the lag window in milliseconds: longer than a client takes to shorten its delay again after a bad period of its link, and
/// short enough that a player whose link has improved does not keep the wide clamp for long.
const WINDOW_MS: u32 = 8000;

/// The clamp of one client's displayed ticks, and the history of the client's link.
#[derive(Clone, Debug)]
pub struct RewindClamp {
    rate: TickRate,
    /// The number of ticks between two snapshots (`s` in the rule).
    send_interval: u32,
    /// The tick of the newest snapshot sent (`n` in the rule).
    sent: Tick,
    /// The ticks whose snapshots were sent: bit `k` is for the tick `sent - k`.
    sent_history: u64,
    /// The tick of the newest snapshot acknowledged (`a` in the rule).
    acked: Option<Tick>,
    /// The value of `sent` at the last lag sample.
    sampled: Tick,
    lags: LagWindow,
    /// The number of snapshots sent.
    sent_count: u64,
    /// The number of snapshots sent up to the newest acknowledged one, itself included.
    acked_count: u64,
    /// The number of lost snapshots since the last [`Self::take_lost`].
    lost: u64,
}

impl RewindClamp {
    /// Creates the clamp of a link without history, in a room with this tick rate and this number of ticks between two snapshots.
    #[must_use]
    pub fn new(rate: TickRate, send_interval: u32) -> Self {
        Self {
            rate,
            send_interval,
            sent: Tick(0),
            sent_history: 0,
            acked: None,
            sampled: Tick(0),
            lags: LagWindow::new(rate.ticks(WINDOW_MS).div_ceil(send_interval.max(1))),
            sent_count: 0,
            acked_count: 0,
            lost: 0,
        }
    }

    /// Records that the snapshot of this tick is sent. Ticks must be ascending.
    pub const fn record_sent(&mut self, tick: Tick) {
        self.sent_history = match self.sent_history.checked_shl(tick.since(self.sent)) {
            Some(shifted) => shifted | 1,
            None => 1,
        };
        self.sent = tick;
        self.sent_count += 1;
    }

    /// Processes the acknowledgement of a datagram, and clamps the displayed ticks of its inputs. Before the first acknowledgement, the
    /// displayed tick of each input is set to the input's own tick.
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

    /// Returns the number of lost snapshots that was counted since the last call: those that the client has not applied, because they did
    /// not arrive or arrived after a newer one.
    pub const fn take_lost(&mut self) -> u64 {
        std::mem::replace(&mut self.lost, 0)
    }

    /// Records an acknowledgement, unless it is older than the previous one. The snapshots sent between the two acknowledged ticks that the
    /// client has not applied are counted as lost. The history of the acknowledgement has 32 bits, so nothing shows that the client has
    /// applied an older one.
    fn record_ack(&mut self, ack: SnapshotAck) {
        if self.acked.is_some_and(|before| ack.newest <= before) {
            return;
        }
        // The snapshots after the acknowledged one. Exact while the link's lag is below 64 ticks, the length of the history.
        let newer = 1u64.checked_shl(self.sent.since(ack.newest)).map_or(u64::MAX, |bit| bit - 1);
        let count = self.sent_count - u64::from((self.sent_history & newer).count_ones());
        if let Some(before) = self.acked {
            // One bit for each tick between the two acknowledged ones, the newest tick lowest.
            let between = 1u32.checked_shl(ack.newest.since(before) - 1).map_or(u32::MAX, |bit| bit - 1);
            let applied = u64::from((ack.history & between).count_ones());
            let sent = (count - self.acked_count).saturating_sub(1);
            self.lost += sent.saturating_sub(applied);
        }
        self.acked_count = count;
        self.acked = Some(ack.newest);
    }

    /// Adds the current lag to the window, once for each send, regardless of the number of datagrams that arrive.
    fn sample_lag(&mut self, acked: Tick) {
        if self.sent > self.sampled {
            self.sampled = self.sent;
            self.lags.push(self.sent.since(acked));
        }
    }

    /// The maximum by which a displayed tick may be before `sent`, the tick of the newest snapshot sent when the input was made: the larger
    /// one of `played` and `starved` in the rule, in 1/16 tick.
    fn max_delay(&self, sent: Tick, acked: Tick) -> i64 {
        let parts = i64::from(SubTick::PER_TICK);
        let (min, p90) = self.lags.min_and_p90();
        // Without any disturbance, the lag grows by s - 1 between two sends.
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
