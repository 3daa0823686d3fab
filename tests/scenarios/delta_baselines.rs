//! Snapshot deltas over the wire: the view of a tick is the same for every client, with any acknowledged baseline.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use quarrel_harness::{RawSeat, TestServer, ViewChecker, within};
use quarrel_shared::{
    crowd::{Crowd, Steering},
    protocol::datagram::SnapshotAck,
};

/// A room in which some walker always moves.
fn server() -> TestServer<Crowd> {
    TestServer::start(&[("room.bots", "30"), ("room.bot_skill", "stroll")])
}

/// Sends an idle input, with the seat's acknowledgement if `with_ack`.
fn acknowledge(seat: &RawSeat<Crowd>, with_ack: bool) {
    seat.send_input(Steering::default(), seat.ack().filter(|_| with_ack));
}

#[tokio::test]
async fn views_of_a_tick_are_equal_for_all_acknowledged_baselines() {
    let server = server();
    let mut eager = RawSeat::<Crowd>::connect_and_join(server.address(), "eager").await;
    let mut lazy = RawSeat::<Crowd>::connect_and_join(server.address(), "lazy").await;
    let (mut checker, mut ages) = (ViewChecker::new(), BTreeSet::new());
    for round in 0..100 {
        let seen = eager.receive_view().await;
        checker.check(&seen.view);
        acknowledge(&eager, true);
        let seen = lazy.receive_view().await;
        checker.check(&seen.view);
        // The lazy client acknowledges one view in nine, so its deltas span many ticks.
        if round % 9 == 0 {
            acknowledge(&lazy, true);
        }
        ages.insert(seen.header.baseline.map(|baseline| seen.view.tick.since(baseline)));
    }
    assert!(checker.compared >= 10, "both must have received many of the same ticks: {}", checker.compared);
    assert!(ages.len() > 3, "the lazy client's deltas must have many ages: {ages:?}");
}

#[tokio::test]
async fn an_acknowledged_view_becomes_the_baseline_and_snapshots_shrink() {
    let server = server();
    let mut seat = RawSeat::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let keyframe = seat.receive_view().await;
    assert_eq!(keyframe.header.baseline, None, "the first view must be a keyframe");
    acknowledge(&seat, true);
    let delta = seat.receive_view().await;
    assert_eq!(
        delta.header.baseline,
        Some(keyframe.view.tick),
        "an acknowledged view must become the baseline"
    );
    assert!(
        delta.bytes * 4 < keyframe.bytes,
        "a delta must be less than a quarter of the keyframe: {} bytes after {}",
        delta.bytes,
        keyframe.bytes
    );
}

#[tokio::test]
async fn a_client_that_acknowledges_no_baseline_gets_a_keyframe() {
    let server = server();
    let mut seat = RawSeat::<Crowd>::connect_and_join(server.address(), "Ada").await;
    for _ in 0..3 {
        // Each loss is recovered: a keyframe, then deltas against it.
        within("a keyframe", async {
            while seat.receive_view().await.header.baseline.is_some() {
                acknowledge(&seat, false);
            }
        })
        .await;
        within("a delta against it", async {
            while seat.receive_view().await.header.baseline.is_none() {
                acknowledge(&seat, true);
            }
        })
        .await;
    }
}

#[tokio::test]
async fn a_client_that_never_acknowledges_gets_at_most_one_full_view_a_second() {
    let server = server();
    let started = Instant::now();
    let mut seat = RawSeat::<Crowd>::connect_and_join(server.address(), "Ada").await;
    for full_views in 0..3 {
        let seen = seat.receive_view().await;
        acknowledge(&seat, false);
        assert_eq!(seen.header.baseline, None, "without an acknowledgement there is no baseline");
        let min_time = Duration::from_secs(full_views);
        assert!(
            started.elapsed() >= min_time,
            "full views must be at least a second apart: {} in {:?}",
            full_views + 1,
            started.elapsed()
        );
    }
}

#[tokio::test]
async fn an_acknowledgement_of_a_tick_that_was_never_sent_changes_nothing() {
    let server = server();
    let mut seat = RawSeat::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let keyframe = seat.receive_view().await;
    acknowledge(&seat, true);
    seat.receive_view().await;
    for _ in 0..20 {
        let forged = seat.ack().map(|ack| SnapshotAck { newest: ack.newest.after(1000), ..ack });
        seat.send_input(Steering::default(), forged);
        let seen = seat.receive_view().await;
        assert_eq!(
            seen.header.baseline,
            Some(keyframe.view.tick),
            "the last valid acknowledgement must stand"
        );
    }
}
