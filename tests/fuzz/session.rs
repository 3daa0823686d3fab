//! What a client says of the snapshots that it has: any acknowledgement, in any order.

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

/// A tick of a room, and what one client says before it: for which input, whether it has anything, how far back, and which.
type Said = (u8, Option<(u8, u32)>);

#[test]
fn no_acknowledgement_makes_a_server_encode_against_what_was_never_sent() {
    let setup = Setup { settings: Default::default(), seed: 4, seats: SEATS, tick_rate: TickRate::default() };
    let said = produce::<Vec<Said>>();
    check!().with_iterations(1_000).with_generator(said).for_each(|said| {
        let mut crowd = Crowd::new(&setup);
        let mut entries = Entries::idle(SEATS);
        entries.changes = (0..SEATS).map(|seat| SeatChange::Taken(SeatId(seat), Occupant::Player)).collect();
        let mut replicator = Replicator::new(SeatEpoch::FIRST, TickRate::default());
        let mut sent = Vec::new();
        let mut keyframes = 0;
        for (tick, (input, ack)) in (1..).map(Tick).zip(said) {
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
            let header = SnapshotHeader::decode(&mut BitReader::new(bytes)).expect("a server's own header");
            if let Some(baseline) = header.baseline {
                assert!(sent.contains(&baseline), "{baseline} was never sent");
                assert!(tick.since(baseline) <= MAX_BASELINE_AGE_TICKS, "and is not too old");
            } else {
                keyframes += 1;
                let most = 1 + now.as_secs();
                assert!(
                    keyframes <= most,
                    "{keyframes} full views in {now:?}: one a second, whatever is said"
                );
            }
            sent.push(tick);
        }
    });
}
