//! Connection migration: a player whose network changes, or is silent for some seconds, keeps the connection and plays on.

use std::time::Duration;

use quarrel_client::{ClientEvent, Ending};
use quarrel_harness::sim::{
    Link, SimWorld,
    event_log::{LoggingController, RunningPlayer},
    invariants::InvariantChecker,
};
use quarrel_shared::{arena::Arena, crowd::Crowd, protocol::JoinTarget};
use tokio::time::{Instant, sleep, timeout};

/// A room with one seat: no other player can delay its views.
const ONE_SEAT: &[(&str, &str)] = &[("room.seats", "1"), ("room.bots", "0")];

type CrowdClient = quarrel_client::Client<Crowd>;

/// Joins over Wi-Fi; also returns the endpoint, which changes networks later.
async fn sit(world: &SimWorld<Crowd>) -> (CrowdClient, quinn::Endpoint) {
    let connector = world.connector(&Link::named("wifi"));
    let mut client = CrowdClient::connect_with(&connector, "Ada").await.expect("a connection");
    client.join(JoinTarget::Quick).await.expect("a seat");
    views(&mut client).await;
    (client, connector.endpoint().clone())
}

/// Reads ten views. The first may have been buffered before the change; the others arrived after it.
async fn views(client: &mut CrowdClient) {
    for _ in 0..10 {
        while !matches!(client.next().await.expect("a live connection"), ClientEvent::View(_)) {}
    }
}

#[test]
fn views_arrive_within_a_second_of_a_change_from_wifi_to_lte() {
    SimWorld::<Crowd>::run(21, ONE_SEAT, async |world| {
        let (mut client, endpoint) = sit(world).await;
        let path = world.rebind(&endpoint, &Link::named("lte"));
        // Views in flight are lost with the old network, so every view from here on uses the new one.
        timeout(Duration::from_secs(1), views(&mut client)).await.expect("views within a second");
        assert!(world.network().traffic(path).down.packets > 0, "views must arrive over the new network");
    });
}

#[test]
fn a_connection_survives_five_seconds_of_silence() {
    SimWorld::<Crowd>::run(22, ONE_SEAT, async |world| {
        let (mut client, endpoint) = sit(world).await;
        let silence = world.now()..world.now() + Duration::from_secs(5);
        world.network().add_blackout(world.path(&endpoint), silence.clone());
        sleep(silence.end - silence.start).await;
        timeout(Duration::from_secs(3), views(&mut client))
            .await
            .expect("views within three seconds of the silence");
    });
}

/// Returns the gap between snapshots when a fighting player moves from one link to another. The invariant checker checks that no event is
/// lost or repeated and that the seat stays without a resume.
fn gap(seed: u64, from: &Link, to: &Link) -> Duration {
    let what = format!("from {} to {}, seed {seed}", from.name, to.name);
    let settings = [("room.bots", "6"), ("game.settings.score_to_win", "10")];
    SimWorld::<Arena>::run(seed, &settings, async |world| {
        let invariants = InvariantChecker::join(world.server().lobby(), what.clone()).await;
        let controller = LoggingController::bot(seed);
        let log = controller.log();
        let player =
            RunningPlayer::start(&world.connector(from), "Ada", invariants.wrap(0, controller)).await;
        // The seed varies the point within a tick.
        sleep(Duration::from_millis(8000 + 7 * seed)).await;
        let first = log.joined();
        let moved = Instant::now();
        let path = world.rebind(&player.endpoint, to);
        sleep(Duration::from_secs(6)).await;
        let summary = player.shutdown().await;
        let counts = summary.counts;
        assert_eq!(summary.ending, Ending::Left, "{what}: no session may be closed");
        assert_eq!(counts.resumes, 0, "{what}: the connection must migrate without a resume");
        assert_eq!(
            (counts.events_lost, counts.events_doubled),
            (0, 0),
            "{what}: every event must arrive once"
        );
        assert_eq!(log.joined(), first, "{what}: the seat must stay");
        assert!(invariants.checks().events > 0, "{what}: the invariant checker must have compared events");
        assert!(world.network().traffic(path).down.packets > 150, "{what}: play must use the new network");
        log.read(|log| {
            let before = log.views.iter().rev().find(|viewed| viewed.at <= moved).expect("views before");
            let after = log.views.iter().find(|viewed| viewed.at > moved).expect("views after");
            assert!(log.views.last().is_some_and(|last| last.at > moved + Duration::from_secs(5)));
            after.at - before.at
        })
    })
}

/// Two ticks at 30 Hz.
const TWO_TICKS: Duration = Duration::from_millis(67);

#[test]
fn snapshots_resume_within_a_round_trip_and_two_ticks() {
    for to in ["wifi", "lte"] {
        let link = |name| Link { loss: Link::round_trip("", 0.0).loss, ..Link::named(name) };
        let (from, to) = (link("wifi"), link(to));
        // The longest round trip of the new link, jitter included. Losses would add to it, so these links have none.
        let round_trip = Duration::from_secs_f64(2.0 * (to.delay_ms + to.jitter_ms) / 1000.0);
        for seed in 1..=4 {
            let gap = gap(seed, &from, &to);
            println!("wifi to {}, seed {seed}: a gap of {gap:?}", to.name);
            assert!(
                gap <= round_trip + TWO_TICKS,
                "to {}: the gap must be at most a round trip and two ticks, was {gap:?} with seed {seed}",
                to.name
            );
        }
    }
}

#[test]
fn a_network_change_on_lossy_links_loses_no_event() {
    for (seed, to) in [(5, "wifi"), (6, "lte"), (7, "busy_wifi"), (8, "train")] {
        let gap = gap(seed, &Link::named("wifi"), &Link::named(to));
        println!("wifi to {to}: a gap of {gap:?}");
        assert!(gap <= Duration::from_secs(1), "to {to}: the gap must be at most a second, was {gap:?}");
    }
}
