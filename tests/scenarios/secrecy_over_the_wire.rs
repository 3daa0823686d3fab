//! Secrecy, shown by difference: two evenings that differ only in what somebody unseen does are one and the same to a player, in
//! every packet's time and size, every view and every event.
//!
//! Contents cannot be compared on the wire, since TLS draws its keys anew each time; what is decoded from them can.

use std::{net::SocketAddr, time::Duration};

use quarrel_harness::sim::{
    Link, SimWorld,
    event_log::{LoggingController, RunningPlayer},
    room_observer::RoomObserver,
    trace::PacketRecord,
};
use quarrel_shared::{
    arena::{Arena, ArenaEntity, Event, Input},
    game::{Angle, Game},
    id::{EntityId, SeatId},
    protocol::datagram::SnapshotHeader,
    snapshot::{Interest, View},
    sub_tick::SubTick,
    tick::Tick,
};
use tokio::time::{Instant, sleep};

/// One match that does not end, and nobody in it but those of the test.
const EMPTY: &[(&str, &str)] =
    &[("room.bots", "0"), ("game.settings.time_limit_s", "3600"), ("game.settings.score_to_win", "1000")];

/// How long both sit before the one who may walk does.
const BEFORE: Duration = Duration::from_secs(2);
const PLAYED: Duration = Duration::from_secs(5);

/// What a view shows, entity for entity.
type Shown = Vec<(EntityId, ArenaEntity)>;

/// Everything that one player could learn of the other.
#[derive(Debug, Default, PartialEq)]
struct Learned {
    packets: Vec<PacketRecord>,
    views: Vec<(Duration, SnapshotHeader, Shown)>,
    events: Vec<(Duration, Tick, Event, Option<SubTick>)>,
}

/// What the other one does.
#[derive(Clone, Copy, PartialEq)]
enum Other {
    Stands,
    /// Round and round, some two units wide.
    Circles,
    /// All over the map, until it is seen.
    Hunts,
}

/// How it went.
struct Evening {
    learned: Learned,
    /// When the other was first in the watcher's view, by the server's own frames.
    seen: Option<Tick>,
    /// How far the other one went.
    walked: u32,
}

impl Other {
    /// What it does so many ticks after it sat down.
    fn hand(self, seed: u64) -> LoggingController<Arena> {
        let mut brain = Arena::brain("hunt", seed).expect("Arena has hunters");
        LoggingController::new(move |joined, slot, drawn| {
            let since = slot.tick.since(joined.tick);
            match (self, drawn) {
                _ if since < joined.rate.ticks(BEFORE.as_millis() as u32) => Input::default(),
                (Self::Circles, _) => {
                    let way = Angle((since % 60 * (65_536 / 60)) as u16).times(Input::FULL_SPEED);
                    Input::default().walking(way)
                }
                (Self::Hunts, Some(drawn)) => {
                    // Shots would be heard, and that is no secret.
                    Input { fire: false, ..brain.decide(drawn.observation(joined.rate, joined.seat)) }
                }
                _ => Input::default(),
            }
        })
    }
}

/// A watcher who stands still, and another one.
fn evening(seed: u64, other: Other, lasts: Duration) -> Evening {
    SimWorld::<Arena>::run(seed, EMPTY, async |world| {
        world.network().record_packets();
        let begin = Instant::now();
        let observer = RoomObserver::join(world.server().lobby()).await;
        let controller = LoggingController::<Arena>::new(|_, _, _| Input::default());
        let log = controller.log();
        let watcher = RunningPlayer::start(&world.connector(&Link::named("wifi")), "Ada", controller).await;
        log.attach_screen(watcher.screen.clone());
        let other = other.hand(seed);
        let others = other.log();
        let walker = RunningPlayer::start(&world.connector(&Link::named("fibre")), "Ben", other).await;
        sleep(BEFORE + lasts).await;
        let address = watcher.endpoint.local_addr().expect("an endpoint with a socket");
        let (seat, other) = (log.joined().seat, others.joined().seat);
        let learned = log.read(|log| Learned {
            packets: packets_of(world, address),
            views: log
                .views
                .iter()
                .map(|viewed| (viewed.at - begin, viewed.header, viewed.view.entities.clone()))
                .collect(),
            events: log
                .events
                .iter()
                .map(|told| (told.at - begin, told.tick, told.event, told.shown))
                .collect(),
        });
        let (seen, walked) = watch(&observer, seat, other);
        walker.shutdown().await;
        watcher.shutdown().await;
        Evening { learned, seen, walked }
    })
}

