//! A black-out: the same seat before and after, at once playing again, and nothing of its story missing. Whoever stays away for
//! longer than a seat is held is told that it is gone.

use std::time::Duration;

use quarrel_client::Ending;
use quarrel_harness::sim::{
    Link, SimWorld,
    event_log::{LoggingController, RunningPlayer, EventLog},
    room_observer::RoomObserver,
    invariants::InvariantChecker,
};
use quarrel_shared::{arena::Arena, tick::Tick};
use tokio::time::{Instant, sleep, sleep_until};

/// A busy room in which matches end: there is something to be told all the time.
const BUSY: &[(&str, &str)] = &[("room.bots", "6"), ("game.settings.score_to_win", "10")];

/// How long somebody plays before the link goes black.
const BEFORE: Duration = Duration::from_secs(6);

/// How long somebody may have to wait, once their link is back, for a view that shows that the server plays their inputs.
const SOON: Duration = Duration::from_secs(1);

/// A link whose only black-outs are the test's.
fn link(name: &str) -> Link {
    Link { blackout: None, ..Link::named(name) }
}

/// When the seat first plays after `since`, in which the room made `tick`: a view of later, by an input of later.
fn plays_again(log: &EventLog<Arena>, since: Instant, tick: Tick) -> Option<Instant> {
    let is_played = |used: Option<Tick>| used.is_some_and(|used| used > tick);
    let mut views = log.views.iter().filter(|viewed| viewed.at > since);
    views.find(|viewed| viewed.header.tick > tick && is_played(viewed.header.used)).map(|viewed| viewed.at)
}

/// One player on this link, for whom it goes black; how long they waited when it was back, and how often they came back by another
/// connection. The invariant checker sees to it that they keep their seat and are told everything, once.
fn survives(link: &Link, seed: u64, dark: Duration) -> (Duration, u64) {
    let what = format!("{dark:?} of darkness on {}, seed {seed}", link.name);
    SimWorld::<Arena>::run(seed, BUSY, async |world| {
        let invariants = InvariantChecker::join(world.server().lobby(), what.clone()).await;
        let observer = RoomObserver::join(world.server().lobby()).await;
        let controller = LoggingController::<Arena>::bot(seed);
        let log = controller.log();
        let player = RunningPlayer::start(&world.connector(link), "Ada", invariants.wrap(0, controller)).await;
        sleep(BEFORE).await;
        let sat = log.joined();
        let (now, back) = (world.now(), Instant::now() + dark);
        world.network().add_blackout(world.path(&player.endpoint), now..now + dark);
        sleep_until(back).await;
        let tick = observer.tick();
        sleep(BEFORE).await;

        let driven = player.shutdown().await;
        let again = log.read(|log| plays_again(log, back, tick));
        let again = again.unwrap_or_else(|| panic!("{what}: never played again"));
        let joined = log.joined();
        assert_eq!((joined.room, joined.seat), (sat.room, sat.seat), "{what}: the seat is the same");
        assert_eq!(driven.ending, Ending::Left, "{what}: the player is there till they go");
        assert_eq!(log.read(|log| log.closed.clone()), [], "{what}: no room was closed");
        let (lost, doubled) = (driven.counts.events_lost, driven.counts.events_doubled);
        assert_eq!((lost, doubled), (0, 0), "{what}: every event once");
        let newest = log.read(|log| log.views.last().expect("views").view.clone());
        assert!(newest.tick > tick.after(60), "{what}: views go on to the end");
        let checks = invariants.checks();
        assert!(checks.views > 100 && checks.events > 0, "{what}: the invariant checker saw something: {checks:?}");
        (again - back, driven.counts.resumes)
    })
}

/// The same for several seeds. How often they came back by another connection, altogether.
fn all_survive(name: &str, dark: Duration, soon: Duration) -> u64 {
    let mut resumes = 0;
    for seed in 1..=3 {
        let (waited, resumed) = survives(&link(name), seed, dark);
        println!("{name}, seed {seed}: {dark:?} dark, {waited:?} until play, {resumed} resumes");
        assert!(waited <= soon, "{name}, seed {seed}: {waited:?} from the end of {dark:?} of darkness");
        resumes += resumed;
    }
    resumes
}

