//! `quarrel replay`: commands that inspect a journal or play it again with this build of the game. The parts of a journal are described in
//! [`quarrel_shared::journal`].
//!
//! - `file`: reads a journal from a file.
//! - `info`, `occupancy`: describe the content, and who was on each seat.
//! - `verify`: compares the recorded checksums with those of this build.
//! - `dump`: prints the room at a tick.
//! - `slice`: copies a part to a file of its own, as evidence.
//! - `bisect`: finds the first difference of two journals, or of a journal and its replay.
//! - `text`: entries and seats as lines of text and as JSON.
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

/// A game whose journals this binary can play.
#[derive(Clone, Copy)]
pub struct ReplayGame {
    name: &'static str,
    perform: fn(&Task<'_>, &mut dyn Write) -> Result<ExitCode, ReplayError>,
}

impl ReplayGame {
    /// Creates the entry of the game `G`.
    #[must_use]
    pub fn of<G: Game>() -> Self {
        Self { name: G::NAME, perform: perform::<G> }
    }
}

/// Runs a command and prints its result to `out`. The exit code is [`Internal`](ExitCode::Internal), 1, when `verify` or `bisect` finds a
/// difference or damage.
///
/// # Errors
/// When the command has no result or only a part of it; the error has the reason and the exit code.
pub fn run(verb: &ReplayVerb, games: &[ReplayGame], out: &mut dyn Write) -> Result<ExitCode, ReplayError> {
    match verb {
        ReplayVerb::Info { file, json } => {
            let bytes = FileBytes::read(file)?;
            let opened = bytes.open()?;
            if *json {
                return play(games, &Task::Info { journal: &opened, json: true }, &opened, out);
            }
            // The header is printed even when this program does not have the journal's game.
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

/// A command that needs the journal's game.
enum Task<'a> {
    Info { journal: &'a OpenedJournal<'a>, json: bool },
    Verify { journal: &'a OpenedJournal<'a>, json: bool },
    Dump { journal: &'a OpenedJournal<'a>, tick: TickOrTime, json: bool },
    Slice { journal: &'a OpenedJournal<'a>, part: &'a SliceRange, output: Option<&'a Path> },
    Bisect { journal: &'a OpenedJournal<'a>, other: Option<&'a OpenedJournal<'a>>, json: bool },
}

/// Runs the task with the game `G`.
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

/// Runs the task with the game that the journal names. A panic of the game becomes an error.
fn play(
    games: &[ReplayGame],
    task: &Task<'_>,
    opened: &OpenedJournal<'_>,
    out: &mut dyn Write,
) -> Result<ExitCode, ReplayError> {
    let name = &opened.journal.header().game;
    let Some(game) = games.iter().find(|game| game.name == name) else {
        let names: Vec<_> = games.iter().map(|game| game.name).collect();
        let reason =
            format!("the journal is of the game \"{name}\", and this program has {}", names.join(", "));
        return Err(ReplayError::configuration(opened.path, reason));
    };
    let performed = panic::catch_unwind(AssertUnwindSafe(|| (game.perform)(task, out)));
    performed.unwrap_or_else(|_| {
        Err(ReplayError::internal(
            opened.path,
            "the game panicked while the journal was played; see the panic message above",
        ))
    })
}

/// Verifies all files. The exit code is 1 when any journal differs or is damaged; otherwise the first file that cannot be verified gives
/// the error.
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
                // Printed in the order of the files, and the first error again as the error of the process.
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
