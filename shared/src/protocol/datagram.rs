//! Datagrams: inputs from the client, snapshots from the server. The newest wins; a lost datagram is not retransmitted.
//!
//! An empty datagram is valid and carries nothing. A client that waits for its seat sends them because a later acknowledgement
//! reveals the losses before it.

use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    limits::{MAX_BASELINE_AGE_TICKS, MAX_INPUT_BITS, MAX_INPUTS_PER_DATAGRAM},
    sub_tick::SubTick,
    tick::Tick,
};

use super::seat_epoch::SeatEpoch;

/// An input, and the time that its player saw when making it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StampedInput<I> {
    /// The player's intention.
    pub input: I,
    /// The time that the player's screen showed; before the first view, the input's own tick.
    pub seen: SubTick,
}

impl<I> StampedInput<I> {
    /// Creates an input for `tick` whose player saw the present: a bot, or a player before the first view.
    #[must_use]
    pub const fn at(tick: Tick, input: I) -> Self {
        Self { input, seen: SubTick::of(tick) }
    }
}

/// The last few inputs of one seat for consecutive ticks, newest first. Datagrams overlap, so that the next one repeats the inputs
/// of a lost one.
#[derive(Clone, Debug, PartialEq)]
pub struct InputBatch<I> {
    newest: Tick,
    len: usize,
    inputs: [StampedInput<I>; MAX_INPUTS_PER_DATAGRAM],
}

impl<I: Bits + Default + Clone + PartialEq> InputBatch<I> {
    /// Creates a batch with one input, for `tick`.
    #[must_use]
    pub fn new(tick: Tick, input: StampedInput<I>) -> Self {
        let mut inputs = std::array::from_fn(|_| StampedInput::default());
        inputs[0] = input;
        Self { newest: tick, len: 1, inputs }
    }

    /// Adds the next tick's input and drops the oldest past `max` inputs (1 to [`MAX_INPUTS_PER_DATAGRAM`]).
    pub fn push(&mut self, input: StampedInput<I>, max: usize) {
        self.inputs.rotate_right(1);
        self.inputs[0] = input;
        self.len = (self.len + 1).min(max.clamp(1, MAX_INPUTS_PER_DATAGRAM));
        self.newest = self.newest.next();
    }

    /// The tick of the newest input.
    pub const fn newest(&self) -> Tick {
        self.newest
    }

    /// Iterates over the inputs with their ticks, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (Tick, &StampedInput<I>)> {
        self.inputs[..self.len]
            .iter()
            .enumerate()
            .rev()
            .map(|(age, input)| (self.newest.before(age as u32), input))
    }

    /// Iterates over the inputs with their ticks, oldest first, so that a caller can clamp the times that they saw.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Tick, &mut StampedInput<I>)> {
        let newest = self.newest;
        let aged = self.inputs[..self.len].iter_mut().enumerate().rev();
        aged.map(move |(age, input)| (newest.before(age as u32), input))
    }
}

/// The acknowledgement of snapshots that a client has applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotAck {
    /// The tick of the newest applied snapshot.
    pub newest: Tick,
    /// Bit `n`: whether the snapshot of the tick `n + 1` before it was applied too.
    pub history: u32,
}

/// The datagram that a client sends once per tick.
#[derive(Clone, Debug, PartialEq)]
pub struct InputDatagram<I> {
    /// The epoch of the seat; a datagram of an earlier seat is ignored.
    pub seat_epoch: SeatEpoch,
    /// The applied snapshots; `None` asks for a keyframe because the client has no view.
    pub ack: Option<SnapshotAck>,
    /// The newest inputs.
    pub batch: InputBatch<I>,
}

