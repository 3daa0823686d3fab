//! Who may shake hands now. Pure: it is told the time, the address and how many handshakes are under way.
//!
//! One network may have no more than the meter of all handshakes clears within a second; what it has beyond its share waits behind
//! everybody else's (`turns`), so that it locks nobody out.
//!
//! In the order of their cost to us: per-address buckets first (`Ignore`: 22 us), then the hard cap (`Refuse`), then under
//! pressure a proof of the address (`Retry`: 30 us instead of 240-450 and 35 KB), and else the handshake.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use crate::{bucket::TokenBucket, config::NetConfig};

/// The most networks that are remembered. Each takes about 100 bytes; past that the ones with full buckets are forgotten.
const NETWORKS: usize = 16 * 1024;

/// How often at most the whole memory is searched for networks to forget: a flood must not make us do it for each packet.
const SWEEP_PERIOD: Duration = Duration::from_millis(100);

/// A network's share of the handshakes: so many a second and at once. A household that comes back, not a host of bots.
const SHARE_PER_SECOND: f64 = 10.0;
const SHARE_BURST: f64 = 8.0;

/// What to do with a newcomer's first packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Shake hands, when it is its turn.
    Admit(Share),
    /// Let them prove their address first.
    Retry,
    /// Say no.
    Refuse,
    /// Say nothing: answers are what a flood wants.
    Ignore,
}

/// How a newcomer's network stands to all the others. It is no limit: it says who goes first when not all can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// It has no more than its share.
    Within,
    /// It takes what the others leave.
    Beyond,
}

/// Decides on newcomers.
#[derive(Debug)]
pub struct AdmissionState {
    per_second: f64,
    burst: f64,
    retry_above: usize,
    most: usize,
    networks: HashMap<Network, Allowance>,
    /// When the memory may be searched again.
    next_sweep: Duration,
}

/// A /24 of IPv4 or a /64 of IPv6: what one customer of a provider has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Network {
    V4([u8; 3]),
    V6([u8; 8]),
}

/// What a network may still have.
#[derive(Debug)]
struct Allowance {
    limit: TokenBucket,
    share: TokenBucket,
}

impl AdmissionState {
    /// By the operator's limits.
    #[must_use]
    pub fn new(net: &NetConfig) -> Self {
        Self {
            per_second: f64::from(net.handshakes_per_address_s),
            burst: f64::from(net.handshake_burst),
            retry_above: net.retry_above_half_open,
            most: net.max_half_open,
            networks: HashMap::new(),
            next_sweep: Duration::ZERO,
        }
    }

    /// What to do with a first packet from `from`. `proven`: a Retry has shown that the address is theirs.
    /// `half_open`: how many were admitted and are not done, be it that they still wait for their turn.
    pub fn decide(&mut self, from: SocketAddr, proven: bool, half_open: usize, now: Duration) -> Admission {
        let Some(share) = self.spend(Network::of(from), now) else { return Admission::Ignore };
        if half_open >= self.most {
            return Admission::Refuse;
        }
        if half_open >= self.retry_above && !proven {
            return Admission::Retry;
        }
        Admission::Admit(share)
    }

    fn spend(&mut self, network: Network, now: Duration) -> Option<Share> {
        if self.networks.len() >= NETWORKS && !self.networks.contains_key(&network) {
            self.sweep(now);
            if self.networks.len() >= NETWORKS {
                // So many networks at once are an attack: whoever is not known yet waits.
                return None;
            }
        }
        let fresh = || Allowance {
            limit: TokenBucket::full(self.per_second, self.burst, now),
            share: TokenBucket::full(SHARE_PER_SECOND, SHARE_BURST, now),
        };
        let allowance = self.networks.entry(network).or_insert_with(fresh);
        if !allowance.limit.take(1.0, now) {
            return None;
        }
        Some(if allowance.share.take(1.0, now) { Share::Within } else { Share::Beyond })
    }

    /// Forgets those who would be as new.
    fn sweep(&mut self, now: Duration) {
        if now < self.next_sweep {
            return;
        }
        self.next_sweep = now + SWEEP_PERIOD;
        self.networks.retain(|_, allowance| !(allowance.limit.is_full(now) && allowance.share.is_full(now)));
    }
}

impl Network {
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
    use crate::net::turns::{Turn, Turns};

    const WITHIN: Admission = Admission::Admit(Share::Within);

    fn state() -> AdmissionState {
        AdmissionState {
            per_second: 1.0,
            burst: 2.0,
            retry_above: 5,
            most: 8,
            networks: HashMap::new(),
            next_sweep: Duration::ZERO,
        }
    }

