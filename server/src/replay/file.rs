//! A journal from a disk, whole: it is read where it is needed, forwards and backwards.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use quarrel_shared::{
    journal::{Follows, Journal, Torn, block::JOURNAL_BYTES},
    tick::{Tick, TickRate},
};

use super::ReplayError;

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
        file.take(JOURNAL_BYTES + 1).read_to_end(&mut bytes).map_err(|error| wrong(&error))?;
        if bytes.len() as u64 > JOURNAL_BYTES {
            return Err(wrong(&"it is larger than 4 GiB"));
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

    /// The first and the last tick that are missing before the end.
    pub(super) fn missing(&self) -> Option<(Tick, Tick)> {
        let (last, end) = (self.journal.last_played(), self.journal.end_tick()?);
        (end > last).then(|| (last.next(), end))
    }

    /// Where it is damaged, in bytes from its first.
    pub(super) fn damaged_at(&self) -> Option<usize> {
        self.journal.torn().filter(Torn::is_damage).map(|torn| torn.offset)
    }

    /// What to say of bytes behind the last whole block.
    pub(super) fn tail(&self) -> Option<String> {
        let Torn { offset, bytes, why, follows } = self.journal.torn()?;
        let last = self.journal.last_played();
        let what = match follows {
            Follows::Blocks => format!("damaged at byte {offset}: whole blocks follow"),
            Follows::Trailer => format!("damaged at byte {offset}: the trailer of a whole journal follows"),
            Follows::Nothing if self.journal.end().is_some() => {
                return Some(format!(
                    "the end is whole, and {bytes} bytes are in place of the trailer behind it"
                ));
            }
            Follows::Nothing => {
                return Some(format!(
                    "the last {bytes} bytes are not a whole block ({why}): the writer was ended while it wrote, or writes now; read up to tick {last}"
                ));
            }
        };
        Some(format!("{what}; the last {bytes} bytes are not read ({why}), and it is read up to tick {last}"))
    }
}
