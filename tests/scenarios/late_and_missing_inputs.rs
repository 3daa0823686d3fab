//! Early, late, duplicate, future and missing inputs each have a counter. A fighter whose inputs are missing for a quarter
//! second stops and does not shoot.

use std::time::Duration;

use quarrel_harness::{
    RawPeer, RawSeat,
    server::by_outcome,
    sim::{
        Link, SimWorld,
        event_log::{LoggingController, RunningPlayer},
        room_observer::{Frames, RoomObserver},
    },
};
use quarrel_shared::{
    arena::{Arena, ArenaEntity, Fighter, Input, Kit, RUN_SPEED, Weapon},
    game::{Angle, Point},
    id::SeatId,
    protocol::datagram::{InputBatch, StampedInput},
    snapshot::Frame,
    tick::{Tick, TickRate},
};
use tokio::time::sleep;

/// A match that outlasts the test, without bots whose shots could be mistaken for the player's.
const EMPTY: &[(&str, &str)] = &[("room.bots", "0"), ("game.settings.time_limit_s", "3600")];

/// The server's counters of inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct InputMetrics {
    used: u64,
    late: u64,
    early: u64,
    future: u64,
    duplicate: u64,
    starved: u64,
}

impl InputMetrics {
    fn of(world: &SimWorld<Arena>) -> Self {
        let of = |outcome| world.metric(&by_outcome("quarrel_inputs_total", outcome)) as u64;
        let starved = world.metric("quarrel_starved_ticks_total") as u64;
        Self {
            used: of("used"),
            late: of("late"),
            early: of("early"),
            future: of("future"),
            duplicate: of("duplicate"),
            starved,
        }
    }

    fn since(self, before: Self) -> Self {
        Self {
            used: self.used - before.used,
            late: self.late - before.late,
            early: self.early - before.early,
            future: self.future - before.future,
            duplicate: self.duplicate - before.duplicate,
            starved: self.starved - before.starved,
        }
    }
}

/// Sends inputs for these ticks, relative to the newest tick seen, over a link of 40 ms; returns the server's counts in the
/// next half second.
async fn counts_after(world: &SimWorld<Arena>, seat: &mut RawSeat<Arena>, ahead: &[i64]) -> InputMetrics {
    let newest = seat.receive_view().await.header.tick;
    let before = InputMetrics::of(world);
    for ahead in ahead {
        let tick = Tick((i64::from(newest.0) + ahead) as u32);
        seat.send_batch(InputBatch::new(tick, StampedInput::at(tick, Input::default())), seat.ack());
    }
    // The views of the half second are read so that the next newest view is current.
    for _ in 0..15 {
        seat.receive_view().await;
    }
    InputMetrics::of(world).since(before)
}

#[test]
fn each_outcome_of_an_input_has_its_own_counter() {
    SimWorld::<Arena>::run(101, EMPTY, async |world| {
        let mut peer = world.raw_peer(&Link::round_trip("clean", 40.0)).await;
        RawPeer::exchange_hello::<Arena>(&mut peer, "Ada").await;
        let mut seat = RawSeat::<Arena>::join(peer).await;
        for _ in 0..10 {
            seat.receive_view().await;
        }
        assert_eq!(
            InputMetrics::of(world),
            InputMetrics::default(),
            "a seat must not starve before its first input"
        );
        // A view is half a round trip old, and the input takes another half: two ticks have passed when it arrives.
        let first = counts_after(world, &mut seat, &[6]).await;
        assert_eq!(
            InputMetrics { starved: 0, ..first },
            InputMetrics { used: 1, early: 1, ..InputMetrics::default() }
        );
        assert!((5..=12).contains(&first.starved), "every later tick must starve: {first:?}");
        let none = counts_after(world, &mut seat, &[]).await;
        assert_eq!(InputMetrics { starved: 0, ..none }, InputMetrics::default(), "no input must be counted");
        assert!((13..=17).contains(&none.starved), "half a second of ticks must starve: {none:?}");
        let of = |counts: InputMetrics| InputMetrics { starved: 0, ..counts };
        let late = counts_after(world, &mut seat, &[-3, -1]).await;
        assert_eq!(
            of(late),
            InputMetrics { late: 2, ..InputMetrics::default() },
            "inputs for past ticks must count as late"
        );
        let twice = counts_after(world, &mut seat, &[6, 6, 7]).await;
        assert_eq!(of(twice), InputMetrics { used: 2, early: 2, duplicate: 1, ..InputMetrics::default() });
        let future = counts_after(world, &mut seat, &[60, 100_000]).await;
        assert_eq!(
            of(future),
            InputMetrics { future: 2, ..InputMetrics::default() },
            "inputs far ahead must count as future"
        );
        let again = counts_after(world, &mut seat, &[6]).await;
        assert_eq!(
            of(again),
            InputMetrics { used: 1, early: 1, ..InputMetrics::default() },
            "bad inputs must not affect later ones"
        );
    });
}

