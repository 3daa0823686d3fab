//! `quarrel replay info`: prints a summary of a journal, without playing the game.

use std::io::Write;

use quarrel_shared::{
    game::Game,
    journal::{Annotation, block::MAGIC},
    tick::Tick,
};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    error::ReplayError,
    file::{OpenedJournal, WithFile as _},
    occupancy::{Occupancy, SeatHistory, seat_history},
    text::{self, write_json},
};
use crate::{exit_code::ExitCode, tick_or_time::format_duration};

/// The maximum number of annotations, and of occupancies of seats, that are printed as text: 64 lines together. JSON has all of them.
const MAX_LINES: usize = 32;

/// Prints the part of the summary that does not depend on the game: header, ticks, checkpoints, end and tail.
pub(super) fn write_header(opened: &OpenedJournal<'_>, out: &mut dyn Write) -> Result<(), ReplayError> {
    let header = opened.journal.header();
    let (first, last) = (opened.first_tick(), opened.journal.last_playable());
    let checksums = match header.checksum_ticks {
        0 => "in checkpoints alone".to_owned(),
        1 => "in every tick".to_owned(),
        n => format!("in one of {n} ticks"),
    };
    let end = opened
        .journal
        .end()
        .map_or_else(|| "none yet: the room still runs, or its server was killed".to_owned(), text::quoted);
    let build = text::quoted(&header.build);
    let version = match header.game_version.as_str() {
        "" => String::new(),
        version => format!(", version {}", text::quoted(version)),
    };
    writeln!(out, "journal      {}, format {}, {} bytes", opened.path.display(), MAGIC[7], opened.bytes)?;
    writeln!(out, "game         {}, revision {}{version}", text::quoted(&header.game), header.revision)?;
    writeln!(out, "settings     {}", header.settings)?;
    writeln!(out, "seed         {}", header.seed)?;
    writeln!(out, "room         {} of run {}, by build {build}", header.room, header.run)?;
    writeln!(out, "identity     {}", header.uid())?;
    writeln!(out, "opened       {}", rfc3339(header.opened_unix_ms))?;
    writeln!(out, "seats        {}, {} ticks a second", header.seats, header.tick_rate)?;
    writeln!(out, "ticks        {first} to {last}: {}", format_duration(last.since(first), opened.rate()))?;
    writeln!(out, "checkpoints  {}, checksums {checksums}", opened.journal.checkpoints().len())?;
    writeln!(out, "end          {end}")?;
    if let Some((from, to)) = opened.missing() {
        writeln!(
            out,
            "missing      ticks {from} to {to}: the room ended after them, and they were not written"
        )?;
    }
    if let Some(tail) = opened.describe_tail() {
        writeln!(out, "tail         {tail}")?;
    }
    Ok(())
}

/// Prints the rest of the summary as text, or the complete summary as JSON.
pub(super) fn info<G: Game>(
    opened: &OpenedJournal<'_>,
    json: bool,
    out: &mut dyn Write,
) -> Result<ExitCode, ReplayError> {
    let annotations = opened.journal.annotations().collect::<Result<Vec<_>, _>>().with_file(opened)?;
    // Checked first, because a game of another revision encodes its inputs differently, so its ticks would be read wrongly.
    opened.journal.header().setup::<G>().map_err(|error| ReplayError::configuration(opened.path, error))?;
    let history = seat_history::<G>(&opened.journal);
    if json {
        write_json(&as_json(opened, &annotations, &history), out)?;
        return Ok(ExitCode::Done);
    }
    if let Some((minutes, bytes)) = per_player_minute(opened, &history) {
        writeln!(
            out,
            "size         {bytes:.0} bytes a player-minute, of {minutes:.1} player-minutes; the bytes include those of bots"
        )?;
    }
    write_annotations(opened, &annotations, out)?;
    for Occupancy { seat, holder, from, to, left } in history.all.iter().take(MAX_LINES) {
        let until = if *left { "" } else { ", still seated" };
        let [begin, end] = [*from, *to].map(|tick| format_duration(tick.0, opened.rate()));
        let (seat, who) = (seat.0, text::holder(holder));
        writeln!(out, "seat {seat:<7} {who}, ticks {from} to {to} ({begin} to {end}){until}")?;
    }
    write_more(history.all.len(), out)?;
    match history.broken {
        Some(error) => Err(ReplayError::configuration(opened.path, error)),
        None => Ok(ExitCode::Done),
    }
}

/// Returns every operator's mark, in the order in which `--around` numbers them from 1.
pub(super) fn marks(annotations: &[(Tick, Annotation)]) -> impl Iterator<Item = (Tick, &str)> {
    annotations.iter().filter_map(|(tick, annotation)| match annotation {
        Annotation::Mark { reason } => Some((*tick, reason.as_str())),
        _ => None,
    })
}