#[test]
fn after_four_seconds_of_darkness_the_connection_goes_on() {
    for name in ["wifi", "train"] {
        assert_eq!(
            all_survive(name, Duration::from_secs(4), SOON),
            0,
            "{name}: nobody needs another connection"
        );
    }
}

#[test]
fn nine_seconds_are_no_worse_than_four() {
    // A clock that went on stretching through the silence came out of it 200 ms late, and lost 3.5 s of inputs.
    for (name, seed) in [("wifi", 1), ("train", 1), ("train", 3)] {
        let (waited, resumes) = survives(&link(name), seed, Duration::from_secs(9));
        println!("{name}, seed {seed}: nine seconds dark, {waited:?} until play");
        assert!(waited <= SOON && resumes == 0, "{name}, seed {seed}: {waited:?}, {resumes} resumes");
    }
}

#[test]
fn after_ten_seconds_of_darkness_the_seat_plays_on() {
    for name in ["wifi", "train"] {
        all_survive(name, Duration::from_secs(10), SOON);
    }
}

#[test]
fn after_thirteen_seconds_of_darkness_the_seat_plays_on() {
    for name in ["wifi", "train"] {
        // Attempts are made in the dark; the one that the link returns to may have just said its piece.
        let resumes = all_survive(name, Duration::from_secs(13), SOON + Duration::from_millis(300));
        assert_eq!(resumes, 3, "{name}: everybody comes back once, by another connection");
    }
}

#[test]
fn a_link_that_returns_in_the_middle_of_an_attempt_is_noticed_almost_as_soon() {
    let half_past = Duration::from_millis(10_500);
    let (waited, _) = survives(&link("wifi"), 1, half_past);
    assert!(waited <= SOON, "wifi: {waited:?}");
    // An attempt that began in darkness goes on for its second, and four round trips of the next one follow.
    let (waited, _) = survives(&link("train"), 1, half_past);
    println!("train: {half_past:?} dark, {waited:?} until play");
    assert!(waited <= Duration::from_millis(1300), "train: {waited:?}");
}

#[test]
fn a_connection_that_outlived_the_darkness_is_not_closed_for_what_could_not_be_heard_in_it() {
    // The server closed those who had acknowledged nothing for ten seconds, nine of them black, while the first view after them was
    // still on its way; and their clients took it for the end.
    let (waited, resumes) = survives(&link("train"), 18, Duration::from_secs(9));
    println!("train, seed 18: nine seconds dark, {waited:?} until play");
    assert_eq!(resumes, 0, "nobody needs another connection");
    assert!(waited <= Duration::from_secs(2), "a view was lost, and the next one comes: {waited:?}");
}

#[test]
fn whoever_is_away_for_longer_than_a_seat_is_held_loses_it_and_is_told() {
    let settings = [BUSY, &[("session.hold_ms", "5000")]].concat();
    SimWorld::<Arena>::run(4, &settings, async |world| {
        let observer = RoomObserver::join(world.server().lobby()).await;
        let controller = LoggingController::<Arena>::bot(4);
        let log = controller.log();
        let player = RunningPlayer::start(&world.connector(&link("wifi")), "Ada", controller).await;
        sleep(BEFORE).await;
        let seat = log.joined().seat;
        let is_taken = || observer.frames().last().is_some_and(|frame| frame.seat(seat).is_some());
        // Ten seconds until the silence counts as a loss, five for which the seat is held then.
        let (now, dark) = (world.now(), Duration::from_secs(30));
        world.network().add_blackout(world.path(&player.endpoint), now..now + dark);
        sleep(Duration::from_secs(14)).await;
        assert_eq!(world.metric("quarrel_seats_held"), 1.0, "the seat is held meanwhile");
        assert!(is_taken() && !player.is_finished(), "and the player hopes");
        sleep(Duration::from_secs(2)).await;
        assert_eq!(world.metric("quarrel_seats_held"), 0.0, "then it is given up");
        assert!(
            player.is_finished(),
            "and the player is told, though nobody reaches them: the client knows the time"
        );
        let driven = player.shutdown().await;
        assert!(matches!(driven.ending, Ending::Lost(_)), "{:?}", driven.ending);
        assert_eq!(log.read(|log| (log.interrupted.len(), log.resumed.len())), (1, 0));
    });
}
