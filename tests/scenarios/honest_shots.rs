//! A shot that struck on its shooter's screen strikes: the server rewinds to what was seen, so that a round trip costs nobody a hit.

use std::time::Duration;

use quarrel_harness::sim::{
    Link,
    feel::{FeelConfig, feel},
};

/// Few enough shots to be quick, and enough that one in a hundred shows.
const SHOTS: u64 = 100;

/// Plays over a link until there are enough shots: at least 99 of 100 that were shown to strike did.
fn are_confirmed(link: &Link, seed: u64) {
    let session = FeelConfig { seed, players: 6, measured: Duration::from_secs(105) };
    let feel = feel(link, session);
    let (shown, confirmed) = (feel.hits_shown, feel.hits_confirmed);
    println!("{} of {} ms: {:.2} % of {shown}", link.name, link.delay_ms * 2.0, confirmed * 100.0);
    assert!(shown >= SHOTS, "enough shots to mean it: {shown}");
    assert!(confirmed >= 0.99, "{confirmed} of {shown} hits are confirmed over {link:?}");
}

#[test]
fn over_quiet_links_of_any_round_trip_what_strikes_on_the_screen_strikes() {
    for (round_trip_ms, seed) in [(20.0, 81), (60.0, 82), (120.0, 83), (200.0, 84)] {
        are_confirmed(&Link::round_trip("quiet", round_trip_ms), seed);
    }
}

#[test]
fn over_an_uneven_link_too() {
    are_confirmed(&Link::round_trip("uneven", 120.0).jitter(20.0).loss(0.01, 0.0), 85);
}
