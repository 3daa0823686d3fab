//! What becomes of inputs is told apart: early, late, duplicate, future and missing each have a counter. A fighter whose inputs are
//! missing for a quarter second stops, and shoots nothing that nobody asked for.

use std::time::Duration;

use quarrel_harness::{
    RawPeer, RawSeat,
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

/// One match that does not end, and no bots whose shots one could take for another's.
const EMPTY: &[(&str, &str)] = &[("room.bots", "0"), ("game.settings.time_limit_s", "3600")];

/// What the server has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fates {
    used: u64,
    late: u64,
    early: u64,
    future: u64,
    duplicate: u64,
    starved: u64,
}

impl Fates {
    fn of(world: &SimWorld<Arena>) -> Self {
        let of = |fate| world.metric(&format!("quarrel_inputs_total{{fate=\"{fate}\"}}")) as u64;
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

/// A peer on a link of 40 ms sends inputs for these ticks, counted from the newest that it sees; what the server counts in the half
/// second after.
async fn sends(world: &SimWorld<Arena>, seat: &mut RawSeat<Arena>, ahead: &[i64]) -> Fates {
    let newest = seat.receive_view().await.header.tick;
    let before = Fates::of(world);
    for ahead in ahead {
        let tick = Tick((i64::from(newest.0) + ahead) as u32);
        seat.send_batch(InputBatch::new(tick, StampedInput::at(tick, Input::default())), seat.ack());
    }
    // The views of the half second are read, so that the next newest is new.
    for _ in 0..15 {
        seat.receive_view().await;
    }
    Fates::of(world).since(before)
}

#[test]
fn each_fate_of_an_input_has_its_own_counter() {
    SimWorld::<Arena>::run(101, EMPTY, async |world| {
        let mut peer = world.raw_peer(&Link::round_trip("clean", 40.0)).await;
        RawPeer::exchange_hello::<Arena>(&mut peer, "Ada").await;
        let mut seat = RawSeat::<Arena>::join(peer).await;
        for _ in 0..10 {
            seat.receive_view().await;
        }
        assert_eq!(Fates::of(world), Fates::default(), "who never sent an input misses none");
        // Sent half a round trip ago, seen half a round trip later: two ticks have passed by the time that it arrives.
        let first = sends(world, &mut seat, &[6]).await;
        assert_eq!(Fates { starved: 0, ..first }, Fates { used: 1, early: 1, ..Fates::default() });
        assert!((5..=12).contains(&first.starved), "every tick after it found none: {first:?}");
        let none = sends(world, &mut seat, &[]).await;
        assert_eq!(Fates { starved: 0, ..none }, Fates::default(), "nothing came");
        assert!((13..=17).contains(&none.starved), "a half second of ticks found none: {none:?}");
        let of = |fates: Fates| Fates { starved: 0, ..fates };
        let late = sends(world, &mut seat, &[-3, -1]).await;
        assert_eq!(of(late), Fates { late: 2, ..Fates::default() }, "their ticks had run");
        let twice = sends(world, &mut seat, &[6, 6, 7]).await;
        assert_eq!(of(twice), Fates { used: 2, early: 2, duplicate: 1, ..Fates::default() });
        let future = sends(world, &mut seat, &[60, 100_000]).await;
        assert_eq!(of(future), Fates { future: 2, ..Fates::default() }, "nobody plays so far ahead");
        let again = sends(world, &mut seat, &[6]).await;
        assert_eq!(
            of(again),
            Fates { used: 1, early: 1, ..Fates::default() },
            "and nothing is the worse for it"
        );
    });
}

/// What the server counts in so many seconds of a player's, after a second in which the link may be changed.
fn counted(seed: u64, link: &Link, changed: &Link) -> Fates {
    SimWorld::<Arena>::run(seed, EMPTY, async |world| {
        let player = RunningPlayer::start(&world.connector(link), "Ada", LoggingController::<Arena>::bot(seed)).await;
        sleep(Duration::from_secs(10)).await;
        let before = Fates::of(world);
        world.network().set_link(world.path(&player.endpoint), *changed);
        sleep(Duration::from_secs(10)).await;
        let fates = Fates::of(world).since(before);
        player.shutdown().await;
        fates
    })
}

#[test]
fn losses_and_delays_show_as_what_they_are() {
    let clean = Link::round_trip("clean", 40.0);
    let quiet = counted(102, &clean, &clean);
    println!("quiet: {quiet:?}");
    assert!((299..=301).contains(&quiet.used), "each tick finds its input: {quiet:?}");
    assert_eq!((quiet.late, quiet.future, quiet.starved), (0, 0, 0), "{quiet:?}");
    assert!(quiet.duplicate >= quiet.used, "what is repeated for safety arrives too: {quiet:?}");

    let longer = counted(102, &clean, &Link::round_trip("longer", 240.0));
    println!("100 ms longer: {longer:?}");
    assert!((2..150).contains(&longer.starved), "until the clock has caught up: {longer:?}");
    assert!(longer.late >= longer.starved, "what is too late comes all the same: {longer:?}");
    assert_eq!((longer.future, longer.used + longer.starved), (0, quiet.used), "{longer:?}");

    let bursts = counted(102, &clean, &clean.loss(0.2, 300.0));
    println!("long bursts: {bursts:?}");
    assert!(bursts.starved > 10 && bursts.future == 0, "bursts longer than what is repeated: {bursts:?}");
    assert!(bursts.late < bursts.starved, "what is lost never comes, not even late: {bursts:?}");

    let scattered = counted(102, &clean, &clean.loss(0.1, 0.0));
    println!("scattered losses: {scattered:?}");
    // One in ten is lost, and the next one repeats it: in time, once the margin has grown by a tick.
    assert!(scattered.starved < 10 && scattered.future == 0, "{scattered:?}");
    assert!(
        scattered.duplicate > bursts.used,
        "what is repeated more often arrives more often: {scattered:?}"
    );
}

/// A quarter second, and how long running legs need to stop: friction takes 40 units a second from each second's six.
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

/// Somebody runs in circles with a finger on the trigger, and their link goes dark; the server's frames, and the tick whose input
/// was the last to be used.
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
        let used = frames.last().and_then(|frame| frame.seat(seat)?.used).expect("inputs were used");
        (frames, seat, used)
    })
}

