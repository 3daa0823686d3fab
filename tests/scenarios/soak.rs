//! Half an hour of play leaves memory and the server's counters as they were after ten minutes.

use quarrel_harness::sim::{Link, soak::soak};

#[test]
fn half_an_hour_of_play_grows_nothing() {
    let samples = soak(5, &Link::named("busy_wifi"), 3, 30);
    let (settled, last) = (samples[1], samples[samples.len() - 1]);
    assert_eq!((settled.minute, last.minute), (10, 30));
    assert_eq!(last.gauges, settled.gauges, "sessions, players, rooms and held seats");
    // The allocator keeps what it had at its highest; other tests of this process come and go beside this one.
    let grown_kib = last.memory_kib.saturating_sub(settled.memory_kib);
    assert!(grown_kib < 16 * 1024, "{grown_kib} KiB more after 30 minutes than after 10: {samples:?}");
}
