//! The period in which a certificate is valid.

use std::time::{Duration, SystemTime};

use crate::wall_clock::utc;

/// The period in which a certificate is valid, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    from: SystemTime,
    until: SystemTime,
}

/// A time outside of a certificate's validity. The message continues a sentence about the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidityError {
    /// The validity starts later.
    #[error(
        "is not valid before {}, and the clock of this machine shows {}: correct the clock, or install a certificate that is valid now",
        utc(*from), utc(*now)
    )]
    NotYetValid {
        /// The start of the validity.
        from: SystemTime,
        /// The time of the check.
        now: SystemTime,
    },
    /// The validity has ended.
    #[error(
        "expired at {}, and the clock of this machine shows {}: install a renewed certificate, or correct the clock",
        utc(*until), utc(*now)
    )]
    Expired {
        /// The end of the validity.
        until: SystemTime,
        /// The time of the check.
        now: SystemTime,
    },
}

impl Validity {
    /// Creates a period from both ends, in seconds since 1970.
    pub(super) fn from_unix(from: i64, until: i64) -> Self {
        Self { from: from_unix(from), until: from_unix(until) }
    }

    /// The end of the validity.
    pub const fn until(&self) -> SystemTime {
        self.until
    }

    /// Checks that the certificate is valid at this time.
    ///
    /// # Errors
    /// When the validity starts later or has ended.
    pub fn check(&self, now: SystemTime) -> Result<(), ValidityError> {
        let Self { from, until } = *self;
        if now < from {
            Err(ValidityError::NotYetValid { from, now })
        } else if now > until {
            Err(ValidityError::Expired { until, now })
        } else {
            Ok(())
        }
    }

    /// Returns the time until the end of the validity; zero after it.
    pub fn remaining(&self, now: SystemTime) -> Duration {
        self.until.duration_since(now).unwrap_or_default()
    }
}

/// Converts seconds since 1970; the year 1970 if the system cannot represent the time.
fn from_unix(seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    };
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_valid_and_a_time_outside_is_refused_with_both_dates() {
        let validity = Validity::from_unix(951_782_400, 1_800_000_000);
        let check = |seconds| validity.check(from_unix(seconds)).map_err(|error| error.to_string());
        assert_eq!((check(951_782_400), check(1_800_000_000)), (Ok(()), Ok(())));
        let early = check(951_782_399).unwrap_err();
        assert!(early.contains("not valid before 2000-02-29T00:00:00Z"), "{early}");
        assert!(early.contains("shows 2000-02-28T23:59:59Z"), "{early}");
        let late = check(1_800_000_001).unwrap_err();
        assert!(late.contains("expired at 2027-01-15T08:00:00Z"), "{late}");
        assert!(late.contains("shows 2027-01-15T08:00:01Z"), "{late}");
    }
}
