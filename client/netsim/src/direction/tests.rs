//! Tests that the measured properties of a direction match the numbers of its link.

use rand::SeedableRng as _;

use super::*;
use crate::{Blackout, LINKS};

const PACKET: usize = 200;

/// Sends a packet every `every_ms`. Returns each sending time in ms with the delivery.
fn send(link: Link, seed: u64, packets: u32, every_ms: f64) -> Vec<(f64, Delivery)> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut direction = Direction::new(link, 0.0, Duration::ZERO, &mut rng);
    let times = (0..packets).map(|n| f64::from(n) * every_ms);
    times.map(|now| (now, direction.send(from_ms(now), PACKET, &mut rng))).collect()
}

fn first_arrival(delivery: Delivery) -> Option<f64> {
    match delivery {
        Delivery::Lost => None,
        Delivery::Arrives(at) | Delivery::Twice(at, _) => Some(ms(at)),
    }
}

fn lost_share(sent: &[(f64, Delivery)]) -> f64 {
    sent.iter().filter(|(_, delivery)| *delivery == Delivery::Lost).count() as f64 / sent.len() as f64
}

#[test]
fn the_mean_loss_is_as_configured_in_bursts_or_not() {
    for (mean, burst_ms) in [(0.01, 0.0), (0.05, 0.0), (0.01, 50.0), (0.05, 80.0), (0.2, 60.0)] {
        let measured =
            lost_share(&send(Link::round_trip("test", 90.0).loss(mean, burst_ms), 1, 1_000_000, 5.0));
        assert!((measured / mean - 1.0).abs() < 0.05, "{mean} in bursts of {burst_ms} ms: {measured}");
    }
}

#[test]
fn the_duration_of_bursts_does_not_depend_on_the_sending_rate() {
    let link = Link::round_trip("test", 90.0).loss(0.05, 80.0);
    for every_ms in [5.0, 33.0] {
        let sent = send(link, 2, 400_000, every_ms);
        let is_lost: Vec<_> = sent.iter().map(|(_, delivery)| *delivery == Delivery::Lost).collect();
        let pairs = is_lost.windows(2).filter(|pair| pair[0]);
        let follows = pairs.clone().filter(|pair| pair[1]).count() as f64 / pairs.count() as f64;
        // The probability that a bad state is bad again after `every_ms`, in a two-state Markov process whose bad state lasts 80 ms on
        // average, times the loss in the bad state.
        let bad = 0.05 / Link::BAD_LOSS;
        let stays = bad + (1.0 - bad) * (-every_ms / 80.0 / (1.0 - bad)).exp();
        let expected = stays * Link::BAD_LOSS;
        assert!(
            (follows - expected).abs() < 0.03,
            "the share of losses that follow a loss is {follows}, not {expected}"
        );
    }
}

#[test]
fn packets_stay_in_order_despite_jitter() {
    let sent = send(Link::round_trip("test", 90.0).jitter(60.0), 3, 10_000, 5.0);
    let arrivals: Vec<_> = sent.iter().filter_map(|(_, delivery)| first_arrival(*delivery)).collect();
    assert!(arrivals.is_sorted(), "no packet overtakes another, as in a queue");
    assert_eq!(arrivals.len(), sent.len(), "a link without loss loses nothing");
}

#[test]
fn delays_are_between_their_bounds_and_usually_small() {
    let sent = send(Link::round_trip("test", 90.0).jitter(60.0), 4, 10_000, 100.0);
    let mut waits: Vec<_> =
        sent.iter().filter_map(|(now, delivery)| Some(first_arrival(*delivery)? - now - 45.0)).collect();
    waits.sort_by(f64::total_cmp);
    assert!(waits[0] > -0.001 && waits[waits.len() - 1] < 60.001, "{:?}", (waits[0], waits.last()));
    assert!(
        (waits[waits.len() / 2] - 15.0).abs() < 2.0,
        "half of the packets wait less than a quarter of the jitter"
    );
    assert!(
        (waits[waits.len() * 9 / 10] - 48.6).abs() < 2.0,
        "one packet in ten waits more than four fifths"
    );
}

#[test]
fn only_packets_on_a_detour_are_overtaken() {
    let link = Link { reorder: 0.1, ..Link::round_trip("test", 90.0).jitter(20.0) };
    let sent = send(link, 5, 100_000, 2.0);
    let arrivals: Vec<_> = sent.iter().filter_map(|(_, delivery)| first_arrival(*delivery)).collect();
    let overtaken = arrivals.windows(2).filter(|pair| pair[1] < pair[0]).count() as f64 / 100_000.0;
    assert!((0.04..0.1).contains(&overtaken), "{overtaken}");
}

#[test]
fn the_share_of_duplicates_is_as_configured() {
    let sent = send(Link { duplicate: 0.02, ..Link::round_trip("test", 90.0) }, 6, 100_000, 5.0);
    let twice = sent.iter().filter(|(_, delivery)| matches!(delivery, Delivery::Twice(..))).count() as f64
        / 100_000.0;
    assert!((twice - 0.02).abs() < 0.003, "{twice}");
}

#[test]
fn a_bottleneck_passes_its_rate_and_drops_packets_that_would_wait_too_long() {
    // 228 bytes every 1 ms are 1.824 Mbit/s.
    let link = Link::round_trip("test", 90.0).rate(0.912, 50.0);
    let sent = send(link, 7, 20_000, 1.0);
    assert!(
        (lost_share(&sent) - 0.5).abs() < 0.01,
        "half of the packets pass, but {} are lost",
        lost_share(&sent)
    );
    let longest =
        sent.iter().filter_map(|(now, delivery)| Some(first_arrival(*delivery)? - now)).fold(0.0, f64::max);
    assert!((longest - 45.0 - 50.0).abs() < 3.0, "the queue is bounded, but a packet took {longest} ms");
    assert_eq!(lost_share(&send(link, 7, 20_000, 2.1)), 0.0, "a sender within the rate loses nothing");
}

#[test]
fn a_black_out_loses_every_packet_and_no_other() {
    let blackout = Some(Blackout { every_ms: 60_000.0, for_ms: 2_000.0 });
    let sent = send(Link { blackout, ..Link::round_trip("test", 90.0) }, 8, 36_000, 5.0);
    for (now, delivery) in sent {
        assert_eq!(delivery == Delivery::Lost, now % 60_000.0 < 2_000.0, "at {now} ms");
    }
}

#[test]
fn the_same_seed_gives_the_same_deliveries() {
    for link in LINKS {
        assert_eq!(send(*link, 9, 5_000, 5.0), send(*link, 9, 5_000, 5.0), "{}", link.name);
    }
    let hostile = Link::named("hostile");
    assert_ne!(send(hostile, 9, 5_000, 5.0), send(hostile, 10, 5_000, 5.0));
}

#[test]
fn a_changed_link_applies_to_later_packets() {
    let mut rng = Pcg64::seed_from_u64(11);
    let mut direction = Direction::new(Link::round_trip("far", 200.0), 0.0, Duration::ZERO, &mut rng);
    direction.set_link(Link::round_trip("near", 20.0), from_ms(1000.0), &mut rng);
    assert_eq!(direction.send(from_ms(1000.0), PACKET, &mut rng), Delivery::Arrives(from_ms(1010.0)));
}
