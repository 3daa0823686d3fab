//! All agents of a run as one source of counts.
//!
//! One task per agent receives the agent's counts and adds them to its pending batch, which the run controller takes once a second. The
//! bots of a lost agent are lost too. The server did not cause that, so they are not counted as disconnected: the loss is recorded as an
//! incident.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    channel::{Channel, ChannelError},
    connection::AgentConnection,
    message::{AgentMessage, CoordinatorMessage},
    peer_text::printable,
    quic::CloseCode,
    wire::{FrameError, MAX_COORDINATOR_FRAME_BYTES},
};
use crate::{
    measure::{Batch, GroupSecond},
    plan::Plan,
    run::BatchSource,
};

/// Time limit from the end of the run to an agent's last counts.
const LAST_COUNTS_TIMEOUT: Duration = Duration::from_secs(15);

/// The time after the end of a plan, in seconds, in which counts are still accepted.
const MAX_OVERTIME_S: u64 = 600;

/// The agents of a running test.
pub(super) struct AgentPool {
    agents: Vec<Arc<AgentCounts>>,
    receivers: JoinSet<()>,
}

/// The counts of one agent.
#[derive(Debug)]
struct AgentCounts {
    /// The agent's address as given on the command line.
    agent: String,
    /// The last second of the run for which counts are accepted.
    max_second: u32,
    /// The number of the plan's groups.
    groups: u16,
    pending: Mutex<Pending>,
}

/// The maximum number of an agent's pending frames. An agent normally sends one or two a second, and they are taken once a second. An agent
/// that exceeds the limit violates the protocol and is given up as lost.
const MAX_PENDING_FRAMES: usize = 64;

/// The counts of an agent that were not taken yet, and the state of the agent.
#[derive(Debug, Default)]
struct Pending {
    batch: Batch,
    /// The number of frames in the batch.
    frames: usize,
    /// Whether the agent has completed its run or was lost.
    is_over: bool,
    loss: Option<AgentLoss>,
}

impl AgentPool {
    /// Starts to receive the counts of these agents. Cancelling `stop` ends the run on all agents.
    pub(super) fn start(
        connections: Vec<AgentConnection>,
        plan: &Plan,
        start: Instant,
        stop: &CancellationToken,
    ) -> Self {
        let mut pool = Self { agents: Vec::new(), receivers: JoinSet::new() };
        for AgentConnection { agent, channel, .. } in connections {
            let counts = Arc::new(AgentCounts::new(agent, plan));
            pool.agents.push(Arc::clone(&counts));
            pool.receivers.spawn(receive_all(counts, channel, start, stop.clone()));
        }
        pool
    }

    /// Waits for the last counts of all agents after the stop token was cancelled, and returns them with a sentence about each lost agent.
    pub(super) async fn finish(mut self) -> (Batch, Vec<String>) {
        // Each receiver has its own time limit; this one guards against a bug there.
        let _ =
            timeout(LAST_COUNTS_TIMEOUT * 2, async { while self.receivers.join_next().await.is_some() {} })
                .await;
        let last = self.take();
        let lost = self.agents.iter().filter_map(|agent| agent.loss().map(|(_, reason)| reason));
        (last, lost.collect())
    }
}

impl BatchSource for AgentPool {
    fn take(&mut self) -> Batch {
        let mut all = Batch::default();
        // Losses of agents come first, because the number of a batch's incidents is limited.
        all.incidents.extend(self.agents.iter().filter_map(|agent| agent.take_loss()));
        self.agents.iter().for_each(|agent| all.merge(agent.take()));
        all
    }

    fn is_over(&self) -> bool {
        self.agents.iter().all(|agent| agent.pending().is_over)
    }
}

/// The loss of an agent before it completed its run.
#[derive(Debug)]
struct AgentLoss {
    /// Time since the run's start.
    at: Duration,
    reason: String,
    /// Whether the loss is already recorded as an incident.
    is_recorded: bool,
}

