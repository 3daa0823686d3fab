//! A load test of a server whose ticks are planted: what is wrong with it has to show, where it is, and break the rule about it.

use std::time::Duration;

use quarrel_harness::{TestServer, games::Throng};
use quarrel_swarm::{self as swarm, GameEntry, Games, Plan, Report, plan::Stages, report::Verdict};

/// Four bots for some seconds on a server of this kind, held to ticks of at most 10 ms.
async fn load(settings: &[(&'static str, &str)]) -> Report {
    let server = TestServer::<Throng>::start_with_http(settings);
    let plan = Plan {
        server: server.address().to_string(),
        server_http: Some(format!("http://{}", server.http_address())),
        stages: Stages::ramp(4, Duration::from_secs(1), Duration::from_secs(5)),
        warm_up: Duration::from_secs(2),
        slo: vec!["server.tick_ms_max < 10".parse().expect("a rule")],
        // Other tests run beside this one, and it is not about the swarm's own time.
        max_lag_ms: 1e4,
        ..Plan::default()
    };
    let games = Games::new(vec![GameEntry::of::<Throng>(&[])]);
    let run = tokio::task::spawn_blocking(move || swarm::run(&plan, &games, None));
    let report = run.await.expect("the swarm does not panic").expect("a run");
    assert!(server.shutdown().await);
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planted_tick_of_twenty_milliseconds_shows_in_the_servers_seconds_and_breaks_the_rule() {
    let report = load(&[("game.settings.slow_every", "15"), ("game.settings.slow_ms", "20")]).await;
    let server = report.server.expect("the server was asked");
    assert_eq!(report.verdict, Verdict::Fail, "{report}");
    assert!(server.tick_ms_max.is_some_and(|max| (20.0..50.0).contains(&max)), "{server:?}");
    assert!(
        server.tick_ms_p99 >= Some(15.0),
        "one tick of fifteen is more than one of a hundred: {server:?}"
    );
    let seconds = report.series.iter().filter(|second| second.measured);
    let slow = seconds.filter_map(|second| second.server?.tick_ms_max).filter(|max| *max >= 20.0).count();
    assert!(slow >= 3, "each second has two such ticks: {:?}", report.series);
}
