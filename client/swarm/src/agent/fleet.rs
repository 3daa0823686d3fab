//! All agents of a run as one source of counts.
//!
//! A task hears each of them and adds what it says to a pile of its own, which whoever asks takes away once a second. An agent that is
//! lost takes its bots with it: that is none of the server's doing, so it is remembered apart from all counts.

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
    call::Call,
    channel::{Channel, ChannelError},
    message::{Answer, Request, sentence},
    quic::Close,
    wire::{FrameError, ORDER_BYTES},
};
use crate::{
    measure::{Batch, Row},
    plan::Plan,
    run::Source,
};

/// How long an agent may take from the end of the run to the last of what it counted.
const LAST: Duration = Duration::from_secs(15);

/// How long after the end of a plan anything may still be counted.
const OVERTIME_S: u64 = 600;

/// The agents of a run that goes on.
pub(super) struct Fleet {
    posts: Vec<Arc<Post>>,
    listeners: JoinSet<()>,
}

/// One agent, as far as its counts go.
#[derive(Debug)]
struct Post {
    agent: String,
    /// What it may speak of.
    seconds: u32,
    groups: u16,
    pile: Mutex<Pile>,
}

/// Frames of one agent that wait, at most: an honest one sends one or two a second, and whoever takes them away does so once a second.
/// Past that it is lost, for what it says.
const PILE_FRAMES: usize = 64;

/// What was not taken away yet.
#[derive(Debug, Default)]
struct Pile {
    batch: Batch,
    /// How many frames it is made of.
    frames: usize,
    is_over: bool,
    /// When and why it was lost, and whether that was told.
    lost: Option<(Duration, String)>,
    told: bool,
}

impl Fleet {
    /// Hears these, from the start of the run on.
    pub(super) fn start(calls: Vec<Call>, plan: &Plan, start: Instant, stop: &CancellationToken) -> Self {
        let mut fleet = Self { posts: Vec::new(), listeners: JoinSet::new() };
        for Call { agent, channel, .. } in calls {
            let post = Arc::new(Post::new(agent, plan));
            fleet.posts.push(Arc::clone(&post));
            fleet.listeners.spawn(listen(post, channel, start, stop.clone()));
        }
        fleet
    }

    /// Once they were told to stop: waits for the last of what they counted, and gives it with what became of those that were lost.
    pub(super) async fn finish(mut self) -> (Batch, Vec<String>) {
        // Each listener has its own bound; this one is for a bug in it.
        let _ = timeout(LAST * 2, async { while self.listeners.join_next().await.is_some() {} }).await;
        let last = self.take();
        let lost = self.posts.iter().filter_map(|post| post.loss().map(|(_, why)| why));
        (last, lost.collect())
    }
}

impl Source for Fleet {
    fn take(&mut self) -> Batch {
        let mut all = Batch::default();
        // News of lost agents first: a batch keeps so many.
        all.incidents.extend(self.posts.iter().filter_map(|post| post.news()));
        self.posts.iter().for_each(|post| all.merge(post.take()));
        all
    }

    fn is_over(&self) -> bool {
        self.posts.iter().all(|post| post.pile().is_over)
    }
}

impl Post {
    fn new(agent: String, plan: &Plan) -> Self {
        let seconds = plan.stages.length().as_secs() + OVERTIME_S;
        Self {
            agent,
            seconds: u32::try_from(seconds).unwrap_or(u32::MAX - 1),
            groups: plan.bots.len() as u16,
            pile: Mutex::default(),
        }
    }

    fn pile(&self) -> MutexGuard<'_, Pile> {
        self.pile.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a part of what it counted, whose rest is to come.
    fn push_rows(&self, rows: Vec<(u32, u16, Row)>) -> Result<(), ChannelError> {
        let knows = |(second, group, _): &(u32, u16, Row)| *second <= self.seconds && *group < self.groups;
        if !rows.iter().all(knows) {
            return Err(beyond_the_plan());
        }
        let mut pile = self.pile();
        pile.frames += 1;
        if pile.frames > PILE_FRAMES {
            return Err(FrameError::Senseless("it counts faster than anybody can listen".to_owned()).into());
        }
        pile.batch.rows.extend(rows);
        Ok(())
    }

    /// Adds what it counted.
    fn push(&self, mut batch: Batch) -> Result<(), ChannelError> {
        if batch.self_load.iter().any(|(second, _)| *second > self.seconds) {
            return Err(beyond_the_plan());
        }
        self.push_rows(mem::take(&mut batch.rows))?;
        let present = (batch.playing, batch.finished);
        let mut pile = self.pile();
        pile.batch.merge(batch);
        // These are not counts but what is there by now.
        (pile.batch.playing, pile.batch.finished) = present;
        Ok(())
    }

    fn take(&self) -> Batch {
        let mut pile = self.pile();
        pile.frames = 0;
        let now = Batch { playing: pile.batch.playing, finished: pile.batch.finished, ..Batch::default() };
        mem::replace(&mut pile.batch, now)
    }

    /// It will say nothing more.
    fn end(&self, at: Duration, ended: Result<(), String>) {
        let mut pile = self.pile();
        (pile.is_over, pile.batch.playing) = (true, 0);
        pile.lost = ended.err().map(|why| (at, why));
    }

    /// That it was lost: when, in milliseconds, and a sentence.
    fn loss(&self) -> Option<(u64, String)> {
        let pile = self.pile();
        let (at, why) = pile.lost.as_ref()?;
        let sentence = format!("agent {} was lost at {} s: {why}", self.agent, at.as_secs());
        Some((at.as_millis() as u64, sentence))
    }

    /// The same, once.
    fn news(&self) -> Option<(u64, String)> {
        let loss = self.loss()?;
        (!mem::replace(&mut self.pile().told, true)).then_some(loss)
    }
}

fn beyond_the_plan() -> ChannelError {
    FrameError::Senseless("it counted what is not in the plan".to_owned()).into()
}

/// Hears one agent to the end, its own or that of the run.
async fn listen(post: Arc<Post>, mut channel: Channel, start: Instant, stop: CancellationToken) {
    let ended = match hear(&post, &mut channel, &stop).await {
        Ok(()) => {
            Close::Done.close(&channel.connection, "thank you");
            Ok(())
        }
        Err(error) => {
            Close::Because.close(&channel.connection, "the coordinator gave it up");
            Err(error)
        }
    };
    post.end(start.elapsed(), ended);
}

async fn hear(post: &Post, channel: &mut Channel, stop: &CancellationToken) -> Result<(), String> {
    let lost = |error: ChannelError| error.to_string();
    let mut deadline = None;
    loop {
        tokio::select! {
            biased;
            answer = channel.receiver.receive() => match answer.map_err(lost)? {
                Answer::Rows(rows) => post.push_rows(rows).map_err(lost)?,
                Answer::Counts(batch) => post.push(batch).map_err(lost)?,
                Answer::Done { failure: None } => return Ok(()),
                Answer::Done { failure: Some(why) } | Answer::Refused { why } => return Err(sentence(&why)),
                _ => return Err(lost(ChannelError::out_of_turn())),
            },
            () = stop.cancelled(), if deadline.is_none() => {
                deadline = Some(Instant::now() + LAST);
                channel.sender.send(&Request::Stop, ORDER_BYTES).await.map_err(lost)?;
            }
            () = passed(deadline) => {
                return Err(format!("its last counts did not come within {} s", LAST.as_secs()));
            }
        }
    }
}

async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
