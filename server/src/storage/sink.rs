//! Where records go. Handed in, so that a simulated server keeps them in memory.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use super::records::{MatchRecord, Undone};

/// A place for records.
pub trait RecordSink: Send + 'static {
    /// Keeps these, all of them or none; one that is kept already stays as it is.
    ///
    /// # Errors
    /// When they may not have been kept. Trying again is right, and harmless.
    fn append(&mut self, records: &[MatchRecord]) -> impl Future<Output = io::Result<()>> + Send;

    /// Forgets what did not come to be. How many results that were.
    ///
    /// # Errors
    /// When they may not have been forgotten. Trying again is right, and harmless.
    fn retract(&mut self, undone: &Undone) -> impl Future<Output = io::Result<u64>> + Send;

    /// Leaves the place as others like to find it. What was appended is kept without this, too.
    ///
    /// # Errors
    /// When it is left as it was.
    fn close(self) -> impl Future<Output = io::Result<()>> + Send;
}

/// Memory that its maker can read.
#[derive(Clone, Debug, Default)]
pub struct MemorySink(Arc<Mutex<Vec<MatchRecord>>>);

impl MemorySink {
    /// What was kept so far.
    #[must_use]
    pub fn records(&self) -> Vec<MatchRecord> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl RecordSink for MemorySink {
    async fn append(&mut self, records: &[MatchRecord]) -> io::Result<()> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            if !kept.iter().any(|other| other.is_same_match(record)) {
                kept.push(record.clone());
            }
        }
        Ok(())
    }

    async fn retract(&mut self, undone: &Undone) -> io::Result<u64> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = kept.len();
        kept.retain(|record| !undone.includes(record));
        Ok((before - kept.len()) as u64)
    }

    async fn close(self) -> io::Result<()> {
        Ok(())
    }
}
