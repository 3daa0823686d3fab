//! Admission control of incoming handshakes, by the network of the address and by the number of half-open handshakes. Has no I/O; the
//! caller passes the time.
//!
//! The limit of one network (by default 100 handshakes a second and 128 in a burst) is below the 300 a second that the server starts in
//! all. The handshakes of a network above its fair share get low priority and start after those of all other networks
//! (`handshake_queue`), so that one network cannot keep the others out.
//!
//! The checks are in the order of their cost. First come the token buckets of the network (`Ignore`: 22 us), then the limit of half-open
//! handshakes (`Refuse`), then, when many are half-open, an address validation (`Retry`: 30 us). A handshake that is admitted costs
//! 240-450 us and 35 KB.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::handshake_queue::Priority;
use crate::{bucket::TokenBucket, config::NetConfig};

/// The maximum number of tracked networks, each of which takes about 100 bytes. At the limit, networks with full buckets are removed.
const MAX_NETWORKS: usize = 16 * 1024;

/// The minimum time between two sweeps of all networks. Without it, a flood would cause a sweep for each packet.
const SWEEP_PERIOD: Duration = Duration::from_millis(100);

/// A network's fair share: handshakes per second, and in a burst. Enough for a household that reconnects; a computer with many bots gets
/// low priority.
const SHARE_PER_SECOND: f64 = 10.0;
const SHARE_BURST: f64 = 8.0;

/// The decision on the first packet of an incoming connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Queue the handshake with this priority.
    Admit(Priority),
    /// Answer with a Retry packet: the client must prove its address and try again.
    Retry,
    /// Answer with a refusal of the connection.
    Refuse,
    /// Drop the packet without an answer, because answers to a flood would double it.
    Ignore(IgnoreReason),
}

/// The reason for which a first packet is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IgnoreReason {
    /// The network is above its hard limit of handshakes.
    NetworkRate,
    /// The maximum number of networks is tracked already.
    TooManyNetworks,
    /// The network is above its fair share, and the queue of such handshakes is full.
    LowPriorityFull,
}

impl IgnoreReason {
    /// The label value of this reason in the metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NetworkRate => "address_rate",
            Self::TooManyNetworks => "networks_full",
            Self::LowPriorityFull => "low_priority_full",
        }
    }
}

/// Decides on incoming connections by network, and by the number of half-open handshakes.
#[derive(Debug)]
pub struct AdmissionState {
    /// The hard limit of each network: handshakes per second, and in a burst.
    per_second: f64,
    burst: f64,
    /// The number of half-open handshakes from which on addresses are validated.
    retry_above: usize,
    /// The number of half-open handshakes from which on connections are refused.
    max_half_open: usize,
    networks: HashMap<Network, NetworkBuckets>,
    /// The earliest time of the next sweep.
    next_sweep: Duration,
}

/// A network, by the prefix of its addresses: a /24 of IPv4, or a /64 of IPv6, which a provider usually assigns to one customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Network {
    V4([u8; 3]),
    V6([u8; 8]),
}

/// The token buckets of one network.
#[derive(Debug)]
struct NetworkBuckets {
    /// The hard limit: without a token the packet is ignored.
    limit: TokenBucket,
    /// The fair share: without a token the handshake gets low priority.
    share: TokenBucket,
}

impl AdmissionState {
    /// Creates a state with the operator's limits and without tracked networks.
    #[must_use]
    pub fn new(net: &NetConfig) -> Self {
        Self {
            per_second: f64::from(net.handshakes_per_address_s),
            burst: f64::from(net.handshake_burst),
            retry_above: net.retry_above_half_open,
            max_half_open: net.max_half_open,
            networks: HashMap::new(),
            next_sweep: Duration::ZERO,
        }
    }

    /// Replaces the operator's limits. A changed limit of networks gives every network full buckets.
    pub fn set_limits(&mut self, net: &NetConfig) {
        let (per_second, burst) = (f64::from(net.handshakes_per_address_s), f64::from(net.handshake_burst));
        if (per_second, burst) != (self.per_second, self.burst) {
            (self.per_second, self.burst) = (per_second, burst);
            self.networks.clear();
        }
        self.retry_above = net.retry_above_half_open;
        self.max_half_open = net.max_half_open;
    }

    /// Decides on a first packet from the address `from`. `is_validated`: whether a token has proven the address.
    /// `half_open`: the number of admitted handshakes that are not complete, including queued ones.
    pub fn decide(
        &mut self,
        from: SocketAddr,
        is_validated: bool,
        half_open: usize,
        now: Duration,
    ) -> Admission {
        let priority = match self.take_token(Network::of(from), now) {
            Ok(priority) => priority,
            Err(reason) => return Admission::Ignore(reason),
        };
        if half_open >= self.max_half_open {
            return Admission::Refuse;
        }
        if half_open >= self.retry_above && !is_validated {
            return Admission::Retry;
        }
        Admission::Admit(priority)
    }

