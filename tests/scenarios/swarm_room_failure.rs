//! Room failure under a swarm: bots join the next room, and the report counts the failures.

use std::time::Duration;

use quarrel_harness::{TestServer, games::Throng};
use quarrel_swarm::{GameEntry, GameRegistry, Plan, plan::Stages, report::Verdict};

#[tokio::test(flavor = "multi_thread")]
async fn bots_whose_room_fails_join_the_next_one() {
    let server = TestServer::<Throng>::start(&[("game.settings.breaks_at", "60"), ("room.seats", "4")]);
    let plan = Plan {
        server: server.address().to_string(),
        stages: Stages::ramp(3, Duration::from_millis(500), Duration::from_millis(5500)),
        warm_up: Duration::from_secs(1),
        slo: vec!["disconnected > 0".parse().expect("a rule"), "joined == 3".parse().expect("a rule")],
        max_lag_ms: 1e4,
        ..Plan::default()
    };
    let games = GameRegistry::new(vec![GameEntry::of::<Throng>(&[])]);
    let run = tokio::task::spawn_blocking(move || quarrel_swarm::run(&plan, &games, None));
    let report = run.await.expect("a swarm without a panic").expect("a run");
    assert_eq!(report.verdict, Verdict::Pass, "{report}");
    assert!(report.incidents.iter().any(|incident| incident.what.starts_with("room_failed: ")), "{report}");
    // A room lasts two seconds, and bots join again one second after its end: at the end of the third second all play again.
    let late: u64 =
        report.series.iter().filter(|second| second.at_s >= 3).map(|second| second.snapshots).sum();
    assert!(late > 60, "bots must play again: {:?}", report.series);
    let waited = report.input_ack_ms.expect("measured inputs").max;
    assert!(waited > 900.0, "inputs between two rooms must count as waiting for the next one: {waited} ms");
    assert!(server.shutdown().await);
}
