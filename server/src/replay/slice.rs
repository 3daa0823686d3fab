//! `quarrel replay slice`: copies a part of a journal (a slice) into a file of its own, as evidence.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process,
};

use quarrel_shared::{game::Game, journal::slice as journal_slice, tick::Tick};

use super::{
    error::ReplayError,
    file::{OpenedJournal, WithFile as _},
    info::marks,
};
use crate::{
    cli::SliceRange,
    exit_code::ExitCode,
    tick_or_time::{TickOrTime, format_duration},
};

/// Writes the slice to a file, and prints the path and the ticks of the slice.
pub(super) fn slice<G: Game>(
    opened: &OpenedJournal<'_>,
    part: &SliceRange,
    output: Option<&Path>,
    out: &mut dyn Write,
) -> Result<ExitCode, ReplayError> {
    let (from, to) = bounds(opened, part)?;
    let cut = journal_slice::slice::<G>(&opened.journal, from, to).with_file(opened)?;
    let path = output.map_or_else(|| default_path(opened.path, cut.begin, cut.end), Path::to_owned);
    if exists(&path) {
        return Err(ReplayError::usage(&path, "the file exists already: name another with -o"));
    }
    write(&path, &cut.bytes)
        .map_err(|error| ReplayError::internal(&path, format!("the file cannot be written: {error}")))?;
    let (length, bytes) = (format_duration(cut.end.since(cut.begin), opened.rate()), cut.bytes.len());
    let (begin, end) = (cut.begin, cut.end);
    writeln!(out, "{}: ticks {begin} to {end} ({length}), {bytes} bytes", path.display())?;
    if begin < from {
        writeln!(
            out,
            "  the slice begins before tick {from}, at a checkpoint: this build does not reproduce the journal up to that tick"
        )?;
    } else if begin > from {
        writeln!(out, "  the slice begins after tick {from}, which is missing from the journal")?;
    }
    if let Some(tail) = opened.describe_tail() {
        writeln!(out, "  {}: {tail}", opened.path.display())?;
    }
    Ok(ExitCode::Done)
}

/// Writes the file completely or not at all. Only the owner may read the file, because it contains players' names and actions.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}.tmp", process::id()));
    let unfinished = PathBuf::from(unfinished);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    let written = written.and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // The error of writing is returned, even if the temporary file cannot be removed either.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// Whether the path exists; a symbolic link without a target exists, too.
fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Returns the requested first and last tick: the slice has the state after the first and the ticks up to the last.
fn bounds(opened: &OpenedJournal<'_>, part: &SliceRange) -> Result<(Tick, Tick), ReplayError> {
    let rate = opened.rate();
    let (from, to) = match (part.from, part.to, part.around) {
        (Some(from), Some(to), _) => (from.tick(rate), to.tick(rate)),
        (_, _, Some(number)) => around(opened, number, part.margin)?,
        // Not reached, because the command line requires `--from` and `--to`, or `--around`.
        _ => (Tick(0), opened.journal.last_playable()),
    };
    let (first, last) = (opened.first_tick(), opened.journal.last_playable());
    if from > to || from > last || to < first {
        let message =
            format!("no tick from {from} to {to} is recorded: the journal has ticks {first} to {last}");
        return Err(ReplayError::usage(opened.path, message));
    }
    Ok((from, to))
}

/// Returns the ticks from `margin` before the mark of this number to `margin` after it.
fn around(
    opened: &OpenedJournal<'_>,
    number: usize,
    margin: TickOrTime,
) -> Result<(Tick, Tick), ReplayError> {
    let annotations = opened.journal.annotations().collect::<Result<Vec<_>, _>>().with_file(opened)?;
    let found = number.checked_sub(1).and_then(|at| marks(&annotations).nth(at));
    let Some((mark, _)) = found else {
        let reason = match marks(&annotations).count() {
            0 => "the journal has no marks".to_owned(),
            1 => format!("there is no mark {number}: the journal has only mark 1"),
            count => format!("there is no mark {number}: the journal has marks 1 to {count}"),
        };
        return Err(ReplayError::usage(opened.path, reason));
    };
    let margin = margin.tick(opened.rate()).0;
    Ok((mark.before(margin), mark.after(margin)))
}

/// Returns the path of the slice when the command line gives none: in the current folder.
fn default_path(journal: &Path, begin: Tick, end: Tick) -> PathBuf {
    let mut name = journal.file_stem().unwrap_or_default().to_owned();
    name.push(format!(".{begin}-{end}.journal"));
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_the_owner_may_read_a_slice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.journal");
        write(&path, b"evidence").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"evidence");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_slice_that_cannot_be_written_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        // A file cannot replace a folder, so the rename, the last step, fails.
        let path = folder.path().join("a.journal");
        fs::create_dir(&path).unwrap();
        write(&path, b"evidence").unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "only the folder is left");
    }
}
