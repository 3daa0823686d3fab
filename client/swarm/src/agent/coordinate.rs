//! The coordinator of a run: starts the bots on agents, collects the agents' counts and builds the report. It runs no bots itself.

use std::{io, sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    connection::AgentConnection,
    key::SwarmKey,
    message::{CoordinatorMessage, Machine, RunAssignment, SwarmHello},
    peer_text::printable,
    pool::AgentPool,
    quic::CoordinatorEndpoints,
    wire::MAX_COORDINATOR_FRAME_BYTES,
};
use crate::{
    game::GameRegistry,
    plan::{GameCatalog, Plan, PlanError, TrustRoots},
    report::{Report, RunSetting, assemble::BotCounts, compare::Baseline},
    run::{RunController, schedule::schedule, setting},
};

/// The run starts this time plus twice the longest round trip after all agents are ready, so that a lost start message can be retransmitted
/// before the start.
const START_DELAY: Duration = Duration::from_millis(300);

/// The maximum number of agents of one run.
const MAX_AGENTS: usize = 256;

/// The error of a run on agents that cannot start. Failures after the start are part of the report.
#[derive(Debug, thiserror::Error)]
pub enum CoordinateError {
    /// An agent cannot take part.
    #[error("agent {agent}: {reason}")]
    Agent {
        /// The agent's address as given on the command line.
        agent: String,
        /// The reason, as a sentence.
        reason: String,
    },
    /// The number of agents is out of range.
    #[error("a run takes 1 to {MAX_AGENTS} agents, not {0}")]
    Count(usize),
    /// A file that the plan names cannot be read.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The system provides no socket.
    #[error("the run cannot start: {0}")]
    System(#[from] io::Error),
}

/// Runs a plan on these agents, each given as `host:port` or as `host` with the default port, and returns the report at the end of the run.
/// Together the agents run the same bots as one swarm with this plan would. Each agent resolves the server itself. Requires a tokio
/// runtime.
///
/// # Errors
/// When the run cannot start: an agent cannot take part, the number of agents is not 1 to 256, a file of the plan cannot be read, or the
/// system provides no socket. An agent that is lost later makes the report's verdict `invalid`, with a reason that names the agent.
pub async fn coordinate(
    plan: &Plan,
    games: &GameRegistry,
    agents: &[String],
    key: Option<&SwarmKey>,
    baseline: Option<&Baseline>,
) -> Result<Report, CoordinateError> {
    if !(1..=MAX_AGENTS).contains(&agents.len()) {
        return Err(CoordinateError::Count(agents.len()));
    }
    let endpoints = Arc::new(CoordinatorEndpoints::open()?);
    let catalog = games.catalog();
    let plan = with_named_games(plan, &catalog);
    let started = start(&plan, &SwarmHello::of_this_program(&catalog), agents, key, &endpoints).await;
    let report = match started {
        Ok(started) => Ok(started.report(&plan, baseline).await),
        Err(error) => Err(error),
    };
    endpoints.close().await;
    report
}

/// A run whose agents have received the start time.
struct StartedRun {
    connections: Vec<AgentConnection>,
    machines: Vec<Machine>,
    bots: BotCounts,
    start: Instant,
}

/// Connects to the agents, assigns a part of the plan to each, and sets the start time.
async fn start(
    plan: &Plan,
    own: &SwarmHello,
    agents: &[String],
    key: Option<&SwarmKey>,
    endpoints: &Arc<CoordinatorEndpoints>,
) -> Result<StartedRun, CoordinateError> {
    let roots = TrustRoots::read(plan)?;
    let bots = BotCounts::of(&schedule(plan));
    let connections = connect(agents, key, own, endpoints).await?;
    let (connections, machines) = assign(connections, plan, &roots).await?;
    let (connections, start) = set_start(connections).await?;
    Ok(StartedRun { connections, machines, bots, start })
}

impl StartedRun {
    /// Waits for the end of the run, and builds its report.
    async fn report(self, plan: &Plan, baseline: Option<&Baseline>) -> Report {
        let Self { connections, machines, bots, start } = self;
        let stop = CancellationToken::new();
        let mut pool = AgentPool::start(connections, plan, start, &stop);
        let controller = RunController::new(plan, bots, start, stop, baseline);
        let measured = Box::pin(controller.run(&mut pool)).await;
        let ended = measured.ended.clone();
        let (last, lost) = pool.finish().await;
        let setting = RunSetting {
            cores: machines.iter().map(|machine| machine.cores).sum(),
            host: machines.iter().map(|machine| printable(&machine.host)).collect::<Vec<_>>().join("; "),
            ..setting(plan, machines.len() as u64, measured.elapsed)
        };
        let mut report = measured.with(last).report(plan, setting);
        report.decide_verdict(plan, &ended, baseline);
        report.invalidate(lost);
        report
    }
}

/// Returns the plan with the default game named in each group that names no game, because an agent's default game may be another one.
fn with_named_games(plan: &Plan, catalog: &GameCatalog) -> Plan {
    let mut plan = plan.clone();
    for group in &mut plan.bots {
        group.game = group.game.take().or_else(|| catalog.find(None).map(|names| names.game.to_owned()));
    }
    plan
}

/// Connects to all agents.
async fn connect(
    agents: &[String],
    key: Option<&SwarmKey>,
    own: &SwarmHello,
    endpoints: &Arc<CoordinatorEndpoints>,
) -> Result<Vec<AgentConnection>, CoordinateError> {
    let agents = agents.iter().map(|agent| (agent.clone(), agent.clone()));
    for_all(agents, |agent: String| {
        let (endpoints, key, own) = (Arc::clone(endpoints), key.cloned(), own.clone());
        async move { AgentConnection::open(&agent, &endpoints, key.as_ref(), &own).await }
    })
    .await
}

/// Sends each agent its assignment, and waits until all are ready.
async fn assign(
    connections: Vec<AgentConnection>,
    plan: &Plan,
    roots: &TrustRoots,
) -> Result<(Vec<AgentConnection>, Vec<Machine>), CoordinateError> {
    let processes = connections.len() as u32;
    let numbered = (0..).zip(connections);
    let numbered = numbered.map(|(process, connection)| (connection.agent.clone(), (process, connection)));
    let ready = for_all(numbered, |(process, mut connection): (u32, AgentConnection)| {
        let assignment = RunAssignment { plan: plan.clone(), roots: roots.clone(), process, processes };
        async move { connection.assign(assignment).await.map(|machine| (connection, machine)) }
    });
    Ok(ready.await?.into_iter().unzip())
}

/// Compares clocks with all agents, and sends each the start time of the run in microseconds of that agent's clock.
async fn set_start(
    connections: Vec<AgentConnection>,
) -> Result<(Vec<AgentConnection>, Instant), CoordinateError> {
    let named = connections.into_iter().map(|connection| (connection.agent.clone(), connection));
    let compared = for_all(named, |mut connection: AgentConnection| async move {
        let clock = connection.compare_clocks().await.map_err(|error| error.to_string())?;
        Ok((connection, clock))
    });
    let compared = compared.await?;
    let longest = compared.iter().map(|(_, clock)| clock.round_trip).max().unwrap_or_default();
    let start = Instant::now() + START_DELAY + 2 * longest;
    let mut connections = Vec::with_capacity(compared.len());
    for (mut connection, clock) in compared {
        let message = CoordinatorMessage::Start { at_us: clock.agent_us(start) };
        let sent = connection.channel.sender.send(&message, MAX_COORDINATOR_FRAME_BYTES).await;
        sent.map_err(|error| CoordinateError::Agent {
            agent: connection.agent.clone(),
            reason: error.to_string(),
        })?;
        connections.push(connection);
    }
    Ok((connections, start))
}

/// Runs `each` for all agents concurrently, and returns the results in the agents' order. The first failure cancels the others and is
/// returned with the agent's name.
async fn for_all<T, R, F>(
    all: impl Iterator<Item = (String, T)>,
    each: impl Fn(T) -> F,
) -> Result<Vec<R>, CoordinateError>
where
    F: Future<Output = Result<R, String>> + Send + 'static,
    R: Send + 'static,
{
    let mut tasks = JoinSet::new();
    for (index, (agent, one)) in all.enumerate() {
        let work = each(one);
        tasks.spawn(async move { (index, agent, work.await) });
    }
    let mut done = Vec::with_capacity(tasks.len());
    while let Some(ended) = tasks.join_next().await {
        let (index, agent, result) = ended.map_err(io::Error::other)?;
        done.push((index, result.map_err(|reason| CoordinateError::Agent { agent, reason })?));
    }
    done.sort_by_key(|(index, _)| *index);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, time::Duration};

