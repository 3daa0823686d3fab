//! Tracks one seat's inputs, each from its scheduled send to the snapshot that acknowledges it.
//!
//! The load model is open: one input is scheduled each tick, independent of the server and of this machine. Sends that were missed because
//! the clock was reset, the connection broke or the process was stopped count too, and are acknowledged together with the next input.
//! Counting only the inputs that were sent would omit exactly the bad times (coordinated omission, as Gil Tene calls it).
//!
//! Pure: no clock, no I/O. Times are parameters, relative to any start that the caller chooses.

use std::{collections::VecDeque, time::Duration};

use quarrel_shared::tick::Tick;

use quarrel_client::InputSlot;

/// Maximum number of pending entries: 20 s at 128 Hz. Above that, the oldest entry is given up. Several missed sends in a row are one
/// entry.
const MAX_PENDING: usize = 2560;

/// Sends were missed if the time since the last one is at least this number of periods. The client's clock stretches a period by 5 % at
/// most, far less than this.
const MAX_GAP_PERIODS: f64 = 1.5;

/// At the end of a session, an input that was scheduled this long ago or longer counts as unacknowledged; the acknowledgement of a younger
/// one may still be on its way.
const ACK_TIMEOUT: Duration = Duration::from_secs(1);

/// One or more scheduled sends of inputs, one tick period apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScheduledSends {
    /// Time of the first send.
    pub(crate) first: Duration,
    /// Number of sends.
    pub(crate) count: u32,
    /// Time between two sends.
    pub(crate) period: Duration,
}

impl ScheduledSends {
    /// Iterates over the times of the sends.
    pub(crate) fn times(self) -> impl Iterator<Item = Duration> {
        (0..self.count).map(move |n| self.first + self.period * n)
    }
}

/// The unacknowledged inputs of one seat.
#[derive(Debug)]
pub(crate) struct AckTracker {
    period: Duration,
    /// Unacknowledged sends, oldest first, each with the tick whose use acknowledges it.
    pending: VecDeque<(Tick, ScheduledSends)>,
    /// Time of the last send; `None` before the first.
    last: Option<Duration>,
}

impl AckTracker {
    /// Creates the tracker of a seat in a room with this tick period.
    pub(crate) const fn new(period: Duration) -> Self {
        Self { period, pending: VecDeque::new(), last: None }
    }

    /// Records the send of an input. Returns all sends that were scheduled since the last one: the missed ones and this one. Calls
    /// `give_up` with the oldest pending sends if there are more than [`MAX_PENDING`] entries.
    pub(crate) fn push(
        &mut self,
        slot: InputSlot,
        mut give_up: impl FnMut(ScheduledSends),
    ) -> ScheduledSends {
        let sends = self.scheduled_until(slot.due);
        self.last = Some(slot.due);
        // Earlier sends with later ticks exist if the clock was set back or the room is another one. They are acknowledged together with
        // this send, because their own ticks may never be acknowledged.
        for (tick, _) in self.pending.iter_mut().rev().take_while(|(tick, _)| *tick > slot.tick) {
            *tick = slot.tick;
        }
        if self.pending.len() == MAX_PENDING
            && let Some((_, oldest)) = self.pending.pop_front()
        {
            give_up(oldest);
        }
        self.pending.push_back((slot.tick, sends));
        sends
    }

    /// Removes the sends of this and all earlier ticks, because a snapshot reports that the server has used the input of this tick. Calls
    /// `acknowledged` with them.
    pub(crate) fn ack(&mut self, tick: Tick, mut acknowledged: impl FnMut(ScheduledSends)) {
        while let Some((_, sends)) = self.pending.pop_front_if(|(due, _)| *due <= tick) {
            acknowledged(sends);
        }
    }

    /// Adds the sends that were scheduled after the last one until `now` and missed because the seat was lost. Returns them, or `None` for
    /// an empty list.
    pub(crate) fn lose_seat(&mut self, now: Duration) -> Option<ScheduledSends> {
        let last = self.last?;
        let count = now.saturating_sub(last).div_duration_f64(self.period) as u32;
        let sends = ScheduledSends { first: last + self.period, count, period: self.period };
        self.pending.push_back((Tick(u32::MAX), sends));
        (count > 0).then_some(sends)
    }

    /// Ends the tracking: removes all pending sends, and calls `unacked` with those that are [`ACK_TIMEOUT`] old or older, or with all of
    /// them if the seat was lost.
    pub(crate) fn close(&mut self, now: Duration, lost: bool, mut unacked: impl FnMut(ScheduledSends)) {
        for (_, sends) in self.pending.drain(..) {
            let is_old = |due: &Duration| lost || *due + ACK_TIMEOUT <= now;
            let old = sends.times().take_while(is_old).count() as u32;
            if old > 0 {
                unacked(ScheduledSends { count: old, ..sends });
            }
        }
        self.last = None;
    }

