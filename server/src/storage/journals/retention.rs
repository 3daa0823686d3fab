//! Retention: chooses the journals to delete, by age and by total size, the oldest first. Has no clock, and no I/O beyond the `has_end` of
//! its caller.
//!
//! A journal without an end is never deleted, even above the limits, because its room runs or is restored at the next start. The
//! exception is a journal that was set aside, which no start restores.
//!
//! Ages count only while the clock is likely right: a machine may start with a clock that is years ahead, and correct it a little later.
//! A deletion by age would then delete every ended journal. Deletion by size compares journals with each other only.

use std::time::{Duration, SystemTime};

use super::store::StoredJournal;

/// The limits of age and size of the stored journals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionLimits {
    /// The maximum age of a journal since its last write, or since it was set aside; `None`: unlimited.
    pub max_age: Option<Duration>,
    /// The maximum total size of all journals in bytes; `None`: unlimited.
    pub max_bytes: Option<u64>,
}

/// The minimum age of a deleted journal, even above the limits: after a minute, its match results are in the database, unless the
/// database has failed for as long.
const MIN_AGE: Duration = Duration::from_secs(60);

/// The time for which the wall clock must have run without a jump before ages count. Time synchronization corrects a wrong clock within
/// minutes of a start; an hour leaves time for a network that is late, or for an operator.
pub const MIN_STEADY: Duration = Duration::from_secs(3600);

/// The maximum difference between the wall clock and the time that has passed, from one observation to the next. A larger difference is
/// a jump. Synchronization without jumps changes the speed of the clock by less than a tenth: by 6 s between two sweeps.
const MAX_DRIFT: Duration = Duration::from_secs(60);

/// The time for which the wall clock has run without a jump, from observations at intervals.
#[derive(Clone, Copy, Debug)]
pub struct ClockWatch {
    /// The last observation: the wall clock, and the time since the start of this run.
    last: (SystemTime, Duration),
    /// The time since the start of this run at the last jump, or zero.
    steady_since: Duration,
}

impl ClockWatch {
    /// Starts with the wall clock at the start of this run.
    pub const fn new(now: SystemTime) -> Self {
        Self { last: (now, Duration::ZERO), steady_since: Duration::ZERO }
    }

    /// Records the wall clock at a time since the start of this run. Returns the time for which the clock has run without a jump.
    pub fn observe(&mut self, now: SystemTime, uptime: Duration) -> Duration {
        let (last, last_uptime) = self.last;
        let expected = last.checked_add(uptime.saturating_sub(last_uptime)).unwrap_or(last);
        let ahead = now.duration_since(expected).unwrap_or_default();
        let behind = expected.duration_since(now).unwrap_or_default();
        if ahead.max(behind) > MAX_DRIFT {
            self.steady_since = uptime;
        }
        self.last = (now, uptime);
        uptime.saturating_sub(self.steady_since)
    }
}

impl RetentionLimits {
    /// Whether the clock is ahead of the newest journal by more than the limit of age. Either the clock is wrong, or no room has run for as
    /// long. False without a limit of age, without journals and without times.
    #[must_use]
    pub fn is_clock_ahead(&self, journals: &[StoredJournal], now: SystemTime) -> bool {
        let newest = journals.iter().filter_map(|journal| journal.modified).max();
        let age = newest.and_then(|newest| now.duration_since(newest).ok());
        self.max_age.is_some_and(|max| age.is_some_and(|age| age > max))
    }

    /// Returns the limits without the limit of age unless ages count: the clock has run for [`MIN_STEADY`] without a jump, and is not
    /// [ahead](Self::is_clock_ahead) of all journals.
    #[must_use]
    pub fn with_reliable_age(self, journals: &[StoredJournal], now: SystemTime, steady: Duration) -> Self {
        if steady >= MIN_STEADY && !self.is_clock_ahead(journals, now) {
            self
        } else {
            Self { max_age: None, ..self }
        }
    }
}

