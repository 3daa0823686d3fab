//! `quarrel replay slice`: a part of a journal in a file of its own, the evidence of a moment.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process,
};

use quarrel_shared::{game::Game, journal::slice::slice, tick::Tick};

use super::{
    Named as _, ReplayError,
    file::Opened,
    info::marks,
    when::{When, lasting},
};
use crate::cli::{ExitCode, SliceRange};

/// Writes the file, and says what is in it.
pub(super) fn cut<G: Game>(
    opened: &Opened<'_>,
    part: &SliceRange,
    output: Option<&Path>,
    out: &mut dyn Write,
) -> Result<ExitCode, ReplayError> {
    let (from, to) = bounds(opened, part)?;
    let cut = slice::<G>(&opened.journal, from, to).named(opened)?;
    let path = output.map_or_else(|| default_path(opened.path, cut.begin, cut.end), Path::to_owned);
    if is_there(&path) {
        return Err(ReplayError::usage(format!(
            "{}: it is there already: name another with -o",
            path.display()
        )));
    }
    write(&path, &cut.bytes)
        .map_err(|error| ReplayError::broken(&path, format!("cannot be written: {error}")))?;
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
    if let Some(tail) = opened.tail() {
        writeln!(out, "  {}: {tail}", opened.path.display())?;
    }
    Ok(ExitCode::Done)
}

/// All of it or nothing, and for its owner alone: what players did is in it.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(format!(".{}.tmp", process::id()));
    let unfinished = PathBuf::from(unfinished);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    let written = written.and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // The first error is told; whoever cannot write may not be able to remove either.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// A link that leads nowhere is there too.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn bounds(opened: &Opened<'_>, part: &SliceRange) -> Result<(Tick, Tick), ReplayError> {
    let rate = opened.rate();
    let (from, to) = match (part.from, part.to, part.around) {
        (Some(from), Some(to), _) => (from.tick(rate), to.tick(rate)),
        (_, _, Some(number)) => around(opened, number, part.margin)?,
        // The command line was read with one or the other.
        _ => (Tick(0), opened.journal.last_played()),
    };
    let (first, last) = (opened.first_tick(), opened.journal.last_played());
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_slice_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.journal");
        write(&path, b"evidence").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"evidence");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "and nothing is left beside it");
    }

    #[test]
    fn a_slice_that_cannot_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        // A file cannot take the place of a folder, so that writing it fails at its last step.
        let path = folder.path().join("a.journal");
        fs::create_dir(&path).unwrap();
        write(&path, b"evidence").unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "only the folder is there");
    }
}
