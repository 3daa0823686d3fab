//! Black-outs of a link: the player keeps the seat, plays again at once and misses no event. A player who is away for longer
//! than the seat is held loses it and is notified.

use std::time::Duration;

use quarrel_client::Ending;
use quarrel_harness::sim::{
    Link, SimWorld,
    event_log::{EventLog, LoggingController, RunningPlayer},
    invariants::InvariantChecker,
    room_observer::RoomObserver,
};
use quarrel_shared::{arena::Arena, tick::Tick};
use tokio::time::{Instant, sleep, sleep_until};

/// A busy room with short matches, so that events occur all the time.
const BUSY: &[(&str, &str)] = &[("room.bots", "6"), ("game.settings.score_to_win", "10")];

/// The time of play before the black-out, and of observation after it.
const PLAYED: Duration = Duration::from_secs(6);

/// The longest time from the end of a black-out to a view that shows that the server applies the player's inputs again.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// The named link without black-outs of its own.
fn link(name: &str) -> Link {
    Link { blackout: None, ..Link::named(name) }
}

/// The time at which the seat plays again after `since`, when the room was at `tick`: that of the first view of a later tick that used an input
/// of a later tick.
fn plays_again(log: &EventLog<Arena>, since: Instant, tick: Tick) -> Option<Instant> {
    let is_played = |used: Option<Tick>| used.is_some_and(|used| used > tick);
    let mut views = log.views.iter().filter(|viewed| viewed.at > since);
    views.find(|viewed| viewed.header.tick > tick && is_played(viewed.header.used)).map(|viewed| viewed.at)
}

/// Plays through one black-out on this link and returns the time from its end to play, and the number of resumes. The invariant checker
/// checks that the player keeps the seat and receives every event once.
fn play_through(link: &Link, seed: u64, blackout: Duration) -> (Duration, u64) {
    let what = format!("{blackout:?} of black-out on {}, seed {seed}", link.name);
    SimWorld::<Arena>::run(seed, BUSY, async |world| {
        let invariants = InvariantChecker::join(world.server().lobby(), what.clone()).await;
        let observer = RoomObserver::join(world.server().lobby()).await;
        let controller = LoggingController::<Arena>::bot(seed);
        let log = controller.log();
        let player =
            RunningPlayer::start(&world.connector(link), "Ada", invariants.wrap(0, controller)).await;
        sleep(PLAYED).await;
        let first = log.joined();
        let (now, back) = (world.now(), Instant::now() + blackout);
        world.network().add_blackout(world.path(&player.endpoint), now..now + blackout);
        sleep_until(back).await;
        let tick = observer.tick();
        sleep(PLAYED).await;

        let summary = player.shutdown().await;
        let again = log.read(|log| plays_again(log, back, tick));
        let again = again.unwrap_or_else(|| panic!("{what}: the player must play again"));
        let joined = log.joined();
        assert_eq!((joined.room, joined.seat), (first.room, first.seat), "{what}: the seat must be the same");
        assert_eq!(summary.ending, Ending::Left, "{what}: the session must last until the player leaves");
        assert_eq!(log.read(|log| log.closed.clone()), [], "{what}: no room may close");
        let (lost, doubled) = (summary.counts.events_lost, summary.counts.events_doubled);
        assert_eq!((lost, doubled), (0, 0), "{what}: every event must arrive once");
        let newest = log.read(|log| log.views.last().expect("views").view.clone());
        assert!(newest.tick > tick.after(60), "{what}: views must arrive to the end");
        let checks = invariants.checks();
        assert!(
            checks.views > 100 && checks.events > 0,
            "{what}: the invariant checker must have compared views and events: {checks:?}"
        );
        (again - back, summary.counts.resumes)
    })
}

/// Plays through a black-out with several seeds and returns the sum of their resumes.
fn play_through_with_seeds(name: &str, blackout: Duration, max_wait: Duration) -> u64 {
    let mut resumes = 0;
    for seed in 1..=3 {
        let (waited, resumed) = play_through(&link(name), seed, blackout);
        println!("{name}, seed {seed}: {blackout:?} of black-out, {waited:?} until play, {resumed} resumes");
        assert!(
            waited <= max_wait,
            "{name}, seed {seed}: play must return within {max_wait:?} of a black-out of {blackout:?}, took {waited:?}"
        );
        resumes += resumed;
    }
    resumes
}

