//! One run of an agent for a coordinator: from the assignment (the agent's part of the plan) to the last counts.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    task::spawn_blocking,
    time::{Instant, MissedTickBehavior, interval, interval_at, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    channel::{Channel, ChannelError},
    event::{AgentEvent, EventListener},
    message::{AgentMessage, CoordinatorMessage, Machine, RunAssignment, batch_frames},
    peer_text::printable,
    wire::MAX_AGENT_FRAME_BYTES,
};
use crate::{
    game::GameRegistry,
    measure::Batch,
    plan::{Plan, ServerTarget},
    run::{
        BatchSource, BotSchedule, COLLECT_PERIOD, RunError, WorkerConfig, WorkerThreads, host_description,
        schedule::schedule,
    },
};
use quarrel_client::net::transport;

/// Time limit for the assignment, and then for each further message up to the start.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(60);

/// The maximum time until the start. A later start can only be a mistake, so it is moved to this limit.
const MAX_START_DELAY: Duration = Duration::from_secs(60);

/// The maximum time by which the start message may arrive after the start. The agent refuses a later one, because its bots would start
/// visibly after those of other agents.
const MAX_START_LATENESS: Duration = Duration::from_millis(50);

/// The period at which the agent checks whether all bots have ended.
const END_CHECK_PERIOD: Duration = Duration::from_millis(50);

/// Time limit for each step of the end of a run: the bots leave; the coordinator confirms the last counts by closing the connection.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// Receives and runs one assignment, and reports its refusal, or its start and end, as events.
pub(super) async fn run(
    channel: &mut Channel,
    games: GameRegistry,
    coordinator: SocketAddr,
    listener: &EventListener,
) {
    let clock = Instant::now();
    let (run, start) = match prepare(channel, games, clock).await {
        Ok(ready) => ready,
        Err(reason) => return listener(AgentEvent::Refused { coordinator, reason: printable(&reason) }),
    };
    let server = printable(&run.plan.server);
    listener(AgentEvent::RunStarted { coordinator, bots: run.bots(), server });
    let reason = run.play(channel, start).await.err();
    listener(AgentEvent::RunEnded { coordinator, after: start.elapsed(), reason });
}

/// Receives the assignment, answers clock requests, and returns the run with its start time.
///
/// # Errors
/// A sentence, when the agent refuses the assignment or loses the coordinator.
async fn prepare(
    channel: &mut Channel,
    games: GameRegistry,
    clock: Instant,
) -> Result<(AgentRun, Instant), String> {
    let lost = |error: ChannelError| error.to_string();
    let CoordinatorMessage::Assign(assignment) =
        channel.receiver.receive_within(MESSAGE_TIMEOUT).await.map_err(lost)?
    else {
        return Err(ChannelError::out_of_turn().to_string());
    };
    // Blocking: host names are resolved, and a schedule of a million bots takes time.
    let created = spawn_blocking(move || AgentRun::new(*assignment, games)).await;
    let mut run =
        match created.unwrap_or_else(|_| Err("the agent panicked on the plan: that is a bug".to_owned())) {
            Ok(run) => run,
            Err(reason) => return Err(refuse(channel, reason).await),
        };
    if let Err(error) = ServerTarget::find_answering(&mut run.targets).await {
        return Err(refuse(channel, error.to_string()).await);
    }
    if let Err(reason) = run.check_sockets() {
        return Err(refuse(channel, reason).await);
    }
    let cores = std::thread::available_parallelism().map_or(0, |cores| cores.get() as u64);
    let ready = AgentMessage::Ready(Machine { host: host_description(), cores });
    channel.sender.send(&ready, MAX_AGENT_FRAME_BYTES).await.map_err(lost)?;
    loop {
        match channel.receiver.receive_within(MESSAGE_TIMEOUT).await.map_err(lost)? {
            CoordinatorMessage::ClockRequest => {
                let at_us = clock.elapsed().as_micros() as u64;
                channel
                    .sender
                    .send(&AgentMessage::Clock { at_us }, MAX_AGENT_FRAME_BYTES)
                    .await
                    .map_err(lost)?;
            }
            CoordinatorMessage::Start { at_us } => {
                let start = clock + Duration::from_micros(at_us).min(clock.elapsed() + MAX_START_DELAY);
                let late = start.elapsed();
                if late > MAX_START_LATENESS {
                    let reason = format!("the start message arrived {} ms after the start", late.as_millis());
                    return Err(refuse(channel, reason).await);
                }
                return Ok((run, start));
            }
            _ => return Err(ChannelError::out_of_turn().to_string()),
        }
    }
}

/// Sends a refusal, waits until the coordinator confirms it by closing the connection (at most [`END_TIMEOUT`]), and returns the reason.
async fn refuse(channel: &mut Channel, reason: String) -> String {
    let sent =
        channel.sender.send(&AgentMessage::Refused { reason: reason.clone() }, MAX_AGENT_FRAME_BYTES).await;
    if sent.is_ok() {
        let _ = timeout(END_TIMEOUT, channel.connection.closed()).await;
    }
    reason
}

