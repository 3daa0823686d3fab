//! A server that stands still for half a second lets most of it slip. When it goes on, so does play: nobody's inputs take longer than
//! before, nothing stands still on any screen, and nothing of the story is missing.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use quarrel_client::{ConnectConfig, Connector, Ending, Motion, net::transport};
use quarrel_harness::{
    TestServer,
    sim::{
        Link, SimWorld,
        event_log::{LoggingController, RunningPlayer, EventLog, EventLogHandle},
    },
    within,
};
use quarrel_shared::{arena::Arena, game::Game, tick::Tick};
use tokio::{
    runtime::{Builder, Runtime},
    time::{Instant, advance, sleep},
};

/// A busy room: there is something to be told all the time.
const BUSY: &[(&str, &str)] = &[("room.bots", "6")];

/// For how long the server stands still.
const STALL: Duration = Duration::from_millis(500);

/// How long somebody plays before, and is watched after it.
const BEFORE: Duration = Duration::from_secs(5);
const AFTER: Duration = Duration::from_secs(5);

/// When it is to be over, after the server went on, on a link without length: the snapshots must agree, the slip is waited through.
const OVER: Duration = Duration::from_secs(1);

/// How often the screen is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// When the input of each tick was asked for.
type Asked = Arc<Mutex<BTreeMap<Tick, Instant>>>;

/// One look at a screen.
struct Look {
    at: Instant,
    motion: Option<Motion>,
    corrections: u64,
}

/// Somebody who plays as a bot does and is watched.
struct Watched {
    player: RunningPlayer<Arena, LoggingController<Arena>>,
    log: EventLogHandle<Arena>,
    asked: Asked,
    looks: Vec<Look>,
}

/// What a stall was like.
#[derive(Debug)]
struct Felt {
    /// From an input to the view that it shows in, in milliseconds: before the stall, soon after it, and in the end.
    ack_ms: [f64; 3],
    frozen_share: f64,
    /// In the last seconds that were watched.
    corrections: u64,
    slipped: f64,
}

impl Watched {
    async fn sit(connector: &Connector, seed: u64) -> Self {
        let asked = Asked::default();
        let mut brain = Arena::brain(Arena::SKILLS[0], seed).expect("a skill of the game's");
        let write = Arc::clone(&asked);
        let controller = LoggingController::<Arena>::new(move |joined, slot, drawn| {
            write.lock().unwrap_or_else(PoisonError::into_inner).insert(slot.tick, Instant::now());
            drawn.map_or_else(Default::default, |drawn| {
                brain.decide(drawn.observation(joined.rate, joined.seat))
            })
        });
        let log = controller.log();
        let player = RunningPlayer::start(connector, "Ada", controller).await;
        Self { player, log, asked, looks: Vec::new() }
    }

    /// Looks at the screen for so long.
    async fn watch(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            let at = Instant::now();
            let look = self.player.screen.with(|screen| {
                let motion = screen.advance(at - self.player.epoch).map(|(_, motion)| motion);
                Look { at, motion, corrections: screen.prediction().corrections }
            });
            self.looks.extend(look);
            sleep(LOOK).await;
        }
    }

    /// How long it takes from an input to a view that it shows in, the middle of all that came between these moments.
    fn ack_ms(&self, from: Instant, to: Instant) -> f64 {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let took = |log: &EventLog<Arena>| -> Vec<f64> {
            let views = log.views.iter().filter(|viewed| viewed.at > from && viewed.at <= to);
            let took = views.filter_map(|viewed| {
                Some((viewed.at - *asked.get(&viewed.header.used?)?).as_secs_f64() * 1000.0)
            });
            took.collect()
        };
        let mut took = self.log.read(took);
        assert!(!took.is_empty(), "views come, and show inputs");
        took.sort_by(f64::total_cmp);
        took[took.len() / 2]
    }

    /// What it was like, with a server that went on then, behind a link with this round trip: news take one to come, and answers to
    /// what is done then another one.
    async fn end(self, on: Instant, round_trip: Duration, slipped: f64) -> Felt {
        let half = Duration::from_millis(500);
        let over = on + OVER + 2 * round_trip;
        let ack_ms = [
            self.ack_ms(on - STALL - half, on - STALL),
            self.ack_ms(over, over + half),
            self.ack_ms(on + AFTER - half, on + AFTER),
        ];
        let looks: Vec<_> = self.looks.iter().filter(|look| look.at > over).collect();
        let frozen = looks.iter().filter(|look| look.motion == Some(Motion::Frozen)).count();
        let settled = looks.iter().find(|look| look.at > over + half).map_or(0, |look| look.corrections);
        let corrections = looks.last().map_or(0, |look| look.corrections) - settled;
        let frozen_share = frozen as f64 / looks.len().max(1) as f64;
        let driven = self.player.shutdown().await;
        assert_eq!(driven.ending, Ending::Left, "the player is there till they go");
        let counts = driven.counts;
        assert_eq!((counts.events_lost, counts.events_doubled), (0, 0), "every event once");
        assert_eq!(counts.resumes, 0, "nobody needs another connection");
        Felt { ack_ms, frozen_share, corrections, slipped }
    }
}

