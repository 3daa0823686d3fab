//! Which journals are kept for how long: by age, and by how large all of them are together, the oldest first. Pure.
//!
//! A journal that has no end yet is never deleted, whatever is over its bound: its room runs, or is brought back when the server
//! starts again.

use std::time::{Duration, SystemTime};

use super::store::Kept;

/// How large and how old journals may get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// For how long one is kept that is not written any more; `None`: for ever.
    pub age: Option<Duration>,
    /// How many bytes all may have together; `None`: as many as they get.
    pub bytes: Option<u64>,
}

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
    let mut bytes = kept.iter().fold(0u64, |sum, kept| sum.saturating_add(kept.bytes));
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
            bytes = bytes.saturating_sub(kept.bytes);
            doomed.push(kept);
        }
    }
    doomed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::journals::JournalName;

    const HOUR: Duration = Duration::from_secs(3600);

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + 10_000 * HOUR
    }

    /// A journal of this room and size that was written to last so many hours ago.
    fn kept(room: u64, bytes: u64, hours: u32) -> Kept {
        let name = JournalName { run: 1, room };
        Kept { name, bytes, modified: Some(now() - hours * HOUR), is_aside: false }
    }

    fn rooms(doomed: &[Kept]) -> Vec<u64> {
        doomed.iter().map(|kept| kept.name.room).collect()
    }

    fn bounds(hours: Option<u32>, bytes: Option<u64>) -> Bounds {
        Bounds { age: hours.map(|hours| hours * HOUR), bytes }
    }

    #[test]
    fn without_a_bound_nothing_is_deleted() {
        let all = [kept(1, u64::MAX / 2, 9_000), kept(2, 1, 0)];
        assert_eq!(doomed(&all, |_| true, now(), bounds(None, None)), []);
    }

    #[test]
    fn what_is_older_than_its_time_goes_and_what_is_as_old_stays() {
        let all = [kept(1, 10, 3), kept(2, 10, 2), kept(3, 10, 4)];
        assert_eq!(rooms(&doomed(&all, |_| true, now(), bounds(Some(2), None))), [3, 1], "the oldest first");
    }

    #[test]
    fn the_oldest_go_until_the_rest_is_small_enough() {
        let all = [kept(1, 10, 1), kept(2, 10, 3), kept(3, 10, 2), kept(4, 10, 4)];
        assert_eq!(rooms(&doomed(&all, |_| true, now(), bounds(None, Some(20)))), [4, 2]);
        assert_eq!(rooms(&doomed(&all, |_| true, now(), bounds(None, Some(19)))), [4, 2, 3]);
        assert_eq!(
            doomed(&all, |_| true, now(), bounds(None, Some(40))),
            [],
            "40 bytes are as many as may be"
        );
    }

    #[test]
    fn both_bounds_hold_together() {
        let all = [kept(1, 10, 9), kept(2, 10, 3), kept(3, 10, 2)];
        let found = doomed(&all, |_| true, now(), bounds(Some(5), Some(10)));
        assert_eq!(rooms(&found), [1, 2], "one is too old, and then the oldest is too much");
    }

    #[test]
    fn a_journal_without_an_end_stays_and_its_bytes_count() {
        let all = [kept(1, 100, 9), kept(2, 10, 3), kept(3, 10, 2)];
        let mut asked = Vec::new();
        let has_end = |kept: &Kept| {
            asked.push(kept.name.room);
            kept.name.room != 1
        };
        assert_eq!(rooms(&doomed(&all, has_end, now(), bounds(Some(5), Some(110)))), [2]);
        assert_eq!(asked, [1, 2], "nobody reads a file that is within its bounds");
    }

    #[test]
    fn what_was_written_a_moment_ago_stays_whatever_the_bounds() {
        let fresh = Kept { modified: Some(now() - LEAST_AGE / 2), ..kept(1, 10, 0) };
        let of_tomorrow = Kept { modified: Some(now() + HOUR), ..kept(2, 10, 0) };
        let all = [fresh, of_tomorrow, kept(3, 10, 1)];
        assert_eq!(rooms(&doomed(&all, |_| true, now(), bounds(Some(0), Some(0)))), [3]);
    }

    #[test]
    fn a_store_that_knows_no_ages_keeps_to_the_size_alone() {
        let all = [kept(1, 10, 9), kept(2, 10, 9)].map(|kept| Kept { modified: None, ..kept });
        assert_eq!(rooms(&doomed(&all, |_| true, now(), bounds(Some(1), Some(10)))), [1], "by name, then");
    }

    #[test]
    fn what_was_set_aside_goes_like_the_others_and_needs_no_end() {
        let all = [Kept { is_aside: true, ..kept(1, 10, 9) }, Kept { is_aside: true, ..kept(2, 10, 1) }];
        assert_eq!(rooms(&doomed(&all, |_| false, now(), bounds(Some(5), None))), [1]);
    }
}
