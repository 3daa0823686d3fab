//! Recovery when the server starts, from the journals (recordings) of rooms of earlier runs: restores the rooms that were running, finds
//! match results that may not have been stored, and sets aside journals that can never restore their room.

mod ended;

use std::{
    collections::BTreeMap,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use quarrel_shared::{
    game::Game,
    id::RoomId,
    journal::{Journal, JournalError, JournalWriter},
    tick::TickRate,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

pub(crate) use self::ended::EndedJournals;
use self::ended::{is_too_large, read_results};
use crate::{
    data_dir::UncleanShutdown,
    lobby::{Directory, RestoredPlayer, SessionRegistry},
    room::restored::{PastResults, RestoreError, RestoredRoom, restore},
    session::detached_seat::DetachedSeat,
    storage::{
        MatchRecord, RolledBack,
        journals::{IncompleteRead, JournalName, JournalStore, StoredJournal},
    },
    telemetry::Metrics,
};

/// The rooms and match results that were recovered from journals of earlier runs.
pub(crate) struct Recovery<G: Game> {
    /// The restored rooms, in the order of their ids.
    pub(crate) rooms: Vec<RestoredRoom<G>>,
    /// Results of rooms that are not restored.
    pub(crate) results: Vec<PastResults>,
    /// The journals of ended rooms whose results may not have been stored.
    pub(crate) ended: EndedJournals,
    /// Whether the last run did not stop cleanly, so that results of any journal may not have been stored.
    has_crashed: bool,
    /// The highest id of a room that is not restored and whose journal is kept for a later start. New rooms must have higher ids.
    highest_kept_id: RoomId,
}

/// The options of a recovery.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RestoreOptions {
    /// The policy for rooms that were running.
    pub(crate) rooms: RestorePolicy,
    /// The first run whose results may not all have been stored; `None` when the last run stopped cleanly.
    pub(crate) unclean_shutdown: Option<UncleanShutdown>,
    /// The tick rate of the server.
    pub(crate) rate: TickRate,
}

/// The policy for rooms that were running when the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RestorePolicy {
    /// Restore the rooms.
    Restore,
    /// Restore no room and keep the journals for a later start. This run writes no journals, so a restored room could not be restored a
    /// second time.
    Keep,
    /// Restore no room, and end the journals so that no later start restores the rooms.
    Discard,
}

impl<G: Game> Recovery<G> {
    /// Creates a recovery without rooms or results.
    pub(crate) fn empty() -> Self {
        Self {
            rooms: Vec::new(),
            results: Vec::new(),
            ended: EndedJournals::default(),
            has_crashed: false,
            highest_kept_id: RoomId(0),
        }
    }

