//! The slow reader attack: sends valid inputs and reads nothing, so that messages pile up at the server.

use quarrel_shared::{
    game::Game,
    protocol::datagram::{InputBatch, StampedInput},
};
use quinn::{TransportConfig, VarInt};
use rand_pcg::Pcg64;

use super::session::{Attack, HostileSeat};
use quarrel_client::net::transport::transport_config;

/// The receive window of each stream, in bytes: a few messages fill it, and further ones pile up at the server.
const WINDOW_BYTES: u32 = 1024;

/// One valid input per tick, without acknowledgements, because no snapshot is read.
pub(super) struct SlowReader;

/// Returns the QUIC settings of the bot's connections.
pub(super) fn transport() -> TransportConfig {
    let mut config = transport_config();
    config.stream_receive_window(VarInt::from_u32(WINDOW_BYTES));
    config
}

impl Attack for SlowReader {
    const READS: bool = false;

    fn new(_: u64, _: Pcg64) -> Self {
        Self
    }

    fn send<G: Game>(&mut self, seat: &mut HostileSeat) -> u64 {
        let tick = seat.tick();
        seat.send_inputs(InputBatch::new(tick, StampedInput::at(tick, G::Input::default())), None)
    }
}
