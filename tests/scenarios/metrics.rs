//! Metrics: each counter counts the things that it is named after.

use std::time::Duration;

use quarrel_client::{Client, ClientEvent};
use quarrel_harness::{
    RawPeer, RawSeat,
    games::{Lever, Levers, Nod, Throng},
    sim::{
        Link, SimWorld,
        event_log::{LoggingController, RunningPlayer},
    },
};
use quarrel_shared::{
    crowd::{Crowd, Steering},
    game::Predict,
    protocol::{
        ClientMessage,
        bounded::Text,
        datagram::{InputBatch, StampedInput},
    },
};
use tokio::{task::JoinSet, time::sleep};

/// Longer than the idle timeout of a connection, after which a silent player's seat is held.
const LOST: Duration = Duration::from_secs(15);

/// Longer than the 32 snapshots that one acknowledgement covers.
const BLACK_OUT: Duration = Duration::from_secs(6);

fn near() -> Link {
    Link::round_trip("near", 20.0)
}

/// Joins a raw peer.
async fn join<G: Predict>(world: &SimWorld<G>, name: &str) -> RawSeat<G> {
    let mut peer = world.raw_peer(&near()).await;
    peer.exchange_hello::<G>(name).await;
    RawSeat::join(peer).await
}

/// Waits for views of this number of further ticks.
async fn wait_for_ticks<G: Predict>(client: &mut Client<G>, ticks: u32) {
    let mut first = None;
    while let Some(event) = client.next().await {
        let ClientEvent::View(view) = event else { continue };
        if view.tick.since(*first.get_or_insert(view.tick)) >= ticks {
            return;
        }
    }
    panic!("the client must stay connected");
}

/// The sum of these labels of a counter with this label name.
fn sum<G: Predict>(world: &SimWorld<G>, metric: &str, label: &str, values: &[&str]) -> u64 {
    let of = |value: &&str| world.metric(&format!("quarrel_{metric}_total{{{label}=\"{value}\"}}")) as u64;
    values.iter().map(of).sum()
}

#[test]
fn every_dropped_input_is_counted_and_not_every_dropped_datagram() {
    SimWorld::<Crowd>::run(401, &[], async |world| {
        let mut seat = join(world, "Ada").await;
        let arrived =
            |world| sum(world, "inputs", "fate", &["early", "late", "future", "duplicate", "dropped"]);
        let tick = seat.receive_view().await.header.tick.after(6);
        for _ in 0..40 {
            let mut batch = InputBatch::new(tick, StampedInput::at(tick, Steering::default()));
            (1..=2).for_each(|_| batch.push(StampedInput::at(tick, Steering::default()), 3));
            assert_eq!(batch.iter().count(), 3, "a datagram must have three inputs");
            seat.send_batch(batch, seat.ack());
        }
        sleep(Duration::from_secs(1)).await;
        assert_eq!(arrived(world), 120, "each input must be counted once");
        // A seat passes eight datagrams on between two frames, and all forty arrive within two.
        let dropped = sum(world, "inputs", "fate", &["dropped"]);
        assert!(dropped >= 3 * (40 - 3 * 8) && dropped.is_multiple_of(3), "{dropped} of 120 were dropped");
    });
}

#[test]
fn all_snapshots_of_a_long_black_out_are_counted_as_lost_and_queued_ones_are_not_counted_as_sent() {
    SimWorld::<Throng>::run(402, &[], async |world| {
        let controller = LoggingController::<Throng>::new(|_, _, _| Nod);
        let player = RunningPlayer::start(&world.connector(&near()), "Ada", controller).await;
        sleep(Duration::from_secs(5)).await;
        let path = world.path(&player.endpoint);
        let sent = |world| sum(world, "snapshots", "fate", &["datagram", "part", "stream"]);
        let packets = |world: &SimWorld<_>| world.network().traffic(path).down.packets;
        let lost = |world: &SimWorld<_>| world.metric("quarrel_snapshots_lost_total") as u64;
        let (sent_before, packets_before, lost_before) = (sent(world), packets(world), lost(world));
        let now = world.now();
        world.network().add_blackout(path, now..now + BLACK_OUT);
        sleep(BLACK_OUT).await;
        let (sent, packets) = (sent(world) - sent_before, packets(world) - packets_before);
        assert!(sent > 32, "the black-out must lose more snapshots than an acknowledgement covers: {sent}");
        // Two snapshots may still be queued, each of which is nearly as large as a packet.
        assert!(sent <= packets + 2, "{sent} snapshots cannot have been sent in {packets} packets");
        sleep(Duration::from_secs(2)).await;
        let lost = lost(world) - lost_before;
        println!("{sent} snapshots in {packets} packets, {lost} lost");
        // Some were on their way at the begin and the end of the black-out.
        assert!(lost.abs_diff(sent) <= 3, "{sent} snapshots were sent, and {lost} are counted as lost");
        player.shutdown().await;
    });
}

