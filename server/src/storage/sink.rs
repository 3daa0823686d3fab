//! The trait of a store for match results, so that a simulated server can keep them in memory.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use super::records::{MatchRecord, RolledBack};

/// A store for match results.
pub trait RecordSink: Send + 'static {
    /// Stores these results, all of them or none. A result of a match that has a stored result already is ignored.
    ///
    /// # Errors
    /// When it is uncertain that the results are stored. A retry with the same results is safe.
    fn append(&mut self, records: &[MatchRecord]) -> impl Future<Output = io::Result<()>> + Send;

    /// Deletes the results of later matches of a restored room; returns the number of deleted results.
    ///
    /// # Errors
    /// When it is uncertain that the results are deleted. A retry is safe.
    fn retract(&mut self, rolled_back: &RolledBack) -> impl Future<Output = io::Result<u64>> + Send;

    /// Closes the sink. Results that `append` returned `Ok` for are stored even when the sink is dropped instead.
    ///
    /// # Errors
    /// When closing failed.
    fn close(self) -> impl Future<Output = io::Result<()>> + Send;
}

/// A store in memory. Clones share the results.
#[derive(Clone, Debug, Default)]
pub struct MemorySink(Arc<Mutex<Vec<MatchRecord>>>);

impl MemorySink {
    /// Returns the stored results.
    #[must_use]
    pub fn records(&self) -> Vec<MatchRecord> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl RecordSink for MemorySink {
    async fn append(&mut self, records: &[MatchRecord]) -> io::Result<()> {
        let mut stored = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            if !stored.iter().any(|other| other.is_same_match(record)) {
                stored.push(record.clone());
            }
        }
        Ok(())
    }

    async fn retract(&mut self, rolled_back: &RolledBack) -> io::Result<u64> {
        let mut stored = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = stored.len();
        stored.retain(|record| !rolled_back.includes(record));
        Ok((before - stored.len()) as u64)
    }

    async fn close(self) -> io::Result<()> {
        Ok(())
    }
}
