//! The packets on the way in one direction of a link: pushed when sent, popped in order of arrival. Has no clock and no I/O: times are
//! arguments.

use std::{cmp::Ordering, collections::BinaryHeap, time::Duration};

use super::{direction::Delivery, seeded_direction::SeededDirection};

/// The maximum number of packets on the way in one direction. Further packets are lost, as in a full queue. A bot sends 60 packets a
/// second, of which some 50 are on the way over the slowest link of the table, and a keyframe of 64 KiB is as many again.
pub(super) const MAX_PACKETS: usize = 256;

/// A direction and its packets on the way.
#[derive(Debug)]
pub(super) struct InFlight<T> {
    direction: SeededDirection,
    packets: BinaryHeap<Packet<T>>,
    /// The total number of packets sent, duplicates included.
    count: u64,
}

#[derive(Debug)]
struct Packet<T> {
    /// The arrival in milliseconds, rounded up: timers are not finer, and so one wake-up serves all packets of a millisecond.
    arrives_ms: u64,
    /// The packet's number, which keeps the packets of one millisecond in order.
    number: u64,
    contents: T,
}

impl<T: Clone> InFlight<T> {
    /// Creates a direction without packets.
    pub(super) const fn new(direction: SeededDirection) -> Self {
        Self { direction, packets: BinaryHeap::new(), count: 0 }
    }

    /// Sends a packet with this number of payload bytes. `contents` is called only if the packet is not lost on the link.
    pub(super) fn push(&mut self, now: Duration, bytes: usize, contents: impl FnOnce() -> T) {
        match self.direction.send(now, bytes) {
            Delivery::Lost => {}
            Delivery::Arrives(at) => self.insert(at, contents()),
            Delivery::Twice(first, second) => {
                let contents = contents();
                self.insert(first, contents.clone());
                self.insert(second, contents);
            }
        }
    }

    /// Returns the arrival of the next packet; `None` if no packet is on the way.
    pub(super) fn next(&self) -> Option<Duration> {
        self.packets.peek().map(|packet| Duration::from_millis(packet.arrives_ms))
    }

    /// Returns the next packet that has arrived by `now`.
    pub(super) fn pop(&mut self, now: Duration) -> Option<T> {
        if self.next()? > now {
            return None;
        }
        self.packets.pop().map(|packet| packet.contents)
    }

    fn insert(&mut self, arrives: Duration, contents: T) {
        if self.packets.len() == MAX_PACKETS {
            return;
        }
        let arrives_ms = arrives.as_nanos().div_ceil(1_000_000) as u64;
        self.packets.push(Packet { arrives_ms, number: self.count, contents });
        self.count += 1;
    }
}

impl<T> Ord for Packet<T> {
    /// Reversed, because the heap pops its greatest element and the earliest packet must come first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.arrives_ms, other.number).cmp(&(self.arrives_ms, self.number))
    }
}

impl<T> PartialOrd for Packet<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Packet<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Packet<T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Link;

    const PACKET_BYTES: usize = 200;

    fn in_flight(link: Link) -> InFlight<u32> {
        let [up, _] = SeededDirection::pair(link, 1, 0, Duration::ZERO);
        InFlight::new(up)
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn packets_arrive_after_their_delay_in_the_order_they_were_sent() {
        let mut packets = in_flight(Link::round_trip("test", 100.0));
        (0..3).for_each(|n| packets.push(ms(7), PACKET_BYTES, || n));
        assert_eq!(
            (packets.next(), packets.pop(ms(56))),
            (Some(ms(57)), None),
            "no packet arrives before its time"
        );
        let arrived: Vec<_> = std::iter::from_fn(|| packets.pop(ms(57))).collect();
        assert_eq!(arrived, [0, 1, 2], "the packets of one millisecond stay in order");
        assert_eq!(packets.next(), None, "no packet is left");
    }

    #[test]
    fn a_packet_on_a_detour_is_overtaken() {
        let mut packets = in_flight(Link { reorder: 0.2, ..Link::round_trip("test", 100.0).jitter(40.0) });
        (0..100).for_each(|n| packets.push(ms(u64::from(n)), PACKET_BYTES, || n));
        let arrived: Vec<_> = std::iter::from_fn(|| packets.pop(ms(1000))).collect();
        assert_eq!(arrived.len(), 100, "all packets arrive");
        assert!(!arrived.is_sorted(), "some packets are overtaken");
    }

    #[test]
    fn a_duplicate_arrives_twice_and_the_contents_of_a_lost_packet_are_not_built() {
        let mut doubling = in_flight(Link { duplicate: 1.0, ..Link::round_trip("test", 10.0) });
        doubling.push(ms(0), PACKET_BYTES, || 7);
        assert_eq!(
            [doubling.pop(ms(100)), doubling.pop(ms(100)), doubling.pop(ms(100))],
            [Some(7), Some(7), None]
        );
        let mut losing = in_flight(Link::round_trip("test", 10.0).loss(1.0, 0.0));
        losing.push(ms(0), PACKET_BYTES, || unreachable!("the packet is lost"));
        assert_eq!(losing.next(), None);
    }

    #[test]
    fn the_number_of_packets_is_bounded() {
        let mut packets = in_flight(Link::round_trip("test", 100.0));
        (0..2 * MAX_PACKETS as u32).for_each(|n| packets.push(ms(0), PACKET_BYTES, || n));
        let arrived: Vec<_> = std::iter::from_fn(|| packets.pop(ms(100))).collect();
        assert!(
            arrived.into_iter().eq(0..MAX_PACKETS as u32),
            "the last packets are lost, as in a full queue"
        );
    }
}
