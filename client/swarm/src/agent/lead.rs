//! The coordinator of a run: it plays nothing itself, but has agents play, and makes the report.

use std::{io, sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    call::Call,
    fleet::Fleet,
    key::Key,
    message::{Brief, Hello, Machine, Request},
    quic::Outlet,
    wire::ORDER_BYTES,
};
use crate::{
    assemble::BotCounts,
    compare::Baseline,
    game::Games,
    plan::{Plan, PlanError, Trusted},
    report::Report,
    run::Conduct,
    schedule::schedule,
};

/// From the moment at which all agents are ready to the start, and two of the longest round trips more: enough for word of it to be lost
/// and said again.
const LEAD: Duration = Duration::from_millis(300);

/// Agents of one run, at most.
const AGENTS: usize = 256;

/// Why a run with agents could not be made. What becomes of it once it has begun is part of the report.
#[derive(Debug, thiserror::Error)]
pub enum LeadError {
    /// One of them cannot be had.
    #[error("agent {agent}: {why}")]
    Agent {
        /// Which one, as it was named.
        agent: String,
        /// Why not.
        why: String,
    },
    /// There are none, or too many.
    #[error("a run is led with 1 to {AGENTS} agents, not {0}")]
    Count(usize),
    /// The plan names what cannot be read.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The system gives no socket.
    #[error("the run cannot be made: {0}")]
    System(#[from] io::Error),
}

/// Has these agents (each `host:port`, or `host` alone at the usual port) make a run, and takes as long as the plan says. Its counts are
/// those of one swarm with the same plan. Each agent looks up the server itself. Needs a tokio runtime around it.
///
/// # Errors
/// When not all of them can start. One that is lost later makes the report's verdict invalid, and its reasons say which it was.
pub async fn lead(
    plan: &Plan,
    games: &Games,
    agents: &[String],
    key: Option<&Key>,
    baseline: Option<&Baseline>,
) -> Result<Report, LeadError> {
    if !(1..=AGENTS).contains(&agents.len()) {
        return Err(LeadError::Count(agents.len()));
    }
    let outlet = Arc::new(Outlet::open()?);
    let led = led(plan, games, agents, key, baseline, &outlet).await;
    outlet.close().await;
    led
}

async fn led(
    plan: &Plan,
    games: &Games,
    agents: &[String],
    key: Option<&Key>,
    baseline: Option<&Baseline>,
    outlet: &Arc<Outlet>,
) -> Result<Report, LeadError> {
    let plan = &named(plan, games);
    let trusted = Trusted::read(plan)?;
    let orders = schedule(plan);
    let calls = call(agents, key, &Hello::ours(games), outlet).await?;
    let (calls, machines) = brief(calls, plan, &trusted).await?;
    let (calls, start) = set_start(calls).await?;
    let stop = CancellationToken::new();
    let mut fleet = Fleet::start(calls, plan, start, &stop);
    let conduct = Conduct::new(plan, BotCounts::of(&orders), start, stop, baseline);
    let measured = Box::pin(conduct.run(&mut fleet)).await;
    let ended = measured.ended.clone();
    let (last, lost) = fleet.finish().await;
    let mut report = measured.with(last).report(plan, agents.len() as u64);
    report.setting.cores = machines.iter().map(|machine| machine.cores).sum();
    report.setting.host = machines.into_iter().map(|machine| machine.host).collect::<Vec<_>>().join("; ");
    report.decide_verdict(plan, &ended, baseline);
    report.invalidate(lost);
    Ok(report)
}

/// The plan with every game by its name: an agent's first one may be another than ours.
fn named(plan: &Plan, games: &Games) -> Plan {
    let mut plan = plan.clone();
    for group in &mut plan.bots {
        group.game = group.game.take().or_else(|| games.find(None).map(|game| game.name().to_owned()));
    }
    plan
}

async fn call(
    agents: &[String],
    key: Option<&Key>,
    ours: &Hello,
    outlet: &Arc<Outlet>,
) -> Result<Vec<Call>, LeadError> {
    let agents = agents.iter().map(|agent| (agent.clone(), agent.clone()));
    at_once(agents, |agent: String| {
        let (outlet, key, ours) = (Arc::clone(outlet), key.cloned(), ours.clone());
        async move { Call::open(&agent, &outlet, key.as_ref(), &ours).await }
    })
    .await
}

async fn brief(
    calls: Vec<Call>,
    plan: &Plan,
    trusted: &Trusted,
) -> Result<(Vec<Call>, Vec<Machine>), LeadError> {
    let processes = calls.len() as u32;
    let calls = (0..).zip(calls).map(|(process, call)| (call.agent.clone(), (process, call)));
    let ready = at_once(calls, |(process, mut call): (u32, Call)| {
        let brief = Brief { plan: plan.clone(), trusted: trusted.clone(), process, processes };
        async move { call.brief(brief).await.map(|machine| (call, machine)) }
    });
    Ok(ready.await?.into_iter().unzip())
}

/// Tells all of them when to start, each by its own clock.
async fn set_start(calls: Vec<Call>) -> Result<(Vec<Call>, Instant), LeadError> {
    let calls = calls.into_iter().map(|call| (call.agent.clone(), call));
    let compared = at_once(calls, |mut call: Call| async move {
        let clock = call.compare_clocks().await.map_err(|error| error.to_string())?;
        Ok((call, clock))
    });
    let compared = compared.await?;
    let longest = compared.iter().map(|(_, clock)| clock.round_trip).max().unwrap_or_default();
    let start = Instant::now() + LEAD + 2 * longest;
    let mut calls = Vec::with_capacity(compared.len());
    for (mut call, clock) in compared {
        let request = Request::Start { at_us: clock.there_us(start) };
        let sent = call.channel.sender.send(&request, ORDER_BYTES).await;
        sent.map_err(|error| LeadError::Agent { agent: call.agent.clone(), why: error.to_string() })?;
        calls.push(call);
    }
    Ok((calls, start))
}

/// Does the same with each at once; the first that fails ends all, by its name.
async fn at_once<T, R, F>(
    all: impl Iterator<Item = (String, T)>,
    each: impl Fn(T) -> F,
) -> Result<Vec<R>, LeadError>
where
    F: Future<Output = Result<R, String>> + Send + 'static,
    R: Send + 'static,
{
    let mut tasks = JoinSet::new();
    for (place, (agent, one)) in all.enumerate() {
        let work = each(one);
        tasks.spawn(async move { (place, agent, work.await) });
    }
    let mut done = Vec::with_capacity(tasks.len());
    while let Some(ended) = tasks.join_next().await {
        let (place, agent, result) = ended.map_err(io::Error::other)?;
        done.push((place, result.map_err(|why| LeadError::Agent { agent, why })?));
    }
    done.sort_by_key(|(place, _)| *place);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, time::Duration};

