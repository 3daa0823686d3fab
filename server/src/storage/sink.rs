//! The trait of a place for match results, so that a simulated server can keep them in memory.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use super::records::{MatchRecord, RolledBack};

/// A place for match results.
pub trait RecordSink: Send + 'static {
    /// Stores these results, all of them or none; a result that is stored already stays as it is.
    ///
    /// # Errors
    /// When they may not be stored. Trying again is correct and harmless.
    fn append(&mut self, records: &[MatchRecord]) -> impl Future<Output = io::Result<()>> + Send;

    /// Deletes the results that ended in discarded ticks; returns their number.
    ///
    /// # Errors
    /// When they may not be deleted. Trying again is correct and harmless.
    fn retract(&mut self, ticks: &RolledBack) -> impl Future<Output = io::Result<u64>> + Send;

    /// Closes the sink. Appended results are stored without this, too.
    ///
    /// # Errors
    /// When it could not be closed.
    fn close(self) -> impl Future<Output = io::Result<()>> + Send;
}

/// Results in memory, which all clones share.
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

    async fn retract(&mut self, ticks: &RolledBack) -> io::Result<u64> {
        let mut stored = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = stored.len();
        stored.retain(|record| !ticks.includes(record));
        Ok((before - stored.len()) as u64)
    }

    async fn close(self) -> io::Result<()> {
        Ok(())
    }
}
