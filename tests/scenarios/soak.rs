//! Half an hour of play leaves memory and the server's counters as they were after ten minutes.

use quarrel_harness::sim::{
    Link,
    soak::{COUNTERS, soak},
};

#[test]
fn half_an_hour_of_play_grows_nothing() {
    let samples = soak(5, &Link::named("busy_wifi"), 3, 30);
    let (settled, last) = (samples[1], samples[samples.len() - 1]);
    assert_eq!((settled.minute, last.minute), (10, 30));
    assert_eq!(last.gauges, settled.gauges, "sessions, players, rooms and held seats");
    for (at, name) in COUNTERS.into_iter().enumerate() {
        let (then, now) = (settled.done[at], last.done[at]);
        assert!((now - then).abs() <= then * 0.1, "{name}: {then} in five minutes at first, {now} at last");
    }
    assert!(settled.done[0] > 0.0 && settled.done[1] > 0.0, "they play: {settled:?}");
    // The allocator keeps what it had at its highest; other tests of this process come and go beside this one.
    let grown_kib = last.memory_kib.saturating_sub(settled.memory_kib);
    assert!(grown_kib < 16 * 1024, "{grown_kib} KiB more after 30 minutes than after 10: {samples:?}");
}