    /// Returns the sends that were scheduled after the last one, up to and including the one at `due`.
    fn scheduled_until(&self, due: Duration) -> ScheduledSends {
        let periods = due.saturating_sub(self.last.unwrap_or(due)).div_duration_f64(self.period);
        if self.last.is_none() || periods < MAX_GAP_PERIODS {
            return ScheduledSends { first: due, count: 1, period: self.period };
        }
        let count = periods.round() as u32;
        ScheduledSends { first: due.saturating_sub(self.period * (count - 1)), count, period: self.period }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(33);

    fn slot(tick: u32, due_ms: u64) -> InputSlot {
        InputSlot { tick: Tick(tick), due: Duration::from_millis(due_ms) }
    }

    fn push(tracker: &mut AckTracker, slot: InputSlot) -> u32 {
        tracker.push(slot, |_| panic!("no send is given up")).count
    }

    fn latencies(tracker: &mut AckTracker, tick: u32, now_ms: u64) -> Vec<u64> {
        let mut found = Vec::new();
        tracker.ack(Tick(tick), |sends| {
            found.extend(sends.times().map(|due| now_ms - due.as_millis() as u64));
        });
        found
    }

    #[test]
    fn latency_counts_from_the_scheduled_send() {
        let mut tracker = AckTracker::new(PERIOD);
        (0..3).for_each(|n| assert_eq!(push(&mut tracker, slot(10 + n, 100 + 33 * u64::from(n))), 1));
        assert_eq!(latencies(&mut tracker, 11, 190), [90, 57], "the third is not acknowledged yet");
        assert!(latencies(&mut tracker, 11, 200).is_empty(), "each is acknowledged once");
    }

    #[test]
    fn sends_missed_in_a_stall_are_scheduled_too() {
        let mut tracker = AckTracker::new(PERIOD);
        push(&mut tracker, slot(10, 100));
        latencies(&mut tracker, 10, 150);
        // The clock is reset after 2 s and continues with a later tick: 61 sends were missed.
        assert_eq!(push(&mut tracker, slot(75, 100 + 61 * 33)), 61);
        let found = latencies(&mut tracker, 75, 100 + 61 * 33 + 40);
        assert_eq!((found.len(), found[0], found[60]), (61, 60 * 33 + 40, 40));
    }

    #[test]
    fn a_send_after_the_clock_was_set_back_acknowledges_earlier_sends_too() {
        let mut tracker = AckTracker::new(PERIOD);
        (0..90).for_each(|n| assert_eq!(push(&mut tracker, slot(100 + n, 33 * u64::from(n))), 1));
        // The server stopped for three seconds: its tick is where it was.
        push(&mut tracker, slot(101, 33 * 90));
        let found = latencies(&mut tracker, 101, 33 * 90 + 20);
        assert_eq!(
            (found.len(), found[90], tracker.pending.len()),
            (91, 20, 0),
            "the later send acknowledges all"
        );
    }

    #[test]
    fn a_stretched_clock_misses_no_send() {
        let mut tracker = AckTracker::new(PERIOD);
        let mut due = 0;
        for tick in 0..100 {
            assert_eq!(push(&mut tracker, slot(tick, due)), 1);
            due += if tick % 2 == 0 { 31 } else { 35 };
        }
    }

    #[test]
    fn at_the_end_only_old_inputs_are_unacknowledged() {
        let mut tracker = AckTracker::new(PERIOD);
        for n in 0..60 {
            push(&mut tracker, slot(n, 33 * u64::from(n)));
        }
        let mut old = 0;
        tracker.close(Duration::from_millis(33 * 60), false, |sends| old += sends.count);
        assert_eq!(old, 30, "those of the first 980 ms");
    }

    #[test]
    fn a_lost_seat_has_scheduled_sends_until_the_end() {
        let mut tracker = AckTracker::new(PERIOD);
        push(&mut tracker, slot(1, 0));
        let mut old = 0;
        let missed = tracker.lose_seat(Duration::from_secs(11)).unwrap().count;
        tracker.close(Duration::from_secs(11), true, |sends| old += sends.count);
        assert_eq!((missed, old), (11_000 / 33, 11_000 / 33 + 1), "the sent one is unacknowledged too");
    }

    #[test]
    fn the_pending_inputs_are_bounded() {
        let mut tracker = AckTracker::new(PERIOD);
        let mut given_up = 0;
        for tick in 0..10_000 {
            tracker.push(slot(tick, 33 * u64::from(tick)), |sends| given_up += sends.count);
        }
        assert_eq!((tracker.pending.len(), given_up as usize), (MAX_PENDING, 10_000 - MAX_PENDING));
    }
}