#[test]
fn a_starved_fighter_stops_and_shoots_nothing() {
    for (seed, weapon) in [(103, Weapon::Crossbow), (104, Weapon::Longbow)] {
        let (frames, seat, used) = starves(seed, weapon);
        let quiver = |frame: &Frame<ArenaEntity>| kit(frame, seat).expect("a kit").quiver;
        let last = frames.iter().find(|frame| frame.tick() == used).expect("the frame of the last input");
        let running = fighter(last, seat).expect("a fighter").body.velocity.length() as i32;
        assert!(running > RUN_SPEED / 4, "{weapon:?}: it ran before: {running}");
        let shot = weapon == Weapon::Longbow || quiver(last) < Kit::INITIAL_QUIVER;
        assert!(shot, "{weapon:?}: the trigger works");
        let starved: Vec<_> = frames.iter().filter(|frame| frame.tick() > used).collect();
        assert!(starved.len() > 90, "the darkness lasts");
        let still = starved.iter().find(|frame| {
            fighter(frame, seat).is_some_and(|fighter| fighter.body.velocity == Point::default())
        });
        let still = still.expect("it stops at all").tick().since(used);
        println!("{weapon:?}: stands {still} ticks after its last input");
        assert!(still <= STOPS_WITHIN_TICKS, "{weapon:?}: it stops after {still} ticks");
        assert!(still > TickRate::DEFAULT.ticks(100), "{weapon:?}: a short loss passes unnoticed");
        let rests = starved.iter().filter(|frame| frame.tick() > used.after(STOPS_WITHIN_TICKS));
        let mut places = rests.map(|frame| fighter(frame, seat).expect("a fighter").body.at);
        let place = places.next().expect("frames after it stopped");
        assert!(places.all(|at| at == place), "{weapon:?}: and stays where it is");
        let spent = quiver(last) - starved.iter().map(|frame| quiver(frame)).min().expect("frames");
        assert_eq!(spent, 0, "{weapon:?}: nothing is shot that nobody asked for");
    }
}
