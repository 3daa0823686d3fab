//! Secrecy by difference: two runs that differ only in the behaviour of an unseen player are identical to the viewer, in
//! every packet's time and size, every view and every event.
//!
//! Packet contents cannot be compared because TLS draws fresh keys; the decoded views and events can.

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

/// A match that outlasts the test, with the two test players only.
const EMPTY: &[(&str, &str)] =
    &[("room.bots", "0"), ("game.settings.time_limit_s", "3600"), ("game.settings.score_to_win", "1000")];

/// The time in which both stand still before the other player may move.
const BEFORE: Duration = Duration::from_secs(2);
const PLAYED: Duration = Duration::from_secs(5);

/// The entities of a view.
type ViewEntities = Vec<(EntityId, ArenaEntity)>;

/// All information that the viewer receives.
#[derive(Debug, Default, PartialEq)]
struct Observed {
    packets: Vec<PacketRecord>,
    views: Vec<(Duration, SnapshotHeader, ViewEntities)>,
    events: Vec<(Duration, Tick, Event, Option<SubTick>)>,
}

/// The behaviour of the unseen player.
#[derive(Clone, Copy, PartialEq)]
enum Other {
    Stands,
    /// Walks in a circle some two units wide.
    Circles,
    /// Roams the map until it is seen.
    Hunts,
}

/// The result of one run.
struct RunResult {
    observed: Observed,
    /// The tick at which the other player first was in the viewer's view, by the server's frames.
    seen: Option<Tick>,
    /// The distance that the other player walked, in 1/256 unit.
    walked: u32,
}

impl Other {
    /// A controller with this behaviour.
    fn controller(self, seed: u64) -> LoggingController<Arena> {
        let mut brain = Arena::brain("hunt", seed).expect("Arena has the skill hunt");
        LoggingController::new(move |joined, slot, drawn| {
            let since = slot.tick.since(joined.tick);
            match (self, drawn) {
                _ if since < joined.rate.ticks(BEFORE.as_millis() as u32) => Input::default(),
                (Self::Circles, _) => {
                    let way = Angle((since % 60 * (65_536 / 60)) as u16).times(Input::FULL_SPEED);
                    Input::default().walking(way)
                }
                (Self::Hunts, Some(drawn)) => {
                    // Shots make sounds, which are not secret.
                    Input { fire: false, ..brain.decide(drawn.observation(joined.rate, joined.seat)) }
                }
                _ => Input::default(),
            }
        })
    }
}

/// Runs a game of a standing viewer and the other player.
fn run(seed: u64, other: Other, lasts: Duration) -> RunResult {
    SimWorld::<Arena>::run(seed, EMPTY, async |world| {
        world.network().record_packets();
        let begin = Instant::now();
        let observer = RoomObserver::join(world.server().lobby()).await;
        let controller = LoggingController::<Arena>::new(|_, _, _| Input::default());
        let log = controller.log();
        let viewer = RunningPlayer::start(&world.connector(&Link::named("wifi")), "Ada", controller).await;
        log.attach_screen(viewer.screen.clone());
        let other = other.controller(seed);
        let others = other.log();
        let walker = RunningPlayer::start(&world.connector(&Link::named("fibre")), "Ben", other).await;
        sleep(BEFORE + lasts).await;
        let address = viewer.endpoint.local_addr().expect("an endpoint with a socket");
        let (seat, other) = (log.joined().seat, others.joined().seat);
        let observed = log.read(|log| Observed {
            packets: packets_of(world, address),
            views: log
                .views
                .iter()
                .map(|viewed| (viewed.at - begin, viewed.header, viewed.view.entities.clone()))
                .collect(),
            events: log
                .events
                .iter()
                .map(|event| (event.at - begin, event.tick, event.event, event.shown))
                .collect(),
        });
        let (seen, walked) = watch(&observer, seat, other);
        walker.shutdown().await;
        viewer.shutdown().await;
        RunResult { observed, seen, walked }
    })
}

fn packets_of(world: &SimWorld<Arena>, address: SocketAddr) -> Vec<PacketRecord> {
    let all = world.trace().packet_records();
    all.into_iter().filter(|packet| packet.from == address || packet.to == address).collect()
}

/// Returns the tick at which `seat` first had `other` in its view, and the distance that `other` walked.
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

/// The first difference of two lists.
fn difference<T: PartialEq + std::fmt::Debug>(one: &[T], two: &[T]) -> Option<String> {
    let at = one.iter().zip(two).take_while(|(one, two)| one == two).count();
    (one.len() != two.len() || at < one.len())
        .then(|| format!("{at}: {:?} and {:?}", one.get(at), two.get(at)))
}

#[test]
fn an_unseen_player_leaves_no_trace_in_packets_views_or_events() {
    let mut hidden = 0;
    for seed in 91..=96 {
        let [stands, walks] = [Other::Stands, Other::Circles].map(|other| run(seed, other, PLAYED));
        assert!(
            stands.walked == 0 && walks.walked > 1000,
            "only the circling player may walk: {}/256 units",
            walks.walked
        );
        if stands.seen.is_some() || walks.seen.is_some() {
            continue;
        }
        hidden += 1;
        let (one, two) = (&stands.observed, &walks.observed);
        assert!(
            one.views.len() > 150 && one.packets.len() > 300,
            "the viewer must receive views and packets"
        );
        assert_eq!(difference(&one.packets, &two.packets), None, "seed {seed}: packets must be equal");
        assert_eq!(difference(&one.views, &two.views), None, "seed {seed}: views must be equal");
        assert_eq!(difference(&one.events, &two.events), None, "seed {seed}: events must be equal");
    }
    assert!(hidden >= 3, "the other player must be hidden in at least 3 runs: {hidden}");
}

#[test]
fn a_player_who_steps_into_sight_appears_from_that_tick_and_not_before() {
    let lasts = Duration::from_secs(20);
    let mut shown = 0;
    for seed in 91..=93 {
        let [stands, hunts] = [Other::Stands, Other::Hunts].map(|other| run(seed, other, lasts));
        let Some(seen) = hunts.seen.filter(|_| stands.seen.is_none()) else { continue };
        shown += 1;
        let (one, two) = (&stands.observed, &hunts.observed);
        assert!(
            difference(&one.packets, &two.packets).is_some(),
            "seed {seed}: a visible player must change the packets"
        );
        let first = one.views.iter().zip(&two.views).find(|(one, two)| one != two);
        let first = first.map(|(one, _)| one.1.tick).expect("a different view");
        assert_eq!(
            first, seen,
            "seed {seed}: the first different view must be the first that shows the player"
        );
    }
    assert!(shown >= 1, "a player must be found within {lasts:?}");
}
