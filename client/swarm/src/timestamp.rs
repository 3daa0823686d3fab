//! When a run began, as people and JUnit read it.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Seconds since 1970 in UTC, as in `2026-03-01T12:00:00Z`; nothing for a moment that no calendar has.
pub(super) fn rfc3339(unix_s: u64) -> String {
    let moment =
        i64::try_from(unix_s).ok().and_then(|unix_s| OffsetDateTime::from_unix_timestamp(unix_s).ok());
    moment.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(u64::MAX), "");
    }
}
