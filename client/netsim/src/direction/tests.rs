//! A link does what its numbers say.

use rand::SeedableRng as _;

use super::*;
use crate::{Blackout, LINKS};

const PACKET: usize = 200;

/// Sends a packet every `every_ms`; the fates, each with the time of sending in ms.
fn send(link: Link, seed: u64, packets: u32, every_ms: f64) -> Vec<(f64, Fate)> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut direction = Direction::new(link, 0.0, Duration::ZERO, &mut rng);
    let times = (0..packets).map(|n| f64::from(n) * every_ms);
    times.map(|now| (now, direction.send(moment(now), PACKET, &mut rng))).collect()
}

fn first(fate: Fate) -> Option<f64> {
    match fate {
        Fate::Lost => None,
        Fate::Arrives(at) | Fate::Twice(at, _) => Some(ms(at)),
    }
}

fn lost(sent: &[(f64, Fate)]) -> f64 {
    sent.iter().filter(|(_, fate)| *fate == Fate::Lost).count() as f64 / sent.len() as f64
}

#[test]
fn the_mean_loss_is_the_one_asked_for_in_bursts_or_not() {
    for (mean, burst_ms) in [(0.01, 0.0), (0.05, 0.0), (0.01, 50.0), (0.05, 80.0), (0.2, 60.0)] {
        let measured = lost(&send(Link::round_trip("test", 90.0).loss(mean, burst_ms), 1, 1_000_000, 5.0));
        assert!((measured / mean - 1.0).abs() < 0.05, "{mean} in bursts of {burst_ms} ms: {measured}");
    }
}

#[test]
fn bursts_last_as_long_as_they_should_however_often_one_sends() {
    let link = Link::round_trip("test", 90.0).loss(0.05, 80.0);
    for every_ms in [5.0, 33.0] {
        let sent = send(link, 2, 400_000, every_ms);
        let is_lost: Vec<_> = sent.iter().map(|(_, fate)| *fate == Fate::Lost).collect();
        let pairs = is_lost.windows(2).filter(|pair| pair[0]);
        let follows = pairs.clone().filter(|pair| pair[1]).count() as f64 / pairs.count() as f64;
        // Bad now and bad after dt, by the two rates of change; then the loss while it is bad.
        let bad = 0.05 / Link::BAD_LOSS;
        let stays = bad + (1.0 - bad) * (-every_ms / 80.0 / (1.0 - bad)).exp();
        let expected = stays * Link::BAD_LOSS;
        assert!((follows - expected).abs() < 0.03, "a loss follows a loss: {follows}, not {expected}");
    }
}

#[test]
fn packets_stay_in_order_however_much_jitter_there_is() {
    let sent = send(Link::round_trip("test", 90.0).jitter(60.0), 3, 10_000, 5.0);
    let arrivals: Vec<_> = sent.iter().filter_map(|(_, fate)| first(*fate)).collect();
    assert!(arrivals.is_sorted(), "a link is a queue");
    assert_eq!(arrivals.len(), sent.len(), "and this one loses nothing");
}

#[test]
fn delays_lie_between_the_least_and_the_most_and_most_are_small() {
    let sent = send(Link::round_trip("test", 90.0).jitter(60.0), 4, 10_000, 100.0);
    let mut waits: Vec<_> = sent.iter().filter_map(|(now, fate)| Some(first(*fate)? - now - 45.0)).collect();
    waits.sort_by(f64::total_cmp);
    assert!(waits[0] > -0.001 && waits[waits.len() - 1] < 60.001, "{:?}", (waits[0], waits.last()));
    assert!(
        (waits[waits.len() / 2] - 15.0).abs() < 2.0,
        "half of them wait less than a quarter of the jitter"
    );
    assert!((waits[waits.len() * 9 / 10] - 48.6).abs() < 2.0, "one in ten waits more than four fifths");
}

#[test]
fn only_the_share_that_takes_a_detour_is_overtaken() {
    let link = Link { reorder: 0.1, ..Link::round_trip("test", 90.0).jitter(20.0) };
    let sent = send(link, 5, 100_000, 2.0);
    let arrivals: Vec<_> = sent.iter().filter_map(|(_, fate)| first(*fate)).collect();
    let overtaken = arrivals.windows(2).filter(|pair| pair[1] < pair[0]).count() as f64 / 100_000.0;
    assert!((0.04..0.1).contains(&overtaken), "{overtaken}");
}

#[test]
fn some_packets_arrive_twice() {
    let sent = send(Link { duplicate: 0.02, ..Link::round_trip("test", 90.0) }, 6, 100_000, 5.0);
    let twice = sent.iter().filter(|(_, fate)| matches!(fate, Fate::Twice(..))).count() as f64 / 100_000.0;
    assert!((twice - 0.02).abs() < 0.003, "{twice}");
}

#[test]
fn a_bottleneck_lets_its_rate_through_and_drops_what_would_wait_too_long() {
    // 228 bytes each 1 ms are 1.824 Mbit/s.
    let link = Link::round_trip("test", 90.0).rate(0.912, 50.0);
    let sent = send(link, 7, 20_000, 1.0);
    assert!((lost(&sent) - 0.5).abs() < 0.01, "half fits: {}", lost(&sent));
    let longest = sent.iter().filter_map(|(now, fate)| Some(first(*fate)? - now)).fold(0.0, f64::max);
    assert!((longest - 45.0 - 50.0).abs() < 3.0, "the queue ends: {longest}");
    assert_eq!(lost(&send(link, 7, 20_000, 2.1)), 0.0, "whoever keeps to the rate loses nothing");
}

#[test]
fn nothing_gets_through_a_blackout_and_all_around_it() {
    let blackout = Some(Blackout { every_ms: 60_000.0, for_ms: 2_000.0 });
    let sent = send(Link { blackout, ..Link::round_trip("test", 90.0) }, 8, 36_000, 5.0);
    for (now, fate) in sent {
        assert_eq!(fate == Fate::Lost, now % 60_000.0 < 2_000.0, "at {now} ms");
    }
}

#[test]
fn a_seed_decides_everything() {
    for link in LINKS {
        assert_eq!(send(*link, 9, 5_000, 5.0), send(*link, 9, 5_000, 5.0), "{}", link.name);
    }
    let hostile = Link::named("hostile");
    assert_ne!(send(hostile, 9, 5_000, 5.0), send(hostile, 10, 5_000, 5.0));
}

#[test]
fn a_link_can_change_under_what_is_sent() {
    let mut rng = Pcg64::seed_from_u64(11);
    let mut direction = Direction::new(Link::round_trip("far", 200.0), 0.0, Duration::ZERO, &mut rng);
    direction.set_link(Link::round_trip("near", 20.0), moment(1000.0), &mut rng);
    assert_eq!(direction.send(moment(1000.0), PACKET, &mut rng), Fate::Arrives(moment(1010.0)));
}