/// Prints the annotations, one per line.
fn write_annotations(
    opened: &OpenedJournal<'_>,
    annotations: &[(Tick, Annotation)],
    out: &mut dyn Write,
) -> Result<(), ReplayError> {
    let mut mark_number = 0;
    for (tick, annotation) in annotations.iter().take(MAX_LINES) {
        mark_number += usize::from(matches!(annotation, Annotation::Mark { .. }));
        let at = format_duration(tick.0, opened.rate());
        writeln!(out, "note         after tick {tick} ({at}): {}", describe(annotation, mark_number))?;
    }
    write_more(annotations.len(), out)
}

/// Prints how many of `count` lines were left out, if any.
fn write_more(count: usize, out: &mut dyn Write) -> Result<(), ReplayError> {
    if let Some(more) = count.checked_sub(MAX_LINES).filter(|more| *more > 0) {
        writeln!(out, "             and {more} more; --json prints all")?;
    }
    Ok(())
}

/// Describes an annotation; `mark_number` is the number of a mark.
fn describe(annotation: &Annotation, mark_number: usize) -> String {
    match annotation {
        Annotation::Mark { reason } => format!("mark {mark_number}, {}", text::quoted(reason)),
        Annotation::Lost { from, to, why } => format!("ticks {from} to {to} are lost: {}", text::quoted(why)),
        Annotation::Outcome { record } => format!("a match ended, {}", describe_winners(record)),
        Annotation::Saved => "saved by a planned stop, to be restored".to_owned(),
        Annotation::Resumed { run, build, unix_ms } => {
            format!("resumed by run {run}, build {}, at {}", text::quoted(build), rfc3339(*unix_ms))
        }
        Annotation::Sliced { from, to } => format!("cut out of a longer journal, ticks {from} to {to}"),
    }
}

/// Describes the winners of a match. `record` is the match record as JSON, as [`MatchRecord`](crate::storage::MatchRecord) serializes.
fn describe_winners(record: &Value) -> String {
    let seats = record["seats"].as_array().map(Vec::as_slice).unwrap_or_default();
    let winners: Vec<_> = seats
        .iter()
        .filter(|seat| seat["won"] == true)
        .map(|seat| {
            let name = seat["name"].as_str().unwrap_or_default();
            format!("{} on seat {} with {}", text::quoted(name), seat["seat"], seat["score"])
        })
        .collect();
    if winners.is_empty() { "without a winner".to_owned() } else { format!("won by {}", winners.join(", ")) }
}

/// Returns the number of player-minutes, and the size of the file in bytes per player-minute; `None` without players.
fn per_player_minute(opened: &OpenedJournal<'_>, history: &SeatHistory) -> Option<(f64, f64)> {
    let minutes = history.player_ticks as f64 / f64::from(opened.rate().hz()) / 60.0;
    (minutes > 0.0).then(|| (minutes, opened.bytes as f64 / minutes))
}

/// Formats a time in UTC, or as milliseconds when it is outside of the calendar's range.
fn rfc3339(unix_ms: u64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| format!("{unix_ms} ms after 1970"))
}

fn as_json(opened: &OpenedJournal<'_>, annotations: &[(Tick, Annotation)], found: &SeatHistory) -> Value {
    let (journal, header) = (&opened.journal, opened.journal.header());
    let per_minute = per_player_minute(opened, found);
    let annotations: Vec<_> = annotations
        .iter()
        .map(|(tick, annotation)| json!({ "tick": tick.0, "annotation": annotation }))
        .collect();
    let seat = |it: &Occupancy| {
        json!({
            "seat": it.seat.0, "holder": text::holder_json(&it.holder), "from": it.from.0, "to": it.to.0, "left": it.left,
        })
    };
    json!({
        "file": opened.path.display().to_string(),
        "format": MAGIC[7],
        "header": header,
        "first_tick": opened.first_tick().0,
        "last_tick": journal.last_playable().0,
        "ticks": found.ticks,
        "seconds": f64::from(journal.last_playable().since(opened.first_tick())) / f64::from(opened.rate().hz()),
        "bytes": opened.bytes,
        "player_minutes": per_minute.map(|(minutes, _)| minutes),
        "bytes_per_player_minute": per_minute.map(|(_, bytes)| bytes),
        "checkpoints": journal.checkpoints().map(|tick| tick.0).collect::<Vec<_>>(),
        "annotations": annotations,
        "seats": found.all.iter().map(seat).collect::<Vec<_>>(),
        "end": journal.end(),
        "end_tick": journal.end_tick().map(|tick| tick.0),
        "torn_bytes": journal.tail().map(|tail| tail.bytes),
        "damaged_at": opened.damaged_at(),
        "broken": found.broken.as_ref().map(ToString::to_string),
    })
}
