//! Where records go. Handed in, so that a simulated server keeps them in memory.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use super::records::MatchRecord;

/// A place for records.
pub trait RecordSink: Send + 'static {
    /// Keeps these, in order.
    ///
    /// # Errors
    /// When they may not have been kept.
    fn append(&mut self, records: &[MatchRecord]) -> io::Result<()>;

    /// Makes sure that what was kept outlives the machine, as far as that can be done.
    ///
    /// # Errors
    /// When it may not.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file with one JSON object a line, which every tool reads and a torn last line does not spoil.
#[derive(Debug)]
pub struct JsonLines {
    file: File,
    /// Whether the last append may have ended in the middle of a line.
    torn: bool,
}

impl JsonLines {
    /// Opens `matches.jsonl` in the data directory, behind what is there.
    ///
    /// # Errors
    /// When it cannot be opened for writing.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(data_dir.join("matches.jsonl"))
            .map(|file| Self { file, torn: false })
    }
}

impl RecordSink for JsonLines {
    fn append(&mut self, records: &[MatchRecord]) -> io::Result<()> {
        // A line of its own for what comes after a failed append, or both would be lost.
        let mut lines = if self.torn { vec![b'\n'] } else { Vec::new() };
        for record in records {
            serde_json::to_writer(&mut lines, record)?;
            lines.push(b'\n');
        }
        let written = self.file.write_all(&lines);
        self.torn = written.is_err();
        written
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
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
    fn append(&mut self, records: &[MatchRecord]) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(records);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}
