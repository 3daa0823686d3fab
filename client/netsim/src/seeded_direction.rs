//! A direction with luck of its own: each player's, each way, from one seed. So what one player sends does not change what becomes of
//! another's packets, and the same seed gives the same fates.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use super::{
    Link,
    direction::{Direction, Fate},
};

/// One way along a player's path.
#[derive(Clone, Debug)]
pub struct Lane {
    direction: Direction,
    rng: Pcg64,
}

impl Lane {
    /// The way up and the way down of one player's path, whose number is `path`.
    #[must_use]
    pub fn both(link: Link, seed: u64, path: u64, now: Duration) -> [Self; 2] {
        let luck = |way: u64| {
            Pcg64::seed_from_u64(
                seed ^ path.wrapping_mul(4).wrapping_add(way).wrapping_mul(0x9E37_79B9_7F4A_7C15),
            )
        };
        // A tunnel is as dark for what goes in as for what comes out.
        let phase = luck(0).random();
        [1, 2].map(|way| {
            let mut rng = luck(way);
            Self { direction: Direction::new(link, phase, now, &mut rng), rng }
        })
    }

    /// From `now` on the path is like this. What flies already arrives as it would have.
    pub fn set_link(&mut self, link: Link, now: Duration) {
        self.direction.set_link(link, now, &mut self.rng);
    }

    /// Sends a packet of so many bytes.
    pub fn send(&mut self, now: Duration, bytes: usize) -> Fate {
        self.direction.send(now, bytes, &mut self.rng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(mut lane: Lane) -> Vec<Fate> {
        (0..1000).map(|ms| lane.send(Duration::from_millis(ms), 200)).collect()
    }

    #[test]
    fn each_player_and_way_has_luck_of_its_own_and_a_seed_decides_it() {
        let lanes = |seed, path| Lane::both(Link::named("hostile"), seed, path, Duration::ZERO).map(fates);
        assert_eq!(lanes(1, 0), lanes(1, 0), "the same seed, the same luck");
        let [up, down] = lanes(1, 0);
        assert_ne!(up, down, "up is not down");
        assert_ne!(up, lanes(1, 1)[0], "nor is it another player's");
        assert_ne!(up, lanes(2, 0)[0], "nor that of another run");
    }
}