    fn from(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    #[test]
    fn a_network_that_floods_is_ignored_and_its_neighbour_is_not() {
        let mut state = state();
        let decide =
            |state: &mut AdmissionState, address| state.decide(from(address), false, 0, Duration::ZERO);
        assert_eq!(decide(&mut state, "192.0.2.1:1"), WITHIN);
        assert_eq!(decide(&mut state, "192.0.2.9:2"), WITHIN, "the burst is shared by a /24");
        assert_eq!(
            decide(&mut state, "[::ffff:192.0.2.7]:3"),
            Admission::Ignore,
            "a mapped address is the same network"
        );
        assert_eq!(decide(&mut state, "192.0.3.1:1"), WITHIN);
    }

    #[test]
    fn under_pressure_newcomers_prove_their_address_and_past_the_cap_nobody_comes_in() {
        let mut state = state();
        let far = |n: u8| from(&format!("10.0.{n}.1:9"));
        assert_eq!(state.decide(far(1), false, 5, Duration::ZERO), Admission::Retry);
        assert_eq!(state.decide(far(2), true, 5, Duration::ZERO), WITHIN);
        assert_eq!(state.decide(far(3), true, 8, Duration::ZERO), Admission::Refuse);
    }

    #[test]
    fn the_memory_of_networks_is_bounded() {
        let mut state = state();
        for n in 0..2 * NETWORKS as u32 {
            let ip = std::net::Ipv4Addr::from(n << 8);
            state.decide(SocketAddr::new(ip.into(), 1), false, 0, Duration::ZERO);
        }
        assert!(state.networks.len() <= NETWORKS);
        let later = Duration::from_secs(100);
        assert_eq!(state.decide(from("203.0.113.1:1"), false, 0, later), WITHIN, "the idle are forgotten");
    }
    #[test]
    fn a_full_memory_is_searched_once_a_period_and_not_for_each_packet() {
        let mut state = state();
        let mut decide = |n: u32, ms| {
            let from = SocketAddr::new(std::net::Ipv4Addr::from(n << 8).into(), 1);
            state.decide(from, false, 0, Duration::from_millis(ms))
        };
        // None of these will ever be as new at one token a second; then all of them are at the same moment.
        (0..NETWORKS as u32).for_each(|n| assert_eq!(decide(n, 0), WITHIN));
        let stranger = NETWORKS as u32;
        assert_eq!(decide(stranger, 950), Admission::Ignore, "searched, and all are remembered");
        assert_eq!(
            decide(stranger, 1000),
            Admission::Ignore,
            "all could be forgotten, but it is too soon to look"
        );
        assert_eq!(decide(stranger, 1050), WITHIN, "looked again");
    }

    #[test]
    fn a_network_past_its_share_is_let_in_behind_the_others() {
        let mut state = AdmissionState { burst: 100.0, ..state() };
        let decided = |_| state.decide(from("192.0.2.1:1"), false, 0, Duration::ZERO);
        let shares: Vec<_> = (0..100).map(decided).collect();
        let (within, beyond) = shares.split_at(SHARE_BURST as usize);
        assert!(within.iter().all(|admission| *admission == WITHIN));
        assert!(beyond.iter().all(|admission| *admission == Admission::Admit(Share::Beyond)));
    }

    /// One network sends ten first packets a millisecond, and another a single one, once in a while.
    #[test]
    fn a_network_that_floods_keeps_no_other_waiting() {
        let mut state =
            AdmissionState { per_second: 100.0, burst: 128.0, retry_above: 256, most: 2048, ..state() };
        let mut turns = Turns::new();
        let mut half_open = 0;
        let mut asked_ms = None;
        for ms in 0..10_000_u64 {
            let now = Duration::from_millis(ms);
            let mut come = |address, who| {
                if let Admission::Admit(share) = state.decide(from(address), true, half_open, now)
                    && turns.push(who, share, now + Duration::from_secs(5)).is_ok()
                {
                    half_open += 1;
                }
            };
            (0..10).for_each(|_| come("192.0.2.1:1", "flood"));
            if ms % 500 == 0 {
                come("198.51.100.1:1", "newcomer");
                asked_ms = Some(ms);
            }
            while let Some(turn) = turns.pop(now) {
                half_open -= 1;
                if turn == Turn::Now("newcomer") {
                    asked_ms = None;
                }
            }
            assert!(asked_ms.is_none_or(|asked| ms - asked < 10), "one token later it is a newcomer's turn");
        }
    }

    /// What the default limits say of a host of bots: see the docs of their keys.
    #[test]
    fn five_hundred_bots_of_one_address_come_in_as_fast_as_the_limit_lets_them() {
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
            let mut state = AdmissionState { per_second, burst, retry_above: 256, most: 2048, ..state() };
            // When quinn sends a first packet again with an initial round trip of 100 ms: each time it waits twice as long.
            let tries_ms = [0, 300, 900, 2100, 4500];
            let mut tries: Vec<(u64, usize)> =
                (0..512).flat_map(|bot| tries_ms.map(|ms| (bot as u64 * ramp_ms / 512 + ms, bot))).collect();
            tries.sort_unstable();
            let mut came_ms = [None; 512];
            for (ms, bot) in tries {
                let now = Duration::from_millis(ms);
                if came_ms[bot].is_none()
                    && matches!(state.decide(from("127.0.0.1:1"), true, 0, now), Admission::Admit(_))
                {
                    came_ms[bot] = Some(ms);
                }
            }
            assert!(came_ms.iter().all(Option::is_some), "all come in on their first attempt");
            let last = came_ms.iter().flatten().max().unwrap();
            assert!(*last <= within_ms, "the last of them after {last} ms");
            let waited = came_ms.iter().enumerate().any(|(bot, ms)| *ms != Some(bot as u64 * ramp_ms / 512));
            assert_eq!(!waited, at_once, "with a ramp of {ramp_ms} ms");
        }
    }
}
