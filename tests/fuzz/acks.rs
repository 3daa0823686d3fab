//! Snapshot acknowledgements of a client: any values, in any order.

use std::time::Duration;

use bolero::{check, generator::produce};
use quarrel_server::session::replicator::{Replicator, Snapshot};
use quarrel_shared::{
    bits::{BitReader, Bits},
    crowd::Crowd,
    game::{Game, Occupant, Outbox, Setup},
    id::SeatId,
    journal::{Entries, SeatChange},
    limits::MAX_BASELINE_AGE_TICKS,
    protocol::{
        SeatEpoch,
        datagram::{SnapshotAck, SnapshotHeader},
    },
    snapshot::{Frame, SeatFrame},
    tick::{Tick, TickRate},
};

const SEATS: u16 = 3;
const PERIOD: Duration = Duration::from_millis(33);

/// The client's data before one tick: the tick of its newest input, and the age in ticks and the history bits of its
/// acknowledgement, if it sends one.
type AckStep = (u8, Option<(u8, u32)>);

#[test]
fn a_server_encodes_only_against_snapshots_that_it_sent() {
    let setup = Setup { settings: Default::default(), seed: 4, seats: SEATS, tick_rate: TickRate::default() };
    let steps = produce::<Vec<AckStep>>();
    check!().with_iterations(1_000).with_generator(steps).for_each(|steps| {
        let mut crowd = Crowd::new(&setup);
        let mut entries = Entries::idle(SEATS);
        entries.changes = (0..SEATS).map(|seat| SeatChange::Taken(SeatId(seat), Occupant::Player)).collect();
        let mut replicator = Replicator::new(SeatEpoch::FIRST, TickRate::default());
        let mut sent = Vec::new();
        let mut keyframes = 0;
        for (tick, (input, ack)) in (1..).map(Tick).zip(steps) {
            entries.apply(&mut crowd, tick, TickRate::DEFAULT, &mut Outbox::new());
            entries.changes.clear();
            let now = PERIOD * tick.0;
            let ack = ack.map(|(age, history)| SnapshotAck { newest: tick.before(age.into()), history });
            replicator.acknowledge(Tick(u32::from(*input)), ack);
            let seats = (0..SEATS)
                .map(|seat| Some(SeatFrame { viewpoint: crowd.view(SeatId(seat)), ..SeatFrame::default() }));
            let frame = Frame::new(tick, crowd.entities(), seats.collect());
            let Some(Snapshot::Small { bytes, .. } | Snapshot::Large(bytes)) =
                replicator.encode(&frame, SeatId(0), 1100, true, now)
            else {
                continue;
            };
            let header = SnapshotHeader::decode(&mut BitReader::new(bytes))
                .expect("the server's header must be decodable");
            if let Some(baseline) = header.baseline {
                assert!(sent.contains(&baseline), "the baseline {baseline} must be a snapshot that was sent");
                assert!(
                    tick.since(baseline) <= MAX_BASELINE_AGE_TICKS,
                    "the baseline {baseline} must not be too old at tick {tick}"
                );
            } else {
                keyframes += 1;
                let max_keyframes = 1 + now.as_secs();
                assert!(
                    keyframes <= max_keyframes,
                    "no acknowledgement may cause more than one keyframe a second: {keyframes} in {now:?}"
                );
            }
            sent.push(tick);
        }
    });
}