    /// Takes a token from both buckets of a network, and returns the priority.
    ///
    /// # Errors
    /// When the network is above its hard limit, or cannot be tracked.
    fn take_token(&mut self, network: Network, now: Duration) -> Result<Priority, IgnoreReason> {
        if self.networks.len() >= MAX_NETWORKS && !self.networks.contains_key(&network) {
            self.sweep(now);
            if self.networks.len() >= MAX_NETWORKS {
                // This number of active networks is an attack. Packets of further networks are ignored until buckets are full again.
                return Err(IgnoreReason::TooManyNetworks);
            }
        }
        let full = || NetworkBuckets {
            limit: TokenBucket::full(self.per_second, self.burst, now),
            share: TokenBucket::full(SHARE_PER_SECOND, SHARE_BURST, now),
        };
        let buckets = self.networks.entry(network).or_insert_with(full);
        if !buckets.limit.take(1.0, now) {
            return Err(IgnoreReason::NetworkRate);
        }
        Ok(if buckets.share.take(1.0, now) { Priority::Normal } else { Priority::Low })
    }

    /// Removes the networks with full buckets, because an untracked network starts with full buckets too.
    fn sweep(&mut self, now: Duration) {
        if now < self.next_sweep {
            return;
        }
        self.next_sweep = now + SWEEP_PERIOD;
        self.networks.retain(|_, buckets| !(buckets.limit.is_full(now) && buckets.share.is_full(now)));
    }
}

