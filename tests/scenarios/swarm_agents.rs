//! Distributed swarms: two agents with a coordinator report the counts of a single process, and a lost agent makes a run
//! invalid.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use quarrel_harness::{TestServer, until, within};
use quarrel_shared::crowd::Crowd;
use quarrel_swarm::{
    GameEntry, GameRegistry, Plan, Report,
    agent::{Agent, AgentEvent, CoordinateError, SwarmKey, coordinate},
    plan::BotGroup,
    report::Verdict,
};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::CancellationToken;

const BOTS: u32 = 20;

fn games() -> GameRegistry {
    GameRegistry::new(vec![GameEntry::of::<Crowd>(&[])])
}

fn key() -> SwarmKey {
    SwarmKey::new(b"a key for these scenarios alone").expect("a key of valid length")
}

/// Two groups of bots join within a second, some of them leave early, and the rest plays to the end.
fn plan(server: &TestServer<Crowd>, stages: &str) -> Plan {
    let group = |name: &str, share| BotGroup { name: name.to_owned(), share, ..BotGroup::default() };
    Plan {
        server: server.address().to_string(),
        stages: stages.parse().expect("stages"),
        warm_up: std::time::Duration::from_secs(1),
        seed: 7,
        churn: 120,
        // Test machines are busy, and the swarm's own schedule is not under test.
        max_lag_ms: 10_000.0,
        bots: vec![group("many", 7), group("few", 3)],
        ..Plan::default()
    }
}

/// An agent that runs in this process.
struct LocalAgent {
    address: SocketAddr,
    events: Arc<Mutex<Vec<AgentEvent>>>,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl LocalAgent {
    fn start() -> Self {
        let agent = Agent::bind(SocketAddr::from(([127, 0, 0, 1], 0)), Some(key()), games());
        let agent = agent.expect("an agent on port 0");
        let (events, stop, address) =
            (Arc::<Mutex<Vec<_>>>::default(), CancellationToken::new(), agent.address());
        let (pushed, end) = (Arc::clone(&events), stop.clone());
        let served = tokio::spawn(agent.serve(end, move |one| pushed.lock().expect("the events").push(one)));
        Self { address, events, stop, served }
    }

    fn has(&self, wanted: impl Fn(&AgentEvent) -> bool) -> bool {
        self.events.lock().expect("the events").iter().any(wanted)
    }

    async fn end(self) {
        self.stop.cancel();
        within("an agent's end", self.served).await.expect("an agent without a panic");
    }
}

async fn run_with_agents(plan: &Plan, local_agents: &[&LocalAgent]) -> Result<Report, CoordinateError> {
    let agents: Vec<_> = local_agents.iter().map(|agent| agent.address.to_string()).collect();
    coordinate(plan, &games(), &agents, Some(&key()), None).await
}

/// The counts that are the same in every run of a plan on a server that keeps up.
fn counts(report: &Report) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        (report.bots, report.bots_at_once, report.joined, report.refused, report.disconnected),
        (report.resumes, report.closes.clone(), report.events_lost, report.events_doubled),
        report.groups.iter().map(|(name, group)| (name.clone(), group.joined)).collect::<Vec<_>>(),
        report.series.len(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_agents_report_the_counts_of_one_process() {
    let server = TestServer::<Crowd>::start(&[("room.seats", "64")]);
    let plan = plan(&server, &format!("0:{BOTS}@1s,{BOTS}@2s"));
    let alone = {
        let plan = plan.clone();
        spawn_blocking(move || quarrel_swarm::run(&plan, &games(), None))
            .await
            .expect("no panic")
            .expect("a run")
    };
    until("an empty server", || server.metric("quarrel_players") == 0.0).await;
    let (one, other) = (LocalAgent::start(), LocalAgent::start());
    let together = within("a run with agents", run_with_agents(&plan, &[&one, &other])).await.expect("a run");

    assert_eq!(alone.verdict, Verdict::Pass, "{:?}", alone.why);
    assert_eq!(together.verdict, Verdict::Pass, "{:?}", together.why);
    assert_eq!(counts(&together), counts(&alone));
    assert_eq!(together.joined, together.bots);
    assert_eq!((alone.setting.processes, together.setting.processes), (1, 2));
    assert_eq!(together.swarm.threads, 2, "each agent must use one thread");
    // Both see the same tick rate for the same time, so the numbers of inputs differ only at the edges of seconds.
    let share = together.inputs as f64 / alone.inputs as f64;
    assert!(
        (0.8..1.25).contains(&share),
        "both must send a similar number of inputs: {} and {}",
        together.inputs,
        alone.inputs
    );
    for agent in [&one, &other] {
        until("the end of the run on each agent", || {
            agent.has(|events| matches!(events, AgentEvent::RunEnded { reason: None, .. }))
        })
        .await;
        let half = |events: &AgentEvent| matches!(events, AgentEvent::RunStarted { bots, .. } if bots.abs_diff(together.bots / 2) <= 1);
        assert!(agent.has(half), "each agent must run half of the bots");
    }
    one.end().await;
    other.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_agent_makes_the_run_invalid_and_is_named() {
    let server = TestServer::<Crowd>::start(&[("room.seats", "64")]);
    let plan = plan(&server, &format!("0:{BOTS}@1s,{BOTS}@4s"));
    let (one, other) = (LocalAgent::start(), LocalAgent::start());
    let lost = other.address;
    let mid_run = async {
        until("bots of both agents", || server.metric("quarrel_players") >= f64::from(BOTS)).await;
        other.end().await;
    };
    let agents = [one.address.to_string(), lost.to_string()];
    let (games, key) = (games(), key());
    let (report, ()) = within("a run", async {
        tokio::join!(coordinate(&plan, &games, &agents, Some(&key), None), mid_run)
    })
    .await;
    let report = report.expect("a report without the lost agent");
    assert_eq!(report.verdict, Verdict::Invalid);
    let why = report.why.first().expect("a reason");
    assert!(why.starts_with(&format!("agent {lost} was lost at ")) && why.contains("stopped"), "{why}");
    assert!(report.incidents.iter().any(|incident| incident.what == *why), "{:?}", report.incidents);
    let joined = report.joined;
    assert!(
        (u64::from(BOTS) / 2..report.bots).contains(&joined),
        "the counts of the remaining agent must stay in the report: {joined}"
    );
    one.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bots_leave_when_their_coordinator_is_lost_and_the_agent_serves_the_next_run() {
    let server = TestServer::<Crowd>::start(&[("room.seats", "64")]);
    let long = plan(&server, &format!("0:{BOTS}@1s,{BOTS}@10m"));
    let agent = LocalAgent::start();
    let agents = [agent.address.to_string()];
    let coordinator =
        tokio::spawn(async move { coordinate(&long, &games(), &agents, Some(&key()), None).await });
    until("bots", || server.metric("quarrel_players") >= f64::from(BOTS)).await;
    coordinator.abort();
    until("an empty server", || server.metric("quarrel_players") == 0.0).await;
    until("the end of the run on the agent", || {
        agent.has(|events| matches!(events, AgentEvent::RunEnded { reason: Some(_), .. }))
    })
    .await;
    let short = plan(&server, "0:4@500ms,4@2s");
    let report = within("a run", run_with_agents(&short, &[&agent])).await.expect("a second run");
    assert_eq!(report.verdict, Verdict::Pass, "{:?}", report.why);
    agent.end().await;
}
