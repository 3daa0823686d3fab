//! Event timing: the client delivers an event when the screen reaches its tick, not before, once, and in order.

use std::time::Duration;

use quarrel_client::Ending;
use quarrel_harness::sim::{
    Link, SimWorld,
    event_log::{LoggingController, RunningPlayer},
    invariants::InvariantChecker,
};
use quarrel_shared::{arena::Arena, tick::Tick};
use tokio::time::sleep;

/// Long enough for a tunnel on the train link.
const PLAYED: Duration = Duration::from_secs(65);

/// A room with constant fights.
const BUSY: &[(&str, &str)] = &[("room.bots", "10"), ("game.settings.score_to_win", "10")];

/// Plays over this link; returns the number of delivered events, and of those that waited for the screen.
fn play(name: &str, seed: u64) -> (usize, usize) {
    SimWorld::<Arena>::run(seed, BUSY, async |world| {
        let invariants = InvariantChecker::join(world.server().lobby(), format!("{name}, seed {seed}")).await;
        let controller = LoggingController::<Arena>::bot(seed);
        let log = controller.log();
        let player =
            RunningPlayer::start(&world.connector(&Link::named(name)), "Ada", invariants.wrap(0, controller))
                .await;
        log.attach_screen(player.screen.clone());
        sleep(PLAYED).await;
        let left = tokio::time::Instant::now();
        let summary = player.shutdown().await;
        assert_eq!(summary.ending, Ending::Left);
        let counts = summary.counts;
        assert_eq!(
            (counts.events_lost, counts.events_doubled),
            (0, 0),
            "{name}: every event must be delivered once"
        );
        assert!(
            invariants.checks().events > 10,
            "the invariant checker must have compared events with the room's own"
        );
        log.read(|log| {
            let mut newest = Tick(0);
            // Events that still wait at the disconnect are delivered then, without a screen.
            let delivered = || log.events.iter().filter(|delivered| delivered.at < left);
            for one in delivered() {
                let shown = one
                    .shown
                    .unwrap_or_else(|| panic!("{name}: {:?} was delivered without a screen", one.event));
                assert!(
                    shown.tick() >= one.tick,
                    "{name}: an event must not precede its screen: tick {} at {shown}",
                    one.tick
                );
                assert!(
                    one.tick >= newest,
                    "{name}: events must be in order: tick {} after tick {newest}",
                    one.tick
                );
                newest = one.tick;
            }
            // The screen has just reached these events: they arrived earlier and waited.
            let waited = delivered().filter(|one| one.shown.is_some_and(|shown| shown.tick() == one.tick));
            (delivered().count(), waited.count())
        })
    })
}

#[test]
fn events_are_delivered_once_in_order_and_never_before_their_screen() {
    for (name, seed) in [("wifi", 61), ("train", 62)] {
        let (delivered, waited) = play(name, seed);
        println!("{name}: {delivered} events delivered, {waited} of them as soon as the screen reached them");
        assert!(delivered > 100, "{name}: many events must occur: {delivered}");
        assert!(
            waited * 2 > delivered,
            "{name}: most events must arrive before their screen and wait: {waited} of {delivered}"
        );
    }
}
