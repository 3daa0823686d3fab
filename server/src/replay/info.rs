//! `quarrel replay info`: what a journal holds. Nothing is played.

use std::io::Write;

use quarrel_shared::{
    game::Game,
    journal::{Note, block::MAGIC},
    tick::Tick,
};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    Named as _, ReplayError,
    file::Opened,
    sittings::{Sitting, Sittings, sittings},
    text,
    when::lasting,
    write_json,
};
use crate::cli::ExitCode;

/// How many notes and how many sittings are told to people: both, and what stands above them, are a screen or two.
const MOST_LINES: usize = 32;

/// What is known before anybody knows the game.
pub(super) fn write_header(opened: &Opened<'_>, out: &mut dyn Write) -> Result<(), ReplayError> {
    let header = opened.journal.header();
    let (first, last) = (opened.first_tick(), opened.journal.last_played());
    let checksums = match header.checksum_ticks {
        0 => "in checkpoints alone".to_owned(),
        1 => "in every tick".to_owned(),
        n => format!("in one of {n} ticks"),
    };
    let end = opened.journal.end().map_or_else(
        || "none yet: it is still written, or its writer was ended before the room was".to_owned(),
        text::quoted,
    );
    let build = text::quoted(&header.build);
    writeln!(out, "journal      {}, format {}, {} bytes", opened.path.display(), MAGIC[7], opened.bytes)?;
    writeln!(out, "game         {}, revision {}", text::quoted(&header.game), header.revision)?;
    writeln!(out, "settings     {}", header.settings)?;
    writeln!(out, "seed         {}", header.seed)?;
    writeln!(out, "room         {} of run {}, by build {build}", header.room, header.run)?;
    writeln!(out, "opened       {}", moment(header.opened_unix_ms))?;
    writeln!(out, "seats        {}, {} ticks a second", header.seats, header.tick_rate)?;
    writeln!(out, "ticks        {first} to {last}: {}", lasting(last.since(first), opened.rate()))?;
    writeln!(out, "checkpoints  {}, checksums {checksums}", opened.journal.checkpoints().len())?;
    writeln!(out, "end          {end}")?;
    if let Some((from, to)) = opened.missing() {
        writeln!(out, "missing      ticks {from} to {to}: it ended after them, and they were not written")?;
    }
    if let Some(tail) = opened.tail() {
        writeln!(out, "tail         {tail}")?;
    }
    Ok(())
}

/// The rest, or all of it as JSON.
pub(super) fn info<G: Game>(
    opened: &Opened<'_>,
    json: bool,
    out: &mut dyn Write,
) -> Result<ExitCode, ReplayError> {
    let notes = opened.journal.notes().collect::<Result<Vec<_>, _>>().named(opened)?;
    // A game of another revision codes its inputs otherwise: better nothing than nonsense.
    opened.journal.header().setup::<G>().map_err(|error| ReplayError::of(opened.path, error))?;
    let sittings = sittings::<G>(&opened.journal);
    if json {
        write_json(&as_json(opened, &notes, &sittings), out)?;
        return Ok(ExitCode::Done);
    }
    if let Some((minutes, bytes)) = per_player_minute(opened, &sittings) {
        writeln!(
            out,
            "size         {bytes:.0} bytes a player-minute, of {minutes:.1} player-minutes; what bots did is in it"
        )?;
    }
    write_notes(opened, &notes, out)?;
    for Sitting { seat, holder, from, to, left } in sittings.all.iter().take(MOST_LINES) {
        let until = if *left { "" } else { ", and still there" };
        let [begin, end] = [*from, *to].map(|tick| lasting(tick.0, opened.rate()));
        let (seat, who) = (seat.0, text::holder(holder));
        writeln!(out, "seat {seat:<7} {who}, ticks {from} to {to} ({begin} to {end}){until}")?;
    }
    write_more(sittings.all.len(), out)?;
    match sittings.broken {
        Some(error) => Err(ReplayError::of(opened.path, error)),
        None => Ok(ExitCode::Done),
    }
}

/// Every operator's mark, in the order in which `--around` numbers them from 1.
pub(super) fn marks(notes: &[(Tick, Note)]) -> impl Iterator<Item = (Tick, &str)> {
    notes.iter().filter_map(|(tick, note)| match note {
        Note::Mark { reason } => Some((*tick, reason.as_str())),
        _ => None,
    })
}

