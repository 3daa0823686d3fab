//! Rewind limits: a client that claims to have seen an older view than its link delivers gains nothing, and an honest client on
//! a slow link is judged by the view that it saw.
//!
//! The test's game shows in each view the moment to which the server rewound for each seat. The honest player is the real
//! client. The forger writes the protocol by hand over the same link, with the same schedule and honest acknowledgements, and
//! forges the view time only.

mod hindsight;

use std::{sync::Arc, time::Duration};

use quarrel_harness::{
    RawSeat,
    sim::{
        Link, SimWorld,
        event_log::{LoggingController, RunningPlayer},
        room_observer::RoomObserver,
    },
};
use quarrel_shared::{
    id::SeatId,
    limits::MAX_REWIND_MS,
    protocol::datagram::{InputBatch, StampedInput},
    snapshot::Frame,
    sub_tick::SubTick,
    tick::TickRate,
};
use tokio::time::sleep;

use self::hindsight::{AppliedRewind, EmptyInput, Hindsight};

/// Spans in 1/16 tick.
const TWO_TICKS: u32 = 2 * SubTick::PER_TICK;
const QUARTER_SECOND: u32 = MAX_REWIND_MS * 30 * SubTick::PER_TICK / 1000;

/// Time for the clocks to settle before anything is compared.
const WARM_UP: Duration = Duration::from_secs(8);
const PLAYED: Duration = Duration::from_secs(10);

/// The rewinds of a seat in 1/16 tick, in ascending order.
fn rewinds(frames: &[Arc<Frame<AppliedRewind>>], seat: SeatId) -> Vec<u32> {
    let of = |frame: &Arc<Frame<AppliedRewind>>| {
        let mut seats = frame.entities().iter();
        seats.find(|(_, rewind)| rewind.seat == seat).map(|(_, rewind)| rewind.behind)
    };
    let mut all: Vec<u32> = frames.iter().filter_map(of).collect();
    all.sort_unstable();
    all
}

/// The rewinds that the honest client on this link claims, in ascending order, and those that the server applied.
fn honest(link: &Link) -> (Vec<u32>, Vec<u32>) {
    SimWorld::<Hindsight>::run(111, &[], async |world| {
        let observer = RoomObserver::join(world.server().lobby()).await;
        let claims = Arc::new(std::sync::Mutex::new(Vec::new()));
        let recorded = Arc::clone(&claims);
        let controller = LoggingController::<Hindsight>::new(move |_, slot, drawn| {
            let behind = drawn.map_or(0, |drawn| SubTick::of(slot.tick).since(drawn.interpolated_at));
            recorded.lock().expect("no panic").push(u32::try_from(behind).unwrap_or(0));
            EmptyInput
        });
        let log = controller.log();
        let player = RunningPlayer::start(&world.connector(link), "Ada", controller).await;
        sleep(WARM_UP).await;
        let (tick, skipped) = (observer.tick(), claims.lock().expect("no panic").len());
        sleep(PLAYED).await;
        let frames: Vec<_> = observer.frames().iter().filter(|frame| frame.tick() > tick).cloned().collect();
        let applied = rewinds(&frames, log.joined().seat);
        player.shutdown().await;
        let mut claimed = claims.lock().expect("no panic")[skipped..].to_vec();
        claimed.sort_unstable();
        (claimed, applied)
    })
}

/// The applied rewinds of a client on this link that always claims to have seen the view of half a second ago.
fn forger(link: &Link) -> Vec<u32> {
    SimWorld::<Hindsight>::run(112, &[], async |world| {
        let observer = RoomObserver::join(world.server().lobby()).await;
        let mut peer = world.raw_peer(link).await;
        peer.exchange_hello::<Hindsight>("Eve").await;
        let mut seat = RawSeat::<Hindsight>::join(peer).await;
        let rate = TickRate::DEFAULT;
        // As far ahead as the client runs, so that inputs sent with a view are just in time. A client that runs farther ahead
        // also decides farther ahead, and is judged like one on a slower link.
        let ahead = rate.ticks((2.0 * link.delay_ms) as u32);
        let mut batch = None::<InputBatch<EmptyInput>>;
        let until = world.now() + WARM_UP + PLAYED;
        let mut from = None;
        while world.now() < until {
            let seen = seat.receive_view().await;
            let tick = seen.header.tick.after(ahead);
            let stamped = StampedInput {
                input: EmptyInput,
                seen: SubTick::of(tick).offset(-i64::from(2 * QUARTER_SECOND)),
            };
            match &mut batch {
                Some(batch) if batch.newest().next() == tick => batch.push(stamped, 4),
                _ => batch = Some(InputBatch::new(tick, stamped)),
            }
            seat.send_batch(batch.clone().expect("a batch"), seat.ack());
            if world.now() + PLAYED > until {
                from.get_or_insert(seen.header.tick);
            }
        }
        let from = from.expect("a view in the measured time");
        let frames: Vec<_> = observer.frames().iter().filter(|frame| frame.tick() > from).cloned().collect();
        rewinds(&frames, seat.seat)
    })
}

fn p99(sorted: &[u32]) -> u32 {
    sorted[sorted.len() * 99 / 100]
}

#[test]
fn a_nearby_client_that_forges_its_view_time_gains_at_most_two_ticks() {
    for round_trip_ms in [5.0, 40.0] {
        let link = Link::round_trip("clean", round_trip_ms);
        let ((claimed, _), forged) = (honest(&link), forger(&link));
        let (own, theirs) = (p99(&claimed), *forged.last().expect("a rewind"));
        println!("{round_trip_ms} ms: honest rewind {own}/16 ticks, forged {theirs}/16");
        assert!(forged.len() > 280 && p99(&forged) > 0, "the forger must play");
        assert!(
            theirs <= own + TWO_TICKS,
            "at {round_trip_ms} ms: a forged rewind must be at most two ticks over the honest one: {theirs}/16 ticks, not {own}/16"
        );
        assert!(theirs < QUARTER_SECOND, "a forged rewind must be less than the claim");
    }
}

#[test]
fn an_honest_client_on_a_slow_link_is_judged_by_its_own_view() {
    for (link, min_share) in [(Link::round_trip("far", 150.0), 0.99), (Link::named("lte"), 0.99)] {
        let (claimed, applied) = honest(&link);
        let max_rewind = QUARTER_SECOND;
        // Sorted claims against sorted rewinds: equal, or the maximum that a room rewinds.
        let as_claimed = claimed
            .iter()
            .zip(&applied)
            .filter(|(claim, rewind)| (**claim).min(max_rewind).abs_diff(**rewind) <= 1);
        let (share, middle) = (as_claimed.count() as f64 / applied.len() as f64, claimed[claimed.len() / 2]);
        println!("{}: median claim {middle}/16 ticks, {:.2} % applied as claimed", link.name, share * 100.0);
        assert!(applied.len() > 280, "nearly every tick must have a rewind");
        assert!(share >= min_share, "{}: honest claims must be applied, share {share}", link.name);
    }
}
