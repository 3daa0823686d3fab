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
    /// The first tick of play, or the tick of the journal's first checkpoint.
    pub(super) from: Tick,
    /// The last tick of play, or the journal's last.
    pub(super) to: Tick,
    /// Whether the seat was left; otherwise it was taken at the end of the journal.
    pub(super) left: bool,
}

/// The occupancy of all seats of a journal.
#[derive(Debug, Default)]
pub(super) struct SeatHistory {
    pub(super) all: Vec<Occupancy>,
    /// The number of ticks, without lost ones.
    pub(super) ticks: u64,
    /// The sum of the ticks of all players.
    pub(super) player_ticks: u64,
    /// The error at which reading the ticks stopped.
    pub(super) broken: Option<JournalError>,
    seated: Vec<Option<(Holder, Tick)>>,
    players: u64,
}

/// Reads every tick without playing it.
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
    fn apply(&mut self, entry: SeatEntry, tick: Tick) {
        match entry {
            SeatEntry::Taken(seat, holder) => {
                self.leave(seat, tick.before(1));
                if let Some(place) = self.seated.get_mut(seat.index()) {
                    self.players += u64::from(holder.player.is_some());
                    *place = Some((holder, tick));
                }
            }
            SeatEntry::Left(seat) => self.leave(seat, tick.before(1)),
            SeatEntry::Resumed(..) => {}
        }
    }

    /// Compares the seats with a checkpoint: behind lost ticks they may have other holders.
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

    /// A room of two seats with these changes, one element per tick; `None` is a lost tick.
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
                // Behind it only a bot is left, on seat 1.
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
