//! Somebody who plays and does not read: all that the server says to it stays with the server.

use quarrel_shared::{
    game::Game,
    protocol::datagram::{StampedInput, InputBatch},
};
use quinn::{TransportConfig, VarInt};
use rand_pcg::Pcg64;

use super::life::{HostileSeat, Weapon};
use quarrel_client::net::transport::transport_config;

/// What this end's QUIC takes in unread, for each stream: less than a few messages, so that they pile up at the other end.
const WINDOW_BYTES: u32 = 1024;

/// One proper input a tick, and no acknowledgement, for nothing was read.
pub(super) struct SlowReader;

/// The settings of its connections.
pub(super) fn transport() -> TransportConfig {
    let mut config = transport_config();
    config.stream_receive_window(VarInt::from_u32(WINDOW_BYTES));
    config
}

impl Weapon for SlowReader {
    const READS: bool = false;

    fn forge(_: u64, _: Pcg64) -> Self {
        Self
    }

    fn strike<G: Game>(&mut self, seat: &mut HostileSeat) -> u64 {
        let tick = seat.tick();
        seat.send(InputBatch::new(tick, StampedInput::at(tick, G::Input::default())), None)
    }
}
