//! The file names of journals. A name has the number of the server's run that opened the room, and the room's id, so that all names in
//! a data directory differ.

use std::{fmt, str::FromStr};

/// The file name of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JournalName {
    /// The number of the server's run that opened the room. Later runs that restore the room continue the same file.
    pub run: u32,
    /// The room's id.
    pub room: u64,
}

/// The error of parsing a file name that is not the name of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of a journal has the form run-00001-room-000001.journal")]
pub struct NotAJournalName;

impl fmt::Display for JournalName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run-{:05}-room-{:06}.journal", self.run, self.room)
    }
}

impl FromStr for JournalName {
    type Err = NotAJournalName;

    fn from_str(text: &str) -> Result<Self, NotAJournalName> {
        let inner = text.strip_prefix("run-").and_then(|rest| rest.strip_suffix(".journal"));
        let (run, room) = inner.and_then(|inner| inner.split_once("-room-")).ok_or(NotAJournalName)?;
        let run = run.parse().map_err(|_| NotAJournalName)?;
        let room = room.parse().map_err(|_| NotAJournalName)?;
        let name = Self { run, room };
        // Only the exact spelling is accepted, because otherwise two files could have the same name.
        if name.to_string() == text { Ok(name) } else { Err(NotAJournalName) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_parsed_back_and_other_names_are_rejected() {
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
            assert_eq!(other.parse::<JournalName>(), Err(NotAJournalName), "{other}");
        }
    }
}