/// A run that is checked and ready to start.
struct AgentRun {
    plan: Arc<Plan>,
    games: GameRegistry,
    targets: Vec<ServerTarget>,
    schedule: Vec<BotSchedule>,
    /// The index of this agent, below `processes`.
    process: u32,
    processes: u32,
}

impl AgentRun {
    /// Checks an assignment, resolves its servers and computes its schedule. Blocks.
    ///
    /// # Errors
    /// A sentence about the first mistake.
    fn new(assignment: RunAssignment, games: GameRegistry) -> Result<Self, String> {
        let RunAssignment { plan, roots, process, processes } = assignment;
        if process >= processes || processes.checked_mul(plan.threads).is_none() {
            return Err(format!("the agent cannot be number {process} of {processes}"));
        }
        plan.check(&games.catalog()).map_err(|error| error.to_string())?;
        let targets = ServerTarget::resolve_all(&plan, &roots).map_err(|error| error.to_string())?;
        let schedule = schedule(&plan);
        Ok(Self { plan: Arc::new(plan), games, targets, schedule, process, processes })
    }

    /// Checks that the system provides sockets for bots; it does not when the process has reached its limit of open files.
    fn check_sockets(&self) -> Result<(), String> {
        let mut targets = self.targets.iter();
        targets
            .try_for_each(|target| transport::open_endpoint(target.connect.server).map(drop))
            .map_err(|error| format!("the agent's system provides no socket for bots: {error}"))
    }

    /// Returns the number of bots that this agent runs.
    fn bots(&self) -> u64 {
        let (threads, workers) = (self.plan.threads, self.plan.threads * self.processes);
        let is_own = |bot: &&BotSchedule| bot.bot % workers / threads == self.process;
        self.schedule.iter().filter(is_own).count() as u64
    }

    /// Runs the bots until their end, a stop message or the loss of the coordinator, then stops them and sends the last counts.
    ///
    /// # Errors
    /// A sentence, when the run ended early. Bots that do not leave within [`END_TIMEOUT`] are an error too; only then may bots be left.
    async fn play(self, channel: &mut Channel, start: Instant) -> Result<(), String> {
        let stop = CancellationToken::new();
        let config = WorkerConfig {
            plan: self.plan,
            games: self.games,
            targets: self.targets.into(),
            start,
            stop: stop.clone(),
            process: self.process,
            processes: self.processes,
        };
        let mut threads = match WorkerThreads::start(&config, &self.schedule) {
            Ok(threads) => threads,
            Err(error) => return finish(channel, Err(error)).await,
        };
        let reported = report(channel, &mut threads, start, &stop).await;
        stop.cancel();
        let joined = timeout(END_TIMEOUT, spawn_blocking(move || threads.join())).await;
        let joined = joined.map_err(|_| "the agent's bots did not leave in time".to_owned())?;
        reported.map_err(|error| error.to_string())?;
        finish(channel, joined.map_err(|_| RunError::Panicked).flatten()).await
    }
}

/// Sends the counts once a second until all bots have ended. A stop message ends the bots.
async fn report(
    channel: &mut Channel,
    threads: &mut WorkerThreads,
    start: Instant,
    stop: &CancellationToken,
) -> Result<(), ChannelError> {
    let (mut counts, mut end_checks) =
        (interval_at(start + COLLECT_PERIOD, COLLECT_PERIOD), interval(END_CHECK_PERIOD));
    counts.set_missed_tick_behavior(MissedTickBehavior::Delay);
    end_checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            message = channel.receiver.receive() => match message? {
                CoordinatorMessage::Stop => stop.cancel(),
                _ => return Err(ChannelError::out_of_turn()),
            },
            _ = counts.tick() => send_batch(channel, threads.take()).await?,
            _ = end_checks.tick() => if threads.is_over() {
                return Ok(());
            },
        }
    }
}

/// Sends a batch in one or more frames.
async fn send_batch(channel: &mut Channel, batch: Batch) -> Result<(), ChannelError> {
    for frame in batch_frames(batch, MAX_AGENT_FRAME_BYTES)? {
        channel.sender.send_frame(&frame).await?;
    }
    Ok(())
}

/// Sends the last counts, or the reason of a failure, and waits until the coordinator closes the connection (at most [`END_TIMEOUT`]).
///
/// # Errors
/// The reason of the failure, or of the lost connection.
async fn finish(channel: &mut Channel, last: Result<Batch, RunError>) -> Result<(), String> {
    let lost = |error: ChannelError| error.to_string();
    let failure = match last {
        Ok(last) => {
            send_batch(channel, last).await.map_err(lost)?;
            None
        }
        Err(error) => Some(error.to_string()),
    };
    channel
        .sender
        .send(&AgentMessage::Done { failure: failure.clone() }, MAX_AGENT_FRAME_BYTES)
        .await
        .map_err(lost)?;
    let _ = timeout(END_TIMEOUT, channel.connection.closed()).await;
    failure.map_or(Ok(()), Err)
}
