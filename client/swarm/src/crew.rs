//! One thread's bots: they come when their orders say, share sockets where they may, and count into one recorder.

use std::{
    collections::BTreeMap,
    io,
    ops::DerefMut,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use quarrel_shared::{game::Predict, id::RoomId, protocol::JoinTarget};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    bot::Outcome,
    endpoint,
    game::{GameEntry, Games},
    hostile::{self, HostileKind},
    measure::{Batch, CountRecorder},
    plan::{Plan, Target},
    run::RunError,
    schedule::Order,
    vitals,
};
use quarrel_client::net::{
    connect::{ConnectError, Connector},
    transport,
};

/// Bots that share an endpoint: few enough that its task is not the bottleneck, and many, since each endpoint reads into 3 MB of its own.
const BOTS_PER_ENDPOINT: usize = 256;

/// How long the last close frames may take to leave.
const GOODBYE: Duration = Duration::from_millis(500);

/// A thread's bots, and what they have in common.
pub(super) struct Crew {
    pub(super) plan: Arc<Plan>,
    /// When the run starts.
    pub(super) start: Instant,
    /// How long it takes.
    pub(super) length: Duration,
    pub(super) stop: CancellationToken,
    /// Which thread it is, of all that there are.
    number: u32,
    of: u32,
    /// Whether it tells of what the whole process takes.
    is_first: bool,
    games: Games,
    targets: Arc<[Target]>,
    recorder: Mutex<CountRecorder>,
}

/// What all crews of a process have in common.
pub(super) struct Muster {
    pub(super) plan: Arc<Plan>,
    pub(super) games: Games,
    pub(super) targets: Arc<[Target]>,
    pub(super) start: Instant,
    pub(super) stop: CancellationToken,
    /// Which process this is, of all that play.
    pub(super) process: u32,
    pub(super) processes: u32,
}

impl Muster {
    /// The crews of this process, none of which has begun.
    pub(super) fn crews(&self) -> Vec<Arc<Crew>> {
        ask_for_sockets();
        let threads = self.plan.threads;
        let crew = |thread| Crew {
            plan: Arc::clone(&self.plan),
            start: self.start,
            length: self.plan.stages.length(),
            stop: self.stop.clone(),
            number: self.process * threads + thread,
            of: self.processes * threads,
            is_first: thread == 0,
            games: self.games.clone(),
            targets: Arc::clone(&self.targets),
            recorder: Mutex::default(),
        };
        (0..threads).map(crew).map(Arc::new).collect()
    }
}

impl Crew {
    /// How old the run is.
    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Where this thread counts. The lock is only ever waited for while somebody takes what was counted.
    pub(super) fn recorder(&self) -> impl DerefMut<Target = CountRecorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was counted since the last time.
    pub(super) fn take(&self) -> Batch {
        self.recorder().take()
    }

    /// The room that a group wants.
    pub(super) fn target(&self, group: u16) -> JoinTarget {
        let room = self.plan.bots.get(usize::from(group)).and_then(|group| group.room);
        room.map_or(JoinTarget::Quick, |id| JoinTarget::Room(RoomId(id)))
    }

    /// The brain that a group names.
    pub(super) fn brain(&self, group: u16) -> Option<&str> {
        self.plan.bots.get(usize::from(group))?.brain.as_deref()
    }

    /// A bot was to leave before the server answered.
    pub(super) fn missed(&self, order: &Order) {
        if let Some(target) = self.targets.get(usize::from(order.group)) {
            self.refused(order, &ConnectError::Unreachable(target.connect.server));
        }
    }

    /// A bot got no connection.
    pub(super) fn refused(&self, order: &Order, error: &ConnectError) {
        if matches!(error, ConnectError::Unreachable(_)) {
            // Whoever waits in vain waits for longer than all who got in: without them, a server that lets nobody in would look quick.
            let at = self.elapsed();
            self.recorder().row(at, order.group).join.record_time(at.saturating_sub(order.comes));
        }
        self.refuse(order, error.name(), error.to_string());
    }

    /// A bot is through.
    pub(super) fn debrief(&self, order: &Order, outcome: Outcome) {
        let Outcome { joined, close, trouble } = outcome;
        if !joined {
            return self.refuse(order, close, trouble.unwrap_or_else(|| "it left without a seat".to_owned()));
        }
        let at = self.elapsed();
        let mut recorder = self.recorder();
        let row = recorder.row(at, order.group);
        row.push_close(close);
        row.counts.disconnected += u64::from(trouble.is_some());
        if let Some(trouble) = trouble {
            recorder.push_incident(at, format!("{close}: {trouble}"));
        }
        recorder.bot_finished();
    }

    fn refuse(&self, order: &Order, close: &str, why: String) {
        let at = self.elapsed();
        let mut recorder = self.recorder();
        let row = recorder.row(at, order.group);
        row.counts.refused += 1;
        row.push_close(close);
        recorder.push_incident(at, format!("{close}: {why}"));
        recorder.bot_finished();
    }

