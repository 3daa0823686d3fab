//! Entries as bits. Most seats go on as they did in the tick before, and that costs one bit; a tick in which all do costs one bit in
//! all.
//!
//! ```text
//! tick  = 0                                          all as before
//!       | 1 (0 | 1 count notes) seat…                one seat for each that is taken
//!       [checksum]                                   in every so many-th tick
//! seat  = 0                                          as before
//!       | 1 lag' (0 | 1 (0 | 1 input))               lag as a difference; input if it is another one
//! ```
//!
//! What a seat saw is written as how far it lay behind the tick, clamped as [`Rewind`](crate::game::Rewind) clamps it: a step sees
//! no difference.

use crate::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{Checksum, max_rewind},
    journal::{Entries, Header, Holder, SeatNote},
    sub_tick::SubTick,
    tick::{Tick, TickRate},
};

/// One tick, as a journal has it.
#[derive(Clone, Debug, PartialEq)]
pub struct TickRecord<I> {
    /// Which.
    pub tick: Tick,
    /// Who came and went.
    pub seats: Vec<SeatNote>,
    /// What changed the game.
    pub entries: Entries<I>,
    /// The low half of the state's checksum after it, if this tick carries one.
    pub checksum: Option<u32>,
}

/// What both ends know of the tick before.
#[derive(Clone, Debug)]
pub(super) struct TickCoder<I> {
    rate: TickRate,
    checksum_ticks: u32,
    seats: Vec<Known<I>>,
}

/// What is known of one seat.
#[derive(Clone, Debug, PartialEq)]
struct Known<I> {
    is_taken: bool,
    input: Option<I>,
    /// How far what it saw lay behind the tick, in 1/16 tick.
    lag: u32,
}

/// The part of a checksum that ticks carry: one state in four billion passes for another, and each tick has its own.
#[must_use]
pub const fn short(checksum: Checksum) -> u32 {
    checksum.0 as u32
}

impl<I: Bits + Clone + PartialEq> TickCoder<I> {
    pub(super) fn new(header: &Header) -> Self {
        let nobody = Known { is_taken: false, input: None, lag: 0 };
        Self {
            rate: header.rate(),
            checksum_ticks: header.checksum_ticks,
            seats: vec![nobody; usize::from(header.seats)],
        }
    }

    /// Forgets everything but who sits where: a segment begins.
    pub(super) fn restart(&mut self, holders: &[Option<Holder>]) {
        for (known, holder) in self.seats.iter_mut().zip(holders) {
            *known = Known { is_taken: holder.is_some(), input: None, lag: 0 };
        }
    }

    /// Whether this tick carries a checksum.
    pub(super) const fn has_checksum(&self, tick: Tick) -> bool {
        self.checksum_ticks > 0 && tick.0.is_multiple_of(self.checksum_ticks)
    }

    /// Appends a tick.
    pub(super) fn encode(
        &mut self,
        tick: Tick,
        notes: &[SeatNote],
        entries: &Entries<I>,
        out: &mut BitWriter,
    ) {
        self.seat(notes);
        let is_busy =
            !notes.is_empty() || self.now(tick, entries).any(|(known, input, lag)| !known.is(input, lag));
        out.write_bool(is_busy);
        if !is_busy {
            return;
        }
        out.write_bool(!notes.is_empty());
        if !notes.is_empty() {
            out.write_var(notes.len() as u32, NOTES_ORDER);
            notes.iter().for_each(|note| note.encode(out));
        }
        let most = max_rewind(self.rate);
        for ((known, input), seen) in self.seats.iter_mut().zip(&entries.inputs).zip(&entries.seen) {
            if known.is_taken {
                known.encode(input.as_ref(), lag(tick, *seen, most), out);
            }
        }
    }

    /// Reads what [`Self::encode`] wrote, and the checksum behind it.
    pub(super) fn decode(
        &mut self,
        tick: Tick,
        from: &mut BitReader<'_>,
    ) -> Result<TickRecord<I>, BitsError> {
        let mut notes = Vec::new();
        if from.read_bool()? {
            if from.read_bool()? {
                let count = from.read_var(NOTES_ORDER)?;
                if count as usize > NOTES_FREE + NOTES_A_SEAT * self.seats.len() {
                    return Err(BitsError::OutOfRange);
                }
                for _ in 0..count {
                    let note = SeatNote::decode(from)?;
                    // Games are never told of a seat that their room does not have.
                    if note.seat().index() >= self.seats.len() {
                        return Err(BitsError::OutOfRange);
                    }
                    notes.push(note);
                }
                self.seat(&notes);
            }
            let most = max_rewind(self.rate);
            for known in self.seats.iter_mut().filter(|known| known.is_taken) {
                known.decode(most, from)?;
            }
        }
        let checksum = if self.has_checksum(tick) { Some(from.read_bits(32)?) } else { None };
        let seen = |known: &Known<I>| SubTick::of(tick).offset(-i64::from(known.lag));
        let entries = Entries {
            changes: notes.iter().filter_map(SeatNote::change).collect(),
            inputs: self.seats.iter().map(|known| known.input.clone()).collect(),
            seen: self.seats.iter().map(seen).collect(),
        };
        Ok(TickRecord { tick, seats: notes, entries, checksum })
    }

