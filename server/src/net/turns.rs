//! Who shakes hands next. Pure: it is told the time.
//!
//! A handshake costs 0.35-0.5 ms: without a meter a thousand at once would take half a second away from those who play.
//! In one line behind that meter, whoever comes with many would make all others wait. So there are two: those whose network
//! keeps within its share go first, however many wait in the other.

use std::{collections::VecDeque, time::Duration};

use super::admission::Share;
use crate::bucket::TokenBucket;

/// Handshakes a second, and at once, whoever they are from.
const HANDSHAKES_PER_SECOND: f64 = 300.0;
const HANDSHAKE_BURST: f64 = 64.0;

/// How many may wait that are beyond their network's share: somewhat less than a second of handshakes. More would only wait
/// until their clients give up, and meanwhile count as half-open.
const MOST_BEYOND: usize = 256;

/// What [`Turns::wait`] gives at least when there is no token: no timer is finer, and rounding never makes it none at all.
const GRAIN: Duration = Duration::from_millis(1);

/// The two lines and the meter before which they stand.
#[derive(Debug)]
pub(super) struct Turns<T> {
    meter: TokenBucket,
    within: VecDeque<Waiting<T>>,
    beyond: VecDeque<Waiting<T>>,
}

/// Whoever waited longest.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn<T> {
    /// It is its turn.
    Now(T),
    /// It has waited past its deadline. This costs no token: else a long line would spend them all on those who are gone.
    TooLate(T),
}

#[derive(Debug)]
struct Waiting<T> {
    who: T,
    deadline: Duration,
}

impl<T> Turns<T> {
    /// Nobody waits.
    pub(super) fn new() -> Self {
        let meter = TokenBucket::full(HANDSHAKES_PER_SECOND, HANDSHAKE_BURST, Duration::ZERO);
        Self { meter, within: VecDeque::new(), beyond: VecDeque::new() }
    }

    /// Lets somebody wait; gives it back when the line is too long.
    pub(super) fn push(&mut self, who: T, share: Share, deadline: Duration) -> Result<(), T> {
        let line = match share {
            Share::Within => &mut self.within,
            Share::Beyond if self.beyond.len() >= MOST_BEYOND => return Err(who),
            Share::Beyond => &mut self.beyond,
        };
        line.push_back(Waiting { who, deadline });
        Ok(())
    }

    /// Whose turn it is; `None`: nobody's yet.
    pub(super) fn pop(&mut self, now: Duration) -> Option<Turn<T>> {
        let line = if self.within.is_empty() { &mut self.beyond } else { &mut self.within };
        let is_late = line.front()?.deadline <= now;
        if !is_late && !self.meter.take(1.0, now) {
            return None;
        }
        let who = line.pop_front()?.who;
        Some(if is_late { Turn::TooLate(who) } else { Turn::Now(who) })
    }

    /// How long until the next turn, once [`Self::pop`] gave nobody; `None`: nobody waits.
    pub(super) fn wait(&mut self, now: Duration) -> Option<Duration> {
        let is_empty = self.within.is_empty() && self.beyond.is_empty();
        (!is_empty).then(|| self.meter.wait(now).max(GRAIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: Duration = Duration::from_secs(1000);

    fn all_now(turns: &mut Turns<u32>, now: Duration) -> Vec<u32> {
        let next = || match turns.pop(now)? {
            Turn::Now(who) => Some(who),
            Turn::TooLate(who) => panic!("{who} is not late"),
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn those_within_their_share_go_before_those_beyond_and_each_line_keeps_its_order() {
        let mut turns = Turns::new();
        for (who, share) in [(1, Share::Beyond), (2, Share::Within), (3, Share::Beyond), (4, Share::Within)] {
            turns.push(who, share, FAR).unwrap();
        }
        assert_eq!(all_now(&mut turns, Duration::ZERO), [2, 4, 1, 3]);
    }

    #[test]
    fn turns_come_in_a_burst_and_then_at_the_rate() {
        let mut turns = Turns::new();
        assert_eq!(turns.wait(Duration::ZERO), None, "nobody waits");
        (0..1000).for_each(|who| turns.push(who, Share::Within, FAR).unwrap());
        assert_eq!(all_now(&mut turns, Duration::ZERO).len(), HANDSHAKE_BURST as usize);
        let mut now = Duration::ZERO;
        let mut wakes = 0;
        while let Some(wait) = turns.wait(now) {
            assert!(wait >= GRAIN, "a wait of nothing would be a busy loop");
            now += wait;
            wakes += 1;
            all_now(&mut turns, now);
        }
        let expected = (1000.0 - HANDSHAKE_BURST) / HANDSHAKES_PER_SECOND;
        assert!((now.as_secs_f64() - expected).abs() < 0.02, "{now:?}, not {expected} s");
        assert!(wakes < 2000, "each wake is worth about one turn: {wakes}");
    }

    #[test]
    fn only_so_many_wait_beyond_their_share_and_they_keep_nobody_else_out() {
        let mut turns = Turns::new();
        let taken = (0..10_000).filter(|who| turns.push(*who, Share::Beyond, FAR).is_ok()).count();
        assert_eq!(taken, MOST_BEYOND);
        assert_eq!(turns.push(10_001, Share::Within, FAR), Ok(()));
        assert_eq!(turns.pop(Duration::ZERO), Some(Turn::Now(10_001)));
    }

    #[test]
    fn whoever_is_too_late_costs_no_token() {
        let mut turns = Turns::new();
        (0..500).for_each(|who| turns.push(who, Share::Within, Duration::from_secs(5)).unwrap());
        turns.push(500, Share::Within, FAR).unwrap();
        let now = Duration::from_secs(5);
        for who in 0..500 {
            assert_eq!(turns.pop(now), Some(Turn::TooLate(who)));
        }
        assert_eq!(turns.pop(now), Some(Turn::Now(500)), "who still waits has its turn at once");
    }
}