/// The server's counts in ten seconds of play, after the link was changed at the start of them.
fn counted(seed: u64, link: &Link, changed: &Link) -> InputMetrics {
    SimWorld::<Arena>::run(seed, EMPTY, async |world| {
        let player =
            RunningPlayer::start(&world.connector(link), "Ada", LoggingController::<Arena>::bot(seed)).await;
        sleep(Duration::from_secs(10)).await;
        let before = InputMetrics::of(world);
        world.network().set_link(world.path(&player.endpoint), *changed);
        sleep(Duration::from_secs(10)).await;
        let counts = InputMetrics::of(world).since(before);
        player.shutdown().await;
        counts
    })
}

#[test]
fn losses_and_delays_show_in_their_own_counters() {
    let clean = Link::round_trip("clean", 40.0);
    let quiet = counted(102, &clean, &clean);
    println!("quiet: {quiet:?}");
    assert!((299..=301).contains(&quiet.used), "each tick must use one input: {quiet:?}");
    assert_eq!((quiet.late, quiet.future, quiet.starved), (0, 0, 0), "{quiet:?}");
    assert!(quiet.duplicate >= quiet.used, "redundant inputs must count as duplicates: {quiet:?}");

    let longer = counted(102, &clean, &Link::round_trip("longer", 240.0));
    println!("100 ms longer: {longer:?}");
    assert!(
        (2..150).contains(&longer.starved),
        "ticks must starve until the input clock has adjusted: {longer:?}"
    );
    assert!(longer.late >= longer.starved, "delayed inputs must still arrive and count as late: {longer:?}");
    assert_eq!((longer.future, longer.used + longer.starved), (0, quiet.used), "{longer:?}");

    let bursts = counted(102, &clean, &clean.loss(0.2, 300.0));
    println!("long bursts: {bursts:?}");
    assert!(
        bursts.starved > 10 && bursts.future == 0,
        "bursts longer than the redundancy must starve ticks: {bursts:?}"
    );
    assert!(bursts.late < bursts.starved, "lost inputs must not count as late: {bursts:?}");

    let scattered = counted(102, &clean, &clean.loss(0.1, 0.0));
    println!("scattered losses: {scattered:?}");
    // One in ten is lost, and the next datagram repeats it: in time, once the margin has grown by a tick.
    assert!(scattered.starved < 10 && scattered.future == 0, "{scattered:?}");
    assert!(
        scattered.duplicate > bursts.used,
        "more redundant inputs must arrive with scattered losses: {scattered:?}"
    );
}

/// A quarter second (7 ticks), and the time until a fighter stands: friction of 40 units/s² stops a run of 6 units/s in 5
/// ticks.
const STOPS_WITHIN_TICKS: u32 = 7 + 5;

