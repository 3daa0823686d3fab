//! Whoever claims to have seen an older world than their link shows them gains nothing, and whoever honestly saw an old one is
//! believed.
//!
//! In the game of this test, each view says by which moment the server judged each seat. The honest player is the client; the forger
//! speaks the wire by hand, over the same link, keeps the same schedule, acknowledges what it has, and lies about nothing else.

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

use self::hindsight::{Glance, Hindsight, Verdict};

/// In 1/16 tick.
const TWO_TICKS: u32 = 2 * SubTick::PER_TICK;
const QUARTER_SECOND: u32 = MAX_REWIND_MS * 30 * SubTick::PER_TICK / 1000;

/// How long both play before anything is compared, so that clocks have settled.
const WARM_UP: Duration = Duration::from_secs(8);
const PLAYED: Duration = Duration::from_secs(10);

/// How far behind each tick a seat was judged, in ascending order.
fn judged(frames: &[Arc<Frame<Verdict>>], seat: SeatId) -> Vec<u32> {
    let of = |frame: &Arc<Frame<Verdict>>| {
        let mut verdicts = frame.entities().iter();
        verdicts.find(|(_, verdict)| verdict.seat == seat).map(|(_, verdict)| verdict.behind)
    };
    let mut all: Vec<u32> = frames.iter().filter_map(of).collect();
    all.sort_unstable();
    all
}

/// What the honest client on this link claims, in ascending order, and what it is judged by.
fn honest(link: &Link) -> (Vec<u32>, Vec<u32>) {
    SimWorld::<Hindsight>::run(111, &[], async |world| {
        let observer = RoomObserver::join(world.server().lobby()).await;
        let claims = Arc::new(std::sync::Mutex::new(Vec::new()));
        let noted = Arc::clone(&claims);
        let controller = LoggingController::<Hindsight>::new(move |_, slot, drawn| {
            let behind = drawn.map_or(0, |drawn| SubTick::of(slot.tick).since(drawn.interpolated_at));
            noted.lock().expect("no panic").push(u32::try_from(behind).unwrap_or(0));
            Glance
        });
        let log = controller.log();
        let player = RunningPlayer::start(&world.connector(link), "Ada", controller).await;
        sleep(WARM_UP).await;
        let (tick, said) = (observer.tick(), claims.lock().expect("no panic").len());
        sleep(PLAYED).await;
        let frames: Vec<_> = observer.frames().iter().filter(|frame| frame.tick() > tick).cloned().collect();
        let judged = judged(&frames, log.joined().seat);
        player.shutdown().await;
        let mut claimed = claims.lock().expect("no panic")[said..].to_vec();
        claimed.sort_unstable();
        (claimed, judged)
    })
}

/// What somebody on this link is judged by who always claims to have seen what was a quarter second and more ago.
fn forger(link: &Link) -> Vec<u32> {
    SimWorld::<Hindsight>::run(112, &[], async |world| {
        let observer = RoomObserver::join(world.server().lobby()).await;
        let mut peer = world.raw_peer(link).await;
        peer.exchange_hello::<Hindsight>("Eve").await;
        let mut seat = RawSeat::<Hindsight>::join(peer).await;
        let rate = TickRate::DEFAULT;
        // As far ahead as the client runs: so that inputs that go out with a view are just in time. Who runs farther ahead decides
        // farther ahead, and is judged as somebody on a slower link.
        let ahead = rate.ticks((2.0 * link.delay_ms) as u32);
        let mut run = None::<InputBatch<Glance>>;
        let until = world.now() + WARM_UP + PLAYED;
        let mut from = None;
        while world.now() < until {
            let seen = seat.receive_view().await;
            let tick = seen.header.tick.after(ahead);
            let aimed = StampedInput {
                input: Glance,
                seen: SubTick::of(tick).offset(-i64::from(2 * QUARTER_SECOND)),
            };
            match &mut run {
                Some(run) if run.newest().next() == tick => run.push(aimed, 4),
                _ => run = Some(InputBatch::new(tick, aimed)),
            }
            seat.send_batch(run.clone().expect("a run"), seat.ack());
            if world.now() + PLAYED > until {
                from.get_or_insert(seen.header.tick);
            }
        }
        let from = from.expect("views to the end");
        let frames: Vec<_> = observer.frames().iter().filter(|frame| frame.tick() > from).cloned().collect();
        judged(&frames, seat.seat)
    })
}

fn p99(sorted: &[u32]) -> u32 {
    sorted[sorted.len() * 99 / 100]
}

#[test]
fn who_is_near_and_claims_to_have_seen_a_quarter_second_ago_gains_two_ticks_at_most() {
    for round_trip_ms in [5.0, 40.0] {
        let link = Link::round_trip("clean", round_trip_ms);
        let ((claimed, _), forged) = (honest(&link), forger(&link));
        let (own, theirs) = (p99(&claimed), *forged.last().expect("verdicts"));
        println!("{round_trip_ms} ms: honest {own}/16 ticks behind, the forger {theirs}/16");
        assert!(forged.len() > 280 && p99(&forged) > 0, "the forger plays");
        assert!(theirs <= own + TWO_TICKS, "at {round_trip_ms} ms: {theirs}/16 ticks, not {own}/16 and two");
        assert!(theirs < QUARTER_SECOND, "and less than what it claimed");
    }
}

#[test]
fn who_honestly_saw_an_old_world_is_judged_by_it() {
    for (link, least) in [(Link::round_trip("far", 150.0), 0.99), (Link::named("lte"), 0.99)] {
        let (claimed, judged) = honest(&link);
        let most = QUARTER_SECOND;
        // Of as many claims as verdicts, in order: the same, or the most that a room rewinds.
        let as_claimed = claimed
            .iter()
            .zip(&judged)
            .filter(|(claim, verdict)| (**claim).min(most).abs_diff(**verdict) <= 1);
        let (share, middle) = (as_claimed.count() as f64 / judged.len() as f64, claimed[claimed.len() / 2]);
        println!("{}: {middle}/16 ticks behind, {:.2} % as claimed", link.name, share * 100.0);
        assert!(judged.len() > 280, "verdicts");
        assert!(share >= least, "{}: {share} of what was honestly claimed is believed", link.name);
    }
}
