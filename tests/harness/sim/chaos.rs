//! A room full of players, each on a link of their own, to whom things happen: they leave and come again, change networks, drive
//! through tunnels. Which, to whom and when follows from the seed.

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
    invariants::{Checks, Referee},
    world::LONG_PLAY,
};

/// Who plays, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Evening {
    /// Everything follows from it.
    pub seed: u64,
    /// How many players, at most 15: the referee has a seat too.
    pub players: u32,
    /// For how long, in simulated time.
    pub lasts: Duration,
    /// Whether anything happens to them but their links.
    pub eventful: bool,
}

/// What happened in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// How long players had a seat, together.
    pub played: Duration,
    /// Seats that players took.
    pub seats: u64,
    /// Connections that broke and were followed by another one on the same seat.
    pub resumes: u64,
    /// Changes of networks.
    pub moves: u64,
    /// Tunnels.
    pub tunnels: u64,
    /// Attempts to connect or to get a seat that failed: players try again.
    pub refused: u64,
    /// Matches that ended.
    pub matches: u64,
    /// What the referee checked.
    pub checks: Checks,
    /// What became of all that the server sent.
    pub counts: ConnectionCounts,
    /// A hash of when which packets went.
    pub trace: u64,
}

/// One thing that happens to a player.
#[derive(Clone, Copy, Debug)]
enum Adventure {
    /// A tunnel of so many milliseconds.
    Tunnel(u32),
    /// Another network, over this link.
    Move(Link),
}

/// Plays an evening. `repeat` is the command that plays it again, for the message of a broken rule.
///
/// # Panics
/// When a rule is broken.
#[must_use]
pub fn play(evening: Evening, repeat: &str) -> Told {
    let mut rng = GameRng::new(evening.seed, EVENINGS);
    // Rooms differ in pace as servers do.
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
    SimWorld::<Arena>::run(evening.seed, &settings, async |world| {
        let referee = Referee::sit(world.server().lobby(), repeat.to_owned()).await;
        let until = Instant::now() + evening.lasts;
        let mut tasks = Vec::new();
        let mut endpoints = Vec::new();
        for player in 0..evening.players {
            let link = *rng.pick(LINKS).expect("a table of links");
            let connector = world.connector(&link);
            endpoints.push(connector.endpoint().clone());
            let guest = Guest { player, seed: evening.seed, until, eventful: evening.eventful };
            tasks.push(tokio::spawn(guest.come_and_go(connector, referee.clone())));
        }
        let mut told = direct(world, &endpoints, &mut rng, until, evening.eventful).await;
        for task in tasks {
            told.add(&task.await.unwrap_or_else(|broken| std::panic::resume_unwind(broken.into_panic())));
        }
        told.matches = world.records().len() as u64;
        told.checks = referee.checks();
        told.trace = world.trace().hash();
        told.check(repeat);
        told
    })
}

/// Streams of randomness.
const EVENINGS: u64 = 0xE7E;
const GUESTS: u64 = 0x6E57;

/// Lets things happen to the players' links until the evening is over.
async fn direct(
    world: &SimWorld<Arena>,
    endpoints: &[Endpoint],
    rng: &mut GameRng,
    until: Instant,
    eventful: bool,
) -> Told {
    let mut told = Told::default();
    loop {
        let next = Instant::now() + Duration::from_millis(rng.between(1_000, 9_000) as u64);
        sleep_until(next.min(until)).await;
        if next >= until {
            return told;
        }
        let Some(endpoint) = rng.pick(endpoints).filter(|_| eventful) else { continue };
        let adventure = if rng.chance(1, 2) {
            Adventure::Tunnel(*rng.pick(&[400, 1_500, 4_000, 10_000, 13_000]).expect("some"))
        } else {
            Adventure::Move(*rng.pick(LINKS).expect("a table of links"))
        };
        match adventure {
            Adventure::Tunnel(ms) => {
                let now = world.now();
                let path = world.path(endpoint);
                world.network().black_out(path, now..now + Duration::from_millis(ms.into()));
                told.tunnels += 1;
            }
            Adventure::Move(link) => {
                world.rebind(endpoint, &link);
                told.moves += 1;
            }
        }
    }
}

