//! Journals of rooms that had ended before a server crashed. Their last match results may not have been stored. These journals may be
//! gigabytes in total, so they are read while the server runs.

use std::{cmp::Reverse, io, sync::Arc, time::Duration};

use quarrel_shared::journal::{Journal, JournalError};
use tokio::task::spawn_blocking;
use tracing::warn;

use crate::{
    data_dir::UncleanShutdown,
    room::restored::PastResults,
    storage::{
        MatchRecord, RecordQueue,
        journals::{IncompleteRead, JournalName, JournalStore, StoredJournal},
    },
};

/// The maximum size of the ended journals that are read although they seem older than the crashed run: they belong to earlier runs, and
/// were last written before the crashed run began. The newest of them are read, in case a clock was set or the start of the run is
/// unknown.
const MAX_EARLIER_BYTES: u64 = 128 << 20;

/// The time before the start of the crashed run in which a written file still counts as written in that run.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// Journals whose results may be missing from the storage, in the order in which they are read.
#[derive(Default)]
pub(crate) struct EndedJournals(Vec<JournalName>);

impl EndedJournals {
    /// Chooses the journals of rooms that may have ended just before a crash: all that the unclean runs wrote, and the newest of the
    /// others up to a maximum size. The newest are read first, because their results are the most likely to be missing.
    ///
    /// The times of files decide for journals of earlier runs: a journal has the number of the run that opened its room, and a later run
    /// may have continued it.
    pub(super) fn of(mut ended: Vec<StoredJournal>, unclean: UncleanShutdown) -> Self {
        let since = unclean.since.and_then(|since| since.checked_sub(CLOCK_TOLERANCE));
        let is_since = |journal: &StoredJournal| {
            journal.name.run >= unclean.run || since.is_some_and(|since| journal.modified > Some(since))
        };
        ended.sort_by_key(|journal| Reverse((is_since(journal), journal.modified, journal.name)));
        let mut earlier_bytes = 0;
        let chosen = ended.into_iter().take_while(|journal| {
            earlier_bytes += if is_since(journal) { 0 } else { journal.bytes };
            earlier_bytes <= MAX_EARLIER_BYTES
        });
        Self(chosen.map(|journal| journal.name).collect())
    }

    /// Submits `past` and then the results of the journals; the storage stores each once. A server that stops waits for this task. If
    /// that takes longer than the grace period, the shutdown is unclean, and the next start looks for the results again.
    pub(crate) async fn submit_results(
        self,
        past: Vec<MatchRecord>,
        store: Arc<dyn JournalStore>,
        records: RecordQueue,
        incomplete_read: IncompleteRead,
    ) {
        // Fails only when the task that writes results has ended; then the next run submits them.
        for record in past {
            let _ = records.push(record).await;
        }
        for name in self.0 {
            let (store, flag) = (Arc::clone(&store), incomplete_read.clone());
            let read = spawn_blocking(move || read_results(&*store, name, &flag)).await;
            if read.is_err() {
                incomplete_read.set();
            }
            for record in read.ok().flatten().into_iter().flat_map(PastResults::into_records) {
                let _ = records.push(record).await;
            }
        }
    }
}

/// Returns the results of a journal; `None` when the journal is missing or cannot be read. Sets the flag when a later start may be able to
/// read the journal.
pub(super) fn read_results(
    store: &dyn JournalStore,
    name: JournalName,
    incomplete_read: &IncompleteRead,
) -> Option<PastResults> {
    match store.read(name) {
        Ok(bytes) => match Journal::open(&bytes) {
            Ok(journal) => PastResults::of(&journal).ok(),
            Err(error @ JournalError::NewerFormat(_)) => {
                warn!(journal = %name, %error, "cannot read a journal, its match results may be missing from the database");
                incomplete_read.set();
                None
            }
            // No start can ever read this file.
            Err(_) => None,
        },
        // Retention or an operator has deleted the journal since it was listed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            warn!(journal = %name, %error, "cannot read a journal, its match results may be missing from the database");
            if !is_too_large(&error) {
                incomplete_read.set();
            }
            None
        }
    }
}

/// Whether the journal is larger than any journal that can be read, so that no start can ever read it.
pub(super) fn is_too_large(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::FileTooLarge
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::{
        hooked_store::HookedStore,
        storage::{self, MemorySink, journals::FolderStore},
        telemetry::Metrics,
    };

    #[test]
    fn an_unreadable_journal_sets_the_flag_and_a_missing_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let (store, incomplete_read) = (FolderStore::open(folder.path()).unwrap(), IncompleteRead::default());
        let name = JournalName { run: 1, room: 1 };
        assert!(read_results(&store, name, &incomplete_read).is_none() && !incomplete_read.is_set());
        // A folder can be opened like a file, and reading it fails.
        std::fs::create_dir(folder.path().join(name.to_string())).unwrap();
        assert!(read_results(&store, name, &incomplete_read).is_none() && incomplete_read.is_set());
    }

    #[tokio::test]
    async fn a_panic_while_a_journal_is_read_sets_the_flag() {
        let (records, _task) =
            storage::start(MemorySink::default(), Vec::new(), Metrics::new().results.clone());
        let incomplete_read = IncompleteRead::default();
        let store = Arc::new(HookedStore::new(|| panic!("a defect")));
        let ended = EndedJournals(vec![JournalName { run: 1, room: 1 }]);
        ended.submit_results(Vec::new(), store, records, incomplete_read.clone()).await;
        assert!(incomplete_read.is_set(), "the run must not be recorded as clean");
    }

    #[test]
    fn all_journals_of_the_crashed_run_are_chosen_and_the_newest_of_earlier_runs() {
        let stored = |run, room, mebibytes: u64, age_s: u64| {
            let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1000 - age_s);
            let name = JournalName { run, room };
            StoredJournal { name, bytes: mebibytes << 20, modified: Some(modified), is_aside: false }
        };
        let all = vec![
            stored(1, 1, 1, 490),
            stored(2, 2, 100, 450),
            stored(2, 3, 20, 405),
            stored(3, 4, 9000, 480),
        ];
        let rooms = |run, since_s: Option<u64>| {
            let since = since_s.map(|since| SystemTime::UNIX_EPOCH + Duration::from_secs(since));
            let EndedJournals(names) = EndedJournals::of(all.clone(), UncleanShutdown { run, since });
            names.iter().map(|name| name.room).collect::<Vec<_>>()
        };
        assert_eq!(rooms(3, None), [4, 3, 2, 1], "journals of the run itself are read without a limit");
        assert_eq!(rooms(4, None), [3, 2], "journals of earlier runs are read up to the limit");
        assert_eq!(
            rooms(4, Some(560)),
            [3, 2, 4, 1],
            "a journal written since the start of the crashed run is read without a limit"
        );
        assert_eq!(
            rooms(4, Some(700)),
            [3, 2],
            "journals written before the crashed run are read up to the limit"
        );
    }
}