    use super::*;
    use crate::agent::{
        channel::Channel,
        message::Answer,
        quic::{self, NAME},
        wire::COUNTS_BYTES,
    };

    /// How far apart agents may start whose answers take no time, on a busy machine.
    const TOGETHER: Duration = Duration::from_millis(10);

    /// An agent whose clock began at some moment, and that answers after a while; in the end it gives the moment at which it would start.
    async fn answer(endpoint: quinn::Endpoint, clock: Instant, after: Duration) -> Instant {
        let connection = endpoint.accept().await.unwrap().await.unwrap();
        let stream = connection.accept_bi().await.unwrap();
        let mut channel = Channel::new(connection, stream, ORDER_BYTES);
        loop {
            match channel.receiver.receive().await.unwrap() {
                Request::Start { at_us } => return clock + Duration::from_micros(at_us),
                Request::Ask => {
                    tokio::time::sleep(after / 2).await;
                    let at_us = clock.elapsed().as_micros() as u64;
                    tokio::time::sleep(after / 2).await;
                    channel.sender.send(&Answer::Clock { at_us }, COUNTS_BYTES).await.unwrap();
                }
                request => panic!("{request:?}"),
            }
        }
    }

    #[tokio::test]
    async fn agents_near_and_far_start_at_one_moment_whatever_their_clocks_say() {
        let (outlet, mut calls, mut agents) = (Outlet::open().unwrap(), Vec::new(), Vec::new());
        for (clock_s, after_ms) in [(1000, 0), (3, 60), (0, 20)] {
            let endpoint = quic::listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
            let address = endpoint.local_addr().unwrap();
            let clock = Instant::now() - Duration::from_secs(clock_s);
            agents.push(tokio::spawn(answer(endpoint, clock, Duration::from_millis(after_ms))));
            let connecting = outlet.towards(address).unwrap().connect(address, NAME).unwrap();
            let connection = connecting.await.unwrap();
            let stream = connection.open_bi().await.unwrap();
            let channel = Channel::new(connection, stream, COUNTS_BYTES);
            calls.push(Call { agent: address.to_string(), channel, hello: Hello::default() });
        }
        let (_calls, start) = set_start(calls).await.unwrap();
        assert!(start > Instant::now(), "word of it comes before it does");
        for agent in agents {
            let theirs = agent.await.unwrap();
            let apart = theirs.max(start) - theirs.min(start);
            assert!(apart < TOGETHER, "{apart:?} apart");
        }
    }
}
