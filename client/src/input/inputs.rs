//! The last few inputs, as every datagram repeats them: what one lost datagram carried, the next one brings.

use quarrel_shared::{
    bits::{BitWriter, Bits},
    protocol::{
        SeatEpoch,
        datagram::{SnapshotAck, StampedInput, InputDatagram, InputBatch},
    },
    tick::Tick,
};

/// One seat's inputs on their way up.
#[derive(Debug)]
pub struct InputLog<I> {
    seat_epoch: SeatEpoch,
    datagram: Option<InputDatagram<I>>,
}

impl<I: Bits + Default + Clone + PartialEq> InputLog<I> {
    /// Nothing wanted yet, on this seat.
    #[must_use]
    pub const fn new(seat_epoch: SeatEpoch) -> Self {
        Self { seat_epoch, datagram: None }
    }

    /// Wants this at `tick`, and repeats so many inputs before it. A tick that does not follow the one before starts a new run: the
    /// clock was set anew.
    pub fn push(&mut self, tick: Tick, input: StampedInput<I>, past_inputs: usize) {
        match &mut self.datagram {
            Some(datagram) if datagram.batch.newest().next() == tick => {
                datagram.batch.push(input, 1 + past_inputs);
            }
            datagram => {
                let run = InputBatch::new(tick, input);
                *datagram = Some(InputDatagram { seat_epoch: self.seat_epoch, ack: None, batch: run });
            }
        }
    }

    /// Overwrites `out` with the datagram that says all this; `None` before the first input.
    pub fn encode<'a>(&mut self, ack: Option<SnapshotAck>, out: &'a mut BitWriter) -> Option<&'a [u8]> {
        let datagram = self.datagram.as_mut()?;
        datagram.ack = ack;
        out.clear();
        datagram.encode(out);
        Some(out.finish())
    }
}

#[cfg(test)]
mod tests {
    use quarrel_shared::{bits::BitReader, crowd::Steering};

    use super::*;

    fn said(log: &mut InputLog<Steering>) -> Vec<(u32, i8)> {
        let mut out = BitWriter::new();
        let bytes = log.encode(None, &mut out).unwrap();
        let datagram = InputDatagram::<Steering>::decode(&mut BitReader::new(bytes)).unwrap();
        datagram.batch.iter().map(|(tick, aimed)| (tick.0, aimed.input.bend)).collect()
    }

    #[test]
    fn a_datagram_repeats_the_inputs_before_the_newest() {
        let mut log = InputLog::new(SeatEpoch::FIRST);
        (20..26)
            .for_each(|tick| log.push(Tick(tick), StampedInput::at(Tick(tick), Steering { bend: tick as i8 }), 3));
        assert_eq!(said(&mut log), [(22, 22), (23, 23), (24, 24), (25, 25)]);
    }

    #[test]
    fn a_jump_of_the_clock_starts_a_new_run() {
        let mut log = InputLog::new(SeatEpoch::FIRST);
        [20, 21, 90]
            .into_iter()
            .for_each(|tick| log.push(Tick(tick), StampedInput::at(Tick(tick), Steering { bend: 1 }), 3));
        assert_eq!(said(&mut log), [(90, 1)]);
    }
}
