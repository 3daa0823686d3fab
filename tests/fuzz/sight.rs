//! What a client claims to have seen: any moment, with any acknowledgement, for any tick.

use bolero::{check, generator::produce};
use quarrel_server::session::rewind_clamp::RewindClamp;
use quarrel_shared::{
    id::SeatId,
    limits::MAX_EXTRAPOLATION_MS,
    protocol::datagram::{InputBatch, SnapshotAck, StampedInput},
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

/// Before a tick: for which one the newest input is, how many there are, what they claim, and what is acknowledged.
type Said = (u32, u8, u64, Option<(u32, u32)>);

#[test]
fn no_claim_is_newer_than_what_was_sent_lets_a_screen_show() {
    let said = produce::<Vec<Said>>();
    check!().with_iterations(3_000).with_generator((1..=128u16, said)).for_each(
        |(hz, said): &(u16, Vec<Said>)| {
            let rate = TickRate::new(*hz).expect("it is within the range");
            let mut clamp = RewindClamp::new(rate, 1);
            let past = i64::from(rate.ticks(MAX_EXTRAPOLATION_MS) * SubTick::PER_TICK);
            for (sent, (tick, more, claim, ack)) in (1..).map(Tick).zip(said) {
                clamp.record_sent(sent);
                let claimed = StampedInput { input: SeatId(0), seen: SubTick::from_sixteenths(*claim) };
                let mut run = InputBatch::new(Tick(*tick / 2), claimed.clone());
                (0..more % 8).for_each(|_| run.push(claimed.clone(), 8));
                let ack = ack.map(|(newest, history)| SnapshotAck { newest: Tick(newest % 200), history });
                clamp.clamp(ack, &mut run);
                for (tick, aimed) in run.iter() {
                    let newest = SubTick::of(tick.max(sent)).offset(past);
                    assert!(aimed.seen <= newest, "{} for {tick}, when {sent} was the newest", aimed.seen);
                }
            }
            assert!(clamp.take_lost() <= said.len() as u64, "no more is lost than was sent");
        },
    );
}
