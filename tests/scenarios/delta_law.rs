//! The law of deltas over the real wire: whatever a client acknowledged, what it is shown of a tick is what everybody is shown.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use quarrel_harness::{RawSeat, TestServer, ViewChecker, within};
use quarrel_shared::{
    crowd::{Crowd, Steering},
    protocol::datagram::SnapshotAck,
};

/// A plain on which somebody is always on the move.
fn server() -> TestServer<Crowd> {
    TestServer::start(&[("room.bots", "30"), ("room.bot_skill", "stroll")])
}

/// An input that asks for nothing, with what this seat acknowledges.
fn acknowledge(seat: &RawSeat<Crowd>, is_honest: bool) {
    seat.send_input(Steering::default(), seat.ack().filter(|_| is_honest));
}

#[tokio::test]
async fn views_are_the_same_whatever_was_acknowledged() {
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
        // The lazy one acknowledges one view in nine, so its deltas span many ticks.
        if round % 9 == 0 {
            acknowledge(&lazy, true);
        }
        ages.insert(seen.header.baseline.map(|baseline| seen.view.tick.since(baseline)));
    }
    assert!(checker.compared >= 10, "both were shown many a tick: {}", checker.compared);
    assert!(ages.len() > 3, "the lazy one's deltas had many ages: {ages:?}");
}

#[tokio::test]
async fn what_is_acknowledged_becomes_the_baseline_and_snapshots_shrink() {
    let server = server();
    let mut seat = RawSeat::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let keyframe = seat.receive_view().await;
    assert_eq!(keyframe.header.baseline, None, "the first view is a delta against nothing");
    acknowledge(&seat, true);
    let delta = seat.receive_view().await;
    assert_eq!(delta.header.baseline, Some(keyframe.view.tick), "an acknowledged view serves as baseline");
    assert!(delta.bytes * 4 < keyframe.bytes, "{} bytes after {}", delta.bytes, keyframe.bytes);
}

#[tokio::test]
async fn a_client_that_lost_its_baseline_says_so_and_gets_a_keyframe() {
    let server = server();
    let mut seat = RawSeat::<Crowd>::connect_and_join(server.address(), "Ada").await;
    for _ in 0..3 {
        // Each loss is recovered from: a keyframe, then deltas on it again.
        within("a keyframe", async {
            while seat.receive_view().await.header.baseline.is_some() {
                acknowledge(&seat, false);
            }
        })
        .await;
        within("a delta on it", async {
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
        assert_eq!(seen.header.baseline, None, "nothing was acknowledged, so nothing is a baseline");
        let least = Duration::from_secs(full_views);
        assert!(started.elapsed() >= least, "{} full views in {:?}", full_views + 1, started.elapsed());
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
        let made_up = seat.ack().map(|ack| SnapshotAck { newest: ack.newest.after(1000), ..ack });
        seat.send_input(Steering::default(), made_up);
        let seen = seat.receive_view().await;
        assert_eq!(seen.header.baseline, Some(keyframe.view.tick), "the last honest word stands");
    }
}
