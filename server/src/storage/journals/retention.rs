//! Retention: chooses the journals to delete, by age and by total size, the oldest first. Has no clock, and no I/O beyond the `has_end` of
//! its caller.
//!
//! A journal without an end is never deleted, even above the limits, because its room runs or is restored at the next start. The
//! exception is a journal that was set aside, which no start restores.

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
        // A store without times has no ages. A time in the future, from a clock that was wrong, counts as age zero.
        let age = journal.modified.map(|modified| now.duration_since(modified).unwrap_or_default());
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
        let of_tomorrow = StoredJournal { modified: Some(now() + HOUR), ..stored(2, 10, 0) };
        let all = [fresh, of_tomorrow, stored(3, 10, 1)];
        assert_eq!(rooms(&select_expired(&all, |_| true, now(), limits(Some(0), Some(0)))), [3]);
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
