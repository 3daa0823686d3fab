//! One run on behalf of a coordinator: from what is to be played to the last of what was counted.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    task::spawn_blocking,
    time::{Instant, MissedTickBehavior, interval, interval_at, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    channel::{Channel, ChannelError},
    message::{Answer, Brief, Machine, Request, frames},
    news::{Listener, News},
    wire::COUNTS_BYTES,
};
use crate::{
    assemble,
    crew::Muster,
    game::Games,
    measure::Batch,
    plan::{Plan, Target},
    run::{LOOK, RunError, Source, Threads},
    schedule::{Order, schedule},
};
use quarrel_client::net::transport;

/// How long a coordinator may take to say what is to be played, and then to have all agents ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// A start that is this far ahead is a mistake.
const FAR: Duration = Duration::from_secs(60);

/// A start that has passed by this much would make a run of two beginnings.
const MISSED: Duration = Duration::from_millis(50);

/// How often it is looked whether all bots are through.
const GLANCE: Duration = Duration::from_millis(50);

/// How long bots may take to leave, a coordinator to take the last counts, and then to say that it has them.
const ENDING: Duration = Duration::from_secs(10);

/// Runs once.
pub(super) async fn run(channel: &mut Channel, games: Games, coordinator: SocketAddr, hear: &Listener) {
    let clock = Instant::now();
    let (errand, start) = match prepare(channel, games, clock).await {
        Ok(ready) => ready,
        Err(why) => return hear(News::Refused { coordinator, why }),
    };
    let server = errand.plan.server.clone();
    hear(News::Begins { coordinator, bots: errand.bots(), server });
    let why = errand.play(channel, start).await.err();
    hear(News::Ends { coordinator, after: start.elapsed(), why });
}

/// From the connection to the moment at which all start.
async fn prepare(channel: &mut Channel, games: Games, clock: Instant) -> Result<(Errand, Instant), String> {
    let lost = |error: ChannelError| error.to_string();
    let Request::Brief(brief) = channel.receiver.receive_within(PATIENCE).await.map_err(lost)? else {
        return Err(ChannelError::out_of_turn().to_string());
    };
    // Names are looked up, and a schedule of a million bots takes its time.
    let made = spawn_blocking(move || Errand::of(*brief, games)).await;
    let errand = match made.unwrap_or_else(|_| Err("its plan cannot be made: that is a bug".to_owned())) {
        Ok(errand) => errand,
        Err(why) => return Err(refuse(channel, why).await),
    };
    if let Err(why) = errand.try_sockets() {
        return Err(refuse(channel, why).await);
    }
    let cores = std::thread::available_parallelism().map_or(0, |cores| cores.get() as u64);
    let ready = Answer::Ready(Machine { host: assemble::host_description(), cores });
    channel.sender.send(&ready, COUNTS_BYTES).await.map_err(lost)?;
    loop {
        match channel.receiver.receive_within(PATIENCE).await.map_err(lost)? {
            Request::Ask => {
                let at_us = clock.elapsed().as_micros() as u64;
                channel.sender.send(&Answer::Clock { at_us }, COUNTS_BYTES).await.map_err(lost)?;
            }
            Request::Start { at_us } => {
                let start = clock + Duration::from_micros(at_us).min(clock.elapsed() + FAR);
                let missed = start.elapsed();
                if missed > MISSED {
                    let why = format!("it heard of the start {} ms after it", missed.as_millis());
                    return Err(refuse(channel, why).await);
                }
                return Ok((errand, start));
            }
            _ => return Err(ChannelError::out_of_turn().to_string()),
        }
    }
}

/// Says no, and waits until that was heard.
async fn refuse(channel: &mut Channel, why: String) -> String {
    let said = channel.sender.send(&Answer::Refused { why: why.clone() }, COUNTS_BYTES).await;
    if said.is_ok() {
        let _ = timeout(ENDING, channel.connection.closed()).await;
    }
    why
}

