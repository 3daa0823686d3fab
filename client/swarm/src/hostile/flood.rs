//! Much more than anybody needs to say, each bit of it well-formed.

use std::time::Duration;

use quarrel_shared::{
    game::Game,
    protocol::{
        ClientMessage,
        bounded::Text,
        datagram::{StampedInput, InputBatch},
    },
    tick::TickRate,
};
use rand_pcg::Pcg64;

use super::life::{HostileSeat, Weapon};

/// How many times what a player sends: far past what a server takes from anybody, and yet little for the machine that floods, so that
/// it can play beside the flood.
const TIMES: u32 = 50;

/// In how many portions a second: each is a packet's worth or a few.
const PORTIONS: u32 = 100;

/// Inputs in one life, chat in the next.
pub(super) struct Flood {
    chats: bool,
    /// What no portion has held yet, in parts of [`PORTIONS`].
    owed: u32,
}

impl Weapon for Flood {
    fn forge(life: u64, _: Pcg64) -> Self {
        Self { chats: life % 2 == 1, owed: 0 }
    }

    fn period(_: TickRate) -> Duration {
        Duration::from_secs(1) / PORTIONS
    }

    fn strike<G: Game>(&mut self, seat: &mut HostileSeat) -> u64 {
        self.owed += u32::from(seat.rate().hz()) * TIMES;
        let portion = self.owed / PORTIONS;
        self.owed %= PORTIONS;
        let tick = seat.tick();
        let chat = ClientMessage::Chat(Text::lossy("buy bolts"));
        (0..portion)
            .map(|_| {
                if self.chats {
                    seat.say(&chat)
                } else {
                    seat.send(InputBatch::new(tick, StampedInput::at(tick, G::Input::default())), None)
                }
            })
            .sum()
    }
}
