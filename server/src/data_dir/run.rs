//! The runs of servers on a data directory: one at a time, each with a number, and how the last ones ended.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{DataDir, DataDirError, LOCK};

/// One run of a server on a data directory.
#[derive(Debug)]
pub struct Run {
    dir: DataDir,
    number: u32,
    began: SystemTime,
    unsettled: Option<Unsettled>,
    _lock: File,
}

/// From when on results may not all have been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// The first run that was ended before it could say that they were, of those since the last that could.
    pub run: u32,
    /// When it began, if anybody knows.
    pub since: Option<SystemTime>,
}

impl Run {
    /// Its number, higher than any before.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// What earlier runs may not have written.
    #[must_use]
    pub const fn unsettled(&self) -> Option<Unsettled> {
        self.unsettled
    }

    /// Everything is written.
    ///
    /// # Errors
    /// When that cannot be written down; the next run then looks once more.
    pub fn end(self) -> Result<(), DataDirError> {
        self.dir.write_private(RUN, format!("{} {STOPPED}\n", self.number).as_bytes())
    }

    fn begin(&self) -> Result<(), DataDirError> {
        let unsettled = self.unsettled.unwrap_or(Unsettled { run: self.number, since: Some(self.began) });
        let since = unsettled.since.and_then(|since| since.duration_since(UNIX_EPOCH).ok());
        let since = since.map_or(String::new(), |since| format!(" {}", since.as_millis()));
        self.dir
            .write_private(RUN, format!("{} {RUNNING} {}{since}\n", self.number, unsettled.run).as_bytes())
    }
}

impl DataDir {
    /// Begins a run: nobody else may use the folder until what this gives is dropped, and no run before had this number, as far as
    /// the folder says; `seen` is the highest that its journals tell of.
    ///
    /// # Errors
    /// When another server uses it, or it cannot be written.
    pub fn begin_run(&self, seen: u32, now: SystemTime) -> Result<Run, DataDirError> {
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
        // Never written, or lost: then nobody knows how the last one ended.
        let lost = || (seen, (seen > 0).then_some(Unsettled { run: seen, since: None }));
        let (last, unsettled) = parse_run(&last).unwrap_or_else(lost);
        let number = last.max(seen).saturating_add(1);
        let run = Run { dir: self.clone(), number, began: now, unsettled, _lock: lock };
        run.begin()?;
        Ok(run)
    }
}

/// The file that says which run was last, and what it may not have written; see [`parse_run`].
const RUN: &str = "run";
const RUNNING: &str = "running";
const STOPPED: &str = "stopped";

/// The last run's number, and what it and those before it may not have written: from what the file of runs says.
///
/// ```text
/// NUMBER "stopped"
/// NUMBER "running" [FIRST UNSETTLED RUN [SINCE, in milliseconds of Unix time]]
/// ```
fn parse_run(text: &str) -> Option<(u32, Option<Unsettled>)> {
    let mut words = text.split_whitespace();
    let (number, state) = (words.next()?.parse().ok()?, words.next()?);
    if state == STOPPED {
        return Some((number, None));
    }
    let run = words.next().and_then(|run| run.parse().ok()).unwrap_or(number);
    let since = words.next().and_then(|since| since.parse().ok()).map(Duration::from_millis);
    let since = since.and_then(|since| UNIX_EPOCH.checked_add(since));
    Some((number, Some(Unsettled { run, since })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_has_a_number_of_its_own_and_knows_since_when_results_may_be_missing() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        let at = |second| UNIX_EPOCH + Duration::from_secs(second);
        let first = dir.begin_run(0, at(10)).unwrap();
        assert_eq!((first.number(), first.unsettled()), (1, None));
        assert!(
            matches!(dir.begin_run(0, at(11)), Err(DataDirError::InUse { .. })),
            "two servers in one folder"
        );
        assert!(dir.is_in_use());
        drop(first);
        assert!(!dir.is_in_use());
        let unsettled = Some(Unsettled { run: 1, since: Some(at(10)) });
        for number in [2, 3] {
            let run = dir.begin_run(0, at(20)).unwrap();
            assert_eq!(
                (run.number(), run.unsettled()),
                (number, unsettled),
                "nobody said that all was written"
            );
        }
        dir.begin_run(0, at(30)).unwrap().end().unwrap();
        assert_eq!(dir.begin_run(0, at(40)).unwrap().unsettled(), None);
    }

    #[test]
    fn the_file_of_runs_is_read_as_far_as_it_says_anything() {
        let since = UNIX_EPOCH.checked_add(Duration::from_millis(1500));
        assert_eq!(parse_run("7 stopped\n"), Some((7, None)));
        assert_eq!(
            parse_run("7 running\n"),
            Some((7, Some(Unsettled { run: 7, since: None }))),
            "an older version's"
        );
        assert_eq!(parse_run("7 running 5 1500\n"), Some((7, Some(Unsettled { run: 5, since }))));
        assert_eq!(parse_run("7 running 5 x\n"), Some((7, Some(Unsettled { run: 5, since: None }))));
        assert_eq!((parse_run(""), parse_run("seven stopped"), parse_run("7")), (None, None, None));
    }
}
