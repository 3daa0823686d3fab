//! More news than the path takes: everybody is shown in turns, in a smooth stream of datagrams.

use quarrel_harness::{
    RawSeat, TestServer,
    games::{Nod, Throng, throng::DANCERS},
};
use quarrel_server::session::priority::MAX_DEFERRED_SENDS;
use quarrel_shared::limits::MAX_DATAGRAM_BYTES;

/// How much longer than it waited news may be under way, for the machine may be busy.
const UNDER_WAY_TICKS: u32 = 15;

#[tokio::test]
async fn a_throng_is_shown_in_turns_and_nobody_waits_long() {
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
        assert_eq!(seen.view.entities.len(), usize::from(DANCERS) + 1, "nobody vanishes who waits");
        for (id, dancer) in &seen.view.entities {
            let age = seen.view.tick.0 - dancer.tick;
            let most = if dancer.seat == Some(seat.seat) { 0 } else { MAX_DEFERRED_SENDS + UNDER_WAY_TICKS };
            assert!(age <= most, "{id} is shown as it was {age} ticks ago");
        }
    }
    assert!(large <= 3, "{large} views went whole; the first must, and a stall of this machine may cost one");
    assert!(server.metric("quarrel_snapshots_total{fate=\"part\"}") >= 100.0, "most held a part only");
    assert!(server.metric("quarrel_entities_waited_total") >= 1000.0, "and the others waited");
}