    /// Runs all bots of this thread from the first one's coming to the last one's end.
    pub(super) fn run(self: Arc<Self>, orders: &[Order]) -> Result<(), RunError> {
        runtime()?.block_on(async {
            let through = CancellationToken::new();
            let watch = tokio::spawn(vitals::watch(Arc::clone(&self), self.is_first, through.clone()));
            let mut tasks = JoinSet::new();
            // Agents are told of the start before it comes.
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {}
                () = sleep_until(self.start) => self.send_hostiles(&mut tasks)?,
            }
            let mut endpoints = Endpoints::default();
            let ours = |order: &&Order| order.bot % self.of == self.number;
            for order in orders.iter().filter(ours) {
                tokio::select! {
                    biased;
                    () = self.stop.cancelled() => break,
                    () = sleep_until(self.start + order.comes) => {}
                }
                while tasks.try_join_next().is_some() {}
                let connector = endpoints.connector(&self, order)?;
                tasks.spawn(self.game(order.group)?.play(connector, order.clone(), Arc::clone(&self)));
            }
            while let Some(ended) = tasks.join_next().await {
                ended.map_err(|_| RunError::Panicked)?;
            }
            through.cancel();
            watch.await.map_err(|_| RunError::Panicked)?;
            endpoints.say_goodbye().await;
            Ok(())
        })
    }

    /// Hostile bots have sockets of their own, so that what they do to those is done to nobody else.
    fn send_hostiles(self: &Arc<Self>, tasks: &mut JoinSet<()>) -> Result<(), RunError> {
        let kinds = self.plan.hostile.iter().flat_map(|hostile| (0..hostile.bots).map(|_| hostile.kind));
        for (number, kind) in (0_u32..).zip(kinds).filter(|(number, _)| number % self.of == self.number) {
            let group = self.assailed(number);
            let target = self.targets.get(usize::from(group)).ok_or(RunError::Panicked)?;
            let connector = Connector::new(transport::endpoint(target.connect.server)?, &target.connect)?;
            tasks.spawn(self.game(group)?.assail(kind, connector, number, Arc::clone(self)));
        }
        Ok(())
    }

    /// The group whose server a hostile bot plays against: each server has as many of them as any other.
    fn assailed(&self, number: u32) -> u16 {
        let servers: Vec<_> = self.targets.iter().map(|target| target.connect.server).collect();
        deal(&servers, number)
    }

    fn game(&self, group: u16) -> Result<&GameEntry, RunError> {
        let name = self.plan.bots.get(usize::from(group)).and_then(|group| group.game.as_deref());
        self.games.find(name).ok_or(RunError::Panicked)
    }
}

/// One hostile bot, from the run's start to its end.
pub(super) async fn send_hostile<G: Predict>(
    kind: HostileKind,
    connector: Connector,
    number: u32,
    crew: Arc<Crew>,
) {
    let seed = crew.plan.brain_seed(!number);
    let did = hostile::assail::<G>(
        kind,
        &connector,
        crew.target(crew.assailed(number)),
        seed,
        crew.stop.cancelled(),
    )
    .await;
    let at = crew.elapsed();
    let mut recorder = crew.recorder();
    match did {
        Ok(record) => recorder.push_hostile(kind.name(), &record),
        Err(error) => recorder.push_incident(at, format!("a hostile bot ({kind}) got no socket: {error}")),
    }
}

/// Which of these is next, where each value has its turn once however often it is there.
fn deal<T: PartialEq>(all: &[T], number: u32) -> u16 {
    let is_first = |index: &usize| !all[..*index].contains(&all[*index]);
    let each: Vec<_> = (0..all.len()).filter(is_first).collect();
    let turn = (number as usize).checked_rem(each.len());
    turn.map_or(0, |turn| each[turn] as u16)
}

/// Bots on links have a socket each, and many systems let a process have a thousand files unless it asks for more. Where more is not to be
/// had, the first bot without a socket says so.
fn ask_for_sockets() {
    let _ = rlimit::increase_nofile_limit(u64::MAX);
}

/// A runtime for one thread of bots.
pub(super) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// The sockets of one thread.
#[derive(Default)]
struct Endpoints {
    /// Those that bots of a group share, and how many have been given to each.
    shared: BTreeMap<u16, (Connector, usize)>,
    all: Vec<quinn::Endpoint>,
    /// Whether some bots have sockets of their own.
    has_links: bool,
}

impl Endpoints {
    /// A bot on a link has a socket of its own, since the link is its own; the others share theirs.
    fn connector(&mut self, crew: &Crew, order: &Order) -> Result<Connector, RunError> {
        let target = crew.targets.get(usize::from(order.group)).ok_or(RunError::Panicked)?;
        let server = target.connect.server;
        if let Some(link) = crew.plan.link(order.group) {
            let endpoint = endpoint::impaired(server, &link, crew.plan.seed, u64::from(order.bot))?;
            self.has_links = true;
            return Ok(Connector::new(endpoint, &target.connect)?);
        }
        if let Some((connector, bots)) = self.shared.get_mut(&order.group)
            && *bots < BOTS_PER_ENDPOINT
        {
            *bots += 1;
            return Ok(connector.clone());
        }
        let endpoint = transport::endpoint(server)?;
        self.all.push(endpoint.clone());
        let connector = Connector::new(endpoint, &target.connect)?;
        self.shared.insert(order.group, (connector.clone(), 1));
        Ok(connector)
    }

    async fn say_goodbye(&self) {
        let idle = async {
            for endpoint in &self.all {
                endpoint.wait_idle().await;
            }
        };
        let began = Instant::now();
        // A server that is gone does not acknowledge that we go too.
        let _ = timeout(GOODBYE, idle).await;
        if self.has_links {
            // What was said last is still on its way along the link, in this very runtime.
            sleep_until(began + GOODBYE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_bots_are_dealt_over_servers_and_not_over_groups() {
        let groups = ["here", "here", "there", "here", "far"];
        assert_eq!([0, 1, 2, 3, 4].map(|number| deal(&groups, number)), [0, 2, 4, 0, 2]);
        assert_eq!(deal::<u8>(&[], 3), 0);
    }
}
