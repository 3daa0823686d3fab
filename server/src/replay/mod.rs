//! `quarrel replay`: what a room's journal says, played again by this build.
//!
//! - `file`: a journal from a disk.
//! - `when`: a tick, or a time since the room opened.
//! - `info`, `sittings`: what it holds, and who sat where.
//! - `verify`: whether this build comes to the same.
//! - `dump`: a room at a tick.
//! - `cut`: a part of it, as evidence.
//! - `bisect`: where two journals, or a journal and this build, part.
//! - `text`: entries and seats as lines.

mod bisect;
mod cut;
mod dump;
mod file;
mod info;
mod sittings;
mod text;
mod verify;
mod when;

use std::{
    fmt::Display,
    io::{self, Write},
    panic::{self, AssertUnwindSafe},
    path::Path,
};

use quarrel_shared::{
    game::Game,
    journal::{JournalError, PlaybackError},
};

use self::file::{Bytes, Opened};
pub use self::when::{When, WhenError};
use crate::cli::{ExitCode, ReplayVerb, SliceRange};

/// One game whose journals can be played.
#[derive(Clone, Copy)]
pub struct ReplayGame {
    name: &'static str,
    perform: fn(&Task<'_>, &mut dyn Write) -> Result<ExitCode, ReplayError>,
}

impl ReplayGame {
    /// This game.
    #[must_use]
    pub fn of<G: Game>() -> Self {
        Self { name: G::NAME, perform: perform::<G> }
    }
}

/// Why nothing, or no more, was answered.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It is told on the error stream, and is the process's exit code.
    #[error("{message}")]
    Failed {
        /// The exit code.
        code: ExitCode,
        /// What to do, for people.
        message: String,
    },
    /// Nobody reads the answer any more.
    #[error("nobody reads the answer")]
    Output(#[from] io::Error),
}

impl ReplayError {
    fn of(path: &Path, why: impl ToString) -> Self {
        let message = format!("{}: {}", path.display(), why.to_string());
        Self::Failed { code: ExitCode::Configuration, message }
    }

    /// Of what the machine is to blame for, or the file, and nobody who wrote the command line.
    fn broken(path: &Path, why: impl ToString) -> Self {
        let message = format!("{}: {}", path.display(), why.to_string());
        Self::Failed { code: ExitCode::Internal, message }
    }

    fn usage(message: impl Into<String>) -> Self {
        Self::Failed { code: ExitCode::Usage, message: message.into() }
    }
}

/// Answers on `out`; the exit code is [`Internal`](ExitCode::Internal), 1, where a difference or damage was found.
///
/// # Errors
/// Why it cannot, with the code to exit with.
pub fn run(verb: &ReplayVerb, games: &[ReplayGame], out: &mut dyn Write) -> Result<ExitCode, ReplayError> {
    match verb {
        ReplayVerb::Info { file, json } => {
            let bytes = Bytes::read(file)?;
            let opened = bytes.open()?;
            if *json {
                return play(games, &Task::Info { journal: &opened, json: true }, &opened, out);
            }
            // What the header says is told even of a game that this build cannot play.
            info::write_header(&opened, out)?;
            play(games, &Task::Info { journal: &opened, json: false }, &opened, out)
        }
        ReplayVerb::Verify { files, json } => verify_all(files, *json, games, out),
        ReplayVerb::Dump { file, tick, json } => {
            let bytes = Bytes::read(file)?;
            let opened = bytes.open()?;
            play(games, &Task::Dump { journal: &opened, tick: *tick, json: *json }, &opened, out)
        }
        ReplayVerb::Slice { file, part, output } => {
            let bytes = Bytes::read(file)?;
            let opened = bytes.open()?;
            let task = Task::Slice { journal: &opened, part, output: output.as_deref() };
            play(games, &task, &opened, out)
        }
        ReplayVerb::Bisect { file, other, json } => {
            let bytes = Bytes::read(file)?;
            let opened = bytes.open()?;
            let other = other.as_deref().map(Bytes::read).transpose()?;
            let other = other.as_ref().map(Bytes::open).transpose()?;
            let task = Task::Bisect { journal: &opened, other: other.as_ref(), json: *json };
            play(games, &task, &opened, out)
        }
    }
}

/// What a game is to do with a journal.
enum Task<'a> {
    Info { journal: &'a Opened<'a>, json: bool },
    Verify { journal: &'a Opened<'a>, json: bool },
    Dump { journal: &'a Opened<'a>, tick: When, json: bool },
    Slice { journal: &'a Opened<'a>, part: &'a SliceRange, output: Option<&'a Path> },
    Bisect { journal: &'a Opened<'a>, other: Option<&'a Opened<'a>>, json: bool },
}