/// A run that could start.
struct Errand {
    plan: Arc<Plan>,
    games: Games,
    targets: Arc<[Target]>,
    orders: Vec<Order>,
    process: u32,
    processes: u32,
}

impl Errand {
    fn of(brief: Brief, games: Games) -> Result<Self, String> {
        let Brief { plan, trusted, process, processes } = brief;
        if process >= processes || processes.checked_mul(plan.threads).is_none() {
            return Err(format!("it cannot be number {process} of {processes}"));
        }
        plan.check(&games).map_err(|error| error.to_string())?;
        let targets = Target::of(&plan, &trusted).map_err(|error| error.to_string())?.into();
        let orders = schedule(&plan);
        Ok(Self { plan: Arc::new(plan), games, targets, orders, process, processes })
    }

    /// Sockets cannot be had where files are all in use.
    fn try_sockets(&self) -> Result<(), String> {
        let mut targets = self.targets.iter();
        targets
            .try_for_each(|target| transport::endpoint(target.connect.server).map(drop))
            .map_err(|error| format!("it has no socket for bots: {error}"))
    }

    /// How many of the bots come from here.
    fn bots(&self) -> u64 {
        let (threads, of) = (self.plan.threads, self.plan.threads * self.processes);
        let ours = |order: &&Order| order.bot % of / threads == self.process;
        self.orders.iter().filter(ours).count() as u64
    }

    /// Plays until it is over, or nobody wants to know any more; then no bot is left.
    async fn play(self, channel: &mut Channel, start: Instant) -> Result<(), String> {
        let stop = CancellationToken::new();
        let muster = Muster {
            plan: self.plan,
            games: self.games,
            targets: self.targets,
            start,
            stop: stop.clone(),
            process: self.process,
            processes: self.processes,
        };
        let mut threads = match Threads::start(&muster, &self.orders) {
            Ok(threads) => threads,
            Err(error) => return done(channel, Err(error)).await,
        };
        let played = report(channel, &mut threads, start, &stop).await;
        stop.cancel();
        let joined = timeout(ENDING, spawn_blocking(move || threads.join())).await;
        let joined = joined.map_err(|_| "bots would not leave".to_owned())?;
        played.map_err(|error| error.to_string())?;
        done(channel, joined.map_err(|_| RunError::Panicked).flatten()).await
    }
}

/// Says once a second what was counted, until all bots are through.
async fn report(
    channel: &mut Channel,
    threads: &mut Threads,
    start: Instant,
    stop: &CancellationToken,
) -> Result<(), ChannelError> {
    let (mut looks, mut glances) = (interval_at(start + LOOK, LOOK), interval(GLANCE));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    glances.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            request = channel.receiver.receive() => match request? {
                Request::Stop => stop.cancel(),
                _ => return Err(ChannelError::out_of_turn()),
            },
            _ = looks.tick() => send(channel, threads.take()).await?,
            _ = glances.tick() => if threads.is_over() {
                return Ok(());
            },
        }
    }
}

async fn send(channel: &mut Channel, batch: Batch) -> Result<(), ChannelError> {
    for frame in frames(batch, COUNTS_BYTES)? {
        channel.sender.send_frame(&frame).await?;
    }
    Ok(())
}

/// Hands over the last counts, or says why there are none, and waits until the coordinator has heard.
async fn done(channel: &mut Channel, last: Result<Batch, RunError>) -> Result<(), String> {
    let lost = |error: ChannelError| error.to_string();
    let failure = match last {
        Ok(last) => {
            send(channel, last).await.map_err(lost)?;
            None
        }
        Err(error) => Some(error.to_string()),
    };
    channel.sender.send(&Answer::Done { failure: failure.clone() }, COUNTS_BYTES).await.map_err(lost)?;
    let _ = timeout(ENDING, channel.connection.closed()).await;
    failure.map_or(Ok(()), Err)
}
