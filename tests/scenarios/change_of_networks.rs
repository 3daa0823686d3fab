//! A player whose network changes, or is silent for a while, plays on.

use std::time::Duration;

use quarrel_client::{ClientEvent, Ending};
use quarrel_harness::sim::{
    Link, SimWorld,
    event_log::{LoggingController, RunningPlayer},
    invariants::InvariantChecker,
};
use quarrel_shared::{arena::Arena, crowd::Crowd, protocol::JoinTarget};
use tokio::time::{Instant, sleep, timeout};

/// A room for one, whose views nobody else's doings can delay.
const ALONE: &[(&str, &str)] = &[("room.seats", "1"), ("room.bots", "0")];

type Client = quarrel_client::Client<Crowd>;

/// Sits down over Wi-Fi; the endpoint is what changes networks later.
async fn sit(world: &SimWorld<Crowd>) -> (Client, quinn::Endpoint) {
    let connector = world.connector(&Link::named("wifi"));
    let mut client = Client::connect_with(&connector, "Ada").await.expect("a connection");
    client.join(JoinTarget::Quick).await.expect("a seat");
    views(&mut client).await;
    (client, connector.endpoint().clone())
}

/// Ten views: one may have waited unread since before whatever happened, the others came after it.
async fn views(client: &mut Client) {
    for _ in 0..10 {
        while !matches!(client.next().await.expect("a connection that lives"), ClientEvent::View(_)) {}
    }
}

#[test]
fn from_wifi_to_a_telephone_views_go_on_within_a_second() {
    SimWorld::<Crowd>::run(21, ALONE, async |world| {
        let (mut client, endpoint) = sit(world).await;
        let path = world.rebind(&endpoint, &Link::named("lte"));
        // Views that were on their way are lost with the old network: whatever comes now came by the new one.
        timeout(Duration::from_secs(1), views(&mut client)).await.expect("views within a second");
        assert!(world.network().traffic(path).down.packets > 0, "they come by the new network");
    });
}

#[test]
fn a_silence_of_five_seconds_ends_no_connection() {
    SimWorld::<Crowd>::run(22, ALONE, async |world| {
        let (mut client, endpoint) = sit(world).await;
        let silence = world.now()..world.now() + Duration::from_secs(5);
        world.network().add_blackout(world.path(&endpoint), silence.clone());
        sleep(silence.end - silence.start).await;
        timeout(Duration::from_secs(3), views(&mut client)).await.expect("views soon after");
    });
}

/// How long snapshots stay away when a player in the midst of a fight changes from one link to another. The invariant checker sees to it that
/// nothing is lost or doubled, and the seat stays without a resume.
fn gap(seed: u64, from: &Link, to: &Link) -> Duration {
    let what = format!("from {} to {}, seed {seed}", from.name, to.name);
    let settings = [("room.bots", "6"), ("game.settings.score_to_win", "10")];
    SimWorld::<Arena>::run(seed, &settings, async |world| {
        let invariants = InvariantChecker::join(world.server().lobby(), what.clone()).await;
        let controller = LoggingController::bot(seed);
        let log = controller.log();
        let player = RunningPlayer::start(&world.connector(from), "Ada", invariants.wrap(0, controller)).await;
        // Not always at the same point of a tick.
        sleep(Duration::from_millis(8000 + 7 * seed)).await;
        let sat = log.joined();
        let moved = Instant::now();
        let path = world.rebind(&player.endpoint, to);
        sleep(Duration::from_secs(6)).await;
        let driven = player.shutdown().await;
        let counts = driven.counts;
        assert_eq!(driven.ending, Ending::Left, "{what}: no session is closed");
        assert_eq!(counts.resumes, 0, "{what}: the connection moves along, nobody needs another one");
        assert_eq!((counts.events_lost, counts.events_doubled), (0, 0), "{what}: every event once");
        assert_eq!(log.joined(), sat, "{what}: the seat stays");
        assert!(invariants.checks().events > 0, "{what}: the invariant checker compared facts");
        assert!(world.network().traffic(path).down.packets > 150, "{what}: play is on the new network");
        log.read(|log| {
            let before = log.views.iter().rev().find(|viewed| viewed.at <= moved).expect("views before");
            let after = log.views.iter().find(|viewed| viewed.at > moved).expect("views after");
            assert!(log.views.last().is_some_and(|last| last.at > moved + Duration::from_secs(5)));
            after.at - before.at
        })
    })
}

/// Two ticks.
const TWO_TICKS: Duration = Duration::from_millis(67);

#[test]
fn snapshots_stay_away_for_no_longer_than_a_round_trip_and_two_ticks() {
    for to in ["wifi", "lte"] {
        let link = |name| Link { loss: Link::round_trip("", 0.0).loss, ..Link::named(name) };
        let (from, to) = (link("wifi"), link(to));
        // The longest that a round trip takes on the new link, jitter counted: what is lost besides is the link's own business.
        let round_trip = Duration::from_secs_f64(2.0 * (to.delay_ms + to.jitter_ms) / 1000.0);
        for seed in 1..=4 {
            let gap = gap(seed, &from, &to);
            println!("wifi to {}, seed {seed}: a gap of {gap:?}", to.name);
            assert!(gap <= round_trip + TWO_TICKS, "to {}: a gap of {gap:?}, seed {seed}", to.name);
        }
    }
}

#[test]
fn on_links_that_lose_packets_too_nothing_is_lost() {
    for (seed, to) in [(5, "wifi"), (6, "lte"), (7, "busy_wifi"), (8, "train")] {
        let gap = gap(seed, &Link::named("wifi"), &Link::named(to));
        println!("wifi to {to}: a gap of {gap:?}");
        assert!(gap <= Duration::from_secs(1), "to {to}: a gap of {gap:?}");
    }
}
