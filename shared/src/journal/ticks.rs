//! The encoding of ticks as bits. Most seats repeat their previous input, which takes one bit; a tick in which all seats do takes one
//! bit in total.
//!
//! ```text
//! tick  = (0                                         no seat entries, and all seats as in the previous tick
//!       |  1 (0 | 1 count entries) seat…)            seat entries, then one `seat` for each seat that is taken after them
//!         [checksum]                                 in ticks that carry one
//! seat  = 0                                          unchanged
//!       | 1 lag' (0 | 1 (0 | 1 input))               lag as a difference; the input if it changed: none, or an input
//! ```
//!
//! The time that a player saw is encoded as its lag behind the tick, clamped as [`Rewind`](crate::game::Rewind) clamps that time, so
//! that the game's step gets the same result from the decoded time.

use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{Checksum, max_rewind},
    journal::{Entries, Header, Holder, SeatEntry},
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

/// One tick of a journal.
#[derive(Clone, Debug, PartialEq)]
pub struct TickRecord<I> {
    /// The tick's number.
    pub tick: Tick,
    /// Seats taken, left and resumed.
    pub seats: Vec<SeatEntry>,
    /// The seat changes and inputs of the game's step.
    pub entries: Entries<I>,
    /// The low half of the checksum of the state after this tick, if the tick carries a checksum.
    pub checksum: Option<u32>,
}

/// The encoder and decoder of ticks, with the state that both keep in the same way: the seats at the previous tick.
#[derive(Clone, Debug)]
pub(super) struct TickCoder<I> {
    rate: TickRate,
    checksum_ticks: u32,
    seats: Vec<SeatState<I>>,
}

/// The last coded state of one seat.
#[derive(Clone, Debug, PartialEq)]
struct SeatState<I> {
    is_taken: bool,
    input: Option<I>,
    /// The lag of the time that the player saw behind the tick, in 1/16 tick.
    lag: u32,
}

/// Returns the part of a checksum that ticks carry: a wrong state has the same part with a probability of 1 in four billion, and a
/// state that is still wrong is checked again in a later tick.
#[must_use]
pub const fn low_half(checksum: Checksum) -> u32 {
    checksum.0 as u32
}

impl<I: Bits + Clone + PartialEq> TickCoder<I> {
    pub(super) fn new(header: &Header) -> Self {
        let empty = SeatState { is_taken: false, input: None, lag: 0 };
        Self {
            rate: header.rate(),
            checksum_ticks: header.checksum_ticks,
            seats: vec![empty; usize::from(header.seats)],
        }
    }

    /// Resets all seats at the start of a segment, with these holders.
    pub(super) fn restart(&mut self, holders: &[Option<Holder>]) {
        for (state, holder) in self.seats.iter_mut().zip(holders) {
            *state = SeatState { is_taken: holder.is_some(), input: None, lag: 0 };
        }
    }

    /// Whether this tick carries a checksum.
    pub(super) const fn has_checksum(&self, tick: Tick) -> bool {
        self.checksum_ticks > 0 && tick.0.is_multiple_of(self.checksum_ticks)
    }

    /// Appends a tick, without its checksum, to `out`.
    pub(super) fn encode(
        &mut self,
        tick: Tick,
        seat_entries: &[SeatEntry],
        entries: &Entries<I>,
        out: &mut BitWriter,
    ) {
        self.apply_seat_entries(seat_entries);
        let is_busy = !seat_entries.is_empty()
            || self.taken_seats(tick, entries).any(|(state, input, lag)| !state.matches(input, lag));
        out.write_bool(is_busy);
        if !is_busy {
            return;
        }
        out.write_bool(!seat_entries.is_empty());
        if !seat_entries.is_empty() {
            out.write_var(seat_entries.len() as u32, SEAT_ENTRIES_ORDER);
            seat_entries.iter().for_each(|entry| entry.encode(out));
        }
        let max_lag = max_rewind(self.rate);
        for ((state, input), seen) in self.seats.iter_mut().zip(&entries.inputs).zip(&entries.seen) {
            if state.is_taken {
                state.encode(input.as_ref(), lag(tick, *seen, max_lag), out);
            }
        }
    }