impl AgentCounts {
    fn new(agent: String, plan: &Plan) -> Self {
        let seconds = plan.stages.length().as_secs() + MAX_OVERTIME_S;
        Self {
            agent,
            max_second: u32::try_from(seconds).unwrap_or(u32::MAX - 1),
            groups: plan.bots.len() as u16,
            pending: Mutex::default(),
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds rows of a batch.
    ///
    /// # Errors
    /// When a row is outside the plan, or too many frames are pending.
    fn push_rows(&self, rows: Vec<GroupSecond>) -> Result<(), ChannelError> {
        let is_in_plan =
            |GroupSecond(second, group, _): &GroupSecond| *second <= self.max_second && *group < self.groups;
        if !rows.iter().all(is_in_plan) {
            return Err(outside_the_plan());
        }
        let mut pending = self.pending();
        pending.frames += 1;
        if pending.frames > MAX_PENDING_FRAMES {
            return Err(too_many_frames());
        }
        pending.batch.rows.extend(rows);
        Ok(())
    }

    /// Adds a batch and its numbers of playing and finished bots, which replace the previous ones.
    ///
    /// # Errors
    /// As [`Self::push_rows`].
    fn push(&self, mut batch: Batch) -> Result<(), ChannelError> {
        if batch.self_load.iter().any(|(second, _)| *second > self.max_second) {
            return Err(outside_the_plan());
        }
        self.push_rows(mem::take(&mut batch.rows))?;
        let present = (batch.playing, batch.finished);
        let mut pending = self.pending();
        pending.batch.merge(batch);
        // These two are current numbers, not counts since the last batch.
        (pending.batch.playing, pending.batch.finished) = present;
        Ok(())
    }

    /// Takes the pending counts; the numbers of playing and finished bots stay for the next batch.
    fn take(&self) -> Batch {
        let mut pending = self.pending();
        pending.frames = 0;
        let now =
            Batch { playing: pending.batch.playing, finished: pending.batch.finished, ..Batch::default() };
        mem::replace(&mut pending.batch, now)
    }

    /// Records the end of the agent's run; an error means that the agent is lost.
    fn end(&self, at: Duration, ended: Result<(), String>) {
        let mut pending = self.pending();
        (pending.is_over, pending.batch.playing) = (true, 0);
        pending.loss = ended.err().map(|reason| AgentLoss { at, reason, is_recorded: false });
    }

    /// Returns the loss of the agent, if it was lost: milliseconds since the run's start, and a sentence.
    fn loss(&self) -> Option<(u64, String)> {
        let pending = self.pending();
        let AgentLoss { at, reason, .. } = pending.loss.as_ref()?;
        let sentence = format!("agent {} was lost at {} s: {reason}", self.agent, at.as_secs());
        Some((at.as_millis() as u64, sentence))
    }

    /// Returns the loss at the first call after it, and `None` at later calls, so that it becomes one incident.
    fn take_loss(&self) -> Option<(u64, String)> {
        let loss = self.loss()?;
        let was_recorded = mem::replace(&mut self.pending().loss.as_mut()?.is_recorded, true);
        (!was_recorded).then_some(loss)
    }
}

fn too_many_frames() -> ChannelError {
    let reason = format!("more than {MAX_PENDING_FRAMES} frames of counts between two collections");
    FrameError::Invalid(reason).into()
}

fn outside_the_plan() -> ChannelError {
    FrameError::Invalid("counts of a second or group that is not in the plan".to_owned()).into()
}

/// Receives one agent's messages until the agent has completed its run or is lost, closes the connection, and records the end.
async fn receive_all(
    counts: Arc<AgentCounts>,
    mut channel: Channel,
    start: Instant,
    stop: CancellationToken,
) {
    let ended = match receive(&counts, &mut channel, &stop).await {
        Ok(()) => {
            CloseCode::Done.close(&channel.connection, "the run is complete");
            Ok(())
        }
        Err(error) => {
            CloseCode::Other.close(&channel.connection, "the coordinator gave the agent up");
            Err(error)
        }
    };
    counts.end(start.elapsed(), ended);
}

/// Receives one agent's messages until its last one. Cancelling `stop` sends the agent a stop message and sets a deadline.
///
/// # Errors
/// A sentence, when the agent is lost.
async fn receive(
    counts: &AgentCounts,
    channel: &mut Channel,
    stop: &CancellationToken,
) -> Result<(), String> {
    let lost = |error: ChannelError| error.to_string();
    let mut deadline = None;
    loop {
        tokio::select! {
            biased;
            message = channel.receiver.receive() => match message.map_err(lost)? {
                AgentMessage::Rows(rows) => counts.push_rows(rows).map_err(lost)?,
                AgentMessage::Counts(batch) => counts.push(batch).map_err(lost)?,
                AgentMessage::Done { failure: None } => return Ok(()),
                AgentMessage::Done { failure: Some(reason) } | AgentMessage::Refused { reason } => return Err(printable(&reason)),
                _ => return Err(lost(ChannelError::out_of_turn())),
            },
            () = stop.cancelled(), if deadline.is_none() => {
                deadline = Some(Instant::now() + LAST_COUNTS_TIMEOUT);
                channel.sender.send(&CoordinatorMessage::Stop, MAX_COORDINATOR_FRAME_BYTES).await.map_err(lost)?;
            }
            () = sleep_until_some(deadline) => {
                return Err(format!("the agent's last counts did not arrive within {} s", LAST_COUNTS_TIMEOUT.as_secs()));
            }
        }
    }
}

/// Sleeps until the deadline; without a deadline, never returns.
async fn sleep_until_some(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