fn write_notes(opened: &Opened<'_>, notes: &[(Tick, Note)], out: &mut dyn Write) -> Result<(), ReplayError> {
    let mut mark = 0;
    for (tick, note) in notes.iter().take(MOST_LINES) {
        mark += usize::from(matches!(note, Note::Mark { .. }));
        let at = lasting(tick.0, opened.rate());
        writeln!(out, "note         after tick {tick} ({at}): {}", said(note, mark))?;
    }
    write_more(notes.len(), out)
}

/// Says that there were more than were told.
fn write_more(count: usize, out: &mut dyn Write) -> Result<(), ReplayError> {
    if let Some(more) = count.checked_sub(MOST_LINES).filter(|more| *more > 0) {
        writeln!(out, "             and {more} more, which --json tells")?;
    }
    Ok(())
}

fn said(note: &Note, mark: usize) -> String {
    match note {
        Note::Mark { reason } => format!("mark {mark}, {}", text::quoted(reason)),
        Note::Lost { from, to, why } => format!("ticks {from} to {to} are lost: {}", text::quoted(why)),
        Note::Outcome { record } => format!("a match ended, {}", won(record)),
        Note::Saved => "saved by a planned stop, to go on after it".to_owned(),
        Note::Resumed { run, build, unix_ms } => {
            format!("resumed by run {run}, build {}, at {}", text::quoted(build), moment(*unix_ms))
        }
        Note::Sliced { from, to } => format!("cut out of a longer journal, ticks {from} to {to}"),
    }
}

/// Who won, from the record that the storage was handed.
fn won(record: &Value) -> String {
    let seats = record["seats"].as_array().map(Vec::as_slice).unwrap_or_default();
    let winners: Vec<_> = seats
        .iter()
        .filter(|seat| seat["won"] == true)
        .map(|seat| {
            let name = seat["name"].as_str().unwrap_or_default();
            format!("{} on seat {} with {}", text::quoted(name), seat["seat"], seat["score"])
        })
        .collect();
    if winners.is_empty() { "won by nobody".to_owned() } else { format!("won by {}", winners.join(", ")) }
}

/// How many player-minutes there were, and how many bytes each cost.
fn per_player_minute(opened: &Opened<'_>, sittings: &Sittings) -> Option<(f64, f64)> {
    let minutes = sittings.player_ticks as f64 / f64::from(opened.rate().hz()) / 60.0;
    (minutes > 0.0).then(|| (minutes, opened.bytes as f64 / minutes))
}

fn moment(unix_ms: u64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000).ok();
    moment
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{unix_ms} ms after 1970"))
}

fn as_json(opened: &Opened<'_>, notes: &[(Tick, Note)], found: &Sittings) -> Value {
    let (journal, header) = (&opened.journal, opened.journal.header());
    let per_minute = per_player_minute(opened, found);
    let notes: Vec<_> = notes.iter().map(|(tick, note)| json!({ "tick": tick.0, "what": note })).collect();
    let seat = |it: &Sitting| {
        json!({
            "seat": it.seat.0, "who": text::holder_json(&it.holder), "from": it.from.0, "to": it.to.0, "left": it.left,
        })
    };
    json!({
        "file": opened.path.display().to_string(),
        "format": MAGIC[7],
        "header": header,
        "first_tick": opened.first_tick().0,
        "last_tick": journal.last_played().0,
        "ticks": found.ticks,
        "seconds": f64::from(journal.last_played().since(opened.first_tick())) / f64::from(opened.rate().hz()),
        "bytes": opened.bytes,
        "player_minutes": per_minute.map(|(minutes, _)| minutes),
        "bytes_per_player_minute": per_minute.map(|(_, bytes)| bytes),
        "checkpoints": journal.checkpoints().map(|tick| tick.0).collect::<Vec<_>>(),
        "notes": notes,
        "seats": found.all.iter().map(seat).collect::<Vec<_>>(),
        "end": journal.end(),
        "end_tick": journal.end_tick().map(|tick| tick.0),
        "torn_bytes": journal.torn().map(|torn| torn.bytes),
        "damaged_at": opened.damaged_at(),
        "broken": found.broken.as_ref().map(ToString::to_string),
    })
}
