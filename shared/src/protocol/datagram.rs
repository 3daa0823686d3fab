//! Datagrams: inputs from the client, and the headers of snapshots from the server. A lost datagram is not retransmitted, because the
//! next one replaces it.
//!
//! An empty datagram is valid, and the server ignores it. A client sends empty ones while it waits for the server's welcome or for its
//! seat: QUIC acknowledges them, and so detects the loss of earlier packets sooner.

use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    limits::{MAX_BASELINE_AGE_TICKS, MAX_INPUT_BITS, MAX_INPUTS_PER_DATAGRAM},
    sub_tick::SubTick,
    tick::Tick,
};

use super::seat_epoch::SeatEpoch;

/// An input, and the time that the client displayed when the player chose the input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StampedInput<I> {
    /// The player's intention.
    pub input: I,
    /// The displayed time: the time in the room at which the client drew other players' entities. Before the first snapshot, the input's
    /// own tick.
    pub seen: SubTick,
}

impl<I> StampedInput<I> {
    /// Creates an input whose displayed time is `tick`, for a player before the first snapshot, a bot, or an input that the server
    /// substitutes.
    #[must_use]
    pub const fn at(tick: Tick, input: I) -> Self {
        Self { input, seen: SubTick::of(tick) }
    }
}

/// The newest inputs of one seat, for consecutive ticks. Each datagram repeats inputs of the datagrams before it, in case they are lost.
#[derive(Clone, Debug, PartialEq)]
pub struct InputBatch<I> {
    newest: Tick,
    len: usize,
    /// The first `len` elements are the inputs, newest first.
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

    /// Adds the input of the next tick. Drops the oldest inputs if there are more than `max`, which is clamped to 1 to
    /// [`MAX_INPUTS_PER_DATAGRAM`].
    pub fn push(&mut self, input: StampedInput<I>, max: usize) {
        self.inputs.rotate_right(1);
        self.inputs[0] = input;
        self.len = (self.len + 1).min(max.clamp(1, MAX_INPUTS_PER_DATAGRAM));
        self.newest = self.newest.next();
    }

    /// Returns the tick of the newest input.
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

    /// Iterates over the inputs with their ticks, oldest first, for modification: the server clamps the displayed times.
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
    /// Bit `n` (0 is the least significant) is set if the snapshot of the tick `newest - (n + 1)` was applied too.
    pub history: u32,
}

/// The datagram that a client with a seat sends once per tick.
#[derive(Clone, Debug, PartialEq)]
pub struct InputDatagram<I> {
    /// The epoch of the seat. The server ignores a datagram for an earlier seat.
    pub seat_epoch: SeatEpoch,
    /// The applied snapshots; `None` requests a keyframe (a snapshot without a baseline), because the client has no view.
    pub ack: Option<SnapshotAck>,
    /// The newest inputs.
    pub batch: InputBatch<I>,
}

impl<I: Bits + Default + Clone + PartialEq> Bits for InputDatagram<I> {
    /// The newest input is encoded in full. An older one takes one bit if it equals the next newer one (a held key), and one more bit if
    /// its lag (the time from the displayed time to its tick) is equal too.
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
            let is_equal = pair[0].input == pair[1].input;
            out.write_bool(is_equal);
            if !is_equal {
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
            let age = from.read_signed(4)?;
            let history = from.read_bits(32)?;
            Some(SnapshotAck { newest: Tick(newest.0.wrapping_sub(age as u32)), history })
        } else {
            None
        };
        let len = from.read_bits(LEN_BITS)? as usize + 1;
        if len > MAX_INPUTS_PER_DATAGRAM {
            return Err(BitsError::OutOfRange);
        }
        // The first tick that has an input is tick 1.
        if newest.0 < len as u32 {
            return Err(BitsError::OutOfRange);
        }
        let mut inputs: [StampedInput<I>; MAX_INPUTS_PER_DATAGRAM] =
            std::array::from_fn(|_| StampedInput::default());
        inputs[0].input = decode_input(from)?;
        let mut lag = from.read_signed(LAG_ORDER)?;
        inputs[0].seen = displayed_time(newest, lag);
        for n in 1..len {
            inputs[n].input =
                if from.read_bool()? { inputs[n - 1].input.clone() } else { decode_input(from)? };
            if !from.read_bool()? {
                lag = lag.wrapping_add(from.read_signed(LAG_CHANGE_ORDER)?);
            }
            inputs[n].seen = displayed_time(newest.before(n as u32), lag);
        }
        Ok(Self { seat_epoch, ack, batch: InputBatch { newest, len, inputs } })
    }
}

