//! A bolt of one's own flies at once, and is set right by what the server knows of it.

use std::time::Duration;

use quarrel_client::{Client, Drawn};
use quarrel_harness::sim::{Link, SimWorld};
use quarrel_shared::{
    arena::{Arena, ArenaEntity, Input, Kit},
    game::{Angle, UNIT},
    protocol::JoinTarget,
};
use tokio::time::{Instant, sleep};

/// A range of one's own: nobody walks into a bolt.
const ALONE: &[(&str, &str)] = &[("room.seats", "1"), ("room.bots", "0")];

/// Longer than inputs are repeated for, shorter than a bolt flies.
const SILENCE: Duration = Duration::from_millis(450);

/// Two ticks at 30 Hz: what is wanted now goes out with the next one.
const AT_ONCE: Duration = Duration::from_millis(67);

/// Somebody on a train's link without its losses: 120 ms is long enough to tell before from after.
async fn archer(world: &SimWorld<Arena>) -> (Client<Arena>, quinn::Endpoint) {
    let connector = world.connector(&Link::round_trip("far", 120.0));
    let mut client = Client::connect_with(&connector, "Ada").await.expect("a connection");
    client.join(JoinTarget::Quick).await.expect("a seat");
    // Until clocks have settled.
    sleep(Duration::from_secs(5)).await;
    (client, connector.endpoint().clone())
}

/// Pulls the trigger towards the longest free way: a bolt that meets a wall at once proves nothing.
fn shoot(client: &Client<Arena>) {
    let drawn = client.draw().expect("a screen");
    let from = drawn.entities.iter().find_map(|(_, thing)| match thing {
        ArenaEntity::Fighter(fighter) => Some(fighter.body.at),
        _ => None,
    });
    let from = from.expect("a fighter");
    let free_way = |aim: &Angle| {
        let far = from + aim.times(FARTHEST);
        let end = client.screen().with(|screen| screen.scene().map().and_then(|map| map.raycast(from, far)));
        from.distance(end.flatten().unwrap_or(far))
    };
    let aim = (0..64).map(|n| Angle(n << 10)).max_by_key(free_way).expect("64 ways");
    client.set_input(Input { aim, fire: true, ..Input::default() });
}

/// As far as a bolt flies, in 1/256 unit.
const FARTHEST: i32 = 30 * UNIT;

/// How long it takes until the screen shows what is wanted, and what it shows then.
async fn drawn_when(
    client: &Client<Arena>,
    is_wanted: impl Fn(&Drawn<ArenaEntity>) -> bool,
) -> (Duration, Drawn<ArenaEntity>) {
    let begin = Instant::now();
    loop {
        if let Some(drawn) = client.draw().filter(|drawn| is_wanted(drawn)) {
            return (begin.elapsed(), drawn);
        }
        assert!(begin.elapsed() < Duration::from_secs(5), "it is never shown");
        sleep(Duration::from_millis(5)).await;
    }
}

fn flies(drawn: &Drawn<ArenaEntity>) -> bool {
    drawn.entities.iter().any(|(_, thing)| matches!(thing, ArenaEntity::Bolt(_)))
}

#[test]
fn a_bolt_flies_at_once_and_becomes_the_servers_when_that_comes() {
    SimWorld::<Arena>::run(41, ALONE, async |world| {
        let (client, _) = archer(world).await;
        shoot(&client);
        let (after, _) = drawn_when(&client, |drawn| !drawn.predicted_spawns.is_empty()).await;
        assert!(after <= AT_ONCE, "the bolt is shown {after:?} after the trigger, a round trip is 120 ms");
        client.set_input(Input::default());
        let (after, drawn) = drawn_when(&client, flies).await;
        assert!(after >= Duration::from_millis(60), "the server was told first: {after:?}");
        assert!(drawn.predicted_spawns.is_empty(), "it is drawn once, as the server's now");
        let counts = client.screen().with(|screen| screen.prediction()).expect("a screen");
        assert_eq!((counts.confirmed_spawns, counts.rejected_spawns, counts.corrections), (1, 0, 0));
    });
}

#[test]
fn a_bolt_that_the_server_never_heard_of_is_taken_back() {
    SimWorld::<Arena>::run(42, ALONE, async |world| {
        let (client, endpoint) = archer(world).await;
        let now = world.now();
        world.network().add_blackout(world.path(&endpoint), now..now + SILENCE);
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
            "it was in the air when the server's word came"
        );
        let quiver = client.draw().and_then(|drawn| {
            drawn.entities.iter().find_map(|(_, thing)| match thing {
                ArenaEntity::Kit(kit) => Some(kit.quiver),
                _ => None,
            })
        });
        assert_eq!(quiver, Some(Kit::INITIAL_QUIVER), "and none is missing");
    });
}
