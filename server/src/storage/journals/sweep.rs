//! The deletion of old journals, when the server starts and then once a minute.

use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::{interval, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    name::JournalName,
    retention::{RetentionLimits, select_expired},
    store::{JournalStore, StoredJournal},
};
use crate::{telemetry::Metrics, wall_clock::WallClock};

/// The interval of sweeps. In one interval, the rooms of a thousand busy players write 15 MB, by which the journals may exceed their
/// limit.
const INTERVAL: Duration = Duration::from_secs(60);

/// Deletes journals above the limits, once a minute until `stop` is cancelled.
///
/// The first sweep waits for `results_read`, the task that reads match results from old journals, but at most a minute: that task
/// waits for the database, which a full disk may block. File access runs in a blocking thread, so that a slow disk delays no task.
pub async fn run(
    store: Arc<dyn JournalStore>,
    limits: RetentionLimits,
    wall: WallClock,
    metrics: Arc<Metrics>,
    results_read: JoinHandle<()>,
    stop: CancellationToken,
) {
    let _ = stop.run_until_cancelled(timeout(INTERVAL, results_read)).await;
    let mut every = interval(INTERVAL);
    while stop.run_until_cancelled(every.tick()).await.is_some() {
        let (store, metrics, now) = (Arc::clone(&store), Arc::clone(&metrics), wall.now());
        let swept = spawn_blocking(move || sweep(&*store, limits, now, &metrics));
        // When the server stops, this task does not wait for a sweep in progress. The sweep ends by itself, or with the process.
        let _ = stop.run_until_cancelled(swept).await;
    }
}

/// Deletes the journals above the limits once, and updates the metrics.
fn sweep(store: &dyn JournalStore, limits: RetentionLimits, now: SystemTime, metrics: &Metrics) {
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
            return;
        }
    };
    let mut left = Total::of(&all);
    let mut deleted = Total::default();
    let mut failed: Option<(JournalName, io::Error)> = None;
    for journal in select_expired(&all, |journal| store.has_end(journal.name), now, limits) {
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

    #[tokio::test]
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
        let (metrics, stop) = (Metrics::new(), CancellationToken::new());
        let wall = WallClock::new(now);
        let results_read = tokio::spawn(async {});
        let sweeps =
            run(Arc::new(store.clone()), limits, wall, Arc::clone(&metrics), results_read, stop.clone());
        let sweeps = tokio::spawn(sweeps);
        while metrics.journals.kept.get() == 0 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
        sweeps.await.unwrap();
        let names: Vec<_> = store.list().unwrap().iter().map(|journal| journal.name).collect();
        assert_eq!(
            names,
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
}
