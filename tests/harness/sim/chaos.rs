//! Simulated runs of a full room with random disruptions: players on different links leave and rejoin, change networks and lose
//! their link for a while. Every choice follows from the seed.

use std::{ops::ControlFlow, time::Duration};

use quarrel_client::{
    ClientCommand, ClientEvent, ConnectionCounts, Connector, Controller, Drawn, Driver, Ending, InputSlot,
    Joined,
};
use quarrel_netsim::{LINKS, Link};
use quarrel_shared::{
    arena::{Arena, ArenaEntity, Input},
    game::{Brain, Game, GameRng},
    protocol::{CloseReason, JoinTarget},
};
use quinn::Endpoint;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};

use super::{
    SimWorld,
    invariants::{CheckCounts, InvariantChecker},
    world::LONG_PLAY,
};

/// The parameters of one run.
#[derive(Clone, Copy, Debug)]
pub struct ChaosConfig {
    /// The seed of all choices.
    pub seed: u64,
    /// The number of players, at most 15 because the invariant checker has a seat too.
    pub players: u32,
    /// The simulated duration.
    pub duration: Duration,
    /// Whether to disrupt players beyond what their links do.
    pub disrupt: bool,
}

/// The totals of one or more runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChaosReport {
    /// The sum of the times that players had a seat.
    pub played: Duration,
    /// Seats taken by players.
    pub seats: u64,
    /// Lost connections that were followed by a resume of the same seat.
    pub resumes: u64,
    /// Changes of a player's network.
    pub rebinds: u64,
    /// Black-outs of a player's link.
    pub blackouts: u64,
    /// Failed attempts to connect or join; players try again.
    pub refused: u64,
    /// Finished matches.
    pub matches: u64,
    /// The checks of the invariant checker.
    pub checks: CheckCounts,
    /// The counts of the snapshots and events that the players received.
    pub counts: ConnectionCounts,
    /// The hash of the packet trace.
    pub trace: u64,
}

/// A disruption of one player.
#[derive(Clone, Copy, Debug)]
enum Disruption {
    /// A black-out of this many milliseconds.
    Blackout(u32),
    /// A change to another network, over this link.
    Rebind(Link),
}

/// Runs the simulation. `repeat` is the command that repeats the run, for the message of a violated invariant.
///
/// # Panics
/// When an invariant is violated.
#[must_use]
pub fn run(chaos: ChaosConfig, repeat: &str) -> ChaosReport {
    let mut rng = GameRng::new(chaos.seed, RUN_STREAM);
    // Tick rates and send rates differ between servers.
    let (tick_rate, send_rate) =
        *rng.pick(&[("30", "30"), ("30", "30"), ("20", "20"), ("60", "30")]).expect("some");
    let held = *rng.pick(&["idle", "bot"]).expect("some");
    let settings = [
        ("room.bots", "2"),
        ("room.tick_rate", tick_rate),
        ("room.send_rate", send_rate),
        ("session.held", held),
        ("game.settings.score_to_win", "10"),
        LONG_PLAY,
    ];
    SimWorld::<Arena>::run(chaos.seed, &settings, async |world| {
        let checker = InvariantChecker::join(world.server().lobby(), repeat.to_owned()).await;
        let until = Instant::now() + chaos.duration;
        let mut tasks = Vec::new();
        let mut endpoints = Vec::new();
        for player in 0..chaos.players {
            let link = *rng.pick(LINKS).expect("a table of links");
            let connector = world.connector(&link);
            endpoints.push(connector.endpoint().clone());
            let player = ChaosPlayer { player, seed: chaos.seed, until, disrupt: chaos.disrupt };
            tasks.push(tokio::spawn(player.run_sessions(connector, checker.clone())));
        }
        let mut report = disrupt(world, &endpoints, &mut rng, until, chaos.disrupt).await;
        for task in tasks {
            report.add(&task.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())));
        }
        report.matches = world.records().len() as u64;
        report.checks = checker.checks();
        report.trace = world.trace().hash();
        report.check(repeat);
        report
    })
}

/// The streams of the random number generators, one for the run and one for each player.
const RUN_STREAM: u64 = 0xE7E;
const PLAYER_STREAM: u64 = 0x6E57;

/// Disrupts random players until the end of the run.
async fn disrupt(
    world: &SimWorld<Arena>,
    endpoints: &[Endpoint],
    rng: &mut GameRng,
    until: Instant,
    is_enabled: bool,
) -> ChaosReport {
    let mut report = ChaosReport::default();
    loop {
        let next = Instant::now() + Duration::from_millis(rng.between(1_000, 9_000) as u64);
        sleep_until(next.min(until)).await;
        if next >= until {
            return report;
        }
        let Some(endpoint) = rng.pick(endpoints).filter(|_| is_enabled) else { continue };
        let disruption = if rng.chance(1, 2) {
            Disruption::Blackout(*rng.pick(&[400, 1_500, 4_000, 10_000, 13_000]).expect("some"))
        } else {
            Disruption::Rebind(*rng.pick(LINKS).expect("a table of links"))
        };
        match disruption {
            Disruption::Blackout(ms) => {
                let now = world.now();
                let path = world.path(endpoint);
                world.network().add_blackout(path, now..now + Duration::from_millis(ms.into()));
                report.blackouts += 1;
            }
            Disruption::Rebind(link) => {
                world.rebind(endpoint, &link);
                report.rebinds += 1;
            }
        }
    }
}

