//! Who may shake hands now. Pure: it is told the time, the address and how many handshakes are under way.
//!
//! In the order of their cost to us: per-address buckets first (`Ignore`: 22 us), then the hard cap (`Refuse`), then under
//! pressure a proof of the address (`Retry`: 30 us instead of 240-450 and 35 KB), and else the handshake.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use crate::{bucket::TokenBucket, config::NetConfig};

/// The most networks that are remembered. Each takes about 60 bytes; past that the ones with a full bucket are forgotten.
const NETWORKS: usize = 16 * 1024;

/// What to do with a newcomer's first packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Shake hands.
    Admit,
    /// Let them prove their address first.
    Retry,
    /// Say no.
    Refuse,
    /// Say nothing: answers are what a flood wants.
    Ignore,
}

/// Decides on newcomers.
#[derive(Debug)]
pub struct AdmissionState {
    per_second: f64,
    burst: f64,
    retry_above: usize,
    most: usize,
    networks: HashMap<Network, TokenBucket>,
}

/// A /24 of IPv4 or a /64 of IPv6: what one customer of a provider has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Network {
    V4([u8; 3]),
    V6([u8; 8]),
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
        }
    }

    /// What to do with a first packet from `from`. `proven`: a Retry has shown that the address is theirs.
    pub fn decide(&mut self, from: SocketAddr, proven: bool, half_open: usize, now: Duration) -> Admission {
        if !self.spend(Network::of(from), now) {
            return Admission::Ignore;
        }
        if half_open >= self.most {
            return Admission::Refuse;
        }
        if half_open >= self.retry_above && !proven {
            return Admission::Retry;
        }
        Admission::Admit
    }

    fn spend(&mut self, network: Network, now: Duration) -> bool {
        if self.networks.len() >= NETWORKS && !self.networks.contains_key(&network) {
            self.networks.retain(|_, bucket| !bucket.is_full(now));
            if self.networks.len() >= NETWORKS {
                // So many networks at once are an attack: whoever is not known yet waits.
                return false;
            }
        }
        let fresh = || TokenBucket::full(self.per_second, self.burst, now);
        self.networks.entry(network).or_insert_with(fresh).take(1.0, now)
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

    fn state() -> AdmissionState {
        AdmissionState { per_second: 1.0, burst: 2.0, retry_above: 5, most: 8, networks: HashMap::new() }
    }

    fn from(address: &str) -> SocketAddr {
        address.parse().unwrap()
    }

    #[test]
    fn a_network_that_floods_is_ignored_and_its_neighbour_is_not() {
        let mut state = state();
        let decide =
            |state: &mut AdmissionState, address| state.decide(from(address), false, 0, Duration::ZERO);
        assert_eq!(decide(&mut state, "192.0.2.1:1"), Admission::Admit);
        assert_eq!(decide(&mut state, "192.0.2.9:2"), Admission::Admit, "the burst is shared by a /24");
        assert_eq!(
            decide(&mut state, "[::ffff:192.0.2.7]:3"),
            Admission::Ignore,
            "a mapped address is the same network"
        );
        assert_eq!(decide(&mut state, "192.0.3.1:1"), Admission::Admit);
    }

    #[test]
    fn under_pressure_newcomers_prove_their_address_and_past_the_cap_nobody_comes_in() {
        let mut state = state();
        let far = |n: u8| from(&format!("10.0.{n}.1:9"));
        assert_eq!(state.decide(far(1), false, 5, Duration::ZERO), Admission::Retry);
        assert_eq!(state.decide(far(2), true, 5, Duration::ZERO), Admission::Admit);
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
        assert_eq!(
            state.decide(from("203.0.113.1:1"), false, 0, later),
            Admission::Admit,
            "the idle are forgotten"
        );
    }
}
