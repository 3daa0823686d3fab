//! Old journals are deleted: looked for when the server starts, and then once a minute.

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
    retention::{Bounds, doomed},
    store::{JournalStore, Kept},
};
use crate::{telemetry::Metrics, wall_clock::WallClock};

/// How often journals are looked through. In between, rooms of a thousand busy players write 15 MB.
const EVERY: Duration = Duration::from_secs(60);

/// Keeps to the bounds until `stop`: when whoever reads old journals is done, and then every minute. A full disk may be what they wait
/// for, so they have a minute. What waits for the disk here does so in a thread of its own, so that a slow disk holds up no task.
pub async fn run(
    store: Arc<dyn JournalStore>,
    bounds: Bounds,
    wall: WallClock,
    metrics: Arc<Metrics>,
    read: JoinHandle<()>,
    stop: CancellationToken,
) {
    let _ = stop.run_until_cancelled(timeout(EVERY, read)).await;
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
    for kept in doomed(&all, |kept| store.has_end(kept.name), now, bounds) {
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
mod tests {
    use std::{
        fs::{self, File},
        path::Path,
    };

    use quarrel_shared::{
        crowd::{Crowd, CrowdSettings},
        game::Setup,
        journal::{Header, Packer, Piece},
        tick::{Tick, TickRate},
    };

    use super::*;
    use crate::storage::journals::Folder;

    const HOUR: Duration = Duration::from_secs(3600);

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + 10_000 * HOUR
    }

    /// A journal in a folder, of a room that has ended or not, last written to so many hours ago.
    fn write(folder: &Path, room: u64, has_ended: bool, hours: u32) -> JournalName {
        let setup = Setup { settings: CrowdSettings {}, seed: 1, seats: 1, tick_rate: TickRate::DEFAULT };
        let (mut packer, mut bytes) = (Packer::new().unwrap(), Vec::new());
        packer.pack(&Piece::header(&Header::of::<Crowd>(&setup).unwrap()), &mut bytes).unwrap();
        if has_ended {
            packer.end("room_closed", Tick(0), &mut bytes);
        }
        let name = JournalName { run: 1, room };
        let path = folder.join(name.to_string());
        fs::write(&path, bytes).unwrap();
        File::options().write(true).open(path).unwrap().set_modified(now() - hours * HOUR).unwrap();
        name
    }

    #[tokio::test]
    async fn a_folder_is_kept_within_its_bounds_and_it_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let store = Folder::open(folder.path()).unwrap();
        let ended = write(folder.path(), 1, true, 9);
        let running = write(folder.path(), 2, false, 9);
        let newer = write(folder.path(), 3, true, 1);
        let broken = write(folder.path(), 4, false, 9);
        store.set_aside(broken, "it is torn").unwrap();
        fs::write(folder.path().join("notes.txt"), "not ours").unwrap();
        let bounds = Bounds { age: Some(5 * HOUR), bytes: None };
        let (metrics, stop) = (Metrics::new(), CancellationToken::new());
        let wall = WallClock::new(now);
        let read = tokio::spawn(async {});
        let keep = run(Arc::new(store.clone()), bounds, wall, Arc::clone(&metrics), read, stop.clone());
        let keep = tokio::spawn(keep);
        while metrics.journals.kept.get() == 0 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
        keep.await.unwrap();
        let names: Vec<_> = store.list().unwrap().iter().map(|kept| kept.name).collect();
        assert_eq!(
            names,
            [running, newer],
            "{ended} is gone, and the room without an end can still be brought back"
        );
        assert_eq!(store.list_aside().unwrap().len(), 1, "it was set aside just now, however old it is");
        assert_eq!((metrics.journals.deleted.get(), metrics.journals.kept.get()), (1, 3));
        assert!(metrics.journals.deleted_bytes.get() > 0 && metrics.journals.kept_bytes.get() > 0);
        assert_eq!(metrics.journals.retention_errors.get(), 0);
        assert!(folder.path().join("notes.txt").exists(), "what is no journal is nobody's to delete");
    }
}