#[test]
fn a_connection_survives_a_black_out_of_four_seconds() {
    for name in ["wifi", "train"] {
        assert_eq!(
            play_through_with_seeds(name, Duration::from_secs(4), MAX_WAIT),
            0,
            "{name}: the connection must survive without a resume"
        );
    }
}

#[test]
fn play_returns_as_fast_after_nine_seconds_as_after_four() {
    // An input clock that kept stretching during the silence ended 200 ms late and lost 3.5 s of inputs.
    for (name, seed) in [("wifi", 1), ("train", 1), ("train", 3)] {
        let (waited, resumes) = play_through(&link(name), seed, Duration::from_secs(9));
        println!("{name}, seed {seed}: nine seconds of black-out, {waited:?} until play");
        assert!(
            waited <= MAX_WAIT && resumes == 0,
            "{name}, seed {seed}: took {waited:?} with {resumes} resumes"
        );
    }
}

#[test]
fn a_seat_plays_on_after_a_black_out_of_ten_seconds() {
    for name in ["wifi", "train"] {
        play_through_with_seeds(name, Duration::from_secs(10), MAX_WAIT);
    }
}

#[test]
fn a_seat_plays_on_after_a_black_out_of_thirteen_seconds() {
    for name in ["wifi", "train"] {
        // The client tries to connect during the black-out; the attempt at its end may have sent its packets just before.
        let resumes =
            play_through_with_seeds(name, Duration::from_secs(13), MAX_WAIT + Duration::from_millis(300));
        assert_eq!(resumes, 3, "{name}: each player must resume once, on another connection");
    }
}

#[test]
fn a_link_that_returns_during_an_attempt_to_connect_delays_play_little() {
    let half_past = Duration::from_millis(10_500);
    let (waited, _) = play_through(&link("wifi"), 1, half_past);
    assert!(waited <= MAX_WAIT, "wifi: play must return within {MAX_WAIT:?}, took {waited:?}");
    // An attempt that began in the black-out lasts its full second; the next one takes four round trips.
    let (waited, _) = play_through(&link("train"), 1, half_past);
    println!("train: {half_past:?} of black-out, {waited:?} until play");
    assert!(waited <= Duration::from_millis(1300), "train: play must return within 1.3 s, took {waited:?}");
}

#[test]
fn a_connection_that_survived_a_black_out_is_not_closed_for_missing_acknowledgements() {
    // The server closed connections that acknowledged nothing for ten seconds, nine of which were the black-out, while the
    // first view after it was still in flight; and the clients took the close as final.
    let (waited, resumes) = play_through(&link("train"), 18, Duration::from_secs(9));
    println!("train, seed 18: nine seconds of black-out, {waited:?} until play");
    assert_eq!(resumes, 0, "the connection must survive without a resume");
    assert!(
        waited <= Duration::from_secs(2),
        "one view is lost, so play must return with the next one, took {waited:?}"
    );
}

#[test]
fn a_player_away_for_longer_than_a_seat_is_held_loses_it_and_is_notified() {
    let settings = [BUSY, &[("session.hold_ms", "5000")]].concat();
    SimWorld::<Arena>::run(4, &settings, async |world| {
        let observer = RoomObserver::join(world.server().lobby()).await;
        let controller = LoggingController::<Arena>::bot(4);
        let log = controller.log();
        let player = RunningPlayer::start(&world.connector(&link("wifi")), "Ada", controller).await;
        sleep(PLAYED).await;
        let seat = log.joined().seat;
        let is_taken = || observer.frames().last().is_some_and(|frame| frame.seat(seat).is_some());
        // The connection counts as lost after ten seconds of silence, and the seat is then held for five.
        let (now, blackout) = (world.now(), Duration::from_secs(30));
        world.network().add_blackout(world.path(&player.endpoint), now..now + blackout);
        sleep(Duration::from_secs(14)).await;
        assert_eq!(world.metric("quarrel_seats_held"), 1.0, "the seat must be held");
        assert!(is_taken() && !player.is_finished(), "the client must keep trying while the seat is held");
        sleep(Duration::from_secs(2)).await;
        assert_eq!(world.metric("quarrel_seats_held"), 0.0, "the seat must be freed after its hold time");
        assert!(
            player.is_finished(),
            "the client must end by its own clock, because the server cannot reach it"
        );
        let summary = player.shutdown().await;
        assert!(matches!(summary.ending, Ending::Lost(_)), "{:?}", summary.ending);
        assert_eq!(log.read(|log| (log.interrupted.len(), log.resumed.len())), (1, 0));
    });
}
