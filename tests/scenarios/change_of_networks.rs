//! A player whose network changes, or is silent for a while, plays on.

use std::time::Duration;

use quarrel_client::Happening;
use quarrel_harness::sim::{Link, SimWorld};
use quarrel_shared::{crowd::Crowd, protocol::JoinTarget};
use tokio::time::{sleep, timeout};

/// A room for one, whose views nobody else's doings can delay.
const ALONE: &[(&str, &str)] = &[("room.seats", "1"), ("room.bots", "0")];

type Client = quarrel_client::Client<Crowd>;

/// Sits down over Wi-Fi; the endpoint is what changes networks later.
async fn sit(world: &SimWorld<Crowd>) -> (Client, quinn::Endpoint) {
    let connector = world.connector(&Link::named("wifi"));
    let mut client = Client::connect_with(&connector, "Ada").await.expect("a connection");
    client.join(JoinTarget::Quick).await.expect("a seat");
    views(&mut client).await;
    (client, connector.endpoint().clone())
}

/// Ten views: one may have waited unread since before whatever happened, the others came after it.
async fn views(client: &mut Client) {
    for _ in 0..10 {
        while !matches!(client.next().await.expect("a connection that lives"), Happening::View(_)) {}
    }
}

#[test]
fn from_wifi_to_a_telephone_views_go_on_within_a_second() {
    SimWorld::<Crowd>::run(21, ALONE, async |world| {
        let (mut client, endpoint) = sit(world).await;
        let path = world.rebind(&endpoint, &Link::named("lte"));
        // Views that were on their way are lost with the old network: whatever comes now came by the new one.
        timeout(Duration::from_secs(1), views(&mut client)).await.expect("views within a second");
        assert!(world.network().traffic(path).down.packets > 0, "they come by the new network");
    });
}

#[test]
fn a_silence_of_five_seconds_ends_no_connection() {
    SimWorld::<Crowd>::run(22, ALONE, async |world| {
        let (mut client, endpoint) = sit(world).await;
        let silence = world.now()..world.now() + Duration::from_secs(5);
        world.network().black_out(world.path(&endpoint), silence.clone());
        sleep(silence.end - silence.start).await;
        timeout(Duration::from_secs(3), views(&mut client)).await.expect("views soon after");
    });
}