#[test]
fn the_traffic_of_handshakes_retries_and_refusals_is_counted() {
    let settings = [("net.retry_above_half_open", "0"), ("net.max_half_open", "1")];
    SimWorld::<Crowd>::run(403, &settings, async |world| {
        let far = Link::round_trip("far", 2000.0);
        let [slow, refused] = [far, near()].map(|link| world.endpoint(&link));
        let paths = [&slow, &refused].map(|endpoint| world.path(endpoint));
        let server = world.server().address();
        let connect = |endpoint| tokio::spawn(RawPeer::connect_through(endpoint, server));
        let slow = connect(slow);
        // The slow handshake is half-open from the arrival of the second first packet, after 3 s, until its last packet after 5 s.
        sleep(Duration::from_secs(4)).await;
        assert!(connect(refused).await.is_err(), "a second handshake must be refused");
        drop(slow.await.expect("the slow handshake must complete"));
        sleep(LOST).await;
        assert!(world.metric("quarrel_refusals_total{reason=\"handshakes_full\"}") >= 1.0);
        let counted = |what| ["sent", "received"].map(|way| sum(world, what, "direction", &[way]));
        let [slow, refused] = paths.map(|path| world.network().traffic(path));
        let datagrams = [slow.down.packets + refused.down.packets, slow.up.packets + refused.up.packets];
        let bytes = [slow.down.bytes + refused.down.bytes, slow.up.bytes + refused.up.bytes];
        println!("{datagrams:?} datagrams with {bytes:?} bytes were sent and received");
        assert_eq!((counted("datagrams"), counted("bytes")), (datagrams, bytes));
    });
}

#[test]
fn dropped_chat_lines_are_counted_by_reason() {
    SimWorld::<Crowd>::run(404, &[], async |world| {
        let mut seat = join(world, "Ada").await;
        seat.receive_view().await;
        for _ in 0..8 {
            seat.peer.send(&ClientMessage::Chat(Text::lossy("well met"))).await;
        }
        sleep(Duration::from_secs(1)).await;
        let of = |reason| sum(world, "chat_lines_dropped", "reason", &[reason]);
        // Of eight lines five are within the burst of a sender.
        assert_eq!((of("rate_limited"), of("room_limit")), (3, 0));
        assert_eq!((of("room_busy"), of("seat_queue_full")), (0, 0));
    });
}

#[test]
fn a_held_seat_whose_queue_overflows_loses_chat_first_and_is_then_freed_early() {
    SimWorld::<Levers>::run(405, &[("session.hold_ms", "60000")], async |world| {
        join(world, "Ada").await.peer.cut_network();
        let (mut loud, _) = world.join(&near(), "Ben").await;
        let freed = |reason| sum(world, "held_seats_freed", "reason", &[reason]);
        let undelivered = || sum(world, "chat_lines_dropped", "reason", &["seat_queue_full"]);
        while world.metric("quarrel_seats_held") == 0.0 {
            wait_for_ticks(&mut loud, 1).await;
        }
        // With eight events a tick, the queue of 512 events is half full after 32 ticks and full after 64.
        loud.set_input(Lever::Shout);
        wait_for_ticks(&mut loud, 45).await;
        assert_eq!(undelivered(), 0);
        loud.chat("well met").await.expect("Ben is connected");
        wait_for_ticks(&mut loud, 4).await;
        assert_eq!(undelivered(), 1, "the line must be counted for the seat with the full queue");
        assert_eq!((freed("queue_full"), world.metric("quarrel_seats_held")), (0, 1.0));
        wait_for_ticks(&mut loud, 60).await;
        assert_eq!((freed("queue_full"), freed("evicted")), (1, 0), "the seat must be counted as freed");
        assert_eq!(world.metric("quarrel_seats_held"), 0.0);
    });
}

#[test]
fn an_evicted_held_seat_is_counted() {
    let settings = [("net.max_sessions", "1"), ("session.hold_ms", "60000")];
    SimWorld::<Crowd>::run(406, &settings, async |world| {
        for name in ["Ada", "Ben"] {
            join(world, name).await.peer.cut_network();
            sleep(LOST).await;
            assert_eq!(world.metric("quarrel_seats_held"), 1.0, "one seat at a time can be held");
        }
        let of = |reason| sum(world, "held_seats_freed", "reason", &[reason]);
        assert_eq!((of("evicted"), of("queue_full"), of("messages_lost")), (1, 0, 0));
    });
}

#[test]
fn a_peer_that_leaves_before_its_first_message_does_not_count_as_timed_out() {
    SimWorld::<Crowd>::run(407, &[], async |world| {
        drop(world.raw_peer(&near()).await);
        sleep(LOST).await;
        let of = |reason| sum(world, "refusals", "reason", &[reason]);
        assert_eq!((of("left"), of("handshake_timeout")), (1, 0));
        assert_eq!(world.metric("quarrel_sessions"), 0.0);
    });
}

#[test]
fn a_handshake_that_finds_the_queue_of_low_priority_full_does_not_count_as_over_the_rate() {
    SimWorld::<Crowd>::run(408, &[("net.retry_above_half_open", "2000")], async |world| {
        let mut clients = JoinSet::new();
        // The first eight of each sixteen are within the fair share of their network, and start first. 256 of the others are queued.
        for _ in 0..700 {
            let connector = world.connector(&near());
            clients.spawn(async move { Client::<Crowd>::connect_with(&connector, "bot").await.is_ok() });
        }
        sleep(Duration::from_millis(50)).await;
        let of = |reason| sum(world, "refusals", "reason", &[reason]);
        println!("{} of 700 found the queue full", of("low_priority_full"));
        assert!(of("low_priority_full") > 50, "{} handshakes are counted", of("low_priority_full"));
        assert_eq!((of("address_rate"), of("networks_full")), (0, 0));
    });
}