    /// Lists all journals and reads those without an end. Returns `None` when `stop` was cancelled before all were read.
    ///
    /// A journal that can never restore its room is set aside with the reason, one that another start may use is kept, and one without a
    /// checkpoint is deleted. After an unclean shutdown, the results of all read journals are collected, and the ended journals to read
    /// later are chosen.
    pub(crate) fn scan(
        store: &dyn JournalStore,
        options: RestoreOptions,
        incomplete_read: &IncompleteRead,
        metrics: &Metrics,
        stop: &CancellationToken,
    ) -> Option<Self> {
        let has_crashed = options.unclean_shutdown.is_some();
        let stored = match store.list() {
            Ok(stored) => stored,
            Err(error) => {
                warn!(%error, "cannot list journals, no room restored");
                if has_crashed {
                    incomplete_read.set();
                }
                return Some(Self::empty());
            }
        };
        let mut all = Self { has_crashed, ..Self::empty() };
        // By room id, because the lobby cannot have two rooms of one id. The room of the later run is kept.
        let mut by_room = BTreeMap::new();
        let (ended, open): (Vec<_>, Vec<_>) =
            stored.into_iter().partition(|journal| store.has_end(journal.name));
        if let Some(unclean_shutdown) = options.unclean_shutdown {
            all.ended = EndedJournals::of(ended, unclean_shutdown);
        }
        let results_of = |name| if has_crashed { read_results(store, name, incomplete_read) } else { None };
        let mut progress = ReadProgress::new(open.len());
        for StoredJournal { name, .. } in open {
            if stop.is_cancelled() {
                info!("stopped while reading journals, the next start reads them again");
                return None;
            }
            progress.advance();
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
                    // Now, because the start that can restore the room may follow a clean shutdown, and then does not look for results.
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
        Some(all)
    }

    /// Tries to restore the room of each journal without an end, as a start does, and changes nothing.
    ///
    /// # Errors
    /// When the journals cannot be listed.
    pub(crate) fn trial(store: &dyn JournalStore, rate: TickRate) -> io::Result<RecoveryTrial> {
        let options = RestoreOptions { rooms: RestorePolicy::Restore, unclean_shutdown: None, rate };
        let mut trial = RecoveryTrial::default();
        for StoredJournal { name, .. } in store.list()? {
            trial.journals += 1;
            if store.has_end(name) {
                continue;
            }
            match Self::restore_room(store, name, options) {
                Ok(Contents::Room(_)) => trial.rooms += 1,
                Ok(Contents::Results(_) | Contents::Nothing) => {}
                Err(RestoreFailure::Retryable(reason)) => {
                    trial.failures.push(format!("{name} would be kept for a later start: {reason}"));
                }
                Err(RestoreFailure::Permanent(reason)) => {
                    trial.failures.push(format!("{name} would be moved to journals/set-aside: {reason}"));
                }
            }
        }
        Ok(trial)
    }

    /// Returns the restored rooms, the results of whose later matches are deleted.
    pub(crate) fn rolled_back(&self) -> Vec<RolledBack> {
        self.rooms.iter().map(RestoredRoom::rolled_back).collect()
    }

    /// Takes the results that the storage may lack, to submit them again; the storage stores each once. After a clean shutdown, these are
    /// only the results of restored rooms whose annotations were cut from the journal: playing the journal gave them again, and the
    /// storage deletes its copies with the discarded ticks.
    pub(crate) fn take_results(&mut self) -> Vec<MatchRecord> {
        let (others, has_crashed) = (std::mem::take(&mut self.results), self.has_crashed);
        let others = others.into_iter().flat_map(PastResults::into_records).filter(|_| has_crashed);
        others.chain(self.rooms.iter_mut().flat_map(|room| room.take_records(has_crashed))).collect()
    }

    /// Opens the restored rooms and holds their players' seats. Must be called before any player is admitted, because new rooms get higher ids
    /// than the restored ones.
    pub(crate) fn reopen_rooms(
        self,
        lobby: &Directory<G>,
        registry: &SessionRegistry<DetachedSeat<G>>,
        metrics: &Metrics,
    ) {
        let room =
            self.rooms.iter().map(RestoredRoom::id).max().unwrap_or_default().max(self.highest_kept_id);
        lobby.set_next_room(RoomId(room.0.saturating_add(1)));
        for room in self.rooms {
            let name = room.name();
            // The game's code runs here to publish its first frame, and may panic. Then only this room is not restored.
            match catch_unwind(AssertUnwindSafe(|| lobby.restore(room))) {
                Ok(seats) => {
                    metrics.journals.rooms_resumed.inc();
                    for RestoredPlayer { player, ticket, name, joined } in seats {
                        registry.restore(player, ticket, DetachedSeat::restored(joined, name));
                    }
                }
                Err(_) => {
                    metrics.room_panics.inc();
                    error!(journal = %name, "game panicked while restoring its room, other rooms continue");
                }
            }
        }
    }

    /// Reads a journal without an end, and restores its room unless the policy is another one.
    fn restore_room(
        store: &dyn JournalStore,
        name: JournalName,
        options: RestoreOptions,
    ) -> Result<Contents<G>, RestoreFailure> {
        let bytes = store.read(name).map_err(RestoreFailure::of_read)?;
        let Some(journal) = open(&bytes)? else { return Ok(Contents::Nothing) };
        check_tail(&journal)?;
        if journal.end().is_some() {
            return Ok(Contents::results_of(&journal));
        }
        if journal.checkpoints().len() == 0 {
            return Ok(Contents::Nothing);
        }
        match options.rooms {
            RestorePolicy::Restore => restore_running(&journal, name, options.rate),
            RestorePolicy::Keep => Err(RestoreFailure::Retryable(
                "this server writes no journals (journal.write is off)".to_owned(),
            )),
            RestorePolicy::Discard => {
                end(store, name, &journal).map_err(RestoreFailure::of_end)?;
                Ok(Contents::results_of(&journal))
            }
        }
    }
}

/// The result of a recovery that only tries, for `quarrel check`.
#[derive(Debug, Default)]
pub(crate) struct RecoveryTrial {
    /// The number of journals.
    pub(crate) journals: usize,
    /// The number of rooms that a start would restore.
    pub(crate) rooms: usize,
    /// A sentence for each journal whose room a start would not restore.
    pub(crate) failures: Vec<String>,
}

/// Logs the progress of reading journals, so that a start that takes long is distinguishable from one that hangs.
struct ReadProgress {
    started: usize,
    all: usize,
    next_line: Instant,
}

/// The interval of log lines about the progress of reading journals.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(2);

impl ReadProgress {
    fn new(all: usize) -> Self {
        Self { started: 0, all, next_line: Instant::now() + PROGRESS_INTERVAL }
    }