/// A player of the evening.
#[derive(Clone, Copy)]
struct Guest {
    player: u32,
    seed: u64,
    until: Instant,
    eventful: bool,
}

impl Guest {
    /// Takes a seat, plays a while, leaves, comes again.
    async fn come_and_go(self, connector: Connector, referee: Referee) -> Told {
        let mut told = Told::default();
        let mut rng = GameRng::new(self.seed, GUESTS + u64::from(self.player));
        while Instant::now() < self.until {
            let stay = if self.eventful { rng.between(15_000, 240_000) as u64 } else { u64::MAX / 2 };
            let leave_at = self.until.min(Instant::now() + Duration::from_millis(stay.min(86_400_000)));
            let controller = Gambler::new(rng.next_u64());
            match self.sit(&connector, &referee, controller, leave_at).await {
                Some(stayed) => told.add(&stayed),
                None => told.refused += 1,
            }
            sleep(Duration::from_millis(rng.between(50, 3_000) as u64)).await;
        }
        told
    }

    /// One stay, from the first packet to the last; `None` when there was no connection.
    async fn sit(
        self,
        connector: &Connector,
        referee: &Referee,
        controller: Gambler,
        leave_at: Instant,
    ) -> Option<Told> {
        let controller = referee.watch(self.player, controller);
        let (commands, commands_out) = mpsc::channel(2);
        // There is room for two, so neither this nor the close can fail.
        let _ = commands.try_send(ClientCommand::Join(JoinTarget::Quick));
        let name = format!("guest-{}", self.player);
        let driver = Driver::connect(connector, &name, controller, commands_out).await.ok()?;
        let mut flight = Box::pin(driver.run());
        let (driven, is_asked) = tokio::select! {
            biased;
            driven = &mut flight => (driven, false),
            () = sleep_until(leave_at) => {
                let _ = commands.try_send(ClientCommand::Close);
                (flight.await, true)
            }
        };
        // Whoever leaves from within a tunnel is lost too, and wanted it.
        if !is_asked && is_a_fault(&driven.ending) {
            referee.lost(self.player, &driven.ending);
        }
        let played = driven.controller.controller.seated.map_or(Duration::ZERO, |since| since.elapsed());
        let (seats, refused) = if played.is_zero() { (0, 1) } else { (1, 0) };
        let (counts, resumes) = (driven.counts, driven.counts.resumes);
        Some(Told { played, seats, refused, resumes, counts, ..Told::default() })
    }
}

/// Whether no honest player should ever come to this. That a room is full or busy they may hear.
const fn is_a_fault(ending: &Ending) -> bool {
    use CloseReason::{RoomBusy, RoomFull, RoomsFull};
    !matches!(ending, Ending::Left | Ending::Closed { reason: RoomFull | RoomBusy | RoomsFull, .. })
}

impl Told {
    /// What only shows when it is over.
    fn check(&self, repeat: &str) {
        let ConnectionCounts { snapshots, events_lost, events_doubled, .. } = self.counts;
        let rules = [
            ("no event is lost", events_lost == 0),
            ("no event is told twice", events_doubled == 0),
            ("every snapshot can be read", snapshots.undecodable == 0),
            ("nearly every view is checked", self.checks.unchecked * 100 <= self.checks.views),
        ];
        for (rule, holds) in rules {
            assert!(holds, "\"{rule}\" is broken: {self:?}\nrepeat it with: {repeat}");
        }
    }

    /// The two together.
    pub fn add(&mut self, other: &Self) {
        self.played += other.played;
        self.seats += other.seats;
        self.resumes += other.resumes;
        self.moves += other.moves;
        self.tunnels += other.tunnels;
        self.refused += other.refused;
        self.matches += other.matches;
        self.checks += other.checks;
        self.counts += other.counts;
    }
}

/// A bot that plays any of the game's skills, by what its screen shows.
struct Gambler {
    brain: Box<dyn Brain<Arena>>,
    joined: Option<Joined>,
    seated: Option<Instant>,
}

impl Gambler {
    fn new(seed: u64) -> Self {
        let skill = Arena::SKILLS[seed as usize % Arena::SKILLS.len()];
        let brain = Arena::brain(skill, seed).expect("a skill of the game's");
        Self { brain, joined: None, seated: None }
    }
}

impl Controller<Arena> for Gambler {
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
