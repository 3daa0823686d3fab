//! Requests that a client sends while its connection breaks are answered on the next connection.

use std::time::Duration;

use quarrel_client::Client;
use quarrel_harness::sim::{Link, SimWorld};
use quarrel_shared::{crowd::Crowd, protocol::JoinTarget};
use tokio::time::{sleep, timeout};

/// A room with one seat and no bots.
const ONE_SEAT: &[(&str, &str)] = &[("room.seats", "1"), ("room.bots", "0")];

/// Longer than the idle timeout of a connection, shorter than a seat is held.
const BLACKOUT: Duration = Duration::from_secs(12);

/// Connects a client without a seat over Wi-Fi.
async fn connect(world: &SimWorld<Crowd>) -> (Client<Crowd>, quinn::Endpoint) {
    let connector = world.connector(&Link::named("wifi"));
    let client = Client::connect_with(&connector, "Ada").await.expect("a connection");
    (client, connector.endpoint().clone())
}

/// Drops every packet of this endpoint for [`BLACKOUT`] from now.
fn black_out(world: &SimWorld<Crowd>, endpoint: &quinn::Endpoint) {
    world.network().add_blackout(world.path(endpoint), world.now()..world.now() + BLACKOUT);
}

#[test]
fn a_join_request_sent_in_a_black_out_is_answered_on_the_next_connection() {
    SimWorld::<Crowd>::run(23, ONE_SEAT, async |world| {
        let (mut client, endpoint) = connect(world).await;
        black_out(world, &endpoint);
        let joined = timeout(2 * BLACKOUT, client.join(JoinTarget::Quick)).await.expect("an answer in time");
        joined.expect("a seat");
    });
}

#[test]
fn a_leave_request_sent_in_a_black_out_reaches_the_server() {
    SimWorld::<Crowd>::run(24, ONE_SEAT, async |world| {
        let (mut client, endpoint) = connect(world).await;
        client.join(JoinTarget::Quick).await.expect("a seat");
        sleep(Duration::from_secs(2)).await;
        black_out(world, &endpoint);
        client.leave().await.expect("a connection");
        sleep(2 * BLACKOUT).await;
        assert_eq!(world.metric("quarrel_players"), 0.0, "the server must free the seat");
        let joined = timeout(BLACKOUT, client.join(JoinTarget::Quick)).await.expect("an answer in time");
        joined.expect("a seat after the leave");
    });
}

#[test]
fn a_list_request_sent_in_a_black_out_is_answered_on_the_next_connection() {
    SimWorld::<Crowd>::run(25, ONE_SEAT, async |world| {
        let (mut client, endpoint) = connect(world).await;
        black_out(world, &endpoint);
        let rooms = timeout(2 * BLACKOUT, client.list_rooms()).await.expect("an answer in time");
        assert_eq!(rooms.expect("a list").len(), 0, "the list must be empty because no room is open");
    });
}
