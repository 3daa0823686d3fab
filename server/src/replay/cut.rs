//! `quarrel replay slice`: a part of a journal in a file of its own, the evidence of a moment.

use std::{
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
};

use quarrel_shared::{game::Game, journal::slice::slice, tick::Tick};

use super::{
    Named as _, ReplayError,
    file::Opened,
    info::marks,
    when::{When, lasting},
};
use crate::cli::{ExitCode, Part};

/// Writes the file, and says what is in it.
pub(super) fn cut<G: Game>(
    opened: &Opened<'_>,
    part: &Part,
    output: Option<&Path>,
    out: &mut dyn Write,
) -> Result<ExitCode, ReplayError> {
    let (from, to) = bounds(opened, part)?;
    let cut = slice::<G>(&opened.journal, from, to).named(opened)?;
    let path = output.map_or_else(|| default_path(opened.path, cut.begin, cut.end), Path::to_owned);
    let written = OpenOptions::new().write(true).create_new(true).open(&path);
    let written = written.and_then(|mut file| file.write_all(&cut.bytes).and_then(|()| file.sync_all()));
    written.map_err(|error| ReplayError::of(&path, format!("cannot be written: {error}")))?;
    let (length, bytes) = (lasting(cut.end.since(cut.begin), opened.rate()), cut.bytes.len());
    let (begin, end) = (cut.begin, cut.end);
    writeln!(out, "{}: ticks {begin} to {end} ({length}), {bytes} bytes", path.display())?;
    if begin < from {
        writeln!(
            out,
            "  it begins before tick {from}, at a checkpoint: this build comes to something else than the room did"
        )?;
    } else if begin > from {
        writeln!(out, "  it begins behind tick {from}, which is not in the journal")?;
    }
    Ok(ExitCode::Done)
}

fn bounds(opened: &Opened<'_>, part: &Part) -> Result<(Tick, Tick), ReplayError> {
    let rate = opened.rate();
    let (from, to) = match (part.from, part.to, part.around) {
        (Some(from), Some(to), _) => (from.tick(rate), to.tick(rate)),
        (_, _, Some(number)) => around(opened, number, part.margin)?,
        // The command line was read with one or the other.
        _ => (Tick(0), opened.journal.last_tick()),
    };
    let (first, last) = (opened.first_tick(), opened.journal.last_tick());
    if from > to || from > last || to < first {
        let message =
            format!("no part of it: {from} to {to} was asked for, and it has ticks {first} to {last}");
        return Err(ReplayError::usage(format!("{}: {message}", opened.path.display())));
    }
    Ok((from, to))
}

fn around(opened: &Opened<'_>, number: usize, margin: When) -> Result<(Tick, Tick), ReplayError> {
    let notes = opened.journal.notes().collect::<Result<Vec<_>, _>>().named(opened)?;
    let found = number.checked_sub(1).and_then(|at| marks(&notes).nth(at));
    let Some((mark, _)) = found else {
        let why = match marks(&notes).count() {
            0 => "it has no marks".to_owned(),
            1 => format!("there is no mark {number}: it has mark 1 alone"),
            count => format!("there is no mark {number}: it has marks 1 to {count}"),
        };
        return Err(ReplayError::usage(format!("{}: {why}", opened.path.display())));
    };
    let margin = margin.tick(opened.rate()).0;
    Ok((mark.before(margin), mark.after(margin)))
}

fn default_path(journal: &Path, begin: Tick, end: Tick) -> PathBuf {
    let stem = journal.file_stem().unwrap_or_default().to_string_lossy();
    PathBuf::from(format!("{stem}.{begin}-{end}.journal"))
}