impl Felt {
    /// Holds it to what is promised; `grace_ms` is for links with jitter, and for machines on which other things run.
    fn is_over(&self, what: &str, grace_ms: f64) {
        println!("{what}: {self:?}");
        let [before, after, later] = self.ack_ms;
        assert!(self.slipped > 0.0, "{what}: the room let time slip");
        assert!(after < before + 50.0 + grace_ms, "{what}: inputs took {before} ms, and then {after}");
        // What a link loses meanwhile may raise the margin by a tenth of a second.
        assert!(later < before + 150.0 + grace_ms, "{what}: inputs took {before} ms, in the end {later}");
        let frozen_most = 0.03 + grace_ms / 1000.0;
        assert!(self.frozen_share < frozen_most, "{what}: {} of the time stood still", self.frozen_share);
        assert!(self.corrections <= 5, "{what}: {} corrections in the end", self.corrections);
    }
}

/// Everything stands still at once, as on a machine that is suspended: the simulated clock leaps.
fn leap(link: &Link, seed: u64, settings: &[(&'static str, &str)]) -> Felt {
    SimWorld::<Arena>::run(seed, settings, async |world| {
        let mut watched = Watched::sit(&world.connector(link), seed).await;
        watched.watch(BEFORE).await;
        advance(STALL).await;
        let on = Instant::now();
        watched.watch(AFTER).await;
        let round_trip = Duration::from_secs_f64(link.delay_ms * 2.0 / 1000.0);
        watched.end(on, round_trip, world.metric("quarrel_slips_total")).await
    })
}

#[test]
fn when_a_machine_was_suspended_for_half_a_second_play_goes_on_at_once_on_any_link() {
    for name in ["lan", "fibre", "wifi", "busy_wifi", "lte", "satellite", "train", "hostile"] {
        for seed in 1..=3 {
            let link = Link { blackout: None, ..Link::named(name) };
            leap(&link, seed, BUSY).is_over(&format!("{name}, seed {seed}"), link.jitter_ms);
        }
    }
}

#[test]
fn so_it_does_in_a_fast_room_whose_snapshots_are_rare() {
    let rare = [BUSY, &[("room.tick_rate", "60"), ("room.send_rate", "15")]].concat();
    for name in ["lan", "wifi", "lte"] {
        let link = Link::named(name);
        leap(&link, 1, &rare).is_over(&format!("{name}, fifteen snapshots a second"), link.jitter_ms);
    }
}

/// The server's own runtime, of one thread, which a task that sleeps stops as a signal does.
fn one_thread() -> Runtime {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.expect("a runtime of one thread")
}

#[test]
fn when_a_server_stood_still_for_half_a_second_its_players_play_on_at_once() {
    let (servers, players) = (one_thread(), one_thread());
    let server = {
        let _entered = servers.enter();
        TestServer::<Arena>::start(BUSY)
    };
    let felt = players.block_on(within("half a second of stall", async {
        let config = ConnectConfig::new(server.address());
        let endpoint = transport::open_endpoint(server.address()).expect("a UDP port for a player");
        let connector = Connector::new(endpoint, &config).expect("loopback is trusted");
        let mut watched = Watched::sit(&connector, 1).await;
        watched.watch(BEFORE).await;
        let stall = servers.spawn(async {
            std::thread::sleep(STALL);
            Instant::now()
        });
        watched.watch(STALL).await;
        let on = stall.await.expect("a stall that ends");
        watched.watch(AFTER).await;
        watched.end(on, Duration::ZERO, server.metric("quarrel_slips_total")).await
    }));
    felt.is_over("a real server", 50.0);
    servers.block_on(server.shutdown());
}
