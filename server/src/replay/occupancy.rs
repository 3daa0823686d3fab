//! The occupancy of seats: who was on each seat, and from which tick to which.

use quarrel_shared::{
    game::Game,
    id::SeatId,
    journal::{Holder, Journal, JournalError, SeatEntry},
    tick::Tick,
};

/// One player or bot on one seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Occupancy {
    pub(super) seat: SeatId,
    pub(super) holder: Holder,
    /// The first tick of play. For a holder that a checkpoint adds, at the beginning of the journal or after lost ticks, the tick of the
    /// checkpoint.
    pub(super) from: Tick,
    /// The last tick of play: the last tick of the journal if the seat was not left, and the tick of the checkpoint if the seat was left
    /// in lost ticks.
    pub(super) to: Tick,
    /// Whether the holder left the seat. False for a holder that was on the seat at the end of the journal.
    pub(super) left: bool,
}

/// The occupancy of all seats of a journal.
#[derive(Debug, Default)]
pub(super) struct SeatHistory {
    /// All occupancies, by seat and then by first tick.
    pub(super) all: Vec<Occupancy>,
    /// The number of recorded ticks, without lost ones.
    pub(super) ticks: u64,
    /// The sum, over the recorded ticks, of the players on seats.
    pub(super) player_ticks: u64,
    /// The error at which reading the ticks stopped, if there was one.
    pub(super) broken: Option<JournalError>,
    /// While reading: the holder of each seat, and the first tick of its occupancy.
    seated: Vec<Option<(Holder, Tick)>>,
    /// While reading: the number of players on seats.
    players: u64,
}

/// Reads the seat changes of every tick, without playing the game.
pub(super) fn seat_history<G: Game>(journal: &Journal<'_>) -> SeatHistory {
    let mut found =
        SeatHistory { seated: vec![None; usize::from(journal.header().seats)], ..SeatHistory::default() };
    let mut last = Tick(0);
    for number in 0..journal.checkpoints().len() {
        if let Err(error) = read::<G>(journal, number, &mut found, &mut last) {
            found.broken = Some(error);
            break;
        }
    }
    for (seat, seated) in (0..).map(SeatId).zip(std::mem::take(&mut found.seated)) {
        if let Some((holder, from)) = seated {
            found.all.push(Occupancy { seat, holder, from, to: last, left: false });
        }
    }
    found.all.sort_by_key(|occupancy| (occupancy.seat, occupancy.from));
    found
}

/// Reads the segment of this number.
fn read<G: Game>(
    journal: &Journal<'_>,
    number: usize,
    found: &mut SeatHistory,
    last: &mut Tick,
) -> Result<(), JournalError> {
    let mut segment = journal.segment::<G::Input>(number)?;
    *last = segment.checkpoint().tick;
    found.restart(&segment.checkpoint().holders, *last);
    while let Some(record) = segment.next_tick()? {
        *last = record.tick;
        for entry in record.seats {
            found.apply(entry, *last);
        }
        found.ticks += 1;
        found.player_ticks += found.players;
    }
    Ok(())
}

impl SeatHistory {
    /// Applies a seat change at this tick.
    fn apply(&mut self, entry: SeatEntry, tick: Tick) {
        match entry {
            SeatEntry::Taken(seat, holder) => {
                self.leave(seat, tick.before(1));
                if let Some(seated) = self.seated.get_mut(seat.index()) {
                    self.players += u64::from(holder.player.is_some());
                    *seated = Some((holder, tick));
                }
            }
            SeatEntry::Left(seat) => self.leave(seat, tick.before(1)),
            SeatEntry::Resumed(..) => {}
        }
    }

    /// Compares the holders with those of a checkpoint, and applies the differences: seats may have changed in lost ticks.
    fn restart(&mut self, holders: &[Option<Holder>], tick: Tick) {
        for (seat, holder) in (0..).map(SeatId).zip(holders) {
            let who = |holder: &Holder| (holder.name.clone(), holder.player.map(|(player, _)| player));
            let seated = self.seated[seat.index()].as_ref().map(|(holder, _)| who(holder));
            if seated != holder.as_ref().map(who) {
                self.leave(seat, tick);
                if let Some(holder) = holder {
                    self.apply(SeatEntry::Taken(seat, holder.clone()), tick);
                }
            }
        }
    }

