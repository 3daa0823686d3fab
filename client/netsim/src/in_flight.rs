//! One way along a path with the packets that are on it: handed in when they are sent, handed out in the order in which they arrive.
//! Pure: it is told the time.

use std::{cmp::Ordering, collections::BinaryHeap, time::Duration};

use super::{direction::Fate, lane::Lane};

/// Packets that fly, at most; one more is lost, as where a queue is full. A bot's 60 packets a second over the longest path of the
/// table are some 50, and a keyframe of 64 KiB is as many more.
pub(super) const MOST: usize = 256;

/// A lane and what flies there.
#[derive(Debug)]
pub(super) struct Pipe<T> {
    lane: Lane,
    flying: BinaryHeap<Flight<T>>,
    /// How many ever flew.
    count: u64,
}

#[derive(Debug)]
struct Flight<T> {
    /// A timer knows no finer time, so one waking serves all packets of a millisecond.
    arrives_ms: u64,
    /// Those of one millisecond stay in order.
    number: u64,
    packet: T,
}

impl<T: Clone> Pipe<T> {
    /// Nothing flies yet.
    pub(super) const fn new(lane: Lane) -> Self {
        Self { lane, flying: BinaryHeap::new(), count: 0 }
    }

    /// Sends a packet of so many bytes; it is made only if it arrives.
    pub(super) fn push(&mut self, now: Duration, bytes: usize, packet: impl FnOnce() -> T) {
        match self.lane.send(now, bytes) {
            Fate::Lost => {}
            Fate::Arrives(at) => self.launch(at, packet()),
            Fate::Twice(first, second) => {
                let packet = packet();
                self.launch(first, packet.clone());
                self.launch(second, packet);
            }
        }
    }

    /// When the next one arrives.
    pub(super) fn next(&self) -> Option<Duration> {
        self.flying.peek().map(|flight| Duration::from_millis(flight.arrives_ms))
    }

    /// The next one that has arrived by now.
    pub(super) fn pop(&mut self, now: Duration) -> Option<T> {
        if self.next()? > now {
            return None;
        }
        self.flying.pop().map(|flight| flight.packet)
    }

    fn launch(&mut self, arrives: Duration, packet: T) {
        if self.flying.len() == MOST {
            return;
        }
        let arrives_ms = arrives.as_nanos().div_ceil(1_000_000) as u64;
        self.flying.push(Flight { arrives_ms, number: self.count, packet });
        self.count += 1;
    }
}

impl<T> Ord for Flight<T> {
    /// The heap hands out its greatest, which is to be the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.arrives_ms, other.number).cmp(&(self.arrives_ms, self.number))
    }
}

impl<T> PartialOrd for Flight<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Flight<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Flight<T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Link;

    const PACKET: usize = 200;

    fn pipe(link: Link) -> Pipe<u32> {
        let [up, _] = Lane::both(link, 1, 0, Duration::ZERO);
        Pipe::new(up)
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn packets_arrive_after_their_delay_in_the_order_they_were_sent() {
        let mut pipe = pipe(Link::round_trip("test", 100.0));
        (0..3).for_each(|n| pipe.push(ms(7), PACKET, || n));
        assert_eq!((pipe.next(), pipe.pop(ms(56))), (Some(ms(57)), None), "none before its time");
        let arrived: Vec<_> = std::iter::from_fn(|| pipe.pop(ms(57))).collect();
        assert_eq!(arrived, [0, 1, 2], "those of one millisecond stay in order");
        assert_eq!(pipe.next(), None, "nothing flies any more");
    }

    #[test]
    fn whoever_takes_a_detour_is_overtaken() {
        let mut pipe = pipe(Link { reorder: 0.2, ..Link::round_trip("test", 100.0).jitter(40.0) });
        (0..100).for_each(|n| pipe.push(ms(u64::from(n)), PACKET, || n));
        let arrived: Vec<_> = std::iter::from_fn(|| pipe.pop(ms(1000))).collect();
        assert_eq!(arrived.len(), 100, "all arrive");
        assert!(!arrived.is_sorted(), "and not in order");
    }

    #[test]
    fn a_doubled_packet_arrives_twice_and_a_lost_one_is_not_even_made() {
        let mut doubling = pipe(Link { duplicate: 1.0, ..Link::round_trip("test", 10.0) });
        doubling.push(ms(0), PACKET, || 7);
        assert_eq!(
            [doubling.pop(ms(100)), doubling.pop(ms(100)), doubling.pop(ms(100))],
            [Some(7), Some(7), None]
        );
        let mut losing = pipe(Link::round_trip("test", 10.0).loss(1.0, 0.0));
        losing.push(ms(0), PACKET, || unreachable!("nobody gets it"));
        assert_eq!(losing.next(), None);
    }

    #[test]
    fn what_flies_is_bounded() {
        let mut pipe = pipe(Link::round_trip("test", 100.0));
        (0..2 * MOST as u32).for_each(|n| pipe.push(ms(0), PACKET, || n));
        let arrived: Vec<_> = std::iter::from_fn(|| pipe.pop(ms(100))).collect();
        assert!(arrived.into_iter().eq(0..MOST as u32), "the last ones are lost, as where a queue is full");
    }
}