    /// Decodes a tick that [`Self::encode`] wrote, and the checksum after it if this tick carries one.
    pub(super) fn decode(
        &mut self,
        tick: Tick,
        from: &mut BitReader<'_>,
    ) -> Result<TickRecord<I>, BitsError> {
        let mut seat_entries = Vec::new();
        if from.read_bool()? {
            if from.read_bool()? {
                let count = from.read_var(SEAT_ENTRIES_ORDER)?;
                if count as usize > MAX_EXTRA_SEAT_ENTRIES + MAX_SEAT_ENTRIES_PER_SEAT * self.seats.len() {
                    return Err(BitsError::OutOfRange);
                }
                for _ in 0..count {
                    let entry = SeatEntry::decode(from)?;
                    // A game must never see a seat that its room does not have.
                    if entry.seat().index() >= self.seats.len() {
                        return Err(BitsError::OutOfRange);
                    }
                    seat_entries.push(entry);
                }
                self.apply_seat_entries(&seat_entries);
            }
            let max_lag = max_rewind(self.rate);
            for state in self.seats.iter_mut().filter(|state| state.is_taken) {
                state.decode(max_lag, from)?;
            }
        }
        let checksum = if self.has_checksum(tick) { Some(from.read_bits(32)?) } else { None };
        let seen = |state: &SeatState<I>| SubTick::of(tick).offset(-i64::from(state.lag));
        let entries = Entries {
            changes: seat_entries.iter().filter_map(SeatEntry::change).collect(),
            inputs: self.seats.iter().map(|state| state.input.clone()).collect(),
            seen: self.seats.iter().map(seen).collect(),
        };
        Ok(TickRecord { tick, seats: seat_entries, entries, checksum })
    }

    /// Resets the state of the seats that were taken or left.
    fn apply_seat_entries(&mut self, seat_entries: &[SeatEntry]) {
        for entry in seat_entries {
            let (seat, is_taken) = match entry {
                SeatEntry::Taken(seat, _) => (seat, true),
                SeatEntry::Left(seat) => (seat, false),
                SeatEntry::Resumed(..) => continue,
            };
            if let Some(state) = self.seats.get_mut(seat.index()) {
                *state = SeatState { is_taken, input: None, lag: 0 };
            }
        }
    }

    /// Returns the state, input and lag of every taken seat.
    fn taken_seats<'a>(
        &'a self,
        tick: Tick,
        entries: &'a Entries<I>,
    ) -> impl Iterator<Item = (&'a SeatState<I>, Option<&'a I>, u32)> {
        let max_lag = max_rewind(self.rate);
        let all = self.seats.iter().zip(&entries.inputs).zip(&entries.seen);
        all.filter(|((state, _), _)| state.is_taken)
            .map(move |((state, input), seen)| (state, input.as_ref(), lag(tick, *seen, max_lag)))
    }
}

impl<I: Bits + Clone + PartialEq> SeatState<I> {
    fn matches(&self, input: Option<&I>, lag: u32) -> bool {
        self.lag == lag && self.input.as_ref() == input
    }

    fn encode(&mut self, input: Option<&I>, lag: u32, out: &mut BitWriter) {
        let is_unchanged = self.matches(input, lag);
        out.write_bool(!is_unchanged);
        if is_unchanged {
            return;
        }
        out.write_signed(lag as i32 - self.lag as i32, LAG_ORDER);
        self.lag = lag;
        let has_new_input = self.input.as_ref() != input;
        out.write_bool(has_new_input);
        if has_new_input {
            out.write_bool(input.is_some());
            if let Some(input) = input {
                input.encode(out);
            }
            self.input = input.cloned();
        }
    }

    fn decode(&mut self, max_lag: u32, from: &mut BitReader<'_>) -> Result<(), BitsError> {
        if !from.read_bool()? {
            return Ok(());
        }
        let lag = i64::from(self.lag) + i64::from(from.read_signed(LAG_ORDER)?);
        self.lag = u32::try_from(lag).ok().filter(|lag| *lag <= max_lag).ok_or(BitsError::OutOfRange)?;
        if from.read_bool()? {
            self.input = if from.read_bool()? { Some(I::decode(from)?) } else { None };
        }
        Ok(())
    }
}