    use super::*;
    use crate::agent::{
        channel::Channel,
        message::AgentMessage,
        quic::{self, CERTIFICATE_NAME},
        wire::MAX_AGENT_FRAME_BYTES,
    };

    /// The largest difference of start times on a busy machine.
    const TOLERANCE: Duration = Duration::from_millis(10);

    /// Simulates an agent whose clock started at `clock` and whose answers take `round_trip`; returns the time at which it would start.
    async fn run_agent(endpoint: quinn::Endpoint, clock: Instant, round_trip: Duration) -> Instant {
        let connection = endpoint.accept().await.unwrap().await.unwrap();
        let stream = connection.accept_bi().await.unwrap();
        let mut channel = Channel::new(connection, stream.into(), MAX_COORDINATOR_FRAME_BYTES);
        loop {
            match channel.receiver.receive().await.unwrap() {
                CoordinatorMessage::Start { at_us } => return clock + Duration::from_micros(at_us),
                CoordinatorMessage::ClockRequest => {
                    tokio::time::sleep(round_trip / 2).await;
                    let at_us = clock.elapsed().as_micros() as u64;
                    tokio::time::sleep(round_trip / 2).await;
                    channel.sender.send(&AgentMessage::Clock { at_us }, MAX_AGENT_FRAME_BYTES).await.unwrap();
                }
                message => panic!("{message:?}"),
            }
        }
    }

    #[tokio::test]
    async fn agents_near_and_far_start_together_despite_different_clocks() {
        let (endpoints, mut connections, mut agents) =
            (CoordinatorEndpoints::open().unwrap(), Vec::new(), Vec::new());
        for (clock_s, after_ms) in [(1000, 0), (3, 60), (0, 20)] {
            let endpoint = quic::listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
            let address = endpoint.local_addr().unwrap();
            let clock = Instant::now() - Duration::from_secs(clock_s);
            agents.push(tokio::spawn(run_agent(endpoint, clock, Duration::from_millis(after_ms))));
            let connecting =
                endpoints.for_address(address).unwrap().connect(address, CERTIFICATE_NAME).unwrap();
            let connection = connecting.await.unwrap();
            let stream = connection.open_bi().await.unwrap();
            let channel = Channel::new(connection, stream.into(), MAX_AGENT_FRAME_BYTES);
            let agent = address.to_string();
            connections.push(AgentConnection { agent, channel, hello: SwarmHello::default() });
        }
        let (_connections, start) = set_start(connections).await.unwrap();
        assert!(start > Instant::now(), "the start message arrives before the start");
        for agent in agents {
            let theirs = agent.await.unwrap();
            let apart = theirs.max(start) - theirs.min(start);
            assert!(apart < TOLERANCE, "agents start {apart:?} apart");
        }
    }
}
