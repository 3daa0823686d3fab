//! Which journals are kept for how long: by age, and by how large all of them are together, the oldest first. A journal that has no
//! end yet is never deleted, whoever is over the bound: its room runs, or is brought back when the server starts again.

use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use quarrel_shared::journal::block::{TRAILER_BYTES, read_trailer};
use tokio::{task::spawn_blocking, time::interval};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    name::JournalName,
    store::{JournalStore, Kept},
};
use crate::{telemetry::Metrics, wall_clock::WallClock};

/// How large and how old journals may get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// For how long one is kept that is not written any more; `None`: for ever.
    pub age: Option<Duration>,
    /// How many bytes all may have together; `None`: as many as they get.
    pub bytes: Option<u64>,
}

/// How often journals are looked through. In between, rooms of a thousand busy players write 15 MB.
const EVERY: Duration = Duration::from_secs(60);

/// No journal is deleted sooner after its last byte, whatever the bounds: the match result that it ends with is in the database by
/// then, unless that has been out of order all the while.
const LEAST_AGE: Duration = Duration::from_secs(60);

/// Which of these journals to delete, the oldest first.
///
/// `has_end` is asked only about those that are over a bound, for it reads a file. Bytes count whatever cannot be deleted, too, so
/// that the folder stays within its bound as long as rooms that run leave any choice.
pub fn doomed(
    kept: &[Kept],
    mut has_end: impl FnMut(&Kept) -> bool,
    now: SystemTime,
    bounds: Bounds,
) -> Vec<Kept> {
    let mut oldest_first = kept.to_vec();
    oldest_first.sort_unstable_by_key(|kept| (kept.modified, kept.name));
    let mut bytes: u64 = kept.iter().map(|kept| kept.bytes).sum();
    let mut doomed = Vec::new();
    for kept in oldest_first {
        // Of a store that knows no ages, none is too old. One from the future is new: some clock was wrong.
        let age = kept.modified.map(|modified| now.duration_since(modified).unwrap_or_default());
        if age.is_some_and(|age| age < LEAST_AGE) {
            continue;
        }
        let is_old = bounds.age.is_some_and(|most| age.is_some_and(|age| age > most));
        let is_too_much = bounds.bytes.is_some_and(|most| bytes > most);
        if (is_old || is_too_much) && (kept.is_aside || has_end(&kept)) {
            bytes -= kept.bytes;
            doomed.push(kept);
        }
    }
    doomed
}

/// Keeps to the bounds until `stop`: once at once, and then every minute. What waits for the disk does so in a thread of its own, so
/// that a slow disk holds up no task.
pub async fn run(
    store: Arc<dyn JournalStore>,
    bounds: Bounds,
    wall: WallClock,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) {
    let mut every = interval(EVERY);
    while stop.run_until_cancelled(every.tick()).await.is_some() {
        let (store, metrics, now) = (Arc::clone(&store), Arc::clone(&metrics), wall.now());
        let swept = spawn_blocking(move || sweep(&*store, bounds, now, &metrics));
        // A round that a slow disk holds up when the server stops ends by itself, or with the process.
        let _ = stop.run_until_cancelled(swept).await;
    }
}

/// One round.
fn sweep(store: &dyn JournalStore, bounds: Bounds, now: SystemTime, metrics: &Metrics) {
    let count = &metrics.journals;
    let listed = store.list().and_then(|mut all| {
        all.extend(store.list_aside()?);
        Ok(all)
    });
    let all = match listed {
        Ok(all) => all,
        Err(error) => {
            count.retention_errors.inc();
            warn!(%error, "journals cannot be listed, so none is deleted; tried again in a minute");
            return;
        }
    };
    let mut left = Total::of(&all);
    let mut gone = Total::default();
    let mut failed: Option<(JournalName, io::Error)> = None;
    for kept in doomed(&all, |kept| has_end(store, kept.name), now, bounds) {
        match remove(store, &kept) {
            Ok(()) => gone.add(&kept),
            Err(error) => {
                count.retention_errors.inc();
                failed = Some((kept.name, error));
            }
        }
    }
    left.subtract(gone);
    count.kept.set(left.journals);
    count.kept_bytes.set(left.bytes);
    count.deleted.inc_by(gone.journals.unsigned_abs());
    count.deleted_bytes.inc_by(gone.bytes.unsigned_abs());
    if gone.journals > 0 {
        info!(journals = gone.journals, bytes = gone.bytes, "old journals are deleted");
    }
    if let Some((journal, error)) = failed {
        warn!(%journal, %error, "a journal cannot be deleted, and maybe others; tried again in a minute");
    }
}

/// Whether its room is over, so that nobody goes on with it. One that cannot be read may be needed.
pub fn has_end(store: &dyn JournalStore, name: JournalName) -> bool {
    store.read_tail(name, TRAILER_BYTES).is_ok_and(|tail| read_trailer(&tail).is_some())
}

/// One that somebody else has deleted is gone, too.
fn remove(store: &dyn JournalStore, kept: &Kept) -> io::Result<()> {
    let removed = if kept.is_aside { store.remove_aside(kept.name) } else { store.remove(kept.name) };
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// How many journals, and how large they are together; in the type of a gauge.
#[derive(Clone, Copy, Default)]
struct Total {
    journals: i64,
    bytes: i64,
}

impl Total {
    fn of(all: &[Kept]) -> Self {
        let mut total = Self::default();
        all.iter().for_each(|kept| total.add(kept));
        total
    }

    fn add(&mut self, kept: &Kept) {
        self.journals += 1;
        self.bytes = self.bytes.saturating_add_unsigned(kept.bytes);
    }

    const fn subtract(&mut self, other: Self) {
        self.journals -= other.journals;
        self.bytes -= other.bytes;
    }
}

#[cfg(test)]
mod tests;
