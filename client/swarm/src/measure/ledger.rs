//! One seat's inputs, from when each was meant to be sent until a snapshot says that the server has used it.
//!
//! The model is open: a bot means to send an input each tick, whatever the server or this machine does. A clock that was set anew, a
//! connection that broke, a process that was stopped: the moments that passed meanwhile were meant too, and wait for the same answer.
//! Whoever counted only what was sent would leave out exactly the bad times (coordinated omission, as Gil Tene calls it).
//!
//! Pure: moments are given, as the time since any epoch that the caller keeps to.

use std::{collections::VecDeque, time::Duration};

use quarrel_shared::tick::Tick;

use quarrel_client::input::clock::Slot;

/// Inputs that wait, at most; runs of missed moments count as one. Twenty seconds at 128 Hz: older ones are given up.
const PENDING: usize = 2560;

/// A gap of so many periods is one in which moments were missed. A clock stretches by 5 % at most.
const GAP: f64 = 1.5;

/// What was meant to be sent longer ago than this, at the end, was waited for in vain; the rest is still on its way.
const IN_VAIN: Duration = Duration::from_secs(1);

/// Moments at a tick's distance: one, or as many as were missed in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moments {
    /// The first one.
    pub(crate) first: Duration,
    /// How many.
    pub(crate) count: u32,
    /// From one to the next.
    pub(crate) period: Duration,
}

impl Moments {
    /// Each of them.
    pub(crate) fn each(self) -> impl Iterator<Item = Duration> {
        (0..self.count).map(move |n| self.first + self.period * n)
    }
}

/// The inputs of one seat.
#[derive(Debug)]
pub(crate) struct Ledger {
    period: Duration,
    /// What waits, with the tick that answers it, oldest first.
    pending: VecDeque<(Tick, Moments)>,
    last: Option<Duration>,
}

impl Ledger {
    /// Of a seat in a room with this much time from tick to tick.
    pub(crate) const fn new(period: Duration) -> Self {
        Self { period, pending: VecDeque::new(), last: None }
    }

    /// An input is sent; gives the moments that were meant since the last one, this one the last of them. `give_up` is told of
    /// those that nobody waits for any more.
    pub(crate) fn push(&mut self, slot: Slot, mut give_up: impl FnMut(Moments)) -> Moments {
        let moments = self.meant(slot.due);
        self.last = Some(slot.due);
        // A clock that was set back, or another room: whatever was meant earlier is answered with this one, as nobody waits for it longer
        // than for a later one.
        for (tick, _) in self.pending.iter_mut().rev().take_while(|(tick, _)| *tick > slot.tick) {
            *tick = slot.tick;
        }
        if self.pending.len() == PENDING
            && let Some((_, oldest)) = self.pending.pop_front()
        {
            give_up(oldest);
        }
        self.pending.push_back((slot.tick, moments));
        moments
    }

    /// A snapshot says that the input of this tick was used: whatever was meant for it or an earlier one is answered.
    pub(crate) fn used(&mut self, tick: Tick, mut answered: impl FnMut(Moments)) {
        while let Some((_, moments)) = self.pending.pop_front_if(|(meant, _)| *meant <= tick) {
            answered(moments);
        }
    }

    /// The seat was lost: gives the moments that were meant until `now` and could not be sent.
    pub(crate) fn lose(&mut self, now: Duration) -> Option<Moments> {
        let last = self.last?;
        let count = now.saturating_sub(last).div_duration_f64(self.period) as u32;
        let moments = Moments { first: last + self.period, count, period: self.period };
        self.pending.push_back((Tick(u32::MAX), moments));
        (count > 0).then_some(moments)
    }

    /// The seat is given up: what waits by then has waited in vain, unless it may still be on its way. Or it is lost: then nothing is.
    pub(crate) fn close(&mut self, now: Duration, lost: bool, mut in_vain: impl FnMut(Moments)) {
        for (_, moments) in self.pending.drain(..) {
            let is_old = |due: &Duration| lost || *due + IN_VAIN <= now;
            let old = moments.each().take_while(is_old).count() as u32;
            if old > 0 {
                in_vain(Moments { count: old, ..moments });
            }
        }
        self.last = None;
    }

