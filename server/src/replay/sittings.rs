//! Who sat where, and from when to when.

use quarrel_shared::{
    game::Game,
    id::SeatId,
    journal::{Holder, Journal, JournalError, SeatNote},
    tick::Tick,
};

/// Somebody on a seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sitting {
    pub(super) seat: SeatId,
    pub(super) holder: Holder,
    /// The first tick in which they played, or the one after which the journal begins.
    pub(super) from: Tick,
    /// The last, or the journal's.
    pub(super) to: Tick,
    /// Whether they left; else they sat there when the journal ended.
    pub(super) left: bool,
}

/// What a journal says of its seats.
#[derive(Debug, Default)]
pub(super) struct Sittings {
    pub(super) all: Vec<Sitting>,
    /// How many ticks there are: those that are lost do not count.
    pub(super) ticks: u64,
    /// The ticks of every player's seat, added up.
    pub(super) player_ticks: u64,
    /// Why the ticks could not be read to the end.
    pub(super) broken: Option<JournalError>,
    seated: Vec<Option<(Holder, Tick)>>,
    players: u64,
}

/// Reads every tick, and plays none.
pub(super) fn sittings<G: Game>(journal: &Journal<'_>) -> Sittings {
    let mut found =
        Sittings { seated: vec![None; usize::from(journal.header().seats)], ..Sittings::default() };
    let mut last = Tick(0);
    for number in 0..journal.checkpoints().len() {
        if let Err(error) = read::<G>(journal, number, &mut found, &mut last) {
            found.broken = Some(error);
            break;
        }
    }
    for (seat, seated) in (0..).map(SeatId).zip(std::mem::take(&mut found.seated)) {
        if let Some((holder, from)) = seated {
            found.all.push(Sitting { seat, holder, from, to: last, left: false });
        }
    }
    found.all.sort_by_key(|sitting| (sitting.seat, sitting.from));
    found
}

fn read<G: Game>(
    journal: &Journal<'_>,
    number: usize,
    found: &mut Sittings,
    last: &mut Tick,
) -> Result<(), JournalError> {
    let mut segment = journal.segment::<G::Input>(number)?;
    *last = segment.checkpoint().tick;
    found.restart(&segment.checkpoint().holders, *last);
    while let Some(record) = segment.next_tick()? {
        *last = record.tick;
        for note in record.seats {
            found.apply(note, *last);
        }
        found.ticks += 1;
        found.player_ticks += found.players;
    }
    Ok(())
}

impl Sittings {
    fn apply(&mut self, note: SeatNote, tick: Tick) {
        match note {
            SeatNote::Taken(seat, holder) => {
                self.leave(seat, tick.before(1));
                if let Some(place) = self.seated.get_mut(seat.index()) {
                    self.players += u64::from(holder.player.is_some());
                    *place = Some((holder, tick));
                }
            }
            SeatNote::Left(seat) => self.leave(seat, tick.before(1)),
            SeatNote::Back(..) => {}
        }
    }

    /// Behind ticks that are lost, others may sit there.
    fn restart(&mut self, holders: &[Option<Holder>], tick: Tick) {
        for (seat, holder) in (0..).map(SeatId).zip(holders) {
            let who = |holder: &Holder| (holder.name.clone(), holder.player.map(|(player, _)| player));
            let seated = self.seated[seat.index()].as_ref().map(|(holder, _)| who(holder));
            if seated != holder.as_ref().map(who) {
                self.leave(seat, tick);
                if let Some(holder) = holder {
                    self.apply(SeatNote::Taken(seat, holder.clone()), tick);
                }
            }
        }
    }

    fn leave(&mut self, seat: SeatId, to: Tick) {
        let seated = self.seated.get_mut(seat.index()).and_then(Option::take);
        if let Some((holder, from)) = seated {
            self.players -= u64::from(holder.player.is_some());
            self.all.push(Sitting { seat, holder, from, to, left: true });
        }
    }
}

#[cfg(test)]
mod tests {
    use quarrel_shared::{
        crowd::{Crowd, CrowdSettings},
        game::Setup,
        id::PlayerId,
        journal::{Entries, Header, Note, Packer, Piece, Recorder},
        protocol::{TicketNumber, messages::Name},
        tick::TickRate,
    };

    use super::*;

    fn holder(name: &str, player: Option<u64>) -> Holder {
        let ticket = TicketNumber { run: 1, count: 0 };
        Holder { name: Name::lossy(name), player: player.map(|id| (PlayerId(id), ticket)) }
    }

    /// A room of two seats in which these come and go, one element a tick; `None` is a tick that is lost.
    fn journal(ticks: &[Option<Vec<SeatNote>>]) -> Vec<u8> {
        let setup = Setup { settings: CrowdSettings {}, seed: 1, seats: 2, tick_rate: TickRate::DEFAULT };
        let header = Header::of::<Crowd>(&setup).unwrap();
        let (game, mut recorder) = (Crowd::new(&setup), Recorder::<Crowd>::new(&header));
        let (mut packer, mut bytes) = (Packer::new().unwrap(), Vec::new());
        let mut holders = vec![None; 2];
        packer.pack(&Piece::header(&header), &mut bytes).unwrap();
        packer.pack(&recorder.checkpoint(&game, Tick(0), holders.clone()), &mut bytes).unwrap();
        for (tick, notes) in (1..).map(Tick).zip(ticks) {
            let Some(notes) = notes else {
                // Behind it only a bot sits there, on seat 1.
                holders = vec![None, Some(holder("Bob", None))];
                let note = Note::Lost { from: tick.0, to: tick.0, why: "a full disk".into() };
                packer.pack(&Piece::note(&note, tick), &mut bytes).unwrap();
                packer.pack(&recorder.checkpoint(&game, tick, holders.clone()), &mut bytes).unwrap();
                continue;
            };
            notes.iter().for_each(|note| note.clone().apply(&mut holders));
            let changes = notes.iter().filter_map(SeatNote::change).collect();
            recorder.tick(tick, notes, &Entries { changes, ..Entries::idle(2) }, &game);
            packer.pack(&recorder.take().unwrap(), &mut bytes).unwrap();
        }
        bytes
    }

    #[test]
    fn who_sat_where_is_told_across_ticks_that_are_lost() {
        let (ada, eve) = (holder("Ada", Some(1)), holder("Eve", Some(2)));
        let bytes = journal(&[
            Some(vec![SeatNote::Taken(SeatId(0), ada.clone())]),
            Some(vec![]),
            Some(vec![SeatNote::Left(SeatId(0)), SeatNote::Taken(SeatId(0), eve.clone())]),
            None,
            Some(vec![]),
        ]);
        let found = sittings::<Crowd>(&Journal::open(&bytes).unwrap());
        let sitting = |seat, holder, from, to, left| Sitting {
            seat: SeatId(seat),
            holder,
            from: Tick(from),
            to: Tick(to),
            left,
        };
        let expected = [
            sitting(0, ada, 1, 2, true),
            sitting(0, eve, 3, 4, true),
            sitting(1, holder("Bob", None), 4, 5, false),
        ];
        assert_eq!(found.all, expected);
        assert_eq!(
            (found.ticks, found.player_ticks),
            (4, 3),
            "bots are no players, and what is lost is not counted"
        );
        assert!(found.broken.is_none());
    }
}
