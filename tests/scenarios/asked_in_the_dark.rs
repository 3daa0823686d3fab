//! What a player asks for while their connection breaks is answered on the next one.

use std::time::Duration;

use quarrel_client::Client;
use quarrel_harness::sim::{Link, SimWorld};
use quarrel_shared::{crowd::Crowd, protocol::JoinTarget};
use tokio::time::{sleep, timeout};

/// A room for one.
const ALONE: &[(&str, &str)] = &[("room.seats", "1"), ("room.bots", "0")];

/// Longer than a connection lives in silence, shorter than a seat is held.
const DARK: Duration = Duration::from_secs(12);

/// Somebody without a seat, over Wi-Fi.
async fn newcomer(world: &SimWorld<Crowd>) -> (Client<Crowd>, quinn::Endpoint) {
    let connector = world.connector(&Link::named("wifi"));
    let client = Client::connect_with(&connector, "Ada").await.expect("a connection");
    (client, connector.endpoint().clone())
}

/// From now on, for a while, nothing gets through.
fn black_out(world: &SimWorld<Crowd>, endpoint: &quinn::Endpoint) {
    world.network().add_blackout(world.path(endpoint), world.now()..world.now() + DARK);
}

#[test]
fn a_seat_that_was_asked_for_is_given_by_the_next_connection() {
    SimWorld::<Crowd>::run(23, ALONE, async |world| {
        let (mut client, endpoint) = newcomer(world).await;
        black_out(world, &endpoint);
        let joined = timeout(2 * DARK, client.join(JoinTarget::Quick)).await.expect("an answer in time");
        joined.expect("a seat");
    });
}

#[test]
fn a_seat_that_was_left_is_left() {
    SimWorld::<Crowd>::run(24, ALONE, async |world| {
        let (mut client, endpoint) = newcomer(world).await;
        client.join(JoinTarget::Quick).await.expect("a seat");
        sleep(Duration::from_secs(2)).await;
        black_out(world, &endpoint);
        client.leave().await.expect("a connection");
        sleep(2 * DARK).await;
        assert_eq!(world.metric("quarrel_players"), 0.0, "the server knows of it too");
        let joined = timeout(DARK, client.join(JoinTarget::Quick)).await.expect("an answer in time");
        joined.expect("another seat, as if nothing had been");
    });
}

#[test]
fn the_rooms_that_were_asked_for_are_told() {
    SimWorld::<Crowd>::run(25, ALONE, async |world| {
        let (mut client, endpoint) = newcomer(world).await;
        black_out(world, &endpoint);
        let rooms = timeout(2 * DARK, client.list_rooms()).await.expect("an answer in time");
        assert_eq!(rooms.expect("a list").len(), 0, "nobody has opened one");
    });
}