fn packets_of(world: &SimWorld<Arena>, address: SocketAddr) -> Vec<PacketRecord> {
    let all = world.trace().packet_records();
    all.into_iter().filter(|packet| packet.from == address || packet.to == address).collect()
}

/// When `seat` first had `other` in its view, and how far that one went.
fn watch(observer: &RoomObserver<Arena>, seat: SeatId, other: SeatId) -> (Option<Tick>, u32) {
    let (mut interest, mut view) = (Interest::new(), View::new(Tick(0)));
    let fighter = |entities: &[(EntityId, ArenaEntity)]| {
        entities.iter().find_map(|(_, entity)| match entity {
            ArenaEntity::Fighter(fighter) if fighter.seat == other => Some(fighter.body.at),
            _ => None,
        })
    };
    let (mut seen, mut walked, mut last) = (None, 0, None);
    for frame in observer.frames().iter() {
        interest.pick(frame, seat, &mut view);
        if fighter(&view.entities).is_some() {
            seen.get_or_insert_with(|| frame.tick());
        }
        let at = fighter(frame.entities());
        if let (Some(before), Some(at)) = (last, at) {
            walked += at.distance(before);
        }
        last = at;
    }
    (seen, walked)
}

/// The first thing in which two lists differ.
fn difference<T: PartialEq + std::fmt::Debug>(one: &[T], two: &[T]) -> Option<String> {
    let at = one.iter().zip(two).take_while(|(one, two)| one == two).count();
    (one.len() != two.len() || at < one.len())
        .then(|| format!("{at}: {:?} and {:?}", one.get(at), two.get(at)))
}

#[test]
fn whoever_is_not_seen_leaves_no_trace_in_what_a_player_receives() {
    let mut hidden = 0;
    for seed in 91..=96 {
        let [stands, walks] = [Other::Stands, Other::Circles].map(|other| evening(seed, other, PLAYED));
        assert!(stands.walked == 0 && walks.walked > 1000, "one walks: {}/256 units", walks.walked);
        if stands.seen.is_some() || walks.seen.is_some() {
            continue;
        }
        hidden += 1;
        let (one, two) = (&stands.learned, &walks.learned);
        assert!(one.views.len() > 150 && one.packets.len() > 300, "the watcher plays");
        assert_eq!(difference(&one.packets, &two.packets), None, "seed {seed}: packets differ");
        assert_eq!(difference(&one.views, &two.views), None, "seed {seed}: views differ");
        assert_eq!(difference(&one.events, &two.events), None, "seed {seed}: events differ");
    }
    assert!(hidden >= 3, "the other one is hidden in some evenings: {hidden}");
}

#[test]
fn whoever_steps_into_sight_shows_from_then_on_and_not_before() {
    let lasts = Duration::from_secs(20);
    let mut shown = 0;
    for seed in 91..=93 {
        let [stands, hunts] = [Other::Stands, Other::Hunts].map(|other| evening(seed, other, lasts));
        let Some(seen) = hunts.seen.filter(|_| stands.seen.is_none()) else { continue };
        shown += 1;
        let (one, two) = (&stands.learned, &hunts.learned);
        assert!(difference(&one.packets, &two.packets).is_some(), "seed {seed}: to be seen takes bytes");
        let first = one.views.iter().zip(&two.views).find(|(one, two)| one != two);
        let first = first.map(|(one, _)| one.1.tick).expect("a view that differs");
        assert_eq!(first, seen, "seed {seed}: the first view that differs is the first that shows them");
    }
    assert!(shown >= 1, "somebody is found in {lasts:?}");
}
