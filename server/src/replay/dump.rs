//! `quarrel replay dump`: a room as it was after a tick.

use std::io::Write;

use quarrel_shared::{
    game::{Game, fields_of},
    journal::{Holder, Playback, Played, TickRecord},
};
use serde_json::{Map, Value, json};

use super::{
    Named as _, ReplayError,
    file::Opened,
    text,
    when::{When, lasting},
    write_json,
};
use crate::cli::ExitCode;

/// Plays from the last checkpoint before the tick to it, and prints everything.
pub(super) fn dump<G: Game>(
    opened: &Opened<'_>,
    when: When,
    json: bool,
    out: &mut dyn Write,
) -> Result<ExitCode, ReplayError> {
    let tick = when.tick(opened.rate());
    let journal = &opened.journal;
    let wrong = |why: String| ReplayError::usage(format!("{}: {why}", opened.path.display()));
    if tick > journal.last_tick() {
        let (last, time) = (journal.last_tick(), lasting(journal.last_tick().0, opened.rate()));
        return Err(wrong(format!("tick {tick} is past its end: its last tick is {last} ({time})")));
    }
    let segment = journal.segment_before(tick);
    let before = || {
        wrong(format!("tick {tick} is before its beginning: it begins after tick {}", opened.first_tick()))
    };
    let segment = segment.ok_or_else(before)?;
    // A checkpoint has no entries of its own tick; those are at the end of the segment before.
    let whole =
        if journal.checkpoints().nth(segment) == Some(tick) { segment.saturating_sub(1) } else { segment };
    let mut playback = Playback::<G>::from_segment(journal, whole).named(opened)?;
    let (mut record, mut is_right) = (None, true);
    while playback.tick() < tick {
        let Some(played) = playback.next_tick().named(opened)? else { break };
        is_right &= !matches!(played, Played::Diverged(_));
        record = played.into_record();
    }
    if whole < segment {
        // The room's own state, should this build have come to another, or should what led to it be lost.
        record = record.filter(|_| playback.tick() == tick);
        playback = Playback::from_segment(journal, segment).named(opened)?;
        is_right = true;
    }
    if playback.tick() != tick {
        let last = playback.tick();
        return Err(wrong(format!("tick {tick} is lost: the last before it is {last}")));
    }
    if json {
        write_json(&as_json(&mut playback, record.as_ref(), is_right), out)?;
    } else {
        write_text(opened, &mut playback, record.as_ref(), out)?;
        if !is_right {
            writeln!(
                out,
                "this is what this build comes to: the journal's checksums say that the room had something else"
            )?;
        }
    }
    Ok(ExitCode::Done)
}

fn write_text<G: Game>(
    opened: &Opened<'_>,
    playback: &mut Playback<'_, G>,
    record: Option<&TickRecord<G::Input>>,
    out: &mut dyn Write,
) -> Result<(), ReplayError> {
    let (tick, checksum) = (playback.tick(), playback.checksum());
    writeln!(out, "tick {tick} ({}), checksum {checksum}", lasting(tick.0, opened.rate()))?;
    for (seat, holder) in seated(playback.holders()) {
        writeln!(out, "seat {seat}: {}", text::holder(holder))?;
    }
    for (id, entity) in playback.game().entities().iter() {
        writeln!(out, "entity {id}: {entity:?}")?;
    }
    match record {
        Some(record) => {
            for line in text::entries(record) {
                writeln!(out, "entry: {line}")?;
            }
        }
        None => writeln!(out, "what went into this tick is not in the journal")?,
    }
    Ok(())
}

fn as_json<G: Game>(
    playback: &mut Playback<'_, G>,
    record: Option<&TickRecord<G::Input>>,
    is_right: bool,
) -> Value {
    let checksum = playback.checksum().to_string();
    let entities: Vec<_> = playback
        .game()
        .entities()
        .iter()
        .map(|(id, entity)| {
            let fields = fields_of(entity).into_iter().map(|(path, text)| (path, Value::String(text)));
            json!({ "id": id.to_string(), "fields": fields.collect::<Map<_, _>>() })
        })
        .collect();
    let seats: Vec<_> = seated(playback.holders())
        .map(|(seat, holder)| json!({ "seat": seat, "who": text::holder_json(holder) }))
        .collect();
    json!({
        "tick": playback.tick().0,
        "checksum": checksum,
        "as_the_journal_says": is_right,
        "seats": seats,
        "entities": entities,
        "entries": record.map(text::entries_json),
    })
}

fn seated(holders: &[Option<Holder>]) -> impl Iterator<Item = (usize, &Holder)> {
    holders.iter().enumerate().filter_map(|(seat, holder)| Some((seat, holder.as_ref()?)))
}
