//! A hello and a join request in one flight: each gets its own answer, and no player ends up with two seats.

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
        let started = Instant::now();
        let (_client, joined) = world.join(&NEAR, "Ada").await;
        let min = Duration::from_millis(2 * 90);
        let took = started.elapsed();
        assert!(
            took >= min,
            "a seat must take one round trip for the handshake and one for hello and join, took {took:?}"
        );
        // The first step of the room may be one tick more, because the room is opened by this join.
        let ticks = Duration::from_secs(2) / u32::from(joined.rate.hz());
        assert!(took <= min + ticks, "a seat must take at most two ticks more, took {took:?}");
    });
}

#[test]
fn a_mismatched_hello_is_refused_with_a_join_behind_it() {
    SimWorld::<Crowd>::run(32, PEOPLE_ONLY, async |world| {
        let connector = world.connector(&NEAR);
        let client = Client::<Arena>::connect_and_join(&connector, "Ada", JoinTarget::Quick).await;
        let Err(ConnectError::Refused { reason, .. }) = client else {
            panic!("a client of another game must be refused")
        };
        assert_eq!(reason, CloseReason::GameMismatch);
    });
}

#[test]
fn a_refused_join_leaves_a_connection_that_may_join_again() {
    SimWorld::<Crowd>::run(33, PEOPLE_ONLY, async |world| {
        let nowhere = JoinTarget::Room(RoomId(99));
        let client = Client::<Crowd>::connect_and_join(&world.connector(&NEAR), "Ada", nowhere).await;
        let mut client = client.expect("a welcome");
        let Err(RequestError::Refused { .. }) = client.wait_for_seat().await else {
            panic!("a join of a missing room must be refused")
        };
        client.join(JoinTarget::Quick).await.expect("a seat in another room");
    });
}

/// The link goes black when the request is nearly at the server, which assigns a seat that the client never learns of.
#[test]
fn a_retried_join_ends_with_one_seat() {
    SimWorld::<Crowd>::run(34, PEOPLE_ONLY, async |world| {
        let connector = world.connector(&NEAR);
        let blackout = world.now() + Duration::from_millis(130)..world.now() + Duration::from_millis(5200);
        world.network().add_blackout(world.path(connector.endpoint()), blackout);
        let joining = tokio::spawn(async move {
            let client = Client::<Crowd>::connect_and_join(&connector, "Ada", JoinTarget::Quick).await;
            let mut client = client.expect("a welcome on the second connection");
            let joined = client.wait_for_seat().await.expect("a seat");
            (client, joined)
        });
        sleep(Duration::from_secs(1)).await;
        assert_eq!(world.metric("quarrel_players"), 1.0, "the first connection must have a seat");
        assert!(!joining.is_finished(), "the client must not know of the first seat");
        let (_client, _) = joining.await.expect("no panic");
        sleep(Duration::from_secs(1)).await;
        for metric in ["quarrel_players", "quarrel_sessions"] {
            assert_eq!(
                world.metric(metric),
                1.0,
                "{metric}: a retry must replace the first connection and its seat"
            );
        }
    });
}
