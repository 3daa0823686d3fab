//! What travels by datagram: inputs up, snapshots down. Newest wins; a lost one is never sent again, only outdated.

use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    limits::{BASELINE_TICKS, INPUT_BITS, INPUTS_PER_DATAGRAM},
    tick::Tick,
};

use super::seating::Seating;

/// The last few inputs of one seat, newest first, for consecutive ticks: what a lost datagram carried, the next one repeats.
#[derive(Clone, Debug, PartialEq)]
pub struct InputRun<I> {
    newest: Tick,
    len: usize,
    inputs: [I; INPUTS_PER_DATAGRAM],
}

impl<I: Bits + Default + Clone + PartialEq> InputRun<I> {
    /// One input, for `tick`.
    #[must_use]
    pub fn new(tick: Tick, input: I) -> Self {
        let mut inputs = std::array::from_fn(|_| I::default());
        inputs[0] = input;
        Self { newest: tick, len: 1, inputs }
    }

    /// Puts the next tick's input in front; the oldest falls off past `most` (1 to [`INPUTS_PER_DATAGRAM`]).
    pub fn push(&mut self, input: I, most: usize) {
        self.inputs.rotate_right(1);
        self.inputs[0] = input;
        self.len = (self.len + 1).min(most.clamp(1, INPUTS_PER_DATAGRAM));
        self.newest = self.newest.next();
    }

    /// The tick of the newest input.
    pub const fn newest(&self) -> Tick {
        self.newest
    }

    /// The inputs with their ticks, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (Tick, &I)> {
        self.inputs[..self.len]
            .iter()
            .enumerate()
            .rev()
            .map(|(age, input)| (self.newest.before(age as u32), input))
    }
}

/// Which snapshots a client has applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ack {
    /// The newest.
    pub newest: Tick,
    /// Bit `n`: whether the snapshot of the tick `n + 1` before it was applied too.
    pub history: u32,
}

/// What a client sends once a tick.
#[derive(Clone, Debug, PartialEq)]
pub struct InputDatagram<I> {
    /// The seat that it is for; one for a seat that was given up is ignored.
    pub seating: Seating,
    /// `None`: nothing was applied yet, or all was lost; send a keyframe.
    pub ack: Option<Ack>,
    /// What the player wants.
    pub run: InputRun<I>,
}

impl<I: Bits + Default + Clone + PartialEq> Bits for InputDatagram<I> {
    /// Newest input whole; each older one is a bit when it equals the one after it (a held key is a bit a tick).
    fn encode(&self, out: &mut BitWriter) {
        self.seating.encode(out);
        out.write_bits(self.run.newest.0, 32);
        out.write_bool(self.ack.is_some());
        if let Some(ack) = self.ack {
            // A client runs ahead of what it has seen by a few ticks: a short number.
            out.write_signed(self.run.newest.0.wrapping_sub(ack.newest.0) as i32, 4);
            out.write_bits(ack.history, 32);
        }
        out.write_bits(self.run.len as u32 - 1, 3);
        let inputs = &self.run.inputs[..self.run.len];
        inputs[0].encode(out);
        for pair in inputs.windows(2) {
            let same = pair[0] == pair[1];
            out.write_bool(same);
            if !same {
                pair[1].encode(out);
            }
        }
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let seating = Seating::decode(from)?;
        let newest = Tick(from.read_bits(32)?);
        let ack = if from.read_bool()? {
            let behind = from.read_signed(4)?;
            let history = from.read_bits(32)?;
            Some(Ack { newest: Tick(newest.0.wrapping_sub(behind as u32)), history })
        } else {
            None
        };
        let len = from.read_bits(3)? as usize + 1;
        let mut inputs: [I; INPUTS_PER_DATAGRAM] = std::array::from_fn(|_| I::default());
        inputs[0] = decode_input(from)?;
        for n in 1..len {
            inputs[n] = if from.read_bool()? { inputs[n - 1].clone() } else { decode_input(from)? };
        }
        if newest.0 < len as u32 {
            return Err(BitsError::OutOfRange);
        }
        Ok(Self { seating, ack, run: InputRun { newest, len, inputs } })
    }
}

/// Reads one input. A game whose inputs take more than all budgets are made for fails at its first datagram, not under load.
fn decode_input<I: Bits>(from: &mut BitReader<'_>) -> Result<I, BitsError> {
    let before = from.left_bits();
    let input = I::decode(from)?;
    if before - from.left_bits() > INPUT_BITS { Err(BitsError::OutOfRange) } else { Ok(input) }
}

/// What stands in front of a snapshot's delta.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// The seat that it is for; one for a seat that was given up is ignored.
    pub seating: Seating,
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
        self.seating.encode(out);
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
        let seating = Seating::decode(from)?;
        let tick = Tick(from.read_bits(32)?);
        let age = from.read_var(3)?;
        let baseline = match age {
            0 => None,
            // Extrapolating over an age that no server uses would only cost time.
            _ if age > BASELINE_TICKS => return Err(BitsError::OutOfRange),
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
        Ok(Self { seating, tick, baseline, margin, used })
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

    proptest! {
        #[test]
        fn an_input_datagram_comes_back_as_it_was(
            first in 100..u32::MAX - 100,
            inputs in proptest::collection::vec(0..4u16, 1..20),
            ack in proptest::option::of((any::<u32>(), any::<u32>())),
        ) {
            let mut run = InputRun::new(Tick(first), Input::default());
            for input in inputs {
                run.push(SeatId(input), 6);
            }
            let ack = ack.map(|(newest, history)| Ack { newest: Tick(newest), history });
            let datagram = InputDatagram { seating: Seating::FIRST.next(), ack, run };
            let bytes = coded(&datagram);
            let back = InputDatagram::<Input>::decode(&mut BitReader::new(&bytes)).unwrap();
            prop_assert_eq!(back.ack, datagram.ack);
            prop_assert!(back.run.iter().eq(datagram.run.iter()));
        }

        #[test]
        fn a_snapshot_header_comes_back_as_it_was(
            tick in 1000..u32::MAX,
            age in 0..=BASELINE_TICKS,
            margin in any::<Option<i16>>(),
            used in proptest::option::of(0..1000u32),
        ) {
            let tick = Tick(tick);
            let baseline = (age > 0).then(|| tick.before(age));
            let seating = Seating::FIRST.next();
            let header = SnapshotHeader { seating, tick, baseline, margin, used: used.map(|age| tick.before(age)) };
            prop_assert_eq!(SnapshotHeader::decode(&mut BitReader::new(&coded(&header))), Ok(header));
        }

        #[test]
        fn any_bytes_end_in_a_datagram_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = InputDatagram::<Input>::decode(&mut BitReader::new(&bytes));
            let _ = SnapshotHeader::decode(&mut BitReader::new(&bytes));
        }
    }

    #[test]
    fn a_held_key_costs_a_bit_a_tick() {
        let mut run = InputRun::new(Tick(10), SeatId(900));
        let one = coded(&InputDatagram { seating: Seating::FIRST, ack: None, run: run.clone() }).len();
        (0..7).for_each(|_| run.push(SeatId(900), 8));
        assert!(coded(&InputDatagram { seating: Seating::FIRST, ack: None, run }).len() <= one + 1);
    }
}
