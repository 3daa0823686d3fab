//! The garbage attack: random bytes.

use quarrel_shared::game::Game;
use rand::{Rng as _, RngExt as _};
use rand_pcg::Pcg64;

use super::session::{Attack, HostileSeat};

/// The maximum length of the random bytes: longer than any input, so that some are too long and others too short.
const MAX_BYTES: usize = 600;

/// Random bytes of a random length, once per tick. One call is enough for the server to detect a malformed message.
pub(super) struct Garbage {
    /// Whether the bytes are written on the control stream, as in every second session, or sent as datagrams.
    on_stream: bool,
    rng: Pcg64,
}

impl Attack for Garbage {
    fn new(session: u64, rng: Pcg64) -> Self {
        Self { on_stream: session % 2 == 1, rng }
    }

    fn send<G: Game>(&mut self, seat: &mut HostileSeat) -> u64 {
        let mut bytes = [0; MAX_BYTES];
        let bytes = &mut bytes[..self.rng.random_range(1..=MAX_BYTES)];
        self.rng.fill_bytes(bytes);
        if self.on_stream { seat.write(bytes) } else { seat.datagram(bytes) }
    }
}
