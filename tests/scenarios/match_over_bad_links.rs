//! Two players on train links and fourteen bots finish a match.

use std::time::Duration;

use quarrel_client::{ConnectionSummary, Ending};
use quarrel_harness::sim::{
    Link, SimWorld,
    event_log::{LoggingController, RunningPlayer},
};
use quarrel_shared::arena::{Arena, Event};
use tokio::time::sleep;

/// Two players and fourteen bots: all sixteen seats.
const FULL: &[(&str, &str)] = &[("room.bots", "14"), ("room.seats", "16")];

/// Long enough for one tunnel per player, at any phase of its minute.
const PLAYED: Duration = Duration::from_secs(75);

#[test]
fn two_players_on_trains_and_fourteen_bots_finish_a_match() {
    SimWorld::<Arena>::run(51, FULL, async |world| {
        let mut lives = Vec::new();
        for (seed, name) in [(1, "Ada"), (2, "Ben")] {
            let controller = LoggingController::<Arena>::bot(seed);
            let log = controller.log();
            let player =
                RunningPlayer::start(&world.connector(&Link::named("train")), name, controller).await;
            lives.push((name, log, player));
        }
        sleep(PLAYED).await;
        assert_eq!(world.metric("quarrel_bots"), 14.0, "bots must have all other seats");
        for (name, log, player) in lives {
            let path = world.path(&player.endpoint);
            let ConnectionSummary { ending, counts, .. } = player.shutdown().await;
            assert_eq!(ending, Ending::Left, "{name} must stay until the end");
            assert_eq!(
                (counts.events_lost, counts.events_doubled),
                (0, 0),
                "{name} must receive every event once"
            );
            let traffic = world.network().traffic(path);
            assert!(traffic.down.lost > 60, "{name} must pass a tunnel: {traffic:?}");
            let seat = log.joined().seat.0;
            let records = world.records();
            let own = |seats: &[quarrel_server::storage::SeatRecord]| {
                seats.iter().any(|record| record.seat == seat && record.name == name && !record.bot)
            };
            let finished = records.iter().filter(|record| own(&record.seats)).count();
            assert!(finished > 0, "{name} must finish a match: {records:?}");
            let (ends, closed) = log.read(|log| {
                let ends =
                    log.events.iter().filter(|delivered| matches!(delivered.event, Event::MatchEnded { .. }));
                (ends.count(), log.closed.len())
            });
            println!("{name}: {finished} matches on record, {ends} ends delivered, {counts:?}");
            assert!(
                ends > 0 && closed == 0,
                "{name} must receive the end of a match: {ends} ends, {closed} rooms closed"
            );
        }
        let both = |seats: &[quarrel_server::storage::SeatRecord]| {
            ["Ada", "Ben"].iter().all(|name| seats.iter().any(|record| record.name == *name))
                && seats.iter().filter(|record| record.bot).count() == 14
        };
        assert!(world.records().iter().any(|record| both(&record.seats)), "both must finish the same match");
    });
}
