//! A journal from a disk, whole: it is read where it is needed, forwards and backwards.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use quarrel_shared::{
    journal::Journal,
    tick::{Tick, TickRate},
};

use super::ReplayError;

/// The most that is read into memory: a room of sixteen would have to play for months to write as much.
const MOST_BYTES: u64 = 4 << 30;

/// A file's bytes.
pub(super) struct Bytes {
    path: PathBuf,
    bytes: Vec<u8>,
}

/// A journal and where it came from.
pub(super) struct Opened<'a> {
    pub(super) path: &'a Path,
    pub(super) bytes: usize,
    pub(super) journal: Journal<'a>,
}

impl Bytes {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Self, ReplayError> {
        let wrong = |why: &dyn std::fmt::Display| ReplayError::of(path, format!("cannot be read: {why}"));
        let file = File::open(path).map_err(|error| wrong(&error))?;
        let mut bytes = Vec::new();
        // One byte more than there may be shows that there is more, whatever the file's size says.
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| wrong(&error))?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(wrong(&"it is larger than 4 GiB, and no journal is"));
        }
        Ok(Self { path: path.to_owned(), bytes })
    }

    /// As a journal.
    pub(super) fn open(&self) -> Result<Opened<'_>, ReplayError> {
        let journal = Journal::open(&self.bytes).map_err(|error| ReplayError::of(&self.path, error))?;
        Ok(Opened { path: &self.path, bytes: self.bytes.len(), journal })
    }
}

impl Opened<'_> {
    /// Steps a second.
    pub(super) fn rate(&self) -> TickRate {
        self.journal.header().rate()
    }

    /// After which tick it begins.
    pub(super) fn first_tick(&self) -> Tick {
        self.journal.checkpoints().next().unwrap_or_default()
    }

    /// What to say of bytes behind the last whole block.
    pub(super) fn tail(&self) -> Option<String> {
        let torn = self.journal.torn()?;
        Some(format!(
            "the last {} bytes are not a whole block ({}): the writer was ended while it wrote, or writes now; read up to tick {}",
            torn.bytes,
            torn.why,
            self.journal.last_tick()
        ))
    }
}
