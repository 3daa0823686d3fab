//! What an earlier run of the server left behind: rooms that go on, results that may not have been written, journals that cannot be
//! used.

mod ended;

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use quarrel_shared::{
    game::Game,
    id::{PlayerId, RoomId},
    journal::{Journal, JournalError, Packer},
    tick::TickRate,
};
use tracing::{error, info, warn};

pub(crate) use self::ended::EndedJournals;
use self::ended::{is_too_large, read_results};
use crate::{
    data_dir::Unsettled,
    lobby::{Directory, RestoredPlayer, SessionRegistry},
    room::restored::{PastResults, RestoredRoom, restore},
    session::detached_seat::DetachedSeat,
    storage::{
        MatchRecord, Undone,
        journals::{JournalName, JournalStore, Kept, Unread},
    },
    telemetry::Metrics,
};

/// What goes on from an earlier run.
pub(crate) struct Recovery<G: Game> {
    /// Rooms that ran when it ended.
    pub(crate) rooms: Vec<RestoredRoom<G>>,
    /// What rooms had come to that do not go on now.
    pub(crate) results: Vec<PastResults>,
    /// Journals of those that had ended.
    pub(crate) ended: EndedJournals,
    /// Whether results may not have been written.
    has_crashed: bool,
    /// The highest number of a room that waits for another start: nobody else may have it.
    waiting: RoomId,
    rate: TickRate,
}

/// How far past the tick that a room is brought back to its play is undone, in milliseconds: four times what a server in order can
/// lose. What ended later, ended while its journal could not be written; that was seen, and stands.
const UNDONE_MS: u32 = 2000;

/// What is asked of a recovery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// What becomes of rooms that ran.
    pub(crate) rooms: Fate,
    /// Whose results may not all have been written.
    pub(crate) unsettled: Option<Unsettled>,
    /// What the server steps rooms at.
    pub(crate) rate: TickRate,
}

/// What becomes of a room that ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It goes on.
    GoesOn,
    /// Its journal waits for another start: this one writes none, so the room could not come back a second time.
    Waits,
    /// Its journal is ended.
    Ends,
}

impl<G: Game> Recovery<G> {
    /// Nothing.
    pub(crate) fn none() -> Self {
        Self {
            rooms: Vec::new(),
            results: Vec::new(),
            ended: EndedJournals::default(),
            has_crashed: false,
            waiting: RoomId(0),
            rate: TickRate::DEFAULT,
        }
    }

    /// Looks through all journals. Whatever cannot be used is set aside with the reason, and the others go on.
    pub(crate) fn look(store: &dyn JournalStore, wanted: Wanted, unread: &Unread, metrics: &Metrics) -> Self {
        let has_crashed = wanted.unsettled.is_some();
        let kept = match store.list() {
            Ok(kept) => kept,
            Err(error) => {
                warn!(%error, "the journals cannot be listed, so no room is brought back");
                if has_crashed {
                    unread.say();
                }
                return Self::none();
            }
        };
        let mut all = Self { rate: wanted.rate, has_crashed, ..Self::none() };
        // By room, for two of them may not have the same number: a later run's stays.
        let mut by_room = BTreeMap::new();
        let (ended, open): (Vec<_>, Vec<_>) = kept.into_iter().partition(|kept| store.has_end(kept.name));
        if let Some(unsettled) = wanted.unsettled {
            all.ended = EndedJournals::of(ended, unsettled);
        }
        let results_of = |name| if has_crashed { read_results(store, name, unread) } else { None };
        for Kept { name, .. } in open {
            match Self::bring_back(store, name, wanted) {
                Ok(Found::Room(room)) => {
                    if let Some(other) = by_room.insert(name.room, *room) {
                        all.results.extend(results_of(other.name()));
                        set_aside(store, other.name(), "a later run has a room of the same number", metrics);
                    }
                }
                Ok(Found::Results(results)) => all.results.push(results),
                Ok(Found::Nothing) => remove(store, name),
                Err(Unusable::For(why)) => {
                    all.waiting = all.waiting.max(RoomId(name.room));
                    // The start that can may come after one that ends well, and look for none.
                    all.results.extend(results_of(name));
                    warn!(journal = %name, %why, "a journal cannot bring its room back now; it is left for a start that can");
                }
                Err(Unusable::Ever(reason)) => {
                    all.results.extend(results_of(name));
                    set_aside(store, name, &reason, metrics);
                }
            }
        }
        all.rooms = by_room.into_values().collect();
        metrics.journals.rooms_resumed.inc_by(all.rooms.len() as u64);
        all
    }

    /// What was played and did not come to be.
    pub(crate) fn undone(&self) -> Vec<Undone> {
        let undone = |room: &RestoredRoom<G>| {
            let to = room.tick().after(self.rate.ticks(UNDONE_MS)).0;
            Undone { journal: room.name().to_string(), after: room.tick().0, to }
        };
        self.rooms.iter().map(undone).collect()
    }

    /// Results that the storage may not have: to be handed to it once more, which keeps each once. After a run that ended well it has
    /// all that the journals have, but for what somebody deleted there.
    pub(crate) fn take_results(&mut self) -> Vec<MatchRecord> {
        let (others, has_crashed) = (std::mem::take(&mut self.results), self.has_crashed);
        let others = others.into_iter().flat_map(PastResults::into_records).filter(|_| has_crashed);
        others.chain(self.rooms.iter_mut().flat_map(|room| room.take_records(has_crashed))).collect()
    }