/// Bits of the number of inputs less one.
/// The number of bits of the number of inputs, minus 1.
const LEN_BITS: u32 = 4;
/// The code order of a lag in 1/16 tick: the displayed time is about six ticks (96/16) before the tick of the input.
const LAG_ORDER: u32 = 6;
/// The code order of the change of the lag between two ticks: close to 0, except while the client adjusts its displayed time.
const LAG_CHANGE_ORDER: u32 = 1;

/// Returns the lag of each input: the time from its displayed time to its tick, in 1/16 tick.
fn lags<I>(newest: Tick, inputs: &[StampedInput<I>]) -> [i32; MAX_INPUTS_PER_DATAGRAM] {
    let mut lags = [0; MAX_INPUTS_PER_DATAGRAM];
    for (age, (lag, input)) in (0..).zip(lags.iter_mut().zip(inputs)) {
        let sixteenths = SubTick::of(newest.before(age)).since(input.seen);
        *lag = i32::try_from(sixteenths).unwrap_or(i32::MAX);
    }
    lags
}

/// Returns the displayed time of the input for `tick` with this lag.
fn displayed_time(tick: Tick, lag: i32) -> SubTick {
    SubTick::of(tick).offset(-i64::from(lag))
}

/// Decodes one input of at most [`MAX_INPUT_BITS`]. The bound is checked here, so that a game whose inputs are longer fails at its first
/// datagram, and not only when datagrams with many inputs become too long.
fn decode_input<I: Bits>(from: &mut BitReader<'_>) -> Result<I, BitsError> {
    let before = from.remaining_bits();
    let input = I::decode(from)?;
    if before - from.remaining_bits() > MAX_INPUT_BITS { Err(BitsError::OutOfRange) } else { Ok(input) }
}

/// The header of a snapshot. The delta follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// The epoch of the seat. The client ignores a snapshot for an earlier seat.
    pub seat_epoch: SeatEpoch,
    /// The tick of the view.
    pub tick: Tick,
    /// The tick of the baseline, the earlier view to which the delta refers; `None` for a keyframe.
    pub baseline: Option<Tick>,
    /// The input margin: the time by which the seat's newest input arrived before the step of its tick, in 1/16 tick; negative if it was
    /// late. `None` before the first input.
    pub margin: Option<i16>,
    /// The newest tick whose step used that tick's own input of this seat; `None` before the first.
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
            // No server uses a baseline this old, and the extrapolation to this tick would take long.
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

    /// A small type with a bit encoding, as the input.
    type Input = SeatId;

    fn encoded(value: &impl Bits) -> Vec<u8> {
        let mut out = BitWriter::new();
        value.encode(&mut out);
        out.finish().to_vec()
    }

    fn stamped(tick: Tick, input: u16, lag: i64) -> StampedInput<Input> {
        StampedInput { input: SeatId(input), seen: SubTick::of(tick).offset(-lag) }
    }

    proptest! {
        #[test]
        fn an_input_datagram_decodes_to_itself(
            first in 100..u32::MAX - 100,
            inputs in proptest::collection::vec((0..4u16, 88..92i64), 1..20),
            ack in proptest::option::of((any::<u32>(), any::<u32>())),
        ) {
            let mut batch = InputBatch::new(Tick(first), stamped(Tick(first), 0, 90));
            for (input, lag) in inputs {
                let tick = batch.newest().next();
                batch.push(stamped(tick, input, lag), 6);
            }
            let ack = ack.map(|(newest, history)| SnapshotAck { newest: Tick(newest), history });
            let datagram = InputDatagram { seat_epoch: SeatEpoch::FIRST.next(), ack, batch };
            let bytes = encoded(&datagram);
            let decoded = InputDatagram::<Input>::decode(&mut BitReader::new(&bytes)).unwrap();
            prop_assert_eq!(decoded.ack, datagram.ack);
            prop_assert!(decoded.batch.iter().eq(datagram.batch.iter()));
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
            prop_assert_eq!(SnapshotHeader::decode(&mut BitReader::new(&encoded(&header))), Ok(header));
        }

        #[test]
        fn any_bytes_decode_to_a_datagram_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = InputDatagram::<Input>::decode(&mut BitReader::new(&bytes));
            let _ = SnapshotHeader::decode(&mut BitReader::new(&bytes));
        }
    }

    #[test]
    fn an_older_equal_input_takes_two_bits() {
        let held = |tick| stamped(Tick(tick), 900, 90);
        let mut batch = InputBatch::new(Tick(10), held(10));
        let encoded_len = |batch: &InputBatch<Input>| {
            encoded(&InputDatagram { seat_epoch: SeatEpoch::FIRST, ack: None, batch: batch.clone() }).len()
        };
        let one = encoded_len(&batch);
        (11..18).for_each(|tick| batch.push(held(tick), 8));
        let eight = encoded_len(&batch);
        assert!(
            eight <= one + 2,
            "7 older inputs of 2 bits take at most 2 bytes: {eight} bytes, and {one} without them"
        );
    }
}
