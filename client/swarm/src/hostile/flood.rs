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

/// The multiple of a player's rate: far past the limit of one session, and yet cheap for the machine that floods, so that bots can play
/// beside the flood.
const RATE_FACTOR: u32 = 50;

/// Portions per second: each fills one packet or a few.
const PORTIONS_PER_S: u32 = 100;

/// Inputs in one session, chat lines in the next.
pub(super) struct Flood {
    sends_chat: bool,
    /// The fraction of a message that no portion has sent yet, in units of 1 / [`PORTIONS_PER_S`].
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