    /// Ends the occupancy of a seat after the tick `to`, if the seat has a holder.
    fn leave(&mut self, seat: SeatId, to: Tick) {
        let seated = self.seated.get_mut(seat.index()).and_then(Option::take);
        if let Some((holder, from)) = seated {
            self.players -= u64::from(holder.player.is_some());
            self.all.push(Occupancy { seat, holder, from, to, left: true });
        }
    }
}

#[cfg(test)]
mod tests {
    use quarrel_shared::{
        crowd::{Crowd, CrowdSettings},
        game::Setup,
        id::PlayerId,
        journal::{Annotation, Chunk, Entries, Header, JournalWriter, Recorder},
        protocol::{TicketNumber, messages::Name},
        tick::TickRate,
    };

    use super::*;

    fn holder(name: &str, player: Option<u64>) -> Holder {
        let ticket = TicketNumber { run: 1, count: 0 };
        Holder { name: Name::lossy(name), player: player.map(|id| (PlayerId(id), ticket)) }
    }

    /// Records a room of two seats with these changes, one element per tick; `None` is a lost tick, after which only Bob, a bot, is seated.
    fn journal(ticks: &[Option<Vec<SeatEntry>>]) -> Vec<u8> {
        let setup = Setup { settings: CrowdSettings {}, seed: 1, seats: 2, tick_rate: TickRate::DEFAULT };
        let header = Header::of::<Crowd>(&setup).unwrap();
        let (game, mut recorder) = (Crowd::new(&setup), Recorder::<Crowd>::new(&header));
        let (mut writer, mut bytes) = (JournalWriter::new().unwrap(), Vec::new());
        let mut holders = vec![None; 2];
        writer.write(&Chunk::header(&header), &mut bytes).unwrap();
        writer.write(&recorder.checkpoint(&game, Tick(0), holders.clone()), &mut bytes).unwrap();
        for (tick, entries) in (1..).map(Tick).zip(ticks) {
            let Some(entries) = entries else {
                holders = vec![None, Some(holder("Bob", None))];
                let lost = Annotation::Lost { from: tick.0, to: tick.0, why: "a full disk".into() };
                writer.write(&Chunk::annotation(&lost, tick), &mut bytes).unwrap();
                writer.write(&recorder.checkpoint(&game, tick, holders.clone()), &mut bytes).unwrap();
                continue;
            };
            entries.iter().for_each(|entry| entry.clone().apply(&mut holders));
            let changes = entries.iter().filter_map(SeatEntry::change).collect();
            recorder.tick(tick, entries, &Entries { changes, ..Entries::idle(2) }, &game);
            writer.write(&recorder.take().unwrap(), &mut bytes).unwrap();
        }
        bytes
    }

    #[test]
    fn the_occupancy_of_seats_is_read_across_lost_ticks() {
        let (ada, eve) = (holder("Ada", Some(1)), holder("Eve", Some(2)));
        let bytes = journal(&[
            Some(vec![SeatEntry::Taken(SeatId(0), ada.clone())]),
            Some(vec![]),
            Some(vec![SeatEntry::Left(SeatId(0)), SeatEntry::Taken(SeatId(0), eve.clone())]),
            None,
            Some(vec![]),
        ]);
        let found = seat_history::<Crowd>(&Journal::open(&bytes).unwrap());
        let occupancy = |seat, holder, from, to, left| Occupancy {
            seat: SeatId(seat),
            holder,
            from: Tick(from),
            to: Tick(to),
            left,
        };
        let expected = [
            occupancy(0, ada, 1, 2, true),
            occupancy(0, eve, 3, 4, true),
            occupancy(1, holder("Bob", None), 4, 5, false),
        ];
        assert_eq!(found.all, expected);
        assert_eq!(
            (found.ticks, found.player_ticks),
            (4, 3),
            "bots are not players, and lost ticks are not counted"
        );
        assert!(found.broken.is_none());
    }
}
