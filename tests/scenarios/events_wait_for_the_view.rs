//! An event is told when the screen shows what it is about: not before its tick, each once, and in order.

use std::time::Duration;

use quarrel_client::Ending;
use quarrel_harness::sim::{
    Link, SimWorld,
    event_log::{LoggingController, RunningPlayer},
    invariants::InvariantChecker,
};
use quarrel_shared::{arena::Arena, tick::Tick};
use tokio::time::sleep;

/// On a train this holds a tunnel.
const PLAYED: Duration = Duration::from_secs(65);

/// Fights all the time.
const BUSY: &[(&str, &str)] = &[("room.bots", "10"), ("game.settings.score_to_win", "10")];

/// How many events one player on this link is told, and how many of them had to wait for the screen.
fn told(name: &str, seed: u64) -> (usize, usize) {
    SimWorld::<Arena>::run(seed, BUSY, async |world| {
        let invariants = InvariantChecker::join(world.server().lobby(), format!("{name}, seed {seed}")).await;
        let controller = LoggingController::<Arena>::bot(seed);
        let log = controller.log();
        let player = RunningPlayer::start(&world.connector(&Link::named(name)), "Ada", invariants.wrap(0, controller)).await;
        log.attach_screen(player.screen.clone());
        sleep(PLAYED).await;
        let left = tokio::time::Instant::now();
        let driven = player.shutdown().await;
        assert_eq!(driven.ending, Ending::Left);
        let counts = driven.counts;
        assert_eq!((counts.events_lost, counts.events_doubled), (0, 0), "{name}: each once");
        assert!(invariants.checks().events > 10, "the invariant checker compared them with the room's own");
        log.read(|log| {
            let mut newest = Tick(0);
            // Whatever still waits when somebody leaves is told then, to a dark screen.
            let told = || log.events.iter().filter(|told| told.at < left);
            for one in told() {
                let shown = one.shown.unwrap_or_else(|| panic!("{name}: {:?} on a dark screen", one.event));
                assert!(shown.tick() >= one.tick, "{name}: tick {} told at {shown}", one.tick);
                assert!(one.tick >= newest, "{name}: tick {} after tick {newest}", one.tick);
                newest = one.tick;
            }
            // The screen had just reached them: they came before, and waited.
            let waited = told().filter(|one| one.shown.is_some_and(|shown| shown.tick() == one.tick));
            (told().count(), waited.count())
        })
    })
}

#[test]
fn every_event_comes_once_in_order_and_never_before_its_screen() {
    for (name, seed) in [("wifi", 61), ("train", 62)] {
        let (told, waited) = told(name, seed);
        println!("{name}: {told} events told, {waited} of them as soon as the screen was there");
        assert!(told > 100, "{name}: much happens: {told}");
        assert!(
            waited * 2 > told,
            "{name}: most events come before their screen and wait: {waited} of {told}"
        );
    }
}