/// Returns the lag of `seen` behind the tick, in 1/16 tick, clamped to 0..=`max_lag`.
fn lag(tick: Tick, seen: SubTick, max_lag: u32) -> u32 {
    SubTick::of(tick).since(seen).clamp(0, i64::from(max_lag)) as u32
}

/// The maximum number of seat entries of one tick for each seat of the room. A room processes up to 8 commands per seat and 64 more in a
/// tick. Each may empty a seat, fill it and remove a bot: 3 entries, 24 per seat. Each seat may also be resumed, left and given to a
/// bot once: 27 per seat. The limit exists because a compressed block of a few bytes could contain millions of entries.
const MAX_SEAT_ENTRIES_PER_SEAT: usize = 32;

/// The maximum number of seat entries of one tick in addition to those of each seat: 64 commands with 3 entries are 192.
const MAX_EXTRA_SEAT_ENTRIES: usize = 256;

/// The code order of the number of seat entries: usually one or two seats change at once.
const SEAT_ENTRIES_ORDER: u32 = 1;

/// The code order of a change of lag: a client's clock stretches by up to a twentieth, so its lag changes by one or two sixteenths of
/// a tick.
const LAG_ORDER: u32 = 1;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        crowd::Steering,
        id::{PlayerId, SeatId},
        protocol::{TicketNumber, messages::Name},
    };

    const SEATS: u16 = 4;

    fn header() -> Header {
        Header {
            uid: None,
            state_coding: None,
            game_version: String::new(),
            game: "crowd".into(),
            revision: 1,
            coding: 0,
            settings: serde_json::Value::Null,
            seed: 1,
            seats: SEATS,
            tick_rate: 30,
            checksum_ticks: 3,
            room: 1,
            run: 1,
            build: String::new(),
            opened_unix_ms: 0,
        }
    }

    fn seat_entry() -> impl Strategy<Value = SeatEntry> {
        let holder = ("[a-z]{0,24}", any::<Option<(u64, u32, u32)>>()).prop_map(|(name, player)| Holder {
            name: Name::new(&name).unwrap(),
            player: player.map(|(id, run, count)| (PlayerId(id), TicketNumber { run, count })),
        });
        let seat = (0..SEATS).prop_map(SeatId);
        prop_oneof![
            (seat.clone(), holder).prop_map(|(seat, holder)| SeatEntry::Taken(seat, holder)),
            seat.clone().prop_map(SeatEntry::Left),
            (seat, any::<(u32, u32)>())
                .prop_map(|(seat, (run, count))| SeatEntry::Resumed(seat, TicketNumber { run, count })),
        ]
    }

    type Play = Vec<(Vec<SeatEntry>, Vec<(Option<i32>, i64)>)>;

    fn play() -> impl Strategy<Value = Play> {
        let seat = (prop_oneof![Just(None), (-2..2).prop_map(Some)], -30i64..200);
        let tick = (
            prop_oneof![4 => Just(Vec::new()), 1 => proptest::collection::vec(seat_entry(), 0..4)],
            proptest::collection::vec(seat, usize::from(SEATS)),
        );
        proptest::collection::vec(tick, 0..30)
    }

    /// The inputs and seen times as a step receives them: clamped, and without input or lag for seats that are not taken.
    fn expected(
        tick: Tick,
        taken: &[bool],
        steps: &[(Option<i32>, i64)],
    ) -> (Vec<Option<Steering>>, Vec<SubTick>) {
        let max_lag = i64::from(max_rewind(TickRate::DEFAULT));
        let inputs = steps.iter().zip(taken).map(|((bend, _), taken)| steering(*bend).filter(|_| *taken));
        let seen = steps.iter().zip(taken).map(|((_, back), taken)| {
            let lag = if *taken { (*back).clamp(0, max_lag).min(i64::from(tick.0) * 16) } else { 0 };
            SubTick::of(tick).offset(-lag)
        });
        (inputs.collect(), seen.collect())
    }

    fn steering(bend: Option<i32>) -> Option<Steering> {
        bend.map(|bend| Steering { bend: bend.try_into().unwrap() })
    }

    proptest! {
        #[test]
        fn decoded_entries_have_the_same_effect_on_a_step(play in play()) {
            let (mut writer, mut reader) = (TickCoder::new(&header()), TickCoder::<Steering>::new(&header()));
            let mut out = BitWriter::new();
            let mut taken = [false; SEATS as usize];
            let mut expected_records = Vec::new();
            for (tick, (seat_entries, steps)) in (1..).map(Tick).zip(&play) {
                for entry in seat_entries {
                    match entry {
                        SeatEntry::Taken(seat, _) => taken[seat.index()] = true,
                        SeatEntry::Left(seat) => taken[seat.index()] = false,
                        SeatEntry::Resumed(..) => {}
                    }
                }
                let entries = Entries {
                    changes: seat_entries.iter().filter_map(SeatEntry::change).collect(),
                    inputs: steps.iter().zip(taken).map(|((bend, _), taken)| steering(*bend).filter(|_| taken)).collect(),
                    seen: steps.iter().map(|(_, back)| SubTick::of(tick).offset(-back)).collect(),
                };
                writer.encode(tick, seat_entries, &entries, &mut out);
                let checksum = writer.has_checksum(tick).then_some(tick.0 * 7);
                checksum.into_iter().for_each(|checksum| out.write_bits(checksum, 32));
                let (inputs, seen) = expected(tick, &taken, steps);
                expected_records.push(TickRecord { tick, seats: seat_entries.clone(), entries: Entries { inputs, seen, ..entries }, checksum });
            }
            let bytes = out.finish().to_vec();
            let mut from = BitReader::new(&bytes);
            for record in expected_records {
                prop_assert_eq!(reader.decode(record.tick, &mut from), Ok(record));
            }
            prop_assert_eq!(from.finish(), Ok(()));
        }

        #[test]
        fn any_bytes_end_in_records_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut coder = TickCoder::<Steering>::new(&header());
            let mut from = BitReader::new(&bytes);
            let mut tick = Tick(1);
            while coder.decode(tick, &mut from).is_ok() {
                tick = tick.next();
            }
        }
    }

    #[test]
    fn a_tick_with_more_seat_entries_than_a_room_can_produce_is_rejected() {
        let max_count = (MAX_EXTRA_SEAT_ENTRIES + MAX_SEAT_ENTRIES_PER_SEAT * usize::from(SEATS)) as u32;
        for (count, is_read) in [(max_count, true), (max_count + 1, false)] {
            let mut out = BitWriter::new();
            out.write_bool(true);
            out.write_bool(true);
            out.write_var(count, SEAT_ENTRIES_ORDER);
            (0..count).for_each(|_| SeatEntry::Left(SeatId(0)).encode(&mut out));
            let bytes = out.finish().to_vec();
            let record = TickCoder::<Steering>::new(&header()).decode(Tick(1), &mut BitReader::new(&bytes));
            assert_eq!(record.is_ok(), is_read, "{count} entries");
        }
    }

    #[test]
    fn a_room_without_changes_costs_one_bit_per_tick() {
        let mut coder = TickCoder::<Steering>::new(&Header { checksum_ticks: 0, ..header() });
        let mut out = BitWriter::new();
        let holder = Holder { name: Name::lossy("Ada"), player: None };
        let steers = |tick| Entries {
            inputs: vec![Some(Steering { bend: 1 }), None, None, None],
            seen: vec![SubTick::of(tick).offset(-9); 4],
            changes: Vec::new(),
        };
        coder.encode(Tick(9), &[SeatEntry::Taken(SeatId(0), holder)], &steers(Tick(9)), &mut out);
        let before = out.len_bits();
        (10..110).map(Tick).for_each(|tick| coder.encode(tick, &[], &steers(tick), &mut out));
        assert_eq!(out.len_bits() - before, 100);
    }
}