/// A player of the run.
#[derive(Clone, Copy)]
struct ChaosPlayer {
    player: u32,
    seed: u64,
    until: Instant,
    disrupt: bool,
}

impl ChaosPlayer {
    /// Joins, plays for a while, leaves and pauses, again and again until the end of the run.
    async fn run_sessions(self, connector: Connector, checker: InvariantChecker) -> ChaosReport {
        let mut report = ChaosReport::default();
        let mut rng = GameRng::new(self.seed, PLAYER_STREAM + u64::from(self.player));
        while Instant::now() < self.until {
            let session_ms = if self.disrupt { rng.between(15_000, 240_000) as u64 } else { u64::MAX / 2 };
            let leave_at = self.until.min(Instant::now() + Duration::from_millis(session_ms.min(86_400_000)));
            let controller = SkillController::new(rng.next_u64());
            match self.run_session(&connector, &checker, controller, leave_at).await {
                Some(session) => report.add(&session),
                None => report.refused += 1,
            }
            sleep(Duration::from_millis(rng.between(50, 3_000) as u64)).await;
        }
        report
    }

    /// Runs one session, from the first packet to the last; `None` when the connection failed.
    async fn run_session(
        self,
        connector: &Connector,
        checker: &InvariantChecker,
        controller: SkillController,
        leave_at: Instant,
    ) -> Option<ChaosReport> {
        let controller = checker.wrap(self.player, controller);
        let (commands, commands_out) = mpsc::channel(2);
        // The channel has room for both commands, this one and the close, so neither send can fail.
        let _ = commands.try_send(ClientCommand::Join(JoinTarget::Quick));
        let name = format!("guest-{}", self.player);
        let driver = Driver::connect(connector, &name, controller, commands_out).await.ok()?;
        let mut running = Box::pin(driver.run());
        let (summary, has_left) = tokio::select! {
            biased;
            summary = &mut running => (summary, false),
            () = sleep_until(leave_at) => {
                let _ = commands.try_send(ClientCommand::Close);
                (running.await, true)
            }
        };
        // A player who leaves during a black-out loses the connection on purpose.
        if !has_left && is_a_fault(&summary.ending) {
            checker.connection_lost(self.player, &summary.ending);
        }
        let played = summary.controller.controller.seated.map_or(Duration::ZERO, |since| since.elapsed());
        let (seats, refused) = if played.is_zero() { (0, 1) } else { (1, 0) };
        let (counts, resumes) = (summary.counts, summary.counts.resumes);
        Some(ChaosReport { played, seats, refused, resumes, counts, ..ChaosReport::default() })
    }
}

/// Whether an honest player's connection must not end like this; a full or busy room may refuse it.
const fn is_a_fault(ending: &Ending) -> bool {
    use CloseReason::{RoomBusy, RoomFull, RoomsFull};
    !matches!(ending, Ending::Left | Ending::Closed { reason: RoomFull | RoomBusy | RoomsFull, .. })
}

impl ChaosReport {
    /// Checks the invariants of the totals.
    fn check(&self, repeat: &str) {
        let ConnectionCounts { snapshots, events_lost, events_doubled, .. } = self.counts;
        let invariants = [
            ("no event may be lost", events_lost == 0),
            ("no event may arrive twice", events_doubled == 0),
            ("every snapshot must be decodable", snapshots.undecodable == 0),
            ("99 % of the views must be checked", self.checks.unchecked * 100 <= self.checks.views),
        ];
        for (invariant, holds) in invariants {
            assert!(holds, "\"{invariant}\" is violated: {self:?}\nrepeat with: {repeat}");
        }
    }

    /// Adds the totals of another run, except the trace.
    pub fn add(&mut self, other: &Self) {
        self.played += other.played;
        self.seats += other.seats;
        self.resumes += other.resumes;
        self.rebinds += other.rebinds;
        self.blackouts += other.blackouts;
        self.refused += other.refused;
        self.matches += other.matches;
        self.checks += other.checks;
        self.counts += other.counts;
    }
}

/// A bot with one of the game's skills, which decides by the drawn entities.
struct SkillController {
    brain: Box<dyn Brain<Arena>>,
    joined: Option<Joined>,
    seated: Option<Instant>,
}

impl SkillController {
    fn new(seed: u64) -> Self {
        let skill = Arena::SKILLS[seed as usize % Arena::SKILLS.len()];
        let brain = Arena::brain(skill, seed).expect("a game must have a brain for each skill it lists");
        Self { brain, joined: None, seated: None }
    }
}

impl Controller<Arena> for SkillController {
    fn input(&mut self, _slot: InputSlot, drawn: Option<&Drawn<ArenaEntity>>) -> Input {
        match (self.joined, drawn) {
            (Some(joined), Some(drawn)) => self.brain.decide(drawn.observation(joined.rate, joined.seat)),
            _ => Input::default(),
        }
    }

    fn on_event(&mut self, event: ClientEvent<Arena>, _now: Duration) -> ControlFlow<CloseReason> {
        match event {
            ClientEvent::Joined(joined) => {
                self.joined = Some(joined);
                self.seated = Some(Instant::now());
            }
            ClientEvent::JoinRefused { reason, .. } | ClientEvent::RoomClosed { reason, .. } => {
                return ControlFlow::Break(reason);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
