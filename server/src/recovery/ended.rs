//! Journals of rooms that had ended when a server crashed: their last results may not have been written. They may be gigabytes, so they
//! are read while the server runs already.

use std::{cmp::Reverse, io, sync::Arc, time::Duration};

use quarrel_shared::journal::{Journal, JournalError};
use tokio::task::spawn_blocking;
use tracing::warn;

use crate::{
    data_dir::Unsettled,
    room::restored::PastResults,
    storage::{
        MatchRecord, Records,
        journals::{JournalName, JournalStore, Kept, Unread},
    },
};

/// How much is read of ended journals of earlier runs that were not written to since, by the file's age: clocks are set, and when the
/// run began may not be known. The newest come first.
const EARLIER_BYTES: u64 = 128 << 20;

/// How far a file's age is trusted.
const CLOCK_MARGIN: Duration = Duration::from_secs(60);

/// Journals whose results are to be looked for.
#[derive(Default)]
pub(crate) struct EndedJournals(Vec<JournalName>);

impl EndedJournals {
    /// Those of rooms that may have ended just before a crash. The newest first: theirs are missing, if any. A room's journal has the
    /// number of the run that opened it, and the room may have gone on in later ones.
    pub(super) fn of(mut ended: Vec<Kept>, unsettled: Unsettled) -> Self {
        let since = unsettled.since.and_then(|since| since.checked_sub(CLOCK_MARGIN));
        let is_since = |kept: &Kept| {
            kept.name.run >= unsettled.run || since.is_some_and(|since| kept.modified > Some(since))
        };
        ended.sort_by_key(|kept| Reverse((is_since(kept), kept.modified, kept.name)));
        let mut earlier_bytes = 0;
        let may_be_its = ended.into_iter().take_while(|kept| {
            earlier_bytes += if is_since(kept) { 0 } else { kept.bytes };
            earlier_bytes <= EARLIER_BYTES
        });
        Self(may_be_its.map(|kept| kept.name).collect())
    }

    /// Hands in these results, and then those of the journals. The storage keeps each once. A server that is stopped meanwhile waits for
    /// it: if it is not in time, it has not stopped well, and the next start looks again.
    pub(crate) async fn hand_in(
        self,
        past: Vec<MatchRecord>,
        store: Arc<dyn JournalStore>,
        records: Records,
        unread: Unread,
    ) {
        // Where the storage has ended before, the next run does it.
        for record in past {
            let _ = records.add_in_time(record).await;
        }
        for name in self.0 {
            let (store, told) = (Arc::clone(&store), unread.clone());
            let read = spawn_blocking(move || read_results(&*store, name, &told)).await;
            if read.is_err() {
                unread.say();
            }
            for record in read.ok().flatten().into_iter().flat_map(PastResults::into_records) {
                let _ = records.add_in_time(record).await;
            }
        }
    }
}

/// What a journal says that its room had come to; `None` when it says nothing, or cannot be read by this start, which is said.
pub(super) fn read_results(
    store: &dyn JournalStore,
    name: JournalName,
    unread: &Unread,
) -> Option<PastResults> {
    match store.read(name) {
        Ok(bytes) => match Journal::open(&bytes) {
            Ok(journal) => PastResults::of(&journal).ok(),
            Err(error @ JournalError::Newer(_)) => {
                warn!(journal = %name, %error, "results may be missing that this journal has");
                unread.say();
                None
            }
            // None will ever read it.
            Err(_) => None,
        },
        // Retention deletes, and so do people.
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            warn!(journal = %name, %error, "results may be missing that this journal has");
            if !is_too_large(&error) {
                unread.say();
            }
            None
        }
    }
}

/// Whether no start will ever read it.
pub(super) fn is_too_large(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::FileTooLarge
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::storage::journals::Folder;

    #[test]
    fn a_journal_that_cannot_be_read_is_to_be_looked_for_again_and_one_that_is_gone_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let (store, unread) = (Folder::open(folder.path()).unwrap(), Unread::default());
        let name = JournalName { run: 1, room: 1 };
        assert!(read_results(&store, name, &unread).is_none() && !unread.is_said());
        // A folder can be opened, and not read.
        std::fs::create_dir(folder.path().join(name.to_string())).unwrap();
        assert!(read_results(&store, name, &unread).is_none() && unread.is_said());
    }

    #[test]
    fn all_of_the_run_that_crashed_are_read_and_the_newest_of_those_before() {
        let kept = |run, room, mebibytes: u64, age_s: u64| {
            let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1000 - age_s);
            let name = JournalName { run, room };
            Kept { name, bytes: mebibytes << 20, modified: Some(modified), is_aside: false }
        };
        let all = vec![kept(1, 1, 1, 490), kept(2, 2, 100, 450), kept(2, 3, 20, 405), kept(3, 4, 9000, 480)];
        let rooms = |run, since_s: Option<u64>| {
            let since = since_s.map(|since| SystemTime::UNIX_EPOCH + Duration::from_secs(since));
            let EndedJournals(names) = EndedJournals::of(all.clone(), Unsettled { run, since });
            names.iter().map(|name| name.room).collect::<Vec<_>>()
        };
        assert_eq!(rooms(3, None), [4, 3, 2, 1], "however large those of the run itself are");
        assert_eq!(rooms(4, None), [3, 2], "and no more than so much of earlier ones");
        assert_eq!(
            rooms(4, Some(560)),
            [3, 2, 4, 1],
            "a room that went on in it may be as large as it likes"
        );
        assert_eq!(rooms(4, Some(700)), [3, 2], "one that was not written since is an earlier one");
    }
}