impl<I: Bits + Default + Clone + PartialEq> Bits for InputDatagram<I> {
    /// The newest input is encoded whole. An older one takes one bit if it equals the one after it (a held key), and another bit if
    /// its player's screen lagged equally.
    fn encode(&self, out: &mut BitWriter) {
        self.seat_epoch.encode(out);
        out.write_bits(self.batch.newest.0, 32);
        out.write_bool(self.ack.is_some());
        if let Some(ack) = self.ack {
            // A client runs a few ticks ahead of its newest snapshot, so the difference is a short number.
            out.write_signed(self.batch.newest.0.wrapping_sub(ack.newest.0) as i32, 4);
            out.write_bits(ack.history, 32);
        }
        out.write_bits(self.batch.len as u32 - 1, LEN_BITS);
        let inputs = &self.batch.inputs[..self.batch.len];
        inputs[0].input.encode(out);
        let lags = lags(self.batch.newest, inputs);
        out.write_signed(lags[0], LAG_ORDER);
        for (pair, lags) in inputs.windows(2).zip(lags.windows(2)) {
            let same = pair[0].input == pair[1].input;
            out.write_bool(same);
            if !same {
                pair[1].input.encode(out);
            }
            out.write_bool(lags[0] == lags[1]);
            if lags[0] != lags[1] {
                out.write_signed(lags[1].wrapping_sub(lags[0]), LAG_CHANGE_ORDER);
            }
        }
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let seat_epoch = SeatEpoch::decode(from)?;
        let newest = Tick(from.read_bits(32)?);
        let ack = if from.read_bool()? {
            let behind = from.read_signed(4)?;
            let history = from.read_bits(32)?;
            Some(SnapshotAck { newest: Tick(newest.0.wrapping_sub(behind as u32)), history })
        } else {
            None
        };
        let len = from.read_bits(LEN_BITS)? as usize + 1;
        if len > MAX_INPUTS_PER_DATAGRAM {
            return Err(BitsError::OutOfRange);
        }
        if newest.0 < len as u32 {
            return Err(BitsError::OutOfRange);
        }
        let mut inputs: [StampedInput<I>; MAX_INPUTS_PER_DATAGRAM] =
            std::array::from_fn(|_| StampedInput::default());
        inputs[0].input = decode_input(from)?;
        let mut lag = from.read_signed(LAG_ORDER)?;
        inputs[0].seen = seen(newest, lag);
        for n in 1..len {
            inputs[n].input =
                if from.read_bool()? { inputs[n - 1].input.clone() } else { decode_input(from)? };
            if !from.read_bool()? {
                lag = lag.wrapping_add(from.read_signed(LAG_CHANGE_ORDER)?);
            }
            inputs[n].seen = seen(newest.before(n as u32), lag);
        }
        Ok(Self { seat_epoch, ack, batch: InputBatch { newest, len, inputs } })
    }
}

/// Bits of the number of inputs less one.
const LEN_BITS: u32 = 4;
/// Code order of a lag in 1/16 tick: a screen is about six ticks behind the tick of the input.
const LAG_ORDER: u32 = 6;
/// Code order of the change of the lag between two ticks: nearly 0, unless the client stretches its playout.
const LAG_CHANGE_ORDER: u32 = 1;

/// The time that each input's player saw, as a lag behind the input's tick in 1/16 tick.
fn lags<I>(newest: Tick, inputs: &[StampedInput<I>]) -> [i32; MAX_INPUTS_PER_DATAGRAM] {
    let mut lags = [0; MAX_INPUTS_PER_DATAGRAM];
    for (age, (lag, input)) in (0..).zip(lags.iter_mut().zip(inputs)) {
        let behind = SubTick::of(newest.before(age)).since(input.seen);
        *lag = i32::try_from(behind).unwrap_or(i32::MAX);
    }
    lags
}

fn seen(tick: Tick, lag: i32) -> SubTick {
    SubTick::of(tick).offset(-i64::from(lag))
}

/// Decodes one input. A game whose inputs exceed [`MAX_INPUT_BITS`] fails at its first datagram and not only under load.
fn decode_input<I: Bits>(from: &mut BitReader<'_>) -> Result<I, BitsError> {
    let before = from.remaining_bits();
    let input = I::decode(from)?;
    if before - from.remaining_bits() > MAX_INPUT_BITS { Err(BitsError::OutOfRange) } else { Ok(input) }
}

/// The header of a snapshot, before its delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// The epoch of the seat; a snapshot of an earlier seat is ignored.
    pub seat_epoch: SeatEpoch,
    /// The tick of the view.
    pub tick: Tick,
    /// The tick of the baseline that the delta is against; `None` for a keyframe.
    pub baseline: Option<Tick>,
    /// The input margin: how early the seat's newest input arrived before its tick's step, in 1/16 tick; negative if it was late.
    /// `None` before the first input.
    pub margin: Option<i16>,
    /// The newest tick whose step used an input of this seat.
    pub used: Option<Tick>,
}

