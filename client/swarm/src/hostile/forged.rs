//! The forged attack: well-formed inputs with false ticks and acknowledgements. They are sent at an honest player's rate, so that only the
//! content is wrong.

use quarrel_shared::{
    game::Game,
    protocol::datagram::{InputBatch, SnapshotAck, StampedInput},
    sub_tick::SubTick,
    tick::Tick,
};
use rand::RngExt as _;
use rand_pcg::Pcg64;

use super::session::{Attack, HostileSeat};

/// The oldest tick for which an input can be.
const FIRST: Tick = Tick(1);

/// The limit of a forged tick's random error: 2^20 ticks are about ten hours at 30 Hz. The first and the last possible tick are sent too.
const MAX_ERROR_TICKS: u32 = 1 << 20;

/// One forged input per tick, with eight kinds of forgery in turn.
pub(super) struct Forged {
    /// Number of inputs up to now.
    turn: u32,
    rng: Pcg64,
}

impl Attack for Forged {
    fn new(_: u64, rng: Pcg64) -> Self {
        Self { turn: 0, rng }
    }

    fn send<G: Game>(&mut self, seat: &mut HostileSeat) -> u64 {
        let now = seat.tick();
        let far = self.rng.random_range(1..MAX_ERROR_TICKS);
        self.turn = self.turn.wrapping_add(1);
        let (tick, seen, ack) = match self.turn % 8 {
            // Inputs for ticks long past, and far ahead.
            0 => (FIRST, SubTick::of(FIRST), None),
            1 => (now.after(far), SubTick::of(now), None),
            2 => (Tick(u32::MAX), SubTick::of(now), None),
            // Inputs whose displayed tick is long past, or in the future.
            3 => (now, SubTick::default(), None),
            4 => (now, SubTick::of(now.after(far)), None),
            // Acknowledgements of snapshots that the server cannot have sent.
            5 => (now, SubTick::of(now), Some(SnapshotAck { newest: now.after(far), history: u32::MAX })),
            6 => (
                now,
                SubTick::of(now),
                Some(SnapshotAck { newest: Tick::default(), history: self.rng.random() }),
            ),
            // An acknowledgement of a recent snapshot that probably exists, and that this bot has not read.
            _ => {
                let newest = now.before(seat.rate().ticks(2 * super::session::LEAD_MS));
                (now, SubTick::of(newest), Some(SnapshotAck { newest, history: u32::MAX }))
            }
        };
        seat.send_inputs(InputBatch::new(tick, StampedInput { input: G::Input::default(), seen }), ack)
    }
}
