//! Journal files. A file is read into memory completely, because a replay jumps back and forth in it.
//!
//! In a file, the parts of a journal are framed as blocks, each with its length and checksum. The journal of an ended room has an End
//! block and a trailer that points to that block. The bytes after the last complete block, if any, are the *tail*: an incomplete write,
//! or damage.

use std::{
    fmt::Display,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use quarrel_shared::{
    journal::{FollowedBy, Journal, JournalError, PlaybackError, Tail, block::MAX_JOURNAL_BYTES},
    tick::{Tick, TickRate},
};

use super::error::ReplayError;

/// The path and the bytes of a file.
pub(super) struct FileBytes {
    path: PathBuf,
    bytes: Vec<u8>,
}

/// A parsed journal and its file.
pub(super) struct OpenedJournal<'a> {
    pub(super) path: &'a Path,
    /// The size of the file in bytes.
    pub(super) bytes: usize,
    pub(super) journal: Journal<'a>,
}

impl FileBytes {
    /// Reads a file of at most [`MAX_JOURNAL_BYTES`].
    pub(super) fn read(path: &Path) -> Result<Self, ReplayError> {
        let error = |reason: &dyn Display| {
            ReplayError::configuration(path, format!("the file cannot be read: {reason}"))
        };
        let file = File::open(path).map_err(|reason| error(&reason))?;
        let mut bytes = Vec::new();
        // One byte above the maximum shows that the file is too large, even when its declared size is wrong.
        file.take(MAX_JOURNAL_BYTES + 1).read_to_end(&mut bytes).map_err(|reason| error(&reason))?;
        if bytes.len() as u64 > MAX_JOURNAL_BYTES {
            return Err(error(&"larger than 4 GiB"));
        }
        Ok(Self { path: path.to_owned(), bytes })
    }

    /// Parses the file as a journal.
    pub(super) fn open(&self) -> Result<OpenedJournal<'_>, ReplayError> {
        let journal =
            Journal::open(&self.bytes).map_err(|error| ReplayError::configuration(&self.path, error))?;
        Ok(OpenedJournal { path: &self.path, bytes: self.bytes.len(), journal })
    }
}

impl OpenedJournal<'_> {
    /// Returns the tick rate of the room.
    pub(super) fn rate(&self) -> TickRate {
        self.journal.header().rate()
    }

    /// Returns the tick of the first checkpoint; 0 without a checkpoint.
    pub(super) fn first_tick(&self) -> Tick {
        self.journal.checkpoints().next().unwrap_or_default()
    }

    /// Returns the first and the last tick that are missing between the last recorded tick and the end of the room; `None` when none is
    /// missing or the room has not ended.
    pub(super) fn missing(&self) -> Option<(Tick, Tick)> {
        let (last, end) = (self.journal.last_playable(), self.journal.end_tick()?);
        (end > last).then(|| (last.next(), end))
    }

    /// Returns the offset of the damage, in bytes; `None` for a journal that is complete or whose last write is incomplete.
    pub(super) fn damaged_at(&self) -> Option<usize> {
        self.journal.tail().filter(Tail::is_damage).map(|tail| tail.offset)
    }

    /// Describes the tail, if there is one.
    pub(super) fn describe_tail(&self) -> Option<String> {
        let Tail { offset, bytes, reason, followed_by } = self.journal.tail()?;
        let last = self.journal.last_playable();
        let damage = match followed_by {
            FollowedBy::Blocks => format!("damaged at byte {offset}: complete blocks follow"),
            FollowedBy::Trailer => {
                format!("damaged at byte {offset}: the trailer of an ended journal follows")
            }
            FollowedBy::Nothing if self.journal.end().is_some() => {
                return Some(format!(
                    "the end of the room is complete, but the {bytes} bytes after it are not a trailer"
                ));
            }
            FollowedBy::Nothing => {
                return Some(format!(
                    "the last {bytes} bytes are not a complete block ({reason}): the writer was killed or is still writing; the journal is read up to tick {last}"
                ));
            }
        };
        Some(format!(
            "{damage}; the last {bytes} bytes are not read ({reason}), and the journal is read up to tick {last}"
        ))
    }
}

/// Converts an error of a journal to a [`ReplayError`] that names the file.
pub(super) trait WithFile<T> {
    /// Adds the path of the file, and a description of the damage if the journal is damaged.
    fn with_file(self, opened: &OpenedJournal<'_>) -> Result<T, ReplayError>;
}

impl<T> WithFile<T> for Result<T, PlaybackError> {
    fn with_file(self, opened: &OpenedJournal<'_>) -> Result<T, ReplayError> {
        self.map_err(|error| of_journal(opened, &error))
    }
}

impl<T> WithFile<T> for Result<T, JournalError> {
    fn with_file(self, opened: &OpenedJournal<'_>) -> Result<T, ReplayError> {
        self.map_err(|error| of_journal(opened, &error))
    }
}

fn of_journal(opened: &OpenedJournal<'_>, error: &dyn Display) -> ReplayError {
    match opened.describe_tail().filter(|_| opened.damaged_at().is_some()) {
        Some(tail) => ReplayError::internal(opened.path, format!("{error}; {tail}")),
        None => ReplayError::configuration(opened.path, error),
    }
}
