//! Journals of rooms that had ended when a server crashed: their last results may not have been written. They may be gigabytes, so they
//! are read while the server runs already.

use std::{cmp::Reverse, sync::Arc};

use quarrel_shared::journal::Journal;
use tokio::task::spawn_blocking;

use crate::{
    room::restored::PastResults,
    storage::{
        MatchRecord, Records,
        journals::{JournalName, JournalStore, Kept},
    },
};

/// How much is read of ended journals of runs before the one that crashed: their rooms may have gone on in it, and ended in it. The
/// newest come first.
const EARLIER_BYTES: u64 = 128 << 20;

/// Journals whose results are to be looked for.
#[derive(Default)]
pub(crate) struct EndedJournals(Vec<JournalName>);

impl EndedJournals {
    /// Those of rooms that ended while this run lived, and maybe just before it crashed. The newest first: theirs are missing, if any.
    pub(super) fn of(mut ended: Vec<Kept>, crashed: u32) -> Self {
        ended.sort_by_key(|kept| Reverse((kept.name.run >= crashed, kept.modified, kept.name)));
        let mut earlier_bytes = 0;
        let may_be_its = ended.into_iter().take_while(|kept| {
            earlier_bytes += if kept.name.run < crashed { kept.bytes } else { 0 };
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
    ) {
        // Where the storage has ended before, the next run does it.
        for record in past {
            let _ = records.add_in_time(record).await;
        }
        for name in self.0 {
            let store = Arc::clone(&store);
            let read = spawn_blocking(move || read_results(&*store, name)).await;
            for record in read.ok().flatten().into_iter().flat_map(PastResults::into_records) {
                let _ = records.add_in_time(record).await;
            }
        }
    }
}

/// What a journal says that its room had come to; `None` when it cannot be read.
pub(super) fn read_results(store: &dyn JournalStore, name: JournalName) -> Option<PastResults> {
    let bytes = store.read(name).ok()?;
    PastResults::of(&Journal::open(&bytes).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn all_of_the_run_that_crashed_are_read_and_the_newest_of_those_before() {
        let kept = |run, room, mebibytes: u64, age_s: u64| {
            let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1000 - age_s);
            let name = JournalName { run, room };
            Kept { name, bytes: mebibytes << 20, modified: Some(modified), is_aside: false }
        };
        let all = vec![kept(1, 1, 1, 90), kept(2, 2, 100, 50), kept(2, 3, 20, 5), kept(3, 4, 9000, 80)];
        let rooms = |crashed| {
            let EndedJournals(names) = EndedJournals::of(all.clone(), crashed);
            names.iter().map(|name| name.room).collect::<Vec<_>>()
        };
        assert_eq!(rooms(3), [4, 3, 2, 1], "however large those of the run itself are");
        assert_eq!(rooms(4), [3, 2], "and no more than so much of earlier ones");
    }
}
