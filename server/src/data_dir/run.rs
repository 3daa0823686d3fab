//! The runs of servers on a data directory: one at a time, each with a number. The file `run` stores the number of the last run, and
//! whether the last runs stopped cleanly.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{DataDir, DataDirError, LOCK};

/// One run of a server on a data directory, which is locked until this value is dropped.
#[derive(Debug)]
pub struct ServerRun {
    dir: DataDir,
    number: u32,
    began: SystemTime,
    unclean_shutdown: Option<UncleanShutdown>,
    _lock: File,
}

/// The first run after the last clean stop. Match results of this run and the runs after it may not have been stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UncleanShutdown {
    /// The number of that run.
    pub run: u32,
    /// The time when that run began, if it is known.
    pub since: Option<SystemTime>,
}

impl ServerRun {
    /// Returns the number of this run, which is higher than that of any earlier run.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Returns the first run after the last clean stop; `None` when the previous run stopped cleanly, or when this run is the first.
    #[must_use]
    pub const fn unclean_shutdown(&self) -> Option<UncleanShutdown> {
        self.unclean_shutdown
    }

    /// Records in the file of runs that this run stopped cleanly: all its results are stored.
    ///
    /// # Errors
    /// When the file cannot be written. The next run then looks for missing results in the journals.
    pub fn mark_clean(self) -> Result<(), DataDirError> {
        self.dir.write_private(RUN, format!("{} {STOPPED}\n", self.number).as_bytes())
    }

    /// Records in the file of runs that this run is running. Until a clean stop, the file keeps the first unclean run.
    fn record_running(&self) -> Result<(), DataDirError> {
        let unclean_shutdown =
            self.unclean_shutdown.unwrap_or(UncleanShutdown { run: self.number, since: Some(self.began) });
        let since = unclean_shutdown.since.and_then(|since| since.duration_since(UNIX_EPOCH).ok());
        let since = since.map_or(String::new(), |since| format!(" {}", since.as_millis()));
        self.dir.write_private(
            RUN,
            format!("{} {RUNNING} {}{since}\n", self.number, unclean_shutdown.run).as_bytes(),
        )
    }
}

impl DataDir {
    /// Locks the folder and begins a run. Its number is higher than the number in the file of runs and than `max_journal_run`, the
    /// highest run number of a journal in the folder.
    ///
    /// # Errors
    /// When another server uses the folder, or when a file in it cannot be read or written.
    pub fn begin_run(&self, max_journal_run: u32, now: SystemTime) -> Result<ServerRun, DataDirError> {
        let failed = |name| move |source| DataDirError::Write { path: self.file(name), source };
        let mut lock = OpenOptions::new();
        lock.create(true).truncate(false).write(true).mode(0o600);
        let lock = lock.open(self.file(LOCK)).map_err(failed(LOCK))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DataDirError::InUse { path: self.0.clone() }),
            Err(TryLockError::Error(source)) => return Err(failed(LOCK)(source)),
        }
        let last = match fs::read(self.file(RUN)) {
            Ok(text) => String::from_utf8(text).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            // The file is kept: a run without it could have the number of an earlier run.
            Err(source) => return Err(DataDirError::Read { path: self.file(RUN), source }),
        };
        // The file of runs was never written or is lost. If there are journals, it is unknown how the last run ended.
        let lost = || {
            (
                max_journal_run,
                (max_journal_run > 0).then_some(UncleanShutdown { run: max_journal_run, since: None }),
            )
        };
        let (last, unclean_shutdown) = parse_run(&last).unwrap_or_else(lost);
        let number = last.max(max_journal_run).saturating_add(1);
        let run = ServerRun { dir: self.clone(), number, began: now, unclean_shutdown, _lock: lock };
        run.record_running()?;
        Ok(run)
    }
}

/// The name of the file of runs, with the number and the state of the last run; see [`parse_run`].
const RUN: &str = "run";
const RUNNING: &str = "running";
const STOPPED: &str = "stopped";

/// Parses the file of runs: the number of the last run, and the first run after the last clean stop.
///
/// ```text
/// NUMBER "stopped"
/// NUMBER "running" [FIRST UNCLEAN RUN [ITS START, in milliseconds of Unix time]]
/// ```
///
/// Any other word than "stopped" counts as "running". A first unclean run or a start that is missing or invalid counts as the last run
/// or as unknown. Returns `None` without a number or a word.
fn parse_run(text: &str) -> Option<(u32, Option<UncleanShutdown>)> {
    let mut words = text.split_whitespace();
    let (number, state) = (words.next()?.parse().ok()?, words.next()?);
    if state == STOPPED {
        return Some((number, None));
    }
    let run = words.next().and_then(|run| run.parse().ok()).unwrap_or(number);
    let since = words.next().and_then(|since| since.parse().ok()).map(Duration::from_millis);
    let since = since.and_then(|since| UNIX_EPOCH.checked_add(since));
    Some((number, Some(UncleanShutdown { run, since })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_numbered_and_report_the_first_unclean_shutdown() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        let at = |second| UNIX_EPOCH + Duration::from_secs(second);
        let first = dir.begin_run(0, at(10)).unwrap();
        assert_eq!((first.number(), first.unclean_shutdown()), (1, None));
        assert!(
            matches!(dir.begin_run(0, at(11)), Err(DataDirError::InUse { .. })),
            "two servers cannot use one folder"
        );
        assert!(dir.is_in_use());
        drop(first);
        assert!(!dir.is_in_use());
        let unclean_shutdown = Some(UncleanShutdown { run: 1, since: Some(at(10)) });
        for number in [2, 3] {
            let run = dir.begin_run(0, at(20)).unwrap();
            assert_eq!(
                (run.number(), run.unclean_shutdown()),
                (number, unclean_shutdown),
                "a run that was not marked clean is unclean"
            );
        }
        dir.begin_run(0, at(30)).unwrap().mark_clean().unwrap();
        assert_eq!(dir.begin_run(0, at(40)).unwrap().unclean_shutdown(), None);
    }

    #[test]
    fn a_file_of_runs_that_cannot_be_read_is_kept_and_a_damaged_one_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        fs::create_dir(dir.file(RUN)).unwrap();
        let refused = dir.begin_run(3, UNIX_EPOCH);
        assert!(matches!(refused, Err(DataDirError::Read { .. })), "{refused:?}");
        fs::remove_dir(dir.file(RUN)).unwrap();
        fs::write(dir.file(RUN), b"\xff\xff").unwrap();
        assert_eq!(dir.begin_run(3, UNIX_EPOCH).unwrap().number(), 4);
    }

    #[test]
    fn invalid_optional_fields_of_the_file_of_runs_are_ignored() {
        let since = UNIX_EPOCH.checked_add(Duration::from_millis(1500));
        assert_eq!(parse_run("7 stopped\n"), Some((7, None)));
        assert_eq!(
            parse_run("7 running\n"),
            Some((7, Some(UncleanShutdown { run: 7, since: None }))),
            "the format of an older version"
        );
        assert_eq!(parse_run("7 running 5 1500\n"), Some((7, Some(UncleanShutdown { run: 5, since }))));
        assert_eq!(parse_run("7 running 5 x\n"), Some((7, Some(UncleanShutdown { run: 5, since: None }))));
        assert_eq!((parse_run(""), parse_run("seven stopped"), parse_run("7")), (None, None, None));
    }
}