/// Returns the journals to delete, the oldest first.
///
/// `has_end` is called only for journals above a limit, because it reads a file. The total size includes journals that must not be
/// deleted, so that more of the others are deleted and the folder stays within its limit if possible. Without times, only the limit of
/// size applies, and journals are ordered by name.
pub fn select_expired(
    journals: &[StoredJournal],
    mut has_end: impl FnMut(&StoredJournal) -> bool,
    now: SystemTime,
    limits: RetentionLimits,
) -> Vec<StoredJournal> {
    let mut oldest_first = journals.to_vec();
    oldest_first.sort_unstable_by_key(|journal| (journal.modified, journal.name));
    let mut bytes = journals.iter().fold(0u64, |sum, journal| sum.saturating_add(journal.bytes));
    let mut expired = Vec::new();
    for journal in oldest_first {
        // A store without times has no ages, and neither has a journal of the future, which was written when the clock was ahead.
        let age = journal.modified.and_then(|modified| now.duration_since(modified).ok());
        if age.is_some_and(|age| age < MIN_AGE) {
            continue;
        }
        let is_old = limits.max_age.is_some_and(|max| age.is_some_and(|age| age > max));
        let is_too_much = limits.max_bytes.is_some_and(|max| bytes > max);
        if (is_old || is_too_much) && (journal.is_aside || has_end(&journal)) {
            bytes = bytes.saturating_sub(journal.bytes);
            expired.push(journal);
        }
    }
    expired
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::journals::JournalName;

    const HOUR: Duration = Duration::from_secs(3600);

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + 10_000 * HOUR
    }

    /// A journal of this room and size, whose last write was this number of hours ago.
    fn stored(room: u64, bytes: u64, hours: u32) -> StoredJournal {
        let name = JournalName { run: 1, room };
        StoredJournal { name, bytes, modified: Some(now() - hours * HOUR), is_aside: false }
    }

    fn rooms(expired: &[StoredJournal]) -> Vec<u64> {
        expired.iter().map(|journal| journal.name.room).collect()
    }

    fn limits(hours: Option<u32>, bytes: Option<u64>) -> RetentionLimits {
        RetentionLimits { max_age: hours.map(|hours| hours * HOUR), max_bytes: bytes }
    }

    #[test]
    fn without_a_limit_nothing_is_deleted() {
        let all = [stored(1, u64::MAX / 2, 9_000), stored(2, 1, 0)];
        assert_eq!(select_expired(&all, |_| true, now(), limits(None, None)), []);
    }

    #[test]
    fn a_journal_older_than_the_limit_is_deleted_and_one_as_old_is_kept() {
        let all = [stored(1, 10, 3), stored(2, 10, 2), stored(3, 10, 4)];
        assert_eq!(
            rooms(&select_expired(&all, |_| true, now(), limits(Some(2), None))),
            [3, 1],
            "the oldest first"
        );
    }

    #[test]
    fn the_oldest_are_deleted_until_the_total_is_within_the_limit() {
        let all = [stored(1, 10, 1), stored(2, 10, 3), stored(3, 10, 2), stored(4, 10, 4)];
        assert_eq!(rooms(&select_expired(&all, |_| true, now(), limits(None, Some(20)))), [4, 2]);
        assert_eq!(rooms(&select_expired(&all, |_| true, now(), limits(None, Some(19)))), [4, 2, 3]);
        assert_eq!(
            select_expired(&all, |_| true, now(), limits(None, Some(40))),
            [],
            "a total equal to the limit is allowed"
        );
    }

    #[test]
    fn both_limits_apply_together() {
        let all = [stored(1, 10, 9), stored(2, 10, 3), stored(3, 10, 2)];
        let found = select_expired(&all, |_| true, now(), limits(Some(5), Some(10)));
        assert_eq!(rooms(&found), [1, 2], "one is too old, and then the total is still too large");
    }

    #[test]
    fn a_journal_without_an_end_is_kept_and_its_size_counts() {
        let all = [stored(1, 100, 9), stored(2, 10, 3), stored(3, 10, 2)];
        let mut read = Vec::new();
        let has_end = |journal: &StoredJournal| {
            read.push(journal.name.room);
            journal.name.room != 1
        };
        assert_eq!(rooms(&select_expired(&all, has_end, now(), limits(Some(5), Some(110)))), [2]);
        assert_eq!(read, [1, 2], "a journal within the limits is not read");
    }

    #[test]
    fn a_journal_that_was_just_written_is_kept_even_above_the_limits() {
        let fresh = StoredJournal { modified: Some(now() - MIN_AGE / 2), ..stored(1, 10, 0) };
        let all = [fresh, stored(2, 10, 1)];
        assert_eq!(rooms(&select_expired(&all, |_| true, now(), limits(Some(0), Some(0)))), [2]);
    }

    #[test]
    fn a_journal_of_the_future_has_no_age_and_its_size_is_limited() {
        let of_next_year = StoredJournal { modified: Some(now() + 9_000 * HOUR), ..stored(1, 10, 0) };
        let all = [of_next_year, stored(2, 10, 1)];
        assert_eq!(rooms(&select_expired(&all, |_| true, now(), limits(Some(0), None))), [2]);
        assert_eq!(
            rooms(&select_expired(&all, |_| true, now(), limits(None, Some(10)))),
            [2],
            "the journal of the future counts as the newest"
        );
        assert_eq!(
            rooms(&select_expired(&all, |_| true, now(), limits(None, Some(9)))),
            [2, 1],
            "a clock that was ahead does not disable the limit of size"
        );
    }

    #[test]
    fn ages_count_when_the_clock_was_steady_for_an_hour_and_a_journal_is_within_the_limit() {
        let by_age = |all: &[StoredJournal], steady| {
            let limits = limits(Some(5), None).with_reliable_age(all, now(), steady);
            rooms(&select_expired(all, |_| true, now(), limits))
        };
        let all = [stored(1, 10, 9), stored(2, 10, 5)];
        assert_eq!(by_age(&all, HOUR), [1]);
        assert!(by_age(&all, HOUR - Duration::from_secs(1)).is_empty(), "nothing in the first hour");
        let all = [stored(1, 10, 9_000), stored(2, 10, 6)];
        assert!(
            by_age(&all, 99 * HOUR).is_empty(),
            "the clock is ahead of the newest by more than the limit"
        );
    }

    #[test]
    fn the_limit_of_size_applies_also_when_ages_do_not_count() {
        let all = [stored(1, 10, 9_000), stored(2, 10, 6)];
        let limits = limits(Some(5), Some(10)).with_reliable_age(&all, now(), Duration::ZERO);
        assert!(limits.max_age.is_none() && limits.max_bytes == Some(10));
        assert_eq!(rooms(&select_expired(&all, |_| true, now(), limits)), [1]);
    }

    #[test]
    fn the_clock_is_not_ahead_without_a_limit_of_age_or_without_times() {
        let all = [stored(1, 10, 9_000)];
        assert!(limits(Some(5), None).is_clock_ahead(&all, now()));
        assert!(!limits(None, Some(1)).is_clock_ahead(&all, now()));
        assert!(!limits(Some(5), None).is_clock_ahead(&[], now()));
        let without_time = StoredJournal { modified: None, ..all[0] };
        assert!(!limits(Some(5), None).is_clock_ahead(&[without_time], now()));
    }

    #[test]
    fn a_jump_of_the_clock_restarts_the_time_without_a_jump() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let mut clock = ClockWatch::new(now());
        assert_eq!(clock.observe(now() + minutes(30), minutes(30)), minutes(30));
        let drifted = now() + minutes(61) + Duration::from_secs(50);
        assert_eq!(clock.observe(drifted, minutes(61)), minutes(61), "a minute is not a jump");
        for jumped in [now() + 9_000 * HOUR, now()] {
            assert_eq!(clock.observe(jumped, minutes(70)), Duration::ZERO, "forward and backward alike");
        }
        assert_eq!(clock.observe(now() + minutes(5), minutes(75)), minutes(5));
    }

    #[test]
    fn without_times_only_the_size_limit_applies_in_the_order_of_names() {
        let all =
            [stored(1, 10, 9), stored(2, 10, 9)].map(|journal| StoredJournal { modified: None, ..journal });
        assert_eq!(
            rooms(&select_expired(&all, |_| true, now(), limits(Some(1), Some(10)))),
            [1],
            "the lower name counts as older"
        );
    }

    #[test]
    fn a_journal_that_was_set_aside_is_deleted_like_the_others_and_needs_no_end() {
        let all = [
            StoredJournal { is_aside: true, ..stored(1, 10, 9) },
            StoredJournal { is_aside: true, ..stored(2, 10, 1) },
        ];
        assert_eq!(rooms(&select_expired(&all, |_| false, now(), limits(Some(5), None))), [1]);
    }
}