    fn seat(&mut self, notes: &[SeatNote]) {
        for note in notes {
            let (seat, is_taken) = match note {
                SeatNote::Taken(seat, _) => (seat, true),
                SeatNote::Left(seat) => (seat, false),
                SeatNote::Back(..) => continue,
            };
            if let Some(known) = self.seats.get_mut(seat.index()) {
                *known = Known { is_taken, input: None, lag: 0 };
            }
        }
    }

    /// Every taken seat with what is to be written of it.
    fn now<'a>(
        &'a self,
        tick: Tick,
        entries: &'a Entries<I>,
    ) -> impl Iterator<Item = (&'a Known<I>, Option<&'a I>, u32)> {
        let most = max_rewind(self.rate);
        let all = self.seats.iter().zip(&entries.inputs).zip(&entries.seen);
        all.filter(|((known, _), _)| known.is_taken)
            .map(move |((known, input), seen)| (known, input.as_ref(), lag(tick, *seen, most)))
    }
}

impl<I: Bits + Clone + PartialEq> Known<I> {
    fn is(&self, input: Option<&I>, lag: u32) -> bool {
        self.lag == lag && self.input.as_ref() == input
    }

    fn encode(&mut self, input: Option<&I>, lag: u32, out: &mut BitWriter) {
        let is_same = self.is(input, lag);
        out.write_bool(!is_same);
        if is_same {
            return;
        }
        out.write_signed(lag as i32 - self.lag as i32, LAG_ORDER);
        self.lag = lag;
        let is_other = self.input.as_ref() != input;
        out.write_bool(is_other);
        if is_other {
            out.write_bool(input.is_some());
            if let Some(input) = input {
                input.encode(out);
            }
            self.input = input.cloned();
        }
    }

    fn decode(&mut self, most_lag: u32, from: &mut BitReader<'_>) -> Result<(), BitsError> {
        if !from.read_bool()? {
            return Ok(());
        }
        let lag = i64::from(self.lag) + i64::from(from.read_signed(LAG_ORDER)?);
        self.lag = u32::try_from(lag).ok().filter(|lag| *lag <= most_lag).ok_or(BitsError::OutOfRange)?;
        if from.read_bool()? {
            self.input = if from.read_bool()? { Some(I::decode(from)?) } else { None };
        }
        Ok(())
    }
}

/// How far `seen` lay behind the tick, in 1/16 tick.
fn lag(tick: Tick, seen: SubTick, most: u32) -> u32 {
    SubTick::of(tick).since(seen).clamp(0, i64::from(most)) as u32
}

/// The most notes of one tick: a room drains eight commands a seat and 64 more, each of which may empty a seat, fill it and have a
/// bot make way; and once a seat somebody comes back, goes, or a bot does. A squeezed block of a few bytes could hold millions.
const NOTES_A_SEAT: usize = 32;
const NOTES_FREE: usize = 256;

/// Mostly one or two come and go at once.
const NOTES_ORDER: u32 = 1;