    /// Counts one more journal whose reading starts.
    fn advance(&mut self) {
        self.started += 1;
        if Instant::now() >= self.next_line {
            info!(journal = self.started, of = self.all, "reading journals of earlier runs");
            self.next_line = Instant::now() + PROGRESS_INTERVAL;
        }
    }
}

/// Opens a journal; `None` if the file has only the beginning of a header, because the server was killed while writing it.
fn open(bytes: &[u8]) -> Result<Option<Journal<'_>>, RestoreFailure> {
    match Journal::open(bytes) {
        Ok(journal) => Ok(Some(journal)),
        Err(JournalError::NotAJournal | JournalError::Header(_)) if bytes.len() < MAX_TORN_HEADER_BYTES => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Checks that the bytes after the last complete block are an interrupted write and not damage.
fn check_tail(journal: &Journal<'_>) -> Result<(), RestoreFailure> {
    match journal.tail().filter(|tail| tail.is_damage()) {
        None => Ok(()),
        Some(tail) => Err(RestoreFailure::Permanent(format!(
            "the journal is damaged at byte {}: readable data follows the damage",
            tail.offset
        ))),
    }
}

/// Restores the room of a journal that has not ended.
fn restore_running<G: Game>(
    journal: &Journal<'_>,
    name: JournalName,
    rate: TickRate,
) -> Result<Contents<G>, RestoreFailure> {
    let room = restore(journal, rate)?;
    // A copy under another name would restore the same room twice, and both rooms would write to one file.
    if room.name() != name {
        return Err(RestoreFailure::Permanent(format!("the file is a copy of {}", room.name())));
    }
    if room.tail_bytes > 0 {
        info!(journal = %name, bytes = room.tail_bytes, "journal has a torn tail, truncated");
    }
    Ok(Contents::Room(Box::new(room)))
}

/// The recovered content of a journal without a trailer.
enum Contents<G: Game> {
    /// The restored room.
    Room(Box<RestoredRoom<G>>),
    /// The match results of a room that has ended or is ended now.
    Results(PastResults),
    /// No checkpoint: the server was killed in the room's first quarter second.
    Nothing,
}

impl<G: Game> Contents<G> {
    fn results_of(journal: &Journal<'_>) -> Self {
        Self::Results(PastResults::of(journal).unwrap_or_default())
    }
}

/// The reason why a journal does not restore its room.
enum RestoreFailure {
    /// This start cannot restore the room, and a later one may. The text is the reason.
    Retryable(String),
    /// No start can restore the room. The text is the reason.
    Permanent(String),
}

impl RestoreFailure {
    fn new(is_retryable: bool, reason: String) -> Self {
        if is_retryable { Self::Retryable(reason) } else { Self::Permanent(reason) }
    }

    fn of_read(error: io::Error) -> Self {
        Self::new(!is_too_large(&error), format!("the journal cannot be read: {error}"))
    }

    fn of_end(error: io::Error) -> Self {
        Self::Retryable(format!("the journal cannot be ended: {error}"))
    }
}

impl From<JournalError> for RestoreFailure {
    fn from(error: JournalError) -> Self {
        Self::new(matches!(error, JournalError::NewerFormat(_)), error.to_string())
    }
}

impl From<RestoreError> for RestoreFailure {
    fn from(error: RestoreError) -> Self {
        Self::new(error.is_retryable(), error.to_string())
    }
}

/// The maximum length in bytes of a file that is deleted because its header was not written completely. A longer file that is not a
/// journal may be an operator's data, and is set aside.
const MAX_TORN_HEADER_BYTES: usize = 4096;

/// Appends an end to a journal, so that no start restores its room.
fn end(store: &dyn JournalStore, name: JournalName, journal: &Journal<'_>) -> io::Result<()> {
    let (mut writer, mut bytes) = (JournalWriter::resume(journal)?, Vec::new());
    let mut file = store.reopen(name, writer.position().bytes)?;
    writer.end("abandoned", journal.last_tick(), &mut bytes);
    file.append(&bytes)?;
    info!(journal = %name, "room of an earlier run abandoned, journal.resume is off");
    Ok(())
}

/// Deletes a journal without a checkpoint; logs an error.
fn remove(store: &dyn JournalStore, name: JournalName) {
    match store.remove(name) {
        Ok(()) => info!(journal = %name, "deleted a journal without entries"),
        Err(error) => warn!(journal = %name, %error, "cannot delete a journal without entries"),
    }
}

/// Sets a journal aside, counts it and logs the reason.
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
