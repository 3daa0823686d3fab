//! The flood attack: well-formed messages at many times a player's rate.

use std::time::Duration;

use quarrel_shared::{
    game::Game,
    protocol::{
        ClientMessage,
        bounded::Text,
        datagram::{InputBatch, StampedInput},
    },
    tick::TickRate,
};
use rand_pcg::Pcg64;

use super::session::{Attack, HostileSeat};

/// The multiple of a player's rate: far above a server's limit for one session, and yet cheap for the attacking machine, so that bots can
/// play on it at the same time.
const RATE_FACTOR: u32 = 50;

/// Calls of [`Attack::send`] per second. At 30 Hz, each sends 50 * 30 / 100 = 15 messages, which fit into one packet or a few.
const PORTIONS_PER_S: u32 = 100;

/// A flood of inputs in sessions with an even number, and of chat lines in the others.
pub(super) struct Flood {
    sends_chat: bool,
    /// The fraction of a message that is still to be sent, in units of 1 / [`PORTIONS_PER_S`].
    owed: u32,
}

impl Attack for Flood {
    fn new(session: u64, _: Pcg64) -> Self {
        Self { sends_chat: session % 2 == 1, owed: 0 }
    }

    fn period(_: TickRate) -> Duration {
        Duration::from_secs(1) / PORTIONS_PER_S
    }

    fn send<G: Game>(&mut self, seat: &mut HostileSeat) -> u64 {
        self.owed += u32::from(seat.rate().hz()) * RATE_FACTOR;
        let portion = self.owed / PORTIONS_PER_S;
        self.owed %= PORTIONS_PER_S;
        let tick = seat.tick();
        let chat = ClientMessage::Chat(Text::lossy("buy bolts"));
        (0..portion)
            .map(|_| {
                if self.sends_chat {
                    seat.send_message(&chat)
                } else {
                    seat.send_inputs(InputBatch::new(tick, StampedInput::at(tick, G::Input::default())), None)
                }
            })
            .sum()
    }
}
