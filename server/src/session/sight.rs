//! What a player can have seen: the moment that each input claims, held to what this link's own history makes possible. Pure.
//!
//! A shot is judged in the world that its shooter saw, so whoever claims to have seen an older one strikes where others were. The
//! room rewinds a quarter second at most; this keeps a player near from claiming all of it.
//!
//! **The rule.** Say a datagram arrives when the newest snapshot that was sent is of tick `n`, the newest acknowledged so far is of
//! tick `a`, and snapshots come every `s` ticks. A screen lies at most [`MAX_EXTRAPOLATION_MS`] past `a`. It lies behind `n` by the
//! link's *lag* `n - a`, the way there and back, and by what its client waits to have two snapshots to draw between. Of the lags of
//! the last `WINDOW_MS`, one for each send, the least is what this link can do, and how far nine tenths of them stay below is its
//! *spread*: late, lost and overtaken snapshots all show in it, since `a` stands still while they do not come. A client waits two
//! sends on a good link, and one and up to one and a half times the spread on a bad one. So what was seen with the newest input is
//! no older than `n - (least + max(2s, s + 3/2 spread) + 1)`, and the one is for rounding; what was seen with an input `k` ticks
//! before that is no older than `k` more. For which ticks inputs are is the client's to say, and counts for nothing here.
//!
//! A screen that was starved stands still at `a +` [`MAX_EXTRAPOLATION_MS`] and falls behind further. It is believed, as long as it is
//! no further behind than a send and [`MAX_EXTRAPOLATION_MS`] past what nine tenths of the lags stay within.
//!
//! **What lying brings.** `a` never goes back and is never a tick that was not sent yet, so an acknowledgement of something old is
//! ignored, and one of something new only shortens the lag. Who withholds acknowledgements all the time has the lag, the old
//! baselines and the clamp of a link that really is so slow; who withholds them now and then must do so for a tenth of the time
//! before it counts, and then has what such a link has.

use quarrel_shared::{
    bits::Bits,
    limits::MAX_EXTRAPOLATION_MS,
    protocol::datagram::{InputBatch, SnapshotAck},
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

use self::lags::Lags;

mod lags;

/// How much of a link's past is looked at, in milliseconds: longer than clients take to forget a bad moment, short enough that a
/// player who left the train is believed no longer than that.
const WINDOW_MS: u32 = 8000;

/// What one link makes possible.
#[derive(Clone, Debug)]
pub struct Sight {
    rate: TickRate,
    /// How many ticks lie between two snapshots.
    send_interval: u32,
    /// The tick of the newest snapshot that was sent, and which of those before it: bit `n` for `n` ticks before.
    sent: Tick,
    sent_before: u64,
    /// The newest snapshot that was acknowledged.
    acked: Option<Tick>,
    /// What was the newest sent when a lag was noted last.
    noted: Tick,
    lags: Lags,
    lost: u64,
}

impl Sight {
    /// Of a link that nothing is known of yet, in a room of this rate.
    #[must_use]
    pub fn new(rate: TickRate, send_interval: u32) -> Self {
        Self {
            rate,
            send_interval,
            sent: Tick(0),
            sent_before: 0,
            acked: None,
            noted: Tick(0),
            lags: Lags::new(rate.ticks(WINDOW_MS).div_ceil(send_interval.max(1))),
            lost: 0,
        }
    }

    /// A snapshot of this tick goes out. Ticks come in ascending order.
    pub const fn sent(&mut self, tick: Tick) {
        self.sent_before = match self.sent_before.checked_shl(tick.since(self.sent)) {
            Some(before) => before | 1,
            None => 1,
        };
        self.sent = tick;
    }

    /// Holds what the inputs of a datagram claim to have seen to what is possible. Before the first view they saw the present.
    pub fn clamp<I: Bits + Default + Clone + PartialEq>(
        &mut self,
        ack: Option<SnapshotAck>,
        run: &mut InputBatch<I>,
    ) {
        if let Some(ack) = ack.filter(|ack| ack.newest <= self.sent) {
            self.hear(ack);
        }
        let Some(acked) = self.acked else {
            run.iter_mut().for_each(|(tick, aimed)| aimed.seen = SubTick::of(tick));
            return;
        };
        self.note_lag(acked);
        let newest = SubTick::of(acked).offset(self.extrapolation());
        let last = run.newest();
        for (tick, aimed) in run.iter_mut() {
            let then = self.sent.before(last.since(tick));
            let oldest = SubTick::of(then).offset(-self.furthest(then, acked));
            aimed.seen = aimed.seen.min(newest).max(oldest);
        }
    }

    /// How many of the snapshots sent never became a view, since this was last asked: lost, or overtaken by a newer one.
    pub const fn take_lost(&mut self) -> u64 {
        std::mem::replace(&mut self.lost, 0)
    }

    /// A client says what it has: what was sent between its last news and this and is not in it was lost.
    fn hear(&mut self, ack: SnapshotAck) {
        let passed = self.acked.map_or(0, |before| ack.newest.since(before));
        if self.acked.is_some_and(|before| ack.newest <= before) {
            return;
        }
        // The ticks between the two, the newest lowest; a gap longer than a history is no measure of anything.
        if (2..=32).contains(&passed) {
            let between = (1u64 << (passed - 1)) - 1;
            let age = self.sent.since(ack.newest) + 1;
            let sent = self.sent_before.checked_shr(age).unwrap_or(0) & between;
            self.lost += u64::from((sent & !u64::from(ack.history)).count_ones());
        }
        self.acked = Some(ack.newest);
    }

    /// One lag for each send, however many datagrams come.
    fn note_lag(&mut self, acked: Tick) {
        if self.sent > self.noted {
            self.noted = self.sent;
            self.lags.push(self.sent.since(acked));
        }
    }

    /// How far behind `then`, the newest sent as its input would have arrived, a player's screen can have been, in 1/16 tick.
    fn furthest(&self, then: Tick, acked: Tick) -> i64 {
        let parts = i64::from(SubTick::PER_TICK);
        let (least, most) = self.lags.least_and_most();
        // Between two sends the lag grows by itself.
        let spread = (most - least).saturating_sub(self.send_interval - 1);
        let drawn = (2 * self.send_interval).max(self.send_interval + spread + spread / 2);
        let played = i64::from(least + drawn + 1) * parts;
        let starved = (i64::from(then.since(acked)) * parts - self.extrapolation())
            .min(i64::from(most + self.send_interval) * parts + self.extrapolation());
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
