//! A hello and a request for a seat in one flight: every answer is told, and nobody ends up with two seats.

use std::time::Duration;

use quarrel_client::{Client, ConnectError, RequestError};
use quarrel_harness::sim::{Link, SimWorld};
use quarrel_shared::{
    arena::Arena,
    crowd::Crowd,
    id::RoomId,
    protocol::{CloseReason, JoinTarget},
};
use tokio::time::{Instant, sleep};

const NEAR: Link = Link::round_trip("near", 90.0);

const PEOPLE_ONLY: &[(&str, &str)] = &[("room.bots", "0")];

#[test]
fn a_seat_takes_two_round_trips_and_a_tick() {
    SimWorld::<Crowd>::run(31, PEOPLE_ONLY, async |world| {
        let came = Instant::now();
        let (_client, joined) = world.join(&NEAR, "Ada").await;
        let least = Duration::from_millis(2 * 90);
        let took = came.elapsed();
        assert!(took >= least, "one for the handshake, one for hello and seat: {took:?}");
        // Its first step may be one more: the room is made for her.
        let ticks = Duration::from_secs(2) / u32::from(joined.rate.hz());
        assert!(took <= least + ticks, "{took:?}");
    });
}

#[test]
fn a_hello_that_does_not_fit_is_refused_whatever_comes_behind_it() {
    SimWorld::<Crowd>::run(32, PEOPLE_ONLY, async |world| {
        let connector = world.connector(&NEAR);
        let client = Client::<Arena>::connect_and_join(&connector, "Ada", JoinTarget::Quick).await;
        let Err(ConnectError::Refused { reason, .. }) = client else { panic!("another game is no game") };
        assert_eq!(reason, CloseReason::GameMismatch);
    });
}

#[test]
fn a_seat_that_is_refused_leaves_a_connection_that_may_ask_again() {
    SimWorld::<Crowd>::run(33, PEOPLE_ONLY, async |world| {
        let nowhere = JoinTarget::Room(RoomId(99));
        let client = Client::<Crowd>::connect_and_join(&world.connector(&NEAR), "Ada", nowhere).await;
        let mut client = client.expect("a welcome, for the hello fits");
        let Err(RequestError::Refused { .. }) = client.wait_for_seat().await else {
            panic!("there is no such room")
        };
        client.join(JoinTarget::Quick).await.expect("another room does");
    });
}

/// The link goes black when the request is nearly at the server, which gives a seat that its client never hears of.
#[test]
fn a_join_that_is_tried_again_ends_with_one_seat() {
    SimWorld::<Crowd>::run(34, PEOPLE_ONLY, async |world| {
        let connector = world.connector(&NEAR);
        let dark = world.now() + Duration::from_millis(130)..world.now() + Duration::from_millis(5200);
        world.network().add_blackout(world.path(connector.endpoint()), dark);
        let joining = tokio::spawn(async move {
            let client = Client::<Crowd>::connect_and_join(&connector, "Ada", JoinTarget::Quick).await;
            let mut client = client.expect("the second connection is welcomed");
            let joined = client.wait_for_seat().await.expect("a seat");
            (client, joined)
        });
        sleep(Duration::from_secs(1)).await;
        assert_eq!(world.metric("quarrel_players"), 1.0, "the first connection's seat");
        assert!(!joining.is_finished(), "of which nobody knows");
        let (_client, _) = joining.await.expect("no panic");
        sleep(Duration::from_secs(1)).await;
        for what in ["quarrel_players", "quarrel_sessions"] {
            assert_eq!(world.metric(what), 1.0, "{what}: whoever tries again gives up what they had");
        }
    });
}
