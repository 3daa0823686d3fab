//! The runs of servers on a data directory: one at a time, each with a number. A file stores how the last ones ended.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{DataDir, DataDirError, LOCK};

/// One run of a server on a data directory, which it locks.
#[derive(Debug)]
pub struct ServerRun {
    dir: DataDir,
    number: u32,
    began: SystemTime,
    unclean_shutdown: Option<UncleanShutdown>,
    _lock: File,
}

/// The first of the last runs that did not shut down cleanly, after which results may not have been stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UncleanShutdown {
    /// The number of that run.
    pub run: u32,
    /// The time when it began, if it is known.
    pub since: Option<SystemTime>,
}

impl ServerRun {
    /// Returns its number, which is higher than that of any earlier run.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Returns the unclean shutdowns of earlier runs, if the last one was unclean.
    #[must_use]
    pub const fn unclean_shutdown(&self) -> Option<UncleanShutdown> {
        self.unclean_shutdown
    }

    /// Marks the run as clean: all results are stored.
    ///
    /// # Errors
    /// When the mark cannot be written; the next run looks for missing results then.
    pub fn mark_clean(self) -> Result<(), DataDirError> {
        self.dir.write_private(RUN, format!("{} {STOPPED}\n", self.number).as_bytes())
    }

    fn begin(&self) -> Result<(), DataDirError> {
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
    /// Begins a run, which locks the folder until it is dropped. Its number is higher than all that the folder knows;
    /// `max_journal_run` is the highest among its journals.
    ///
    /// # Errors
    /// When another server uses the folder, or it cannot be written.
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
        let last = fs::read_to_string(self.file(RUN)).unwrap_or_default();
        // The file was never written or is lost, so it is unknown how the last run ended.
        let lost = || {
            (
                max_journal_run,
                (max_journal_run > 0).then_some(UncleanShutdown { run: max_journal_run, since: None }),
            )
        };
        let (last, unclean_shutdown) = parse_run(&last).unwrap_or_else(lost);
        let number = last.max(max_journal_run).saturating_add(1);
        let run = ServerRun { dir: self.clone(), number, began: now, unclean_shutdown, _lock: lock };
        run.begin()?;
        Ok(run)
    }
}

/// The file with the number and the state of the last run; see [`parse_run`].
const RUN: &str = "run";
const RUNNING: &str = "running";
const STOPPED: &str = "stopped";

/// Parses the file of runs: the number of the last run, and the unclean shutdowns up to it.
///
/// ```text
/// NUMBER "stopped"
/// NUMBER "running" [FIRST UNCLEAN RUN [ITS START, in milliseconds of Unix time]]
/// ```
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
    fn the_file_of_runs_is_parsed_as_far_as_it_is_valid() {
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