    /// Opens the rooms again, and lets their players' seats wait for them. Before anybody is let in.
    pub(crate) fn go_on(self, lobby: &Directory<G>, registry: &SessionRegistry<DetachedSeat<G>>) {
        let player = self.rooms.iter().filter_map(RestoredRoom::highest_player).max().unwrap_or_default();
        let room = self.rooms.iter().map(RestoredRoom::id).max().unwrap_or_default().max(self.waiting);
        lobby.set_next_ids(RoomId(room.0.saturating_add(1)), PlayerId(player.0.saturating_add(1)));
        for room in self.rooms {
            let name = room.name();
            // The game makes its world known here, and may panic once more: that costs this room, and no other.
            match catch_unwind(AssertUnwindSafe(|| lobby.restore(room))) {
                Ok(seats) => {
                    for RestoredPlayer { player, ticket, name, joined } in seats {
                        registry.restore(player, ticket, DetachedSeat::restored(joined, name));
                    }
                }
                Err(_) => {
                    error!(journal = %name, "the game panicked while its room was brought back; the others go on")
                }
            }
        }
    }

    fn bring_back(store: &dyn JournalStore, name: JournalName, wanted: Wanted) -> Result<Found<G>, Unusable> {
        let bytes = store.read(name).map_err(|error| {
            let what = format!("it cannot be read: {error}");
            if is_too_large(&error) { Unusable::Ever(what) } else { Unusable::For(what) }
        })?;
        let journal = match Journal::open(&bytes) {
            Ok(journal) => journal,
            Err(JournalError::NoJournal | JournalError::Header(_)) if bytes.len() < STUMP_BYTES => {
                return Ok(Found::Nothing);
            }
            Err(error @ JournalError::Newer(_)) => return Err(Unusable::For(error.to_string())),
            Err(error) => return Err(Unusable::Ever(error.to_string())),
        };
        if let Some(torn) = journal.torn()
            && torn.is_damage()
        {
            let what =
                format!("it is damaged at byte {}, and more than a torn tail is behind that", torn.offset);
            return Err(Unusable::Ever(what));
        }
        if journal.end().is_some() {
            return Ok(Found::Results(PastResults::of(&journal).unwrap_or_default()));
        }
        if journal.checkpoints().len() == 0 {
            return Ok(Found::Nothing);
        }
        match wanted.rooms {
            Fate::GoesOn => {}
            Fate::Waits => {
                return Err(Unusable::For("no journals are written (journal.write is off)".to_owned()));
            }
            Fate::Ends => {
                end(store, name, &journal)
                    .map_err(|error| Unusable::For(format!("it cannot be ended: {error}")))?;
                return Ok(Found::Results(PastResults::of(&journal).unwrap_or_default()));
            }
        }
        let room = restore(&journal, wanted.rate).map_err(|error| {
            let what = error.to_string();
            if error.may_pass() { Unusable::For(what) } else { Unusable::Ever(what) }
        })?;
        // A copy under another name would be the same room twice, and both would write one file.
        if room.name() != name {
            return Err(Unusable::Ever(format!("it is a copy of {}", room.name())));
        }
        if room.torn_bytes > 0 {
            info!(journal = %name, bytes = room.torn_bytes, "a torn tail is cut off");
        }
        Ok(Found::Room(Box::new(room)))
    }
}

/// What a journal without an end holds.
enum Found<G: Game> {
    Room(Box<RestoredRoom<G>>),
    Results(PastResults),
    /// Its server was killed before the first state was written: nobody has played in it for a quarter second.
    Nothing,
}

/// Why a journal brings no room back.
enum Unusable {
    /// This start cannot use it; another one may.
    For(String),
    /// None can.
    Ever(String),
}

/// What may be left of a journal whose header was never whole. A longer file that is no journal is somebody's, and kept.
const STUMP_BYTES: usize = 4096;

/// Nobody will go on with it.
fn end(store: &dyn JournalStore, name: JournalName, journal: &Journal<'_>) -> std::io::Result<()> {
    let (mut packer, mut bytes) = (Packer::resume(journal)?, Vec::new());
    let mut file = store.reopen(name, packer.place().bytes)?;
    packer.end("abandoned", journal.last_tick(), &mut bytes);
    file.append(&bytes)?;
    info!(journal = %name, "a room of an earlier run is abandoned, as asked");
    Ok(())
}

fn remove(store: &dyn JournalStore, name: JournalName) {
    match store.remove(name) {
        Ok(()) => info!(journal = %name, "a journal in which nothing had been written yet is deleted"),
        Err(error) => warn!(journal = %name, %error, "a journal without any play cannot be deleted"),
    }
}

fn set_aside(store: &dyn JournalStore, name: JournalName, reason: &str, metrics: &Metrics) {
    metrics.journals.set_aside.inc();
    match store.set_aside(name, reason) {
        Ok(()) => warn!(journal = %name, reason, "a journal cannot bring its room back, and was set aside"),
        Err(error) => warn!(journal = %name, reason, %error, "a journal cannot bring its room back"),
    }
}