/// A client's clock stretches by a part in twenty, so what it saw strays by a sixteenth or two.
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

    fn note() -> impl Strategy<Value = SeatNote> {
        let holder = ("[a-z]{0,24}", any::<Option<(u64, u32, u32)>>()).prop_map(|(name, player)| Holder {
            name: Name::new(&name).unwrap(),
            player: player.map(|(id, run, count)| (PlayerId(id), TicketNumber { run, count })),
        });
        let seat = (0..SEATS).prop_map(SeatId);
        prop_oneof![
            (seat.clone(), holder).prop_map(|(seat, holder)| SeatNote::Taken(seat, holder)),
            seat.clone().prop_map(SeatNote::Left),
            (seat, any::<(u32, u32)>())
                .prop_map(|(seat, (run, count))| SeatNote::Back(seat, TicketNumber { run, count })),
        ]
    }

    type Play = Vec<(Vec<SeatNote>, Vec<(Option<i32>, i64)>)>;

    fn play() -> impl Strategy<Value = Play> {
        let seat = (prop_oneof![Just(None), (-2..2).prop_map(Some)], -30i64..200);
        let tick = (
            prop_oneof![4 => Just(Vec::new()), 1 => proptest::collection::vec(note(), 0..4)],
            proptest::collection::vec(seat, usize::from(SEATS)),
        );
        proptest::collection::vec(tick, 0..30)
    }

    /// What the room had, clamped as the step clamps it; seats that nobody has taken want nothing and saw the present.
    fn expected(
        tick: Tick,
        taken: &[bool],
        wanted: &[(Option<i32>, i64)],
    ) -> (Vec<Option<Steering>>, Vec<SubTick>) {
        let most = i64::from(max_rewind(TickRate::DEFAULT));
        let inputs = wanted.iter().zip(taken).map(|((bend, _), taken)| steering(*bend).filter(|_| *taken));
        let seen = wanted.iter().zip(taken).map(|((_, back), taken)| {
            let lag = if *taken { (*back).clamp(0, most).min(i64::from(tick.0) * 16) } else { 0 };
            SubTick::of(tick).offset(-lag)
        });
        (inputs.collect(), seen.collect())
    }

    fn steering(bend: Option<i32>) -> Option<Steering> {
        bend.map(|bend| Steering { bend: bend.try_into().unwrap() })
    }

    proptest! {
        #[test]
        fn entries_are_read_back_as_a_step_sees_them(play in play()) {
            let (mut writer, mut reader) = (TickCoder::new(&header()), TickCoder::<Steering>::new(&header()));
            let mut out = BitWriter::new();
            let mut taken = [false; SEATS as usize];
            let mut want = Vec::new();
            for (tick, (notes, wanted)) in (1..).map(Tick).zip(&play) {
                for note in notes {
                    match note {
                        SeatNote::Taken(seat, _) => taken[seat.index()] = true,
                        SeatNote::Left(seat) => taken[seat.index()] = false,
                        SeatNote::Back(..) => {}
                    }
                }
                let entries = Entries {
                    changes: notes.iter().filter_map(SeatNote::change).collect(),
                    inputs: wanted.iter().zip(taken).map(|((bend, _), taken)| steering(*bend).filter(|_| taken)).collect(),
                    seen: wanted.iter().map(|(_, back)| SubTick::of(tick).offset(-back)).collect(),
                };
                writer.encode(tick, notes, &entries, &mut out);
                let checksum = writer.has_checksum(tick).then_some(tick.0 * 7);
                checksum.into_iter().for_each(|checksum| out.write_bits(checksum, 32));
                let (inputs, seen) = expected(tick, &taken, wanted);
                want.push(TickRecord { tick, seats: notes.clone(), entries: Entries { inputs, seen, ..entries }, checksum });
            }
            let bytes = out.finish().to_vec();
            let mut from = BitReader::new(&bytes);
            for want in want {
                prop_assert_eq!(reader.decode(want.tick, &mut from), Ok(want));
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
    fn a_tick_in_which_more_come_and_go_than_a_room_can_bear_is_refused() {
        let most = (NOTES_FREE + NOTES_A_SEAT * usize::from(SEATS)) as u32;
        for (count, is_read) in [(most, true), (most + 1, false)] {
            let mut out = BitWriter::new();
            out.write_bool(true);
            out.write_bool(true);
            out.write_var(count, NOTES_ORDER);
            (0..count).for_each(|_| SeatNote::Left(SeatId(0)).encode(&mut out));
            let bytes = out.finish().to_vec();
            let record = TickCoder::<Steering>::new(&header()).decode(Tick(1), &mut BitReader::new(&bytes));
            assert_eq!(record.is_ok(), is_read, "{count} notes");
        }
    }

    #[test]
    fn a_room_in_which_nothing_changes_costs_a_bit_a_tick() {
        let mut coder = TickCoder::<Steering>::new(&Header { checksum_ticks: 0, ..header() });
        let mut out = BitWriter::new();
        let holder = Holder { name: Name::lossy("Ada"), player: None };
        let steers = |tick| Entries {
            inputs: vec![Some(Steering { bend: 1 }), None, None, None],
            seen: vec![SubTick::of(tick).offset(-9); 4],
            changes: Vec::new(),
        };
        coder.encode(Tick(9), &[SeatNote::Taken(SeatId(0), holder)], &steers(Tick(9)), &mut out);
        let before = out.len_bits();
        (10..110).map(Tick).for_each(|tick| coder.encode(tick, &[], &steers(tick), &mut out));
        assert_eq!(out.len_bits() - before, 100);
    }
}
