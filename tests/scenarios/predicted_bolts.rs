//! Predicted bolts: the shooter's own bolt is drawn at once, and is confirmed or removed by the server's view.

use std::time::Duration;

use quarrel_client::{Client, Drawn};
use quarrel_harness::sim::{Link, SimWorld};
use quarrel_shared::{
    arena::{Arena, ArenaEntity, Input, Kit},
    game::{Angle, UNIT},
    protocol::JoinTarget,
};
use tokio::time::{Instant, sleep};

/// A room with one seat: no other fighter stops a bolt.
const ONE_SEAT: &[(&str, &str)] = &[("room.seats", "1"), ("room.bots", "0")];

/// Longer than inputs are repeated, shorter than a bolt flies.
const BLACKOUT: Duration = Duration::from_millis(450);

/// Two ticks at 30 Hz: an input set now is sent with the next tick.
const MAX_DELAY: Duration = Duration::from_millis(67);

/// Joins over a link without losses, whose round trip of 120 ms separates prediction from the server's answer.
async fn archer(world: &SimWorld<Arena>) -> (Client<Arena>, quinn::Endpoint) {
    let connector = world.connector(&Link::round_trip("far", 120.0));
    let mut client = Client::connect_with(&connector, "Ada").await.expect("a connection");
    client.join(JoinTarget::Quick).await.expect("a seat");
    // Until the clocks have settled.
    sleep(Duration::from_secs(5)).await;
    (client, connector.endpoint().clone())
}

/// Shoots in the direction with the longest free line: a bolt that hits a wall at once shows nothing.
fn shoot(client: &Client<Arena>) {
    let drawn = client.draw().expect("a screen");
    let from = drawn.entities.iter().find_map(|(_, thing)| match thing {
        ArenaEntity::Fighter(fighter) => Some(fighter.body.at),
        _ => None,
    });
    let from = from.expect("a fighter");
    let free_length = |aim: &Angle| {
        let far = from + aim.times(MAX_RANGE);
        let end = client.screen().with(|screen| screen.scene().map().and_then(|map| map.raycast(from, far)));
        from.distance(end.flatten().unwrap_or(far))
    };
    let aim = (0..64).map(|n| Angle(n << 10)).max_by_key(free_length).expect("64 directions");
    client.set_input(Input { aim, fire: true, ..Input::default() });
}

/// The range of a bolt, in 1/256 unit.
const MAX_RANGE: i32 = 30 * UNIT;

/// Waits until the screen shows what `is_wanted`; returns the time and the drawn view.
async fn drawn_when(
    client: &Client<Arena>,
    is_wanted: impl Fn(&Drawn<ArenaEntity>) -> bool,
) -> (Duration, Drawn<ArenaEntity>) {
    let begin = Instant::now();
    loop {
        if let Some(drawn) = client.draw().filter(|drawn| is_wanted(drawn)) {
            return (begin.elapsed(), drawn);
        }
        assert!(begin.elapsed() < Duration::from_secs(5), "the screen must show it within 5 s");
        sleep(Duration::from_millis(5)).await;
    }
}

fn flies(drawn: &Drawn<ArenaEntity>) -> bool {
    drawn.entities.iter().any(|(_, thing)| matches!(thing, ArenaEntity::Bolt(_)))
}

#[test]
fn a_bolt_is_drawn_at_once_and_replaced_by_the_servers_bolt() {
    SimWorld::<Arena>::run(41, ONE_SEAT, async |world| {
        let (client, _) = archer(world).await;
        shoot(&client);
        let (after, _) = drawn_when(&client, |drawn| !drawn.predicted_spawns.is_empty()).await;
        assert!(after <= MAX_DELAY, "a predicted bolt must be drawn within {MAX_DELAY:?}, took {after:?}");
        client.set_input(Input::default());
        let (after, drawn) = drawn_when(&client, flies).await;
        assert!(
            after >= Duration::from_millis(60),
            "the server's bolt must not arrive before half a round trip: {after:?}"
        );
        assert!(drawn.predicted_spawns.is_empty(), "a confirmed bolt must be drawn once");
        let counts = client.screen().with(|screen| screen.prediction()).expect("a screen");
        assert_eq!((counts.confirmed_spawns, counts.rejected_spawns, counts.corrections), (1, 0, 0));
    });
}

#[test]
fn a_bolt_whose_input_was_lost_is_removed() {
    SimWorld::<Arena>::run(42, ONE_SEAT, async |world| {
        let (client, endpoint) = archer(world).await;
        let now = world.now();
        world.network().add_blackout(world.path(&endpoint), now..now + BLACKOUT);
        shoot(&client);
        drawn_when(&client, |drawn| !drawn.predicted_spawns.is_empty()).await;
        client.set_input(Input::default());
        let gone = |drawn: &Drawn<ArenaEntity>| drawn.predicted_spawns.is_empty() && !flies(drawn);
        drawn_when(&client, gone).await;
        sleep(Duration::from_secs(2)).await;
        let counts = client.screen().with(|screen| screen.prediction()).expect("a screen");
        assert_eq!(
            (counts.confirmed_spawns, counts.rejected_spawns),
            (0, 1),
            "the server's view must reject the bolt in flight"
        );
        let quiver = client.draw().and_then(|drawn| {
            drawn.entities.iter().find_map(|(_, thing)| match thing {
                ArenaEntity::Kit(kit) => Some(kit.quiver),
                _ => None,
            })
        });
        assert_eq!(quiver, Some(Kit::INITIAL_QUIVER), "a rejected bolt must return to the quiver");
    });
}