fn fighter(frame: &Frame<ArenaEntity>, seat: SeatId) -> Option<&Fighter> {
    frame.entities().iter().find_map(|(_, entity)| match entity {
        ArenaEntity::Fighter(fighter) if fighter.seat == seat => Some(fighter),
        _ => None,
    })
}

fn kit(frame: &Frame<ArenaEntity>, seat: SeatId) -> Option<&Kit> {
    frame.entities().iter().find_map(|(_, entity)| match entity {
        ArenaEntity::Kit(kit) if kit.seat == seat => Some(kit),
        _ => None,
    })
}

/// A player runs in circles and keeps firing until the link goes black. Returns the server's frames, the seat, and the tick of
/// the last used input.
fn starves(seed: u64, weapon: Weapon) -> (Frames<Arena>, SeatId, Tick) {
    SimWorld::<Arena>::run(seed, EMPTY, async |world| {
        let observer = RoomObserver::join(world.server().lobby()).await;
        let controller = LoggingController::<Arena>::new(move |_, slot, _| {
            let way = Angle((slot.tick.0 % 90 * (65_536 / 90)) as u16);
            Input { weapon, fire: true, aim: way, ..Input::default() }.walking(way.times(Input::FULL_SPEED))
        });
        let log = controller.log();
        let player = RunningPlayer::start(&world.connector(&Link::named("wifi")), "Ada", controller).await;
        sleep(Duration::from_secs(5)).await;
        let (now, seat) = (world.now(), log.joined().seat);
        world.network().add_blackout(world.path(&player.endpoint), now..now + Duration::from_secs(60));
        sleep(Duration::from_secs(4)).await;
        let frames = observer.frames().clone();
        let used = frames.last().and_then(|frame| frame.seat(seat)?.used).expect("a used input");
        (frames, seat, used)
    })
}

#[test]
fn a_starved_fighter_stops_and_does_not_shoot() {
    for (seed, weapon) in [(103, Weapon::Crossbow), (104, Weapon::Longbow)] {
        let (frames, seat, used) = starves(seed, weapon);
        let quiver = |frame: &Frame<ArenaEntity>| kit(frame, seat).expect("a kit").quiver;
        let last = frames.iter().find(|frame| frame.tick() == used).expect("the frame of the last input");
        let running = fighter(last, seat).expect("a fighter").body.velocity.length() as i32;
        assert!(running > RUN_SPEED / 4, "{weapon:?}: the fighter must run before: {running}");
        let shot = weapon == Weapon::Longbow || quiver(last) < Kit::INITIAL_QUIVER;
        assert!(shot, "{weapon:?}: the fighter must shoot before");
        let starved: Vec<_> = frames.iter().filter(|frame| frame.tick() > used).collect();
        assert!(starved.len() > 90, "the black-out must last for 90 frames");
        let still = starved.iter().find(|frame| {
            fighter(frame, seat).is_some_and(|fighter| fighter.body.velocity == Point::default())
        });
        let still = still.expect("a frame in which the fighter stands").tick().since(used);
        println!("{weapon:?}: stands {still} ticks after its last input");
        assert!(
            still <= STOPS_WITHIN_TICKS,
            "{weapon:?}: it must stop within {STOPS_WITHIN_TICKS} ticks, took {still}"
        );
        assert!(still > TickRate::DEFAULT.ticks(100), "{weapon:?}: it must not stop for a loss of 100 ms");
        let rests = starved.iter().filter(|frame| frame.tick() > used.after(STOPS_WITHIN_TICKS));
        let mut places = rests.map(|frame| fighter(frame, seat).expect("a fighter").body.at);
        let place = places.next().expect("a frame after the stop");
        assert!(places.all(|at| at == place), "{weapon:?}: it must stay in place");
        let spent = quiver(last) - starved.iter().map(|frame| quiver(frame)).min().expect("frames");
        assert_eq!(spent, 0, "{weapon:?}: it must not shoot without an input");
    }
}
