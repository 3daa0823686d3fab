//! `quarrel replay`: commands about a room's journal, which this build plays again.
//!
//! - `file`: reads a journal from a file.
//! - `info`, `occupancy`: describes the content, and who was on each seat.
//! - `verify`: compares the checksums with this build's.
//! - `dump`: prints the room at a tick.
//! - `slice`: cuts out a part as evidence.
//! - `bisect`: finds the first difference of two journals, or of a journal and this build.
//! - `text`: entries and seats as lines and JSON.
//! - `error`: errors and their exit codes.

mod bisect;
mod dump;
mod error;
mod file;
mod info;
mod occupancy;
mod slice;
mod text;
mod verify;

use std::{
    io::Write,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
};

use quarrel_shared::game::Game;

pub use self::error::ReplayError;
use self::file::{FileBytes, OpenedJournal};
use crate::{
    cli::{ReplayVerb, SliceRange},
    exit_code::ExitCode,
    tick_or_time::TickOrTime,
};

/// A game whose journals can be played.
#[derive(Clone, Copy)]
pub struct ReplayGame {
    name: &'static str,
    perform: fn(&Task<'_>, &mut dyn Write) -> Result<ExitCode, ReplayError>,
}

impl ReplayGame {
    /// The commands for the game `G`.
    #[must_use]
    pub fn of<G: Game>() -> Self {
        Self { name: G::NAME, perform: perform::<G> }
    }
}

/// Runs a command and prints the answer to `out`. The exit code is [`Internal`](ExitCode::Internal), 1, when it finds a difference or
/// damage.
///
/// # Errors
/// The reason for a missing answer, with the exit code.
pub fn run(verb: &ReplayVerb, games: &[ReplayGame], out: &mut dyn Write) -> Result<ExitCode, ReplayError> {
    match verb {
        ReplayVerb::Info { file, json } => {
            let bytes = FileBytes::read(file)?;
            let opened = bytes.open()?;
            if *json {
                return play(games, &Task::Info { journal: &opened, json: true }, &opened, out);
            }
            // The header is printed even when this build cannot play the game.
            info::write_header(&opened, out)?;
            play(games, &Task::Info { journal: &opened, json: false }, &opened, out)
        }
        ReplayVerb::Verify { files, json } => verify_all(files, *json, games, out),
        ReplayVerb::Dump { file, tick, json } => {
            let bytes = FileBytes::read(file)?;
            let opened = bytes.open()?;
            play(games, &Task::Dump { journal: &opened, tick: *tick, json: *json }, &opened, out)
        }
        ReplayVerb::Slice { file, part, output } => {
            let bytes = FileBytes::read(file)?;
            let opened = bytes.open()?;
            let task = Task::Slice { journal: &opened, part, output: output.as_deref() };
            play(games, &task, &opened, out)
        }
        ReplayVerb::Bisect { file, other, json } => {
            let bytes = FileBytes::read(file)?;
            let opened = bytes.open()?;
            let other = other.as_deref().map(FileBytes::read).transpose()?;
            let other = other.as_ref().map(FileBytes::open).transpose()?;
            let task = Task::Bisect { journal: &opened, other: other.as_ref(), json: *json };
            play(games, &task, &opened, out)
        }
    }
}

/// A command for one journal.
enum Task<'a> {
    Info { journal: &'a OpenedJournal<'a>, json: bool },
    Verify { journal: &'a OpenedJournal<'a>, json: bool },
    Dump { journal: &'a OpenedJournal<'a>, tick: TickOrTime, json: bool },
    Slice { journal: &'a OpenedJournal<'a>, part: &'a SliceRange, output: Option<&'a Path> },
    Bisect { journal: &'a OpenedJournal<'a>, other: Option<&'a OpenedJournal<'a>>, json: bool },
}

fn perform<G: Game>(task: &Task<'_>, out: &mut dyn Write) -> Result<ExitCode, ReplayError> {
    match *task {
        Task::Info { journal, json } => info::info::<G>(journal, json, out),
        Task::Verify { journal, json } => verify::verify::<G>(journal, json, out),
        Task::Dump { journal, tick, json } => dump::dump::<G>(journal, tick, json, out),
        Task::Slice { journal, part, output } => slice::slice::<G>(journal, part, output, out),
        Task::Bisect { journal, other: None, json } => bisect::single::<G>(journal, json, out),
        Task::Bisect { journal, other: Some(other), json } => bisect::pair::<G>(journal, other, json, out),
    }
}

/// Runs the task with the journal's own game.
fn play(
    games: &[ReplayGame],
    task: &Task<'_>,
    opened: &OpenedJournal<'_>,
    out: &mut dyn Write,
) -> Result<ExitCode, ReplayError> {
    let name = &opened.journal.header().game;
    let Some(game) = games.iter().find(|game| game.name == name) else {
        let names: Vec<_> = games.iter().map(|game| game.name).collect();
        let why = format!("the journal is of the game \"{name}\", and this program has {}", names.join(", "));
        return Err(ReplayError::configuration(opened.path, why));
    };
    let performed = panic::catch_unwind(AssertUnwindSafe(|| (game.perform)(task, out)));
    performed.unwrap_or_else(|_| {
        Err(ReplayError::internal(opened.path, "the game panicked while the journal was played; see above"))
    })
}

/// Verifies all files. A difference in one decides the exit code, then a file that cannot be verified.
fn verify_all(
    files: &[PathBuf],
    json: bool,
    games: &[ReplayGame],
    out: &mut dyn Write,
) -> Result<ExitCode, ReplayError> {
    let (mut differs, mut failed) = (false, None);
    for file in files {
        let verified = FileBytes::read(file).and_then(|bytes| {
            let opened = bytes.open()?;
            play(games, &Task::Verify { journal: &opened, json }, &opened, out)
        });
        match verified {
            Ok(code) => differs |= code != ExitCode::Done,
            Err(ReplayError::Output(error)) => return Err(error.into()),
            Err(error) if files.len() == 1 => return Err(error),
            Err(error) => {
                // Printed in its place among the others, and again as the error of the process.
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
