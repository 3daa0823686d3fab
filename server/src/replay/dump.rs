//! `quarrel replay dump`: a room as it was after a tick.

use std::io::Write;

use quarrel_shared::{
    game::{Game, fields_of},
    journal::{Holder, Playback, Played, TickRecord},
    tick::Tick,
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
    let mut moment = reach::<G>(opened, segment_before(opened, tick)?, tick)?;
    if json {
        write_json(&as_json(&mut moment), out)?;
    } else {
        write_text(opened, &mut moment, out)?;
    }
    Ok(ExitCode::Done)
}

/// A room after a tick.
struct Moment<'a, G: Game> {
    playback: Playback<'a, G>,
    /// What went into the tick, where the journal has it.
    record: Option<TickRecord<G::Input>>,
    /// Whether this build came to what the journal says, as far as it says anything.
    is_right: bool,
}

/// The segment to begin with, if the journal has this tick.
fn segment_before(opened: &Opened<'_>, tick: Tick) -> Result<usize, ReplayError> {
    let last = opened.journal.last_played();
    if tick > last {
        let time = lasting(last.0, opened.rate());
        let tail = opened.tail().map(|tail| format!("; {tail}")).unwrap_or_default();
        let why = format!("tick {tick} is past its end: its last tick is {last} ({time}){tail}");
        return Err(wrong(opened, why));
    }
    opened.journal.segment_before(tick).ok_or_else(|| {
        let first = opened.first_tick();
        wrong(opened, format!("tick {tick} is before its beginning: it begins after tick {first}"))
    })
}

fn wrong(opened: &Opened<'_>, why: String) -> ReplayError {
    ReplayError::usage(format!("{}: {why}", opened.path.display()))
}

fn reach<'a, G: Game>(
    opened: &'a Opened<'a>,
    segment: usize,
    tick: Tick,
) -> Result<Moment<'a, G>, ReplayError> {
    let journal = &opened.journal;
    // A checkpoint has no entries of its own tick; those are at the end of a segment before.
    let first = journal.segment_to(tick).unwrap_or(segment);
    let mut playback = Playback::<G>::from_segment(journal, first).named(opened)?;
    let (mut record, mut is_right) = (None, true);
    while playback.tick() < tick {
        let Some(played) = playback.next_tick().named(opened)? else { break };
        is_right &= !matches!(played, Played::Diverged(_));
        record = played.into_record();
    }
    let last = playback.tick();
    if first < segment {
        // The room's own state, should this build have come to another, or should what led to it be lost.
        record = record.filter(|_| last == tick);
        playback = Playback::from_segment(journal, segment).named(opened)?;
        is_right = true;
    } else if last != tick {
        return Err(wrong(opened, format!("tick {tick} is lost: the last before it is {last}")));
    }
    Ok(Moment { playback, record, is_right })
}

fn write_text<G: Game>(
    opened: &Opened<'_>,
    moment: &mut Moment<'_, G>,
    out: &mut dyn Write,
) -> Result<(), ReplayError> {
    let Moment { playback, record, is_right } = moment;
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
    if !*is_right {
        writeln!(
            out,
            "this is what this build comes to: by the journal's checksums the room had something else"
        )?;
    }
    Ok(())
}

fn as_json<G: Game>(moment: &mut Moment<'_, G>) -> Value {
    let Moment { playback, record, is_right } = moment;
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
        "entries": record.as_ref().map(text::entries_json),
    })
}

fn seated(holders: &[Option<Holder>]) -> impl Iterator<Item = (usize, &Holder)> {
    holders.iter().enumerate().filter_map(|(seat, holder)| Some((seat, holder.as_ref()?)))
}
