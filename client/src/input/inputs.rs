//! The newest inputs of one seat. Every datagram repeats them, so that the next datagram replaces a lost one.

use quarrel_shared::{
    bits::{BitWriter, Bits},
    protocol::{
        SeatEpoch,
        datagram::{InputBatch, InputDatagram, SnapshotAck, StampedInput},
    },
    tick::Tick,
};

/// The newest inputs of one seat, kept as the datagram that sends them.
#[derive(Debug)]
pub(crate) struct InputLog<I> {
    seat_epoch: SeatEpoch,
    /// `None` before the first input.
    datagram: Option<InputDatagram<I>>,
}

impl<I: Bits + Default + Clone + PartialEq> InputLog<I> {
    /// Creates an empty log for a seat with this epoch.
    #[must_use]
    pub(crate) const fn new(seat_epoch: SeatEpoch) -> Self {
        Self { seat_epoch, datagram: None }
    }

    /// Adds the input of `tick` and keeps up to `past_inputs` inputs before it. If `tick` does not follow the previous tick, because
    /// the clock jumped, the earlier inputs are dropped: a batch contains consecutive ticks.
    pub(crate) fn push(&mut self, tick: Tick, input: StampedInput<I>, past_inputs: usize) {
        match &mut self.datagram {
            Some(datagram) if datagram.batch.newest().next() == tick => {
                datagram.batch.push(input, 1 + past_inputs);
            }
            datagram => {
                let batch = InputBatch::new(tick, input);
                *datagram = Some(InputDatagram { seat_epoch: self.seat_epoch, ack: None, batch });
            }
        }
    }

    /// Overwrites `out` with the input datagram and returns its bytes. `None` before the first input.
    pub(crate) fn encode<'a>(
        &mut self,
        ack: Option<SnapshotAck>,
        out: &'a mut BitWriter,
    ) -> Option<&'a [u8]> {
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

    fn sent(log: &mut InputLog<Steering>) -> Vec<(u32, i8)> {
        let mut out = BitWriter::new();
        let bytes = log.encode(None, &mut out).unwrap();
        let datagram = InputDatagram::<Steering>::decode(&mut BitReader::new(bytes)).unwrap();
        datagram.batch.iter().map(|(tick, stamped)| (tick.0, stamped.input.bend)).collect()
    }

    #[test]
    fn a_datagram_repeats_the_inputs_before_the_newest() {
        let mut log = InputLog::new(SeatEpoch::FIRST);
        (20..26).for_each(|tick| {
            log.push(Tick(tick), StampedInput::at(Tick(tick), Steering { bend: tick as i8 }), 3)
        });
        assert_eq!(sent(&mut log), [(22, 22), (23, 23), (24, 24), (25, 25)]);
    }

    #[test]
    fn a_jump_of_the_clock_starts_a_new_batch() {
        let mut log = InputLog::new(SeatEpoch::FIRST);
        [20, 21, 90]
            .into_iter()
            .for_each(|tick| log.push(Tick(tick), StampedInput::at(Tick(tick), Steering { bend: 1 }), 3));
        assert_eq!(sent(&mut log), [(90, 1)]);
    }
}
