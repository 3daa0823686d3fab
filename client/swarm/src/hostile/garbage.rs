//! Bytes that mean nothing.

use quarrel_shared::game::Game;
use rand::{Rng as _, RngExt as _};
use rand_pcg::Pcg64;

use super::life::{HostileSeat, Weapon};

/// The most that is sent at once: longer than any input, so that what ends too late is there as well as what ends too early.
const MOST_BYTES: usize = 600;

/// Random bytes of random lengths, one portion a tick: a server needs no more than one to know.
pub(super) struct Garbage {
    on_stream: bool,
    rng: Pcg64,
}

impl Weapon for Garbage {
    fn forge(life: u64, rng: Pcg64) -> Self {
        Self { on_stream: life % 2 == 1, rng }
    }

    fn strike<G: Game>(&mut self, seat: &mut HostileSeat) -> u64 {
        let mut bytes = [0; MOST_BYTES];
        let bytes = &mut bytes[..self.rng.random_range(1..=MOST_BYTES)];
        self.rng.fill_bytes(bytes);
        if self.on_stream { seat.write(bytes) } else { seat.datagram(bytes) }
    }
}
