//! A swarm whose server is killed and restarted: its bots reconnect by themselves, to their seats or to new ones.

use std::time::Duration;

use quarrel_harness::{KillableServer, games::Throng, server::INPUTS_USED, until};
use quarrel_swarm::{GameEntry, GameRegistry, Plan, plan::Stages, report::Report};

const BOTS: u64 = 3;

/// Runs bots for some seconds; kills the server during play and starts the next one with these settings.
async fn play_through_a_crash(settings: &[(&'static str, &'static str)]) -> Report {
    let seats = [("room.seats", "4"), ("room.bots", "0")];
    let server = KillableServer::start::<Throng>(&seats);
    let plan = Plan {
        server: server.address().to_string(),
        stages: Stages::ramp(BOTS as u32, Duration::from_millis(500), Duration::from_millis(7500)),
        warm_up: Duration::from_secs(1),
        slo: vec!["joined == 3".parse().expect("a rule")],
        max_lag_ms: 1e4,
        ..Plan::default()
    };
    let games = GameRegistry::new(vec![GameEntry::of::<Throng>(&[])]);
    let run = tokio::task::spawn_blocking(move || quarrel_swarm::run(&plan, &games, None));
    until("bots that play", || server.metric("quarrel_players") == BOTS as f64).await;
    let used = server.metric(INPUTS_USED);
    until("a second of play", || server.metric(INPUTS_USED) > used + 180.0).await;
    let next = tokio::task::spawn_blocking(move || server.kill()).await.expect("a dead server");
    let _next = next.start::<Throng>(&[&seats, settings].concat());
    run.await.expect("a swarm without a panic").expect("a run")
}

/// Asserts that every bot joined once and that snapshots arrive in the last seconds.
fn assert_plays_to_the_end(report: &Report) {
    let late = report.series.iter().filter(|second| second.at_s >= 6);
    assert!(late.map(|second| second.snapshots).sum::<u64>() > 60, "{:?}", report.series);
    assert_eq!((report.joined, report.refused, report.events_lost), (BOTS, 0, 0), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bots_of_a_killed_server_resume_on_the_next_one() {
    let report = play_through_a_crash(&[]).await;
    assert_plays_to_the_end(&report);
    assert_eq!((report.resumes, report.disconnected), (BOTS, 0), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bots_whose_rooms_were_not_restored_join_other_rooms() {
    let report = play_through_a_crash(&[("journal.resume", "off")]).await;
    assert_plays_to_the_end(&report);
    assert_eq!((report.resumes, report.disconnected), (0, BOTS), "{report}");
}
