//! Recovery from earlier runs of the server: restores their rooms, finds results that may not have been stored, and sets
//! unusable journals aside.

mod ended;

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use quarrel_shared::{
    game::Game,
    id::{PlayerId, RoomId},
    journal::{Journal, JournalError, JournalWriter},
    tick::TickRate,
};
use tracing::{error, info, warn};

pub(crate) use self::ended::EndedJournals;
use self::ended::{is_too_large, read_results};
use crate::{
    data_dir::UncleanShutdown,
    lobby::{Directory, RestoredPlayer, SessionRegistry},
    room::restored::{PastResults, RestoredRoom, restore},
    session::detached_seat::DetachedSeat,
    storage::{
        MatchRecord, RolledBack,
        journals::{IncompleteRead, JournalName, JournalStore, StoredJournal},
    },
    telemetry::Metrics,
};

/// The rooms and results of earlier runs.
pub(crate) struct Recovery<G: Game> {
    /// Restored rooms.
    pub(crate) rooms: Vec<RestoredRoom<G>>,
    /// Results of rooms that are not restored.
    pub(crate) results: Vec<PastResults>,
    /// The journals of rooms that had ended.
    pub(crate) ended: EndedJournals,
    /// Whether results may not have been stored.
    has_crashed: bool,
    /// The highest id of a room whose journal waits for another start; new rooms must have higher ids.
    highest_kept_id: RoomId,
    rate: TickRate,
}

/// The range of ticks behind the restored tick whose results are deleted, in milliseconds: four times what a working server can
/// lose. Later results ended while the journal could not be written; players saw them, so they are kept.
const ROLLED_BACK_MS: u32 = 2000;

/// The options of a recovery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RestoreOptions {
    /// The policy for rooms that ran.
    pub(crate) rooms: RestorePolicy,
    /// The runs whose results may not all have been stored.
    pub(crate) unclean_shutdown: Option<UncleanShutdown>,
    /// The tick rate of the server.
    pub(crate) rate: TickRate,
}

/// The policy for rooms that ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RestorePolicy {
    /// Restore them.
    Restore,
    /// Keep their journals for another start: this one writes no journals, so the rooms could not be restored a second time.
    Keep,
    /// End their journals.
    Discard,
}

impl<G: Game> Recovery<G> {
    /// A recovery without rooms or results.
    pub(crate) fn empty() -> Self {
        Self {
            rooms: Vec::new(),
            results: Vec::new(),
            ended: EndedJournals::default(),
            has_crashed: false,
            highest_kept_id: RoomId(0),
            rate: TickRate::DEFAULT,
        }
    }

    /// Reads all journals. Those that cannot be used are set aside with the reason.
    pub(crate) fn scan(
        store: &dyn JournalStore,
        options: RestoreOptions,
        incomplete_read: &IncompleteRead,
        metrics: &Metrics,
    ) -> Self {
        let has_crashed = options.unclean_shutdown.is_some();
        let stored = match store.list() {
            Ok(stored) => stored,
            Err(error) => {
                warn!(%error, "cannot list journals, no room restored");
                if has_crashed {
                    incomplete_read.set();
                }
                return Self::empty();
            }
        };
        let mut all = Self { rate: options.rate, has_crashed, ..Self::empty() };
        // By room, because two rooms may not have the same id; the later run's is kept.
        let mut by_room = BTreeMap::new();
        let (ended, open): (Vec<_>, Vec<_>) =
            stored.into_iter().partition(|journal| store.has_end(journal.name));
        if let Some(unclean_shutdown) = options.unclean_shutdown {
            all.ended = EndedJournals::of(ended, unclean_shutdown);
        }
        let results_of = |name| if has_crashed { read_results(store, name, incomplete_read) } else { None };
        for StoredJournal { name, .. } in open {
            match Self::restore_room(store, name, options) {
                Ok(Contents::Room(room)) => {
                    if let Some(other) = by_room.insert(name.room, *room) {
                        all.results.extend(results_of(other.name()));
                        set_aside(store, other.name(), "a later run has a room with the same id", metrics);
                    }
                }
                Ok(Contents::Results(results)) => all.results.push(results),
                Ok(Contents::Nothing) => remove(store, name),
                Err(RestoreFailure::Retryable(reason)) => {
                    all.highest_kept_id = all.highest_kept_id.max(RoomId(name.room));
                    // The start that can restore the room may follow a clean shutdown, and not look for results.
                    all.results.extend(results_of(name));
                    warn!(journal = %name, %reason, "journal cannot restore its room now, kept for a later start");
                }
                Err(RestoreFailure::Permanent(reason)) => {
                    all.results.extend(results_of(name));
                    set_aside(store, name, &reason, metrics);
                }
            }
        }
        all.rooms = by_room.into_values().collect();
        metrics.journals.rooms_resumed.inc_by(all.rooms.len() as u64);
        all
    }

    /// Returns the ticks that the restored rooms discard.
    pub(crate) fn rolled_back(&self) -> Vec<RolledBack> {
        let rolled_back = |room: &RestoredRoom<G>| {
            let to = room.tick().after(self.rate.ticks(ROLLED_BACK_MS)).0;
            RolledBack { journal: room.name().to_string(), after: room.tick().0, to }
        };
        self.rooms.iter().map(rolled_back).collect()
    }

    /// Takes the results that the storage may lack, to submit them again; it stores each once. After a clean shutdown it has
    /// all that the journals have, except those that were deleted there.
    pub(crate) fn take_results(&mut self) -> Vec<MatchRecord> {
        let (others, has_crashed) = (std::mem::take(&mut self.results), self.has_crashed);
        let others = others.into_iter().flat_map(PastResults::into_records).filter(|_| has_crashed);
        others.chain(self.rooms.iter_mut().flat_map(|room| room.take_records(has_crashed))).collect()
    }

