//! A rate limit for log lines of one kind: those that one place in the code logs.
//!
//! A thousand players that leave at once, or a peer that provokes a warning with every packet, must not hide other lines or fill a disk.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use prometheus_client::metrics::counter::Counter;
use tracing::{Event, Metadata, Subscriber, callsite::Identifier};
use tracing_subscriber::{Layer, layer::Context};

use crate::bucket::TokenBucket;

/// The number of lines of one kind that are logged at once before the rate applies.
const BURST: f64 = 500.0;

/// Further lines of one kind a second.
const LINES_PER_SECOND: f64 = 50.0;

/// The rate limit of the process's log lines. Clones share it.
#[derive(Clone)]
pub(super) struct LineRateLimit {
    start: Instant,
    rate_limited: Counter,
    kinds: Arc<Mutex<Kinds>>,
}

impl LineRateLimit {
    /// Creates a rate limit with full buckets that counts dropped lines in `rate_limited`.
    pub(super) fn new(start: Instant, rate_limited: Counter) -> Self {
        Self { start, rate_limited, kinds: Arc::default() }
    }

    /// Returns the places in the code whose lines were dropped since the last call, each with the number of lines.
    pub(super) fn take_limited(&self) -> Vec<(String, u64)> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner).take_limited()
    }
}

impl<S: Subscriber> Layer<S> for LineRateLimit {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let now = self.start.elapsed();
        let is_allowed =
            self.kinds.lock().unwrap_or_else(PoisonError::into_inner).take(event.metadata(), now);
        if !is_allowed {
            self.rate_limited.inc();
        }
        is_allowed
    }
}

/// The kinds of lines that were logged. Bounded by the number of places in the code that log.
#[derive(Default)]
struct Kinds(HashMap<Identifier, Kind>);

struct Kind {
    bucket: TokenBucket,
    metadata: &'static Metadata<'static>,
    /// Lines dropped since the last report.
    dropped: u64,
}

impl Kinds {
    /// Returns whether a line of this kind may be logged at `now`, a time since the start.
    fn take(&mut self, metadata: &'static Metadata<'static>, now: Duration) -> bool {
        let kind = self.0.entry(metadata.callsite()).or_insert_with(|| Kind {
            bucket: TokenBucket::full(LINES_PER_SECOND, BURST, now),
            metadata,
            dropped: 0,
        });
        let is_allowed = kind.bucket.take(1.0, now);
        kind.dropped += u64::from(!is_allowed);
        is_allowed
    }

    fn take_limited(&mut self) -> Vec<(String, u64)> {
        let limited = self.0.values_mut().filter(|kind| kind.dropped > 0);
        let mut limited: Vec<_> =
            limited.map(|kind| (kind.place(), std::mem::take(&mut kind.dropped))).collect();
        limited.sort_unstable();
        limited
    }
}

impl Kind {
    /// Returns the file and line of the code that logs this kind.
    fn place(&self) -> String {
        let (file, line) = (self.metadata.file().unwrap_or("unknown"), self.metadata.line().unwrap_or(0));
        format!("{file}:{line}")
    }
}
