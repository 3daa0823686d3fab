//! What a journal's file is called: the run of the server that began it, and the room, so that no two are ever called the same.

use std::{fmt, str::FromStr};

/// A journal's file name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JournalName {
    /// Which run of the server opened the room.
    pub run: u32,
    /// The room's number.
    pub room: u64,
}

/// A file's name is no journal's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a journal is called run-00001-room-000001.journal")]
pub struct NoJournalName;

impl fmt::Display for JournalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run-{:05}-room-{:06}.journal", self.run, self.room)
    }
}

impl FromStr for JournalName {
    type Err = NoJournalName;

    fn from_str(text: &str) -> Result<Self, NoJournalName> {
        let inner = text.strip_prefix("run-").and_then(|rest| rest.strip_suffix(".journal"));
        let (run, room) = inner.and_then(|inner| inner.split_once("-room-")).ok_or(NoJournalName)?;
        let run = run.parse().map_err(|_| NoJournalName)?;
        let room = room.parse().map_err(|_| NoJournalName)?;
        let name = Self { run, room };
        // One spelling each, or two files would be one journal.
        if name.to_string() == text { Ok(name) } else { Err(NoJournalName) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_and_others_are_none() {
        for name in [JournalName { run: 7, room: 12 }, JournalName { run: u32::MAX, room: u64::MAX }] {
            assert_eq!(name.to_string().parse(), Ok(name));
        }
        for other in [
            "",
            "run-1-room-2.journal",
            "run-1-room-2",
            "run--room-.journal",
            "notes.journal",
            "run-1-room-2.journal.txt",
        ] {
            assert_eq!(other.parse::<JournalName>(), Err(NoJournalName), "{other}");
        }
    }
}
