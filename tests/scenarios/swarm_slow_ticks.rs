//! A load test of a server with planted slow ticks: the report shows them in the right seconds and fails the rule about them.

use std::time::Duration;

use quarrel_harness::{TestServer, games::Throng};
use quarrel_swarm::{GameEntry, GameRegistry, Plan, Report, plan::Stages, report::Verdict};

/// Runs four bots for some seconds on a server with these settings, with a rule of at most 10 ms per tick.
async fn load(settings: &[(&'static str, &str)]) -> Report {
    let server = TestServer::<Throng>::start_with_http(settings);
    let plan = Plan {
        server: server.address().to_string(),
        server_http: Some(format!("http://{}", server.http_address())),
        stages: Stages::ramp(4, Duration::from_secs(1), Duration::from_secs(5)),
        warm_up: Duration::from_secs(2),
        slo: vec!["server.tick_ms_max < 10".parse().expect("a rule")],
        // Other tests run at the same time, and the swarm's own schedule is not under test.
        max_lag_ms: 1e4,
        ..Plan::default()
    };
    let games = GameRegistry::new(vec![GameEntry::of::<Throng>(&[])]);
    let run = tokio::task::spawn_blocking(move || quarrel_swarm::run(&plan, &games, None));
    let report = run.await.expect("a swarm without a panic").expect("a run");
    assert!(server.shutdown().await);
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_ticks_of_20_ms_show_in_the_report_and_fail_the_rule() {
    let report = load(&[("game.settings.slow_every", "15"), ("game.settings.slow_ms", "20")]).await;
    let server = report.server.expect("the server's figures");
    assert_eq!(report.verdict, Verdict::Fail, "{report}");
    assert!(server.tick_ms_max.is_some_and(|max| (20.0..1000.0).contains(&max)), "{server:?}");
    assert!(server.tick_ms_p99 >= Some(15.0), "one slow tick in fifteen must show at p99: {server:?}");
    let seconds = report.series.iter().filter(|second| second.measured);
    let slow = seconds.filter_map(|second| second.server?.tick_ms_max).filter(|max| *max >= 20.0).count();
    assert!(slow >= 3, "each second must show its two slow ticks: {:?}", report.series);
}