    /// Opens the rooms and holds their players' seats. Must be called before any player is admitted.
    pub(crate) fn reopen_rooms(self, lobby: &Directory<G>, registry: &SessionRegistry<DetachedSeat<G>>) {
        let player = self.rooms.iter().filter_map(RestoredRoom::highest_player).max().unwrap_or_default();
        let room =
            self.rooms.iter().map(RestoredRoom::id).max().unwrap_or_default().max(self.highest_kept_id);
        lobby.set_next_ids(RoomId(room.0.saturating_add(1)), PlayerId(player.0.saturating_add(1)));
        for room in self.rooms {
            let name = room.name();
            // The game publishes its state here, and may panic again: that costs this room only.
            match catch_unwind(AssertUnwindSafe(|| lobby.restore(room))) {
                Ok(seats) => {
                    for RestoredPlayer { player, ticket, name, joined } in seats {
                        registry.restore(player, ticket, DetachedSeat::restored(joined, name));
                    }
                }
                Err(_) => {
                    error!(journal = %name, "game panicked while restoring its room, other rooms continue")
                }
            }
        }
    }

    fn restore_room(
        store: &dyn JournalStore,
        name: JournalName,
        options: RestoreOptions,
    ) -> Result<Contents<G>, RestoreFailure> {
        let bytes = store.read(name).map_err(|error| {
            let reason = format!("it cannot be read: {error}");
            if is_too_large(&error) {
                RestoreFailure::Permanent(reason)
            } else {
                RestoreFailure::Retryable(reason)
            }
        })?;
        let journal = match Journal::open(&bytes) {
            Ok(journal) => journal,
            Err(JournalError::NotAJournal | JournalError::Header(_))
                if bytes.len() < MAX_TORN_HEADER_BYTES =>
            {
                return Ok(Contents::Nothing);
            }
            Err(error @ JournalError::NewerFormat(_)) => {
                return Err(RestoreFailure::Retryable(error.to_string()));
            }
            Err(error) => return Err(RestoreFailure::Permanent(error.to_string())),
        };
        if let Some(tail) = journal.tail()
            && tail.is_damage()
        {
            let reason = format!("it is damaged at byte {}: readable data follows the damage", tail.offset);
            return Err(RestoreFailure::Permanent(reason));
        }
        if journal.end().is_some() {
            return Ok(Contents::Results(PastResults::of(&journal).unwrap_or_default()));
        }
        if journal.checkpoints().len() == 0 {
            return Ok(Contents::Nothing);
        }
        match options.rooms {
            RestorePolicy::Restore => {}
            RestorePolicy::Keep => {
                return Err(RestoreFailure::Retryable(
                    "this server writes no journals (journal.write is off)".to_owned(),
                ));
            }
            RestorePolicy::Discard => {
                end(store, name, &journal)
                    .map_err(|error| RestoreFailure::Retryable(format!("it cannot be ended: {error}")))?;
                return Ok(Contents::Results(PastResults::of(&journal).unwrap_or_default()));
            }
        }
        let room = restore(&journal, options.rate).map_err(|error| {
            let reason = error.to_string();
            if error.is_retryable() {
                RestoreFailure::Retryable(reason)
            } else {
                RestoreFailure::Permanent(reason)
            }
        })?;
        // A copy under another name would be the same room twice, and both would write one file.
        if room.name() != name {
            return Err(RestoreFailure::Permanent(format!("it is a copy of {}", room.name())));
        }
        if room.tail_bytes > 0 {
            info!(journal = %name, bytes = room.tail_bytes, "journal has a torn tail, truncated");
        }
        Ok(Contents::Room(Box::new(room)))
    }
}

/// The content of a journal without an end.
enum Contents<G: Game> {
    Room(Box<RestoredRoom<G>>),
    Results(PastResults),
    /// No state: the server was killed in the room's first quarter second.
    Nothing,
}

/// The reason why a journal does not restore its room.
enum RestoreFailure {
    /// This start cannot use it; another one may.
    Retryable(String),
    /// No start can use it.
    Permanent(String),
}

/// The maximum length of a file whose header was torn. A longer file that is not a journal may be a person's data, and is kept.
const MAX_TORN_HEADER_BYTES: usize = 4096;

/// Ends a journal, so that no start restores its room.
fn end(store: &dyn JournalStore, name: JournalName, journal: &Journal<'_>) -> std::io::Result<()> {
    let (mut writer, mut bytes) = (JournalWriter::resume(journal)?, Vec::new());
    let mut file = store.reopen(name, writer.position().bytes)?;
    writer.end("abandoned", journal.last_tick(), &mut bytes);
    file.append(&bytes)?;
    info!(journal = %name, "room of an earlier run abandoned, journal.resume is off");
    Ok(())
}

fn remove(store: &dyn JournalStore, name: JournalName) {
    match store.remove(name) {
        Ok(()) => info!(journal = %name, "deleted a journal without entries"),
        Err(error) => warn!(journal = %name, %error, "cannot delete a journal without entries"),
    }
}

fn set_aside(store: &dyn JournalStore, name: JournalName, reason: &str, metrics: &Metrics) {
    metrics.journals.set_aside.inc();
    match store.set_aside(name, reason) {
        Ok(()) => {
            warn!(journal = %name, reason, "journal cannot restore its room, moved to journals/set-aside")
        }
        Err(error) => {
            warn!(journal = %name, reason, %error, "journal cannot restore its room, and moving it to journals/set-aside failed")
        }
    }
}