impl Network {
    /// Returns the network of an address.
    fn of(address: SocketAddr) -> Self {
        match address.ip().to_canonical() {
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                Self::V4([a, b, c])
            }
            IpAddr::V6(ip) => {
                let [a, b, c, d, e, f, g, h, ..] = ip.octets();
                Self::V6([a, b, c, d, e, f, g, h])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::handshake_queue::{Dequeued, HandshakeQueue};

    const NORMAL: Admission = Admission::Admit(Priority::Normal);

    fn state() -> AdmissionState {
        AdmissionState {
            per_second: 1.0,
            burst: 2.0,
            retry_above: 5,
            max_half_open: 8,
            networks: HashMap::new(),
            next_sweep: Duration::ZERO,
        }
    }

    fn from(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    #[test]
    fn a_network_above_its_limit_is_ignored_and_the_next_network_is_not() {
        let mut state = state();
        let decide =
            |state: &mut AdmissionState, address| state.decide(from(address), false, 0, Duration::ZERO);
        assert_eq!(decide(&mut state, "192.0.2.1:1"), NORMAL);
        assert_eq!(decide(&mut state, "192.0.2.9:2"), NORMAL, "the addresses of a /24 share a burst");
        assert_eq!(
            decide(&mut state, "[::ffff:192.0.2.7]:3"),
            Admission::Ignore(IgnoreReason::NetworkRate),
            "an IPv4 address mapped to IPv6 is in the same network"
        );
        assert_eq!(decide(&mut state, "192.0.3.1:1"), NORMAL);
    }

    #[test]
    fn many_half_open_handshakes_cause_address_validation_and_then_refusal() {
        let mut state = state();
        let far = |n: u8| from(&format!("10.0.{n}.1:9"));
        assert_eq!(state.decide(far(1), false, 5, Duration::ZERO), Admission::Retry);
        assert_eq!(state.decide(far(2), true, 5, Duration::ZERO), NORMAL);
        assert_eq!(state.decide(far(3), true, 8, Duration::ZERO), Admission::Refuse);
    }

    #[test]
    fn the_number_of_tracked_networks_is_bounded() {
        let mut state = state();
        for n in 0..2 * MAX_NETWORKS as u32 {
            let ip = std::net::Ipv4Addr::from(n << 8);
            state.decide(SocketAddr::new(ip.into(), 1), false, 0, Duration::ZERO);
        }
        assert!(state.networks.len() <= MAX_NETWORKS);
        let later = Duration::from_secs(100);
        assert_eq!(state.decide(from("203.0.113.1:1"), false, 0, later), NORMAL, "idle networks are removed");
    }

    #[test]
    fn a_full_table_is_swept_once_a_period_and_not_for_each_packet() {
        let mut state = state();
        let mut decide = |n: u32, ms| {
            let from = SocketAddr::new(std::net::Ipv4Addr::from(n << 8).into(), 1);
            state.decide(from, false, 0, Duration::from_millis(ms))
        };
        // At one token a second, a bucket that has lost one token is full after one second.
        (0..MAX_NETWORKS as u32).for_each(|n| assert_eq!(decide(n, 0), NORMAL));
        let unknown = MAX_NETWORKS as u32;
        let full = Admission::Ignore(IgnoreReason::TooManyNetworks);
        assert_eq!(decide(unknown, 950), full, "a sweep finds no full bucket");
        assert_eq!(decide(unknown, 1000), full, "all buckets are full, but it is too soon for a sweep");
        assert_eq!(decide(unknown, 1050), NORMAL, "the next sweep frees the table");
    }

    #[test]
    fn a_network_beyond_its_share_is_admitted_with_low_priority() {
        let mut state = AdmissionState { burst: 100.0, ..state() };
        let decide = |_| state.decide(from("192.0.2.1:1"), false, 0, Duration::ZERO);
        let admissions: Vec<_> = (0..100).map(decide).collect();
        let (within, beyond) = admissions.split_at(SHARE_BURST as usize);
        assert!(within.iter().all(|admission| *admission == NORMAL));
        assert!(beyond.iter().all(|admission| *admission == Admission::Admit(Priority::Low)));
    }

    /// One network sends ten first packets a millisecond, and another sends a single one every half second.
    #[test]
    fn a_flooding_network_delays_another_network_by_less_than_ten_milliseconds() {
        let mut state = AdmissionState {
            per_second: 100.0,
            burst: 128.0,
            retry_above: 256,
            max_half_open: 2048,
            ..state()
        };
        let mut queue = HandshakeQueue::new();
        let mut half_open = 0;
        let mut arrived_ms = None;
        for ms in 0..10_000_u64 {
            let now = Duration::from_millis(ms);
            let mut arrive = |address, name| {
                if let Admission::Admit(priority) = state.decide(from(address), true, half_open, now)
                    && queue.push(name, priority, now + Duration::from_secs(5)).is_ok()
                {
                    half_open += 1;
                }
            };
            (0..10).for_each(|_| arrive("192.0.2.1:1", "flood"));
            if ms % 500 == 0 {
                arrive("198.51.100.1:1", "other network");
                arrived_ms = Some(ms);
            }
            while let Some(next) = queue.pop(now) {
                half_open -= 1;
                if next == Dequeued::Ready("other network") {
                    arrived_ms = None;
                }
            }
            assert!(
                arrived_ms.is_none_or(|at| ms - at < 10),
                "the other network waits for at most one token of the handshake rate"
            );
        }
    }

    /// Tests the default limits with one computer that starts 512 bots; see the documentation of the configuration keys.
    #[test]
    fn five_hundred_bots_of_one_address_are_admitted_within_the_documented_times() {
        let net = crate::config::keys::KEYS;
        let number = |name: &str| {
            let key = net.iter().find(|key| key.section == "net" && key.name == name).unwrap();
            match key.default {
                crate::config::keys::DefaultValue::Integer(number) => number as f64,
                _ => panic!("{name} is a number"),
            }
        };
        let (per_second, burst) = (number("handshakes_per_address_s"), number("handshake_burst"));
        for (ramp_ms, within_ms, at_once) in [(5000, 5000, true), (2000, 6000, false)] {
            let mut state =
                AdmissionState { per_second, burst, retry_above: 256, max_half_open: 2048, ..state() };
            // The times at which quinn sends a first packet, at an assumed round trip of 100 ms: each wait is twice as long as the last.
            let tries_ms = [0, 300, 900, 2100, 4500];
            let mut tries: Vec<(u64, usize)> =
                (0..512).flat_map(|bot| tries_ms.map(|ms| (bot as u64 * ramp_ms / 512 + ms, bot))).collect();
            tries.sort_unstable();
            let mut admitted_ms = [None; 512];
            for (ms, bot) in tries {
                let now = Duration::from_millis(ms);
                if admitted_ms[bot].is_none()
                    && matches!(state.decide(from("127.0.0.1:1"), true, 0, now), Admission::Admit(_))
                {
                    admitted_ms[bot] = Some(ms);
                }
            }
            assert!(
                admitted_ms.iter().all(Option::is_some),
                "every bot is admitted with one of the five packets of its first attempt"
            );
            let last = admitted_ms.iter().flatten().max().unwrap();
            assert!(*last <= within_ms, "the last bot is admitted after {last} ms");
            let has_waited =
                admitted_ms.iter().enumerate().any(|(bot, ms)| *ms != Some(bot as u64 * ramp_ms / 512));
            assert_eq!(
                !has_waited, at_once,
                "whether all bots are admitted at once, with a ramp of {ramp_ms} ms"
            );
        }
    }
}