    /// The moments after the last one, up to this one.
    fn meant(&self, due: Duration) -> Moments {
        let passed = due.saturating_sub(self.last.unwrap_or(due)).div_duration_f64(self.period);
        if self.last.is_none() || passed < GAP {
            return Moments { first: due, count: 1, period: self.period };
        }
        let count = passed.round() as u32;
        Moments { first: due.saturating_sub(self.period * (count - 1)), count, period: self.period }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_millis(33);

    fn slot(tick: u32, due_ms: u64) -> Slot {
        Slot { tick: Tick(tick), due: Duration::from_millis(due_ms) }
    }

    fn push(ledger: &mut Ledger, slot: Slot) -> u32 {
        ledger.push(slot, |_| panic!("nothing is given up")).count
    }

    fn latencies(ledger: &mut Ledger, tick: u32, now_ms: u64) -> Vec<u64> {
        let mut found = Vec::new();
        ledger.used(Tick(tick), |moments| {
            found.extend(moments.each().map(|due| now_ms - due.as_millis() as u64));
        });
        found
    }

    #[test]
    fn latency_counts_from_the_intended_moment() {
        let mut ledger = Ledger::new(PERIOD);
        (0..3).for_each(|n| assert_eq!(push(&mut ledger, slot(10 + n, 100 + 33 * u64::from(n))), 1));
        assert_eq!(latencies(&mut ledger, 11, 190), [90, 57], "the third was not used yet");
        assert!(latencies(&mut ledger, 11, 200).is_empty(), "and each is answered once");
    }

    #[test]
    fn moments_that_a_stall_swallowed_were_meant_too() {
        let mut ledger = Ledger::new(PERIOD);
        push(&mut ledger, slot(10, 100));
        latencies(&mut ledger, 10, 150);
        // A clock that was set anew after 2 s goes on with a later tick: 61 moments passed.
        assert_eq!(push(&mut ledger, slot(75, 100 + 61 * 33)), 61);
        let found = latencies(&mut ledger, 75, 100 + 61 * 33 + 40);
        assert_eq!((found.len(), found[0], found[60]), (61, 60 * 33 + 40, 40));
    }

    #[test]
    fn a_clock_that_was_set_back_keeps_nobody_waiting_for_the_ticks_it_took_back() {
        let mut ledger = Ledger::new(PERIOD);
        (0..90).for_each(|n| assert_eq!(push(&mut ledger, slot(100 + n, 33 * u64::from(n))), 1));
        // The server stood still for three seconds: its tick is where it was.
        push(&mut ledger, slot(101, 33 * 90));
        let found = latencies(&mut ledger, 101, 33 * 90 + 20);
        assert_eq!((found.len(), found[90], ledger.pending.len()), (91, 20, 0), "a later one was used");
    }

    #[test]
    fn a_clock_that_stretches_misses_nothing() {
        let mut ledger = Ledger::new(PERIOD);
        let mut due = 0;
        for tick in 0..100 {
            assert_eq!(push(&mut ledger, slot(tick, due)), 1);
            due += if tick % 2 == 0 { 31 } else { 35 };
        }
    }

    #[test]
    fn at_the_end_only_what_waited_long_has_waited_in_vain() {
        let mut ledger = Ledger::new(PERIOD);
        for n in 0..60 {
            push(&mut ledger, slot(n, 33 * u64::from(n)));
        }
        let mut old = 0;
        ledger.close(Duration::from_millis(33 * 60), false, |moments| old += moments.count);
        assert_eq!(old, 30, "those of the first 980 ms");
    }

    #[test]
    fn a_seat_that_was_lost_meant_to_play_until_the_end() {
        let mut ledger = Ledger::new(PERIOD);
        push(&mut ledger, slot(1, 0));
        let mut old = 0;
        let meant = ledger.lose(Duration::from_secs(11)).unwrap().count;
        ledger.close(Duration::from_secs(11), true, |moments| old += moments.count);
        assert_eq!((meant, old), (11_000 / 33, 11_000 / 33 + 1), "and the one that was sent before");
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut ledger = Ledger::new(PERIOD);
        let mut given_up = 0;
        for tick in 0..10_000 {
            ledger.push(slot(tick, 33 * u64::from(tick)), |moments| given_up += moments.count);
        }
        assert_eq!((ledger.pending.len(), given_up as usize), (PENDING, 10_000 - PENDING));
    }
}
