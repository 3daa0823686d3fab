//! Well-formed lies, at the rate of an honest player: so nothing but what they say is wrong with them.

use quarrel_shared::{
    game::Game,
    sub_tick::SubTick,
    protocol::datagram::{SnapshotAck, StampedInput, InputBatch},
    tick::Tick,
};
use rand::RngExt as _;
use rand_pcg::Pcg64;

use super::life::{HostileSeat, Weapon};

/// The oldest tick that an input can be for.
const FIRST: Tick = Tick(1);

/// How many ticks a lie is off at most, where it is not off by all there are: hours.
const FAR: u32 = 1 << 20;

/// One lie a tick.
pub(super) struct Forged {
    turn: u32,
    rng: Pcg64,
}

impl Weapon for Forged {
    fn forge(_: u64, rng: Pcg64) -> Self {
        Self { turn: 0, rng }
    }

    fn strike<G: Game>(&mut self, seat: &mut HostileSeat) -> u64 {
        let now = seat.tick();
        let far = self.rng.random_range(1..FAR);
        self.turn = self.turn.wrapping_add(1);
        let (tick, seen, ack) = match self.turn % 8 {
            // For ticks long past, and far ahead.
            0 => (FIRST, SubTick::of(FIRST), None),
            1 => (now.after(far), SubTick::of(now), None),
            2 => (Tick(u32::MAX), SubTick::of(now), None),
            // As one who saw a world long gone, or one that is yet to come.
            3 => (now, SubTick::default(), None),
            4 => (now, SubTick::of(now.after(far)), None),
            // As one who has snapshots that were never made, or never got.
            5 => (now, SubTick::of(now), Some(SnapshotAck { newest: now.after(far), history: u32::MAX })),
            6 => (now, SubTick::of(now), Some(SnapshotAck { newest: Tick::default(), history: self.rng.random() })),
            // One of the last few was made, most likely; nobody here read it.
            _ => {
                let newest = now.before(seat.rate().ticks(2 * super::life::LEAD_MS));
                (now, SubTick::of(newest), Some(SnapshotAck { newest, history: u32::MAX }))
            }
        };
        seat.send(InputBatch::new(tick, StampedInput { input: G::Input::default(), seen }), ack)
    }
}