impl Bits for SnapshotHeader {
    fn encode(&self, out: &mut BitWriter) {
        self.seat_epoch.encode(out);
        out.write_bits(self.tick.0, 32);
        // A baseline is always older than its snapshot, so an age of 0 encodes a keyframe.
        out.write_var(self.baseline.map_or(0, |baseline| self.tick.since(baseline)), 3);
        out.write_bool(self.margin.is_some());
        if let Some(margin) = self.margin {
            out.write_signed(i32::from(margin), 6);
        }
        out.write_bool(self.used.is_some());
        if let Some(used) = self.used {
            out.write_var(self.tick.since(used), 0);
        }
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let seat_epoch = SeatEpoch::decode(from)?;
        let tick = Tick(from.read_bits(32)?);
        let age = from.read_var(3)?;
        let baseline = match age {
            0 => None,
            // No server uses such an age, and extrapolating over it would cost time.
            _ if age > MAX_BASELINE_AGE_TICKS => return Err(BitsError::OutOfRange),
            _ => Some(Tick(tick.0.checked_sub(age).ok_or(BitsError::OutOfRange)?)),
        };
        let margin = if from.read_bool()? {
            Some(i16::try_from(from.read_signed(6)?).map_err(|_| BitsError::OutOfRange)?)
        } else {
            None
        };
        let used = if from.read_bool()? {
            let age = from.read_var(0)?;
            Some(Tick(tick.0.checked_sub(age).ok_or(BitsError::OutOfRange)?))
        } else {
            None
        };
        Ok(Self { seat_epoch, tick, baseline, margin, used })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::SeatId;

    /// A small type with a bit encoding that serves as an input here.
    type Input = SeatId;

    fn coded(value: &impl Bits) -> Vec<u8> {
        let mut out = BitWriter::new();
        value.encode(&mut out);
        out.finish().to_vec()
    }

    fn aimed(tick: Tick, input: u16, lag: i64) -> StampedInput<Input> {
        StampedInput { input: SeatId(input), seen: SubTick::of(tick).offset(-lag) }
    }

    proptest! {
        #[test]
        fn an_input_datagram_decodes_to_itself(
            first in 100..u32::MAX - 100,
            inputs in proptest::collection::vec((0..4u16, 88..92i64), 1..20),
            ack in proptest::option::of((any::<u32>(), any::<u32>())),
        ) {
            let mut run = InputBatch::new(Tick(first), aimed(Tick(first), 0, 90));
            for (input, lag) in inputs {
                let tick = run.newest().next();
                run.push(aimed(tick, input, lag), 6);
            }
            let ack = ack.map(|(newest, history)| SnapshotAck { newest: Tick(newest), history });
            let datagram = InputDatagram { seat_epoch: SeatEpoch::FIRST.next(), ack, batch: run };
            let bytes = coded(&datagram);
            let back = InputDatagram::<Input>::decode(&mut BitReader::new(&bytes)).unwrap();
            prop_assert_eq!(back.ack, datagram.ack);
            prop_assert!(back.batch.iter().eq(datagram.batch.iter()));
        }

        #[test]
        fn a_snapshot_header_decodes_to_itself(
            tick in 1000..u32::MAX,
            age in 0..=MAX_BASELINE_AGE_TICKS,
            margin in any::<Option<i16>>(),
            used in proptest::option::of(0..1000u32),
        ) {
            let tick = Tick(tick);
            let baseline = (age > 0).then(|| tick.before(age));
            let seat_epoch = SeatEpoch::FIRST.next();
            let header = SnapshotHeader { seat_epoch, tick, baseline, margin, used: used.map(|age| tick.before(age)) };
            prop_assert_eq!(SnapshotHeader::decode(&mut BitReader::new(&coded(&header))), Ok(header));
        }

        #[test]
        fn any_bytes_decode_to_a_datagram_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = InputDatagram::<Input>::decode(&mut BitReader::new(&bytes));
            let _ = SnapshotHeader::decode(&mut BitReader::new(&bytes));
        }
    }

    #[test]
    fn a_held_key_costs_two_bits_a_tick() {
        let aimed = |tick| aimed(Tick(tick), 900, 90);
        let mut run = InputBatch::new(Tick(10), aimed(10));
        let one = coded(&InputDatagram { seat_epoch: SeatEpoch::FIRST, ack: None, batch: run.clone() }).len();
        (11..18).for_each(|tick| run.push(aimed(tick), 8));
        let eight = coded(&InputDatagram { seat_epoch: SeatEpoch::FIRST, ack: None, batch: run }).len();
        assert!(eight <= one + 2, "one bit for the input and one for the lag: {eight} bytes after {one}");
    }
}
