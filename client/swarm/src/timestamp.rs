//! A run's start as a calendar date, for the report's page and for JUnit.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Formats seconds since 1970 as UTC, for example `2026-03-01T12:00:00Z`; empty for a date that the calendar cannot represent.
pub(super) fn rfc3339(unix_s: u64) -> String {
    let date = i64::try_from(unix_s).ok().and_then(|unix_s| OffsetDateTime::from_unix_timestamp(unix_s).ok());
    date.and_then(|date| date.format(&Rfc3339).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_calendar_dates_in_utc() {
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(u64::MAX), "");
    }
}