fn perform<G: Game>(task: &Task<'_>, out: &mut dyn Write) -> Result<ExitCode, ReplayError> {
    match *task {
        Task::Info { journal, json } => info::info::<G>(journal, json, out),
        Task::Verify { journal, json } => verify::verify::<G>(journal, json, out),
        Task::Dump { journal, tick, json } => dump::dump::<G>(journal, tick, json, out),
        Task::Slice { journal, part, output } => cut::cut::<G>(journal, part, output, out),
        Task::Bisect { journal, other: None, json } => bisect::alone::<G>(journal, json, out),
        Task::Bisect { journal, other: Some(other), json } => bisect::pair::<G>(journal, other, json, out),
    }
}

/// Has the journal's own game perform the task.
fn play(
    games: &[ReplayGame],
    task: &Task<'_>,
    opened: &Opened<'_>,
    out: &mut dyn Write,
) -> Result<ExitCode, ReplayError> {
    let wanted = &opened.journal.header().game;
    let Some(game) = games.iter().find(|game| game.name == wanted) else {
        let names: Vec<_> = games.iter().map(|game| game.name).collect();
        let why = format!("it is a journal of \"{wanted}\", and this program holds {}", names.join(", "));
        return Err(ReplayError::of(opened.path, why));
    };
    let performed = panic::catch_unwind(AssertUnwindSafe(|| (game.perform)(task, out)));
    performed.unwrap_or_else(|_| {
        let message = format!("{}: the game panicked while it played this; see above", opened.path.display());
        Err(ReplayError::Failed { code: ExitCode::Internal, message })
    })
}

/// All of them, whatever becomes of one: a difference outweighs a file that is no journal, and that one a file that is right.
fn verify_all(
    files: &[std::path::PathBuf],
    json: bool,
    games: &[ReplayGame],
    out: &mut dyn Write,
) -> Result<ExitCode, ReplayError> {
    let (mut differs, mut failed) = (false, None);
    for file in files {
        let verified = Bytes::read(file).and_then(|bytes| {
            let opened = bytes.open()?;
            play(games, &Task::Verify { journal: &opened, json }, &opened, out)
        });
        match verified {
            Ok(code) => differs |= code != ExitCode::Done,
            Err(ReplayError::Output(error)) => return Err(error.into()),
            Err(error) if files.len() == 1 => return Err(error),
            Err(error) => {
                // Told at its place among the others, and once more as what the process ends with.
                if !json {
                    writeln!(out, "{error}")?;
                }
                failed.get_or_insert(error);
            }
        }
    }
    match failed {
        _ if differs => Ok(ExitCode::Internal),
        Some(error) => Err(error),
        None => Ok(ExitCode::Done),
    }
}

/// What is wrong with a journal, with its name.
trait Named<T> {
    fn named(self, opened: &Opened<'_>) -> Result<T, ReplayError>;
}

impl<T> Named<T> for Result<T, PlaybackError> {
    fn named(self, opened: &Opened<'_>) -> Result<T, ReplayError> {
        self.map_err(|error| named(opened, &error))
    }
}

impl<T> Named<T> for Result<T, JournalError> {
    fn named(self, opened: &Opened<'_>) -> Result<T, ReplayError> {
        self.map_err(|error| named(opened, &error))
    }
}

fn named(opened: &Opened<'_>, error: &dyn Display) -> ReplayError {
    match opened.tail().filter(|_| opened.damaged_at().is_some()) {
        Some(tail) => ReplayError::broken(opened.path, format!("{error}; {tail}")),
        None => ReplayError::of(opened.path, error),
    }
}

/// One JSON object on a line of its own.
fn write_json(value: &serde_json::Value, out: &mut dyn Write) -> Result<(), ReplayError> {
    Ok(writeln!(out, "{value}")?)
}
