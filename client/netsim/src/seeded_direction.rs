//! A direction of a link with its own random number generator, seeded by run, player and direction. So the packets of one player do not
//! change the deliveries of another player, and the same seed gives the same deliveries.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use super::{
    Link,
    direction::{Delivery, Direction},
};

/// One direction of a player's link, with its random number generator.
#[derive(Clone, Debug)]
pub struct SeededDirection {
    direction: Direction,
    rng: Pcg64,
}

impl SeededDirection {
    /// Creates the two directions of a player's link: to the server and back. `path` is the player's number.
    #[must_use]
    pub fn pair(link: Link, seed: u64, path: u64, now: Duration) -> [Self; 2] {
        let rng_of = |way: u64| {
            Pcg64::seed_from_u64(
                seed ^ path.wrapping_mul(4).wrapping_add(way).wrapping_mul(0x9E37_79B9_7F4A_7C15),
            )
        };
        // Black-outs affect both directions at the same time.
        let phase = rng_of(0).random();
        [1, 2].map(|way| {
            let mut rng = rng_of(way);
            Self { direction: Direction::new(link, phase, now, &mut rng), rng }
        })
    }

    /// Replaces the link's numbers from `now` on. Packets on the way are not affected.
    pub fn set_link(&mut self, link: Link, now: Duration) {
        self.direction.set_link(link, now, &mut self.rng);
    }

    /// Sends a packet with this number of payload bytes. Returns its delivery.
    pub fn send(&mut self, now: Duration, bytes: usize) -> Delivery {
        self.direction.send(now, bytes, &mut self.rng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deliveries(mut direction: SeededDirection) -> Vec<Delivery> {
        (0..1000).map(|ms| direction.send(Duration::from_millis(ms), 200)).collect()
    }

    #[test]
    fn each_seed_player_and_direction_has_its_own_deliveries() {
        let both = |seed, path| {
            SeededDirection::pair(Link::named("hostile"), seed, path, Duration::ZERO).map(deliveries)
        };
        assert_eq!(both(1, 0), both(1, 0), "the same seed gives the same deliveries");
        let [up, down] = both(1, 0);
        assert_ne!(up, down, "the two directions differ");
        assert_ne!(up, both(1, 1)[0], "two players differ");
        assert_ne!(up, both(2, 0)[0], "two seeds differ");
    }
}
