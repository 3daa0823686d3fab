//! What travels by datagram: inputs up, snapshots down. Newest wins; a lost one is never sent again, only outdated.
//!
//! An empty one says nothing. A client that waits for its seat sends them, for what is acknowledged later shows what got lost before.

use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    limits::{MAX_BASELINE_AGE_TICKS, MAX_INPUT_BITS, MAX_INPUTS_PER_DATAGRAM},
    sub_tick::SubTick,
    tick::Tick,
};

use super::seat_epoch::SeatEpoch;

/// An input, and the moment that its player saw when they decided.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StampedInput<I> {
    /// What they want.
    pub input: I,
    /// Where their screen was; before the first view, the input's own tick.
    pub seen: SubTick,
}

impl<I> StampedInput<I> {
    /// An input for `tick` by somebody who saw the present: a bot, or a player before their first view.
    #[must_use]
    pub const fn at(tick: Tick, input: I) -> Self {
        Self { input, seen: SubTick::of(tick) }
    }
}

/// The last few inputs of one seat, newest first, for consecutive ticks: what a lost datagram carried, the next one repeats.
#[derive(Clone, Debug, PartialEq)]
pub struct InputBatch<I> {
    newest: Tick,
    len: usize,
    inputs: [StampedInput<I>; MAX_INPUTS_PER_DATAGRAM],
}

impl<I: Bits + Default + Clone + PartialEq> InputBatch<I> {
    /// One input, for `tick`.
    #[must_use]
    pub fn new(tick: Tick, input: StampedInput<I>) -> Self {
        let mut inputs = std::array::from_fn(|_| StampedInput::default());
        inputs[0] = input;
        Self { newest: tick, len: 1, inputs }
    }

    /// Puts the next tick's input in front; the oldest falls off past `most` (1 to [`MAX_INPUTS_PER_DATAGRAM`]).
    pub fn push(&mut self, input: StampedInput<I>, most: usize) {
        self.inputs.rotate_right(1);
        self.inputs[0] = input;
        self.len = (self.len + 1).min(most.clamp(1, MAX_INPUTS_PER_DATAGRAM));
        self.newest = self.newest.next();
    }

    /// The tick of the newest input.
    pub const fn newest(&self) -> Tick {
        self.newest
    }

    /// The inputs with their ticks, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (Tick, &StampedInput<I>)> {
        self.inputs[..self.len]
            .iter()
            .enumerate()
            .rev()
            .map(|(age, input)| (self.newest.before(age as u32), input))
    }

    /// The inputs with their ticks, oldest first, to change what they are taken to have seen.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Tick, &mut StampedInput<I>)> {
        let newest = self.newest;
        let aged = self.inputs[..self.len].iter_mut().enumerate().rev();
        aged.map(move |(age, input)| (newest.before(age as u32), input))
    }
}

/// Which snapshots a client has applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotAck {
    /// The newest.
    pub newest: Tick,
    /// Bit `n`: whether the snapshot of the tick `n + 1` before it was applied too.
    pub history: u32,
}

/// What a client sends once a tick.
#[derive(Clone, Debug, PartialEq)]
pub struct InputDatagram<I> {
    /// The seat that it is for; one for a seat that was given up is ignored.
    pub seat_epoch: SeatEpoch,
    /// `None`: nothing was applied yet, or all was lost; send a keyframe.
    pub ack: Option<SnapshotAck>,
    /// What the player wants.
    pub batch: InputBatch<I>,
}

impl<I: Bits + Default + Clone + PartialEq> Bits for InputDatagram<I> {
    /// Newest input whole; each older one is a bit when it equals the one after it (a held key is a bit a tick), and another bit
    /// when its player's screen was as far behind then.
    fn encode(&self, out: &mut BitWriter) {
        self.seat_epoch.encode(out);
        out.write_bits(self.batch.newest.0, 32);
        out.write_bool(self.ack.is_some());
        if let Some(ack) = self.ack {
            // A client runs ahead of what it has seen by a few ticks: a short number.
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

/// How many inputs there are, less one.
const LEN_BITS: u32 = 4;
/// A screen is some six ticks behind the input that it moves somebody to.
const LAG_ORDER: u32 = 6;
/// It is as far behind a tick later, give or take a stretch.
const LAG_CHANGE_ORDER: u32 = 1;

/// How far behind its tick each input's player saw, in sixteenths.
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

/// Reads one input. A game whose inputs take more than all budgets are made for fails at its first datagram, not under load.
fn decode_input<I: Bits>(from: &mut BitReader<'_>) -> Result<I, BitsError> {
    let before = from.remaining_bits();
    let input = I::decode(from)?;
    if before - from.remaining_bits() > MAX_INPUT_BITS { Err(BitsError::OutOfRange) } else { Ok(input) }
}

/// What stands in front of a snapshot's delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// The seat that it is for; one for a seat that was given up is ignored.
    pub seat_epoch: SeatEpoch,
    /// The tick that is shown.
    pub tick: Tick,
    /// The tick of the view that the delta is against; `None` for a keyframe.
    pub baseline: Option<Tick>,
    /// How early the seat's newest input came, in 1/16 tick before the step that used it or would have; negative when late.
    /// `None`: none has come yet.
    pub margin: Option<i16>,
    /// The newest tick whose step used an input of this seat's.
    pub used: Option<Tick>,
}

impl Bits for SnapshotHeader {
    fn encode(&self, out: &mut BitWriter) {
        self.seat_epoch.encode(out);
        out.write_bits(self.tick.0, 32);
        // A baseline is always older, so an age of 0 is free to mean none.
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
            // Extrapolating over an age that no server uses would only cost time.
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

    /// Any small coded type serves as an input here.
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
        fn an_input_datagram_comes_back_as_it_was(
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
        fn a_snapshot_header_comes_back_as_it_was(
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
        fn any_bytes_end_in_a_datagram_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
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
        assert!(eight <= one + 2, "a bit for the key and one for the screen: {eight} bytes after {one}");
    }
}
