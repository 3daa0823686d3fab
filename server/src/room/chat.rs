//! The chat lines of a room, delivered with a bounded number of messages a second. Has no I/O and no clock.
//!
//! Each line is sent to every player, so one line in a room of 10,000 seats costs as much as a tick. A line to many players is therefore
//! delivered over several ticks. In a room that sends its roster, a line usually reaches all players in the tick of its arrival.

use std::{collections::VecDeque, time::Duration};

use quarrel_shared::{
    limits::{MAX_CHAT_BYTES, MAX_ROSTER_SEATS},
    protocol::bounded::Text,
};

use super::inbox::Occupation;
use crate::bucket::TokenBucket;

/// Deliveries per second: at 4 us each, 3 % of a core.
const DELIVERIES_PER_SECOND: f64 = 8000.0;

/// Deliveries at once: four lines in the largest room that sends its roster. They take 2 ms.
const DELIVERY_BURST: f64 = 4.0 * MAX_ROSTER_SEATS as f64;

/// The maximum number of lines that wait for their delivery. Further lines are dropped.
const MAX_QUEUED_LINES: usize = 16;

/// The queue of a room's chat lines, oldest first.
#[derive(Debug)]
pub(super) struct ChatQueue {
    lines: VecDeque<QueuedLine>,
    budget: TokenBucket,
}

/// A line that has not reached all seats yet.
#[derive(Debug)]
struct QueuedLine {
    line: ChatLine,
    /// The index of the next seat to deliver to.
    next_seat: usize,
}

/// A chat line and its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChatLine {
    pub(super) sender: Occupation,
    pub(super) text: Text<MAX_CHAT_BYTES>,
}

impl ChatQueue {
    /// Creates an empty queue.
    pub(super) fn new(now: Duration) -> Self {
        let budget = TokenBucket::full(DELIVERIES_PER_SECOND, DELIVERY_BURST, now);
        Self { lines: VecDeque::new(), budget }
    }

    /// Adds a line. Returns false if the line was dropped, because too many lines wait.
    #[must_use]
    pub(super) fn push(&mut self, line: ChatLine) -> bool {
        let has_capacity = self.lines.len() < MAX_QUEUED_LINES;
        if has_capacity {
            self.lines.push_back(QueuedLine { line, next_seat: 0 });
        }
        has_capacity
    }

    /// Delivers lines to the next seats, of `seats` in all, as far as the rate allows. `deliver` returns false for a seat without a player,
    /// which costs nothing. The rest of a line whose sender has left is dropped, because its seat may have another player now.
    pub(super) fn deliver(
        &mut self,
        seats: usize,
        now: Duration,
        is_current: impl Fn(Occupation) -> bool,
        mut deliver: impl FnMut(usize, &ChatLine) -> bool,
    ) {
        while let Some(QueuedLine { line, next_seat }) = self.lines.front_mut() {
            if is_current(line.sender) {
                while *next_seat < seats {
                    if self.budget.wait(now) > Duration::ZERO {
                        return;
                    }
                    if deliver(*next_seat, line) {
                        // Enough, because nothing had to be waited for.
                        let _ = self.budget.take(1.0, now);
                    }
                    *next_seat += 1;
                }
            }
            self.lines.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use quarrel_shared::id::SeatId;

    use super::*;

    const TICK: Duration = Duration::from_millis(33);

    fn line(number: u32) -> ChatLine {
        let sender = Occupation { seat: SeatId(0), number };
        ChatLine { sender, text: Text::lossy("hello") }
    }

    /// Delivers for one tick and returns the seats that each line reached, as pairs of sender and seat.
    fn tick(queue: &mut ChatQueue, seats: usize, at: u32) -> Vec<(u32, usize)> {
        let mut delivered = Vec::new();
        queue.deliver(
            seats,
            TICK * at,
            |_| true,
            |seat, line| {
                delivered.push((line.sender.number, seat));
                true
            },
        );
        delivered
    }

    #[test]
    fn lines_reach_all_seats_of_a_room_with_a_roster_at_once() {
        let mut queue = ChatQueue::new(Duration::ZERO);
        assert!((0..4).all(|number| queue.push(line(number))));
        let all: Vec<_> = (0..4).flat_map(|number| (0..128).map(move |seat| (number, seat))).collect();
        assert_eq!(tick(&mut queue, 128, 0), all);
    }

    #[test]
    fn a_line_in_a_large_room_is_delivered_over_several_ticks_in_order() {
        let mut queue = ChatQueue::new(Duration::ZERO);
        assert!(queue.push(line(1)));
        let ticks: Vec<_> = (0..60).map(|at| tick(&mut queue, 10_000, at)).collect();
        assert_eq!(ticks[0].len(), 512);
        assert!(ticks[1..].iter().all(|tick| tick.len() <= 265), "33 ms at 8,000 a second");
        assert_eq!(ticks.concat(), (0..10_000).map(|seat| (1, seat)).collect::<Vec<_>>());
    }

    #[test]
    fn lines_above_the_capacity_are_dropped() {
        let mut queue = ChatQueue::new(Duration::ZERO);
        assert_eq!((0..100).filter(|number| queue.push(line(*number))).count(), MAX_QUEUED_LINES);
    }

    #[test]
    fn the_rest_of_a_line_is_dropped_when_its_sender_leaves() {
        let mut queue = ChatQueue::new(Duration::ZERO);
        assert!(queue.push(line(1)) && queue.push(line(2)));
        tick(&mut queue, 10_000, 0);
        let mut next = Vec::new();
        queue.deliver(
            10_000,
            TICK,
            |sender| sender.number != 1,
            |seat, line| {
                next.push((line.sender.number, seat));
                true
            },
        );
        assert_eq!(next[0], (2, 0));
    }
}
