//! A token bucket: a rate limit with a burst. Has no clock: the caller passes the time as a duration since an epoch of its choice.

use std::time::Duration;

/// A bucket that holds up to `burst` tokens and gains `per_second` tokens a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct TokenBucket {
    per_second: f64,
    burst: f64,
    tokens: f64,
    /// The time at which the bucket had `tokens`.
    updated: Duration,
}

impl TokenBucket {
    /// Creates a bucket that is full at `now`.
    pub(crate) fn full(per_second: f64, burst: f64, now: Duration) -> Self {
        Self { per_second, burst, tokens: burst, updated: now }
    }

    /// Takes `cost` tokens and returns true; when the bucket has fewer, takes none and returns false.
    pub(crate) fn take(&mut self, cost: f64, now: Duration) -> bool {
        self.refill(now);
        let enough = self.tokens >= cost;
        if enough {
            self.tokens -= cost;
        }
        enough
    }

    /// Whether the bucket is full, and so behaves like a new one.
    pub(crate) fn is_full(&mut self, now: Duration) -> bool {
        self.refill(now);
        self.tokens >= self.burst
    }

    /// Returns the time until the bucket has one token; zero when it has one already.
    pub(crate) fn wait(&mut self, now: Duration) -> Duration {
        self.refill(now);
        Duration::from_secs_f64(((1.0 - self.tokens) / self.per_second).max(0.0))
    }

    /// Adds the tokens gained since the last update. A time before that adds nothing.
    fn refill(&mut self, now: Duration) {
        let gained = now.saturating_sub(self.updated).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + gained).min(self.burst);
        self.updated = self.updated.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_at_once_and_further_tokens_at_the_rate() {
        let mut bucket = TokenBucket::full(10.0, 3.0, Duration::ZERO);
        let taken = |bucket: &mut TokenBucket, ms| bucket.take(1.0, Duration::from_millis(ms));
        assert_eq!([0; 4].map(|ms| taken(&mut bucket, ms)), [true, true, true, false]);
        assert!(!taken(&mut bucket, 99) && taken(&mut bucket, 101));
    }

    #[test]
    fn a_clock_that_goes_back_adds_no_tokens() {
        let mut bucket = TokenBucket::full(1.0, 1.0, Duration::from_secs(9));
        assert!(bucket.take(1.0, Duration::from_secs(9)));
        assert!(!bucket.take(1.0, Duration::from_secs(5)) && !bucket.take(1.0, Duration::from_secs(9)));
    }
}
