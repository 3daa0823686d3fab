//! Reproducible simulation: two runs with one seed send packets of the same sizes at the same times.

use std::time::Duration;

use quarrel_harness::sim::{SimWorld, bot, trace::Trace};
use quarrel_netsim::LINKS;
use quarrel_shared::{arena::Arena, game::Predict};

/// Enough for joins and fights, and on the worst links for losses of every kind of packet.
const PLAYED: Duration = Duration::from_secs(10);

/// A player on each kind of link, in a room with bots.
fn play<G: Predict>(seed: u64) -> Trace {
    SimWorld::<G>::run(seed, &[], async |world| {
        world.network().record_packets();
        let players = LINKS.iter().zip(seed..).map(|(link, seed)| {
            tokio::spawn(bot::play::<G>(world.connector(link), link.name.to_owned(), seed, PLAYED))
        });
        for player in players.collect::<Vec<_>>() {
            let played = player.await.expect("a player without a panic").expect("a connection");
            assert!(played.join.is_some(), "every player must get a seat: {played:?}");
        }
        world.trace()
    })
}

#[test]
fn the_same_seed_sends_the_same_packets_and_another_seed_others() {
    let [first, again, other] = [31, 31, 32].map(play::<Arena>);
    assert!(first.packets() > 1000, "the simulation must send packets");
    let (one, two) = (first.packet_records(), again.packet_records());
    if let Some(at) = one.iter().zip(&two).position(|(one, two)| one != two) {
        panic!("two runs with one seed differ at packet {at}: {:?}, {:?}", one[at], two[at]);
    }
    assert_eq!(
        first.packets(),
        again.packets(),
        "two runs with one seed must send the same number of packets"
    );
    assert_eq!(first.hash(), again.hash(), "two runs with one seed must have the same hash");
    assert_ne!(first.hash(), other.hash(), "the seed must influence the packets");
}
