//! Snapshot priority: when updates exceed a datagram, entities take turns, in a steady stream of datagrams.

use quarrel_harness::{
    RawSeat, TestServer,
    games::{Nod, Throng, throng::DANCERS},
    server::by_outcome,
};
use quarrel_server::session::priority::MAX_DEFERRED_SENDS;
use quarrel_shared::limits::MAX_DATAGRAM_BYTES;

/// The transit time of an update in addition to its deferral, for a busy machine.
const MAX_TRANSIT_TICKS: u32 = 15;

#[tokio::test]
async fn entities_of_a_large_view_take_turns_and_none_is_deferred_long() {
    let server = TestServer::<Throng>::start(&[]);
    let mut seat = RawSeat::<Throng>::connect_and_join(server.address(), "small").await;
    let (mut datagrams, mut large) = (0, 0);
    while datagrams < 150 {
        let seen = seat.receive_view().await;
        seat.send_input(Nod, seat.ack());
        if seen.bytes > MAX_DATAGRAM_BYTES {
            large += 1;
            continue;
        }
        datagrams += 1;
        assert_eq!(
            seen.view.entities.len(),
            usize::from(DANCERS) + 1,
            "a deferred entity must stay in the view"
        );
        for (id, dancer) in &seen.view.entities {
            let age = seen.view.tick.0 - dancer.tick;
            let max_age =
                if dancer.seat == Some(seat.seat) { 0 } else { MAX_DEFERRED_SENDS + MAX_TRANSIT_TICKS };
            assert!(age <= max_age, "{id} must be at most {max_age} ticks old, is {age}");
        }
    }
    assert!(
        large <= 3,
        "few views may be sent whole, the first and one for a stall of this machine: {large}"
    );
    assert!(
        server.metric(&by_outcome("quarrel_snapshots_total", "part")) >= 100.0,
        "most snapshots must hold a part of the updates"
    );
    assert!(server.metric("quarrel_entities_waited_total") >= 1000.0, "deferred entities must be counted");
}
