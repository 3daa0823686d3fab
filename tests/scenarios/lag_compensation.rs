//! Lag compensation: a shot that hits on the shooter's screen hits on the server, which rewinds to the view that the shooter
//! saw.

use std::time::Duration;

use quarrel_harness::sim::{
    Link,
    feel::{FeelConfig, feel},
};

/// Few enough to be quick, enough to resolve one in a hundred.
const SHOTS: u64 = 100;

/// Plays over a link and asserts that at least 99 % of the hits on screen are confirmed.
fn assert_hits_are_confirmed(link: &Link, seed: u64) {
    let session = FeelConfig { seed, players: 6, measured: Duration::from_secs(105) };
    let feel = feel(link, session);
    let (shown, confirmed) = (feel.hits_shown, feel.hits_confirmed);
    println!("{} of {} ms: {:.2} % of {shown}", link.name, link.delay_ms * 2.0, confirmed * 100.0);
    assert!(shown >= SHOTS, "the sample must hold {SHOTS} shots, has {shown}");
    assert!(confirmed >= 0.99, "99 % of hits must be confirmed, {confirmed} of {shown} were over {link:?}");
}

#[test]
fn hits_on_screen_are_confirmed_on_quiet_links_of_any_round_trip() {
    for (round_trip_ms, seed) in [(20.0, 81), (60.0, 82), (120.0, 83), (200.0, 84)] {
        assert_hits_are_confirmed(&Link::round_trip("quiet", round_trip_ms), seed);
    }
}

#[test]
fn hits_on_screen_are_confirmed_on_a_link_with_jitter_and_loss() {
    assert_hits_are_confirmed(&Link::round_trip("uneven", 120.0).jitter(20.0).loss(0.01, 0.0), 85);
}
