//! The deletion of old journals, when the server starts and then once a minute.

use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{
    task::spawn_blocking,
    time::{Instant, interval, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    name::JournalName,
    retention::{ClockWatch, RetentionLimits, select_expired},
    store::{JournalStore, StoredJournal},
};
use crate::{
    telemetry::Metrics,
    wall_clock::{WallClock, utc},
};

/// The interval of sweeps. In one interval, the rooms of a thousand busy players write 15 MB, by which the journals may exceed their
/// limit.
const INTERVAL: Duration = Duration::from_secs(60);

/// Deletes journals above the limits, once a minute until `stop` is cancelled.
///
/// The first sweep waits until `results_read` is cancelled, when match results have been read from old journals, but at most a minute: that
/// waits for the database, which a full disk may block. File access runs in a blocking thread, so that a slow disk delays no task.
pub async fn run(
    store: Arc<dyn JournalStore>,
    limits: RetentionLimits,
    wall: WallClock,
    metrics: Arc<Metrics>,
    results_read: CancellationToken,
    stop: CancellationToken,
) {
    let (start, mut clock) = (Instant::now(), ClockWatch::new(wall.now()));
    let _ = stop.run_until_cancelled(timeout(INTERVAL, results_read.cancelled())).await;
    let mut every = interval(INTERVAL);
    let mut was_ahead = false;
    while stop.run_until_cancelled(every.tick()).await.is_some() {
        let (store, metrics, now) = (Arc::clone(&store), Arc::clone(&metrics), wall.now());
        let steady = clock.observe(now, start.elapsed());
        let swept = spawn_blocking(move || sweep(&*store, limits, now, steady, &metrics));
        // When the server stops, this task does not wait for a sweep in progress. The sweep ends by itself, or with the process.
        let Some(Ok(is_ahead)) = stop.run_until_cancelled(swept).await else { continue };
        if is_ahead && !was_ahead {
            warn!(
                clock = utc(now),
                "the clock is ahead of the newest journal by more than journal.keep_hours, no journal is deleted by age: correct the clock if it is wrong; a new journal ends this"
            );
        }
        was_ahead = is_ahead;
    }
}

/// Deletes the journals above the limits once, and updates the metrics. `steady` is the time for which the clock has run without a jump.
/// Returns whether the clock is ahead of all journals by more than the limit of age.
fn sweep(
    store: &dyn JournalStore,
    limits: RetentionLimits,
    now: SystemTime,
    steady: Duration,
    metrics: &Metrics,
) -> bool {
    let count = &metrics.journals;
    let listed = store.list().and_then(|mut all| {
        all.extend(store.list_aside()?);
        Ok(all)
    });
    let all = match listed {
        Ok(all) => all,
        Err(error) => {
            count.retention_errors.inc();
            warn!(%error, "cannot list journals, none deleted, retrying in a minute");
            return false;
        }
    };
    let mut left = Total::of(&all);
    let mut deleted = Total::default();
    let mut failed: Option<(JournalName, io::Error)> = None;
    let reliable = limits.with_reliable_age(&all, now, steady);
    for journal in select_expired(&all, |journal| store.has_end(journal.name), now, reliable) {
        match remove(store, &journal) {
            Ok(()) => deleted.add(&journal),
            Err(error) => {
                count.retention_errors.inc();
                failed = Some((journal.name, error));
            }
        }
    }
    left.subtract(deleted);
    count.kept.set(left.journals);
    count.kept_bytes.set(left.bytes);
    count.deleted.inc_by(deleted.journals.unsigned_abs());
    count.deleted_bytes.inc_by(deleted.bytes.unsigned_abs());
    if deleted.journals > 0 {
        info!(journals = deleted.journals, bytes = deleted.bytes, "deleted old journals");
    }
    if let Some((journal, error)) = failed {
        warn!(%journal, %error, "cannot delete one or more old journals, the last of them is named, retrying in a minute");
    }
    limits.is_clock_ahead(&all, now)
}

/// Deletes a journal. A missing file counts as deleted.
fn remove(store: &dyn JournalStore, journal: &StoredJournal) -> io::Result<()> {
    let removed =
        if journal.is_aside { store.remove_aside(journal.name) } else { store.remove(journal.name) };
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// A number of journals and their total size, in the type of a gauge.
#[derive(Clone, Copy, Default)]
struct Total {
    journals: i64,
    bytes: i64,
}

impl Total {
    fn of(all: &[StoredJournal]) -> Self {
        let mut total = Self::default();
        all.iter().for_each(|journal| total.add(journal));
        total
    }

    fn add(&mut self, journal: &StoredJournal) {
        self.journals += 1;
        self.bytes = self.bytes.saturating_add_unsigned(journal.bytes);
    }

    const fn subtract(&mut self, other: Self) {
        self.journals -= other.journals;
        self.bytes -= other.bytes;
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        path::Path,
    };

    use quarrel_shared::{
        crowd::{Crowd, CrowdSettings},
        game::Setup,
        journal::{Chunk, Header, JournalWriter},
        tick::{Tick, TickRate},
    };

    use tokio::time::sleep;

    use super::*;
    use crate::storage::journals::FolderStore;

    const HOUR: Duration = Duration::from_secs(3600);

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + 10_000 * HOUR
    }

    /// Writes a journal, with an end if the room `has_ended`, and sets its last write to this number of hours ago.
    fn write(folder: &Path, room: u64, has_ended: bool, hours: u32) -> JournalName {
        let setup = Setup { settings: CrowdSettings {}, seed: 1, seats: 1, tick_rate: TickRate::DEFAULT };
        let (mut writer, mut bytes) = (JournalWriter::new().unwrap(), Vec::new());
        writer.write(&Chunk::header(&Header::of::<Crowd>(&setup).unwrap()), &mut bytes).unwrap();
        if has_ended {
            writer.end("room_closed", Tick(0), &mut bytes);
        }
        let name = JournalName { run: 1, room };
        let path = folder.join(name.to_string());
        fs::write(&path, bytes).unwrap();
        File::options().write(true).open(path).unwrap().set_modified(now() - hours * HOUR).unwrap();
        name
    }

    /// Sweeps a folder once a minute for this number of hours, with a wall clock that is `now()` at first. Returns the metrics.
    async fn sweep_for(hours: u32, folder: &Path, limits: RetentionLimits) -> Arc<Metrics> {
        let (metrics, stop, start) = (Metrics::new(), CancellationToken::new(), Instant::now());
        let wall = WallClock::new(move || now() + start.elapsed());
        let results_read = CancellationToken::new();
        results_read.cancel();
        let store = Arc::new(FolderStore::open(folder).unwrap());
        let sweeps = tokio::spawn(run(store, limits, wall, Arc::clone(&metrics), results_read, stop.clone()));
        // Past the sweep that is due at the end of this time.
        sleep(hours * HOUR + INTERVAL / 2).await;
        stop.cancel();
        sweeps.await.unwrap();
        metrics
    }

    fn names(store: &FolderStore) -> Vec<JournalName> {
        store.list().unwrap().iter().map(|journal| journal.name).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn old_journals_are_deleted_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open(folder.path()).unwrap();
        let ended = write(folder.path(), 1, true, 9);
        let running = write(folder.path(), 2, false, 9);
        let newer = write(folder.path(), 3, true, 1);
        let broken = write(folder.path(), 4, false, 9);
        store.set_aside(broken, "the journal is damaged").unwrap();
        fs::write(folder.path().join("notes.txt"), "not a journal").unwrap();
        let limits = RetentionLimits { max_age: Some(5 * HOUR), max_bytes: None };
        let metrics = sweep_for(1, folder.path(), limits).await;
        assert_eq!(
            names(&store),
            [running, newer],
            "the ended journal {ended} is deleted, and the room without an end can still be restored"
        );
        assert_eq!(
            store.list_aside().unwrap().len(),
            1,
            "the age of a journal set aside counts from when it was set aside"
        );
        assert_eq!((metrics.journals.deleted.get(), metrics.journals.kept.get()), (1, 3));
        assert!(metrics.journals.deleted_bytes.get() > 0 && metrics.journals.kept_bytes.get() > 0);
        assert_eq!(metrics.journals.retention_errors.get(), 0);
        assert!(folder.path().join("notes.txt").exists(), "files that are not journals are never deleted");
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_ahead_of_all_journals_deletes_none_by_age_and_some_by_size() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open(folder.path()).unwrap();
        let old = [write(folder.path(), 1, true, 9_000), write(folder.path(), 2, true, 8_999)];
        let limits = RetentionLimits { max_age: Some(5 * HOUR), max_bytes: None };
        sweep_for(9, folder.path(), limits).await;
        assert_eq!(names(&store), old);
        let bytes = store.list().unwrap()[0].bytes;
        sweep_for(0, folder.path(), RetentionLimits { max_bytes: Some(bytes), ..limits }).await;
        assert_eq!(names(&store), old[1..], "the oldest journal above the limit of size");
    }

    #[tokio::test(start_paused = true)]
    async fn no_journal_is_deleted_by_age_in_the_first_hour() {
        let folder = tempfile::tempdir().unwrap();
        let store = FolderStore::open(folder.path()).unwrap();
        let all = [write(folder.path(), 1, true, 9_000), write(folder.path(), 2, true, 0)];
        let limits = RetentionLimits { max_age: Some(5 * HOUR), max_bytes: None };
        sweep_for(0, folder.path(), limits).await;
        assert_eq!(names(&store), all);
        sweep_for(1, folder.path(), limits).await;
        assert_eq!(names(&store), all[1..]);
    }
}
