//! The rewind clamp: any claimed view time, with any acknowledgement, for any tick.

use bolero::{check, generator::produce};
use quarrel_server::session::rewind_clamp::RewindClamp;
use quarrel_shared::{
    id::SeatId,
    limits::MAX_EXTRAPOLATION_MS,
    protocol::datagram::{InputBatch, SnapshotAck, StampedInput},
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

/// The client's data before one tick: the tick of its newest input, the number of further inputs, their claimed view time, and the
/// tick and history bits of its acknowledgement, if it sends one.
type RewindStep = (u32, u8, u64, Option<(u32, u32)>);

#[test]
fn no_clamped_view_time_is_newer_than_a_client_can_draw_from_the_sent_snapshots() {
    let steps = produce::<Vec<RewindStep>>();
    check!().with_iterations(3_000).with_generator((1..=128u16, steps)).for_each(
        |(hz, steps): &(u16, Vec<RewindStep>)| {
            let rate = TickRate::new(*hz).expect("the rate is within its range");
            let mut clamp = RewindClamp::new(rate, 1);
            let max_extrapolation = i64::from(rate.ticks(MAX_EXTRAPOLATION_MS) * SubTick::PER_TICK);
            for (sent, (tick, more, claim, ack)) in (1..).map(Tick).zip(steps) {
                clamp.record_sent(sent);
                let claimed = StampedInput { input: SeatId(0), seen: SubTick::from_sixteenths(*claim) };
                let mut batch = InputBatch::new(Tick(*tick / 2), claimed.clone());
                (0..more % 8).for_each(|_| batch.push(claimed.clone(), 8));
                let ack = ack.map(|(newest, history)| SnapshotAck { newest: Tick(newest % 200), history });
                clamp.clamp(ack, &mut batch);
                for (tick, stamped) in batch.iter() {
                    let newest = SubTick::of(tick.max(sent)).offset(max_extrapolation);
                    assert!(
                        stamped.seen <= newest,
                        "the view time {} for tick {tick} must be at most {newest}, because {sent} is the newest snapshot",
                        stamped.seen
                    );
                }
            }
            assert!(clamp.take_lost() <= steps.len() as u64, "the losses must not exceed the sent snapshots");
        },
    );
}
