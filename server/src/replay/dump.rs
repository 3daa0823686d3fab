//! `quarrel replay dump`: prints the state of a room after a tick, and the entries of that tick.

use std::io::Write;

use quarrel_shared::{
    game::Game,
    journal::{Holder, Playback, PlaybackStep, TickRecord},
    tick::Tick,
};
use serde_json::{Value, json};

use super::{
    error::ReplayError,
    file::{OpenedJournal, WithFile as _},
    text::{self, write_json},
};
use crate::{
    exit_code::ExitCode,
    tick_or_time::{TickOrTime, format_duration},
};

/// Plays from the last checkpoint at or before the tick up to the tick, and prints the room.
pub(super) fn dump<G: Game>(
    opened: &OpenedJournal<'_>,
    when: TickOrTime,
    json: bool,
    out: &mut dyn Write,
) -> Result<ExitCode, ReplayError> {
    let tick = when.tick(opened.rate());
    let mut room = reach::<G>(opened, segment_before(opened, tick)?, tick)?;
    if json {
        write_json(&as_json(&mut room), out)?;
    } else {
        write_text(opened, &mut room, out)?;
    }
    Ok(ExitCode::Done)
}

/// A room after a tick.
struct RoomAtTick<'a, G: Game> {
    playback: Playback<'a, G>,
    /// The entries of the tick, if the journal has them.
    record: Option<TickRecord<G::Input>>,
    /// Whether the played state is the recorded one, by the checksums between the last checkpoint and the tick.
    is_reproduced: bool,
}

/// Returns the index of the last segment that begins at or before this tick. The tick must be in the journal.
fn segment_before(opened: &OpenedJournal<'_>, tick: Tick) -> Result<usize, ReplayError> {
    let last = opened.journal.last_playable();
    if tick > last {
        let time = format_duration(last.0, opened.rate());
        let tail = opened.describe_tail().map(|tail| format!("; {tail}")).unwrap_or_default();
        let reason =
            format!("tick {tick} is past the end of the journal: its last tick is {last} ({time}){tail}");
        return Err(out_of_range(opened, reason));
    }
    opened.journal.segment_before(tick).ok_or_else(|| {
        let first = opened.first_tick();
        let reason = format!("tick {tick} is before the beginning of the journal, which is tick {first}");
        out_of_range(opened, reason)
    })
}

fn out_of_range(opened: &OpenedJournal<'_>, reason: String) -> ReplayError {
    ReplayError::usage(opened.path, reason)
}

/// Plays up to the tick. `segment` is the last segment that begins at or before the tick.
fn reach<'a, G: Game>(
    opened: &'a OpenedJournal<'a>,
    segment: usize,
    tick: Tick,
) -> Result<RoomAtTick<'a, G>, ReplayError> {
    let journal = &opened.journal;
    // A segment that begins at the tick does not have the entries of the tick. They are at the end of the segment before.
    let first = journal.segment_to(tick).unwrap_or(segment);
    let mut playback = Playback::<G>::from_segment(journal, first).with_file(opened)?;
    let (mut record, mut is_reproduced) = (None, true);
    while playback.tick() < tick {
        let Some(played) = playback.next_tick().with_file(opened)? else { break };
        is_reproduced &= !matches!(played, PlaybackStep::Diverged(_));
        record = played.into_record();
    }
    let last = playback.tick();
    if first < segment {
        // The tick has a checkpoint. Its recorded state replaces the played one, which may differ or may end before lost ticks.
        record = record.filter(|_| last == tick);
        playback = Playback::from_segment(journal, segment).with_file(opened)?;
        is_reproduced = true;
    } else if last != tick {
        let reason = format!("tick {tick} is lost: the last recorded tick before it is {last}");
        return Err(out_of_range(opened, reason));
    }
    Ok(RoomAtTick { playback, record, is_reproduced })
}

fn write_text<G: Game>(
    opened: &OpenedJournal<'_>,
    room: &mut RoomAtTick<'_, G>,
    out: &mut dyn Write,
) -> Result<(), ReplayError> {
    let RoomAtTick { playback, record, is_reproduced } = room;
    let (tick, checksum) = (playback.tick(), playback.checksum());
    writeln!(out, "tick {tick} ({}), checksum {checksum}", format_duration(tick.0, opened.rate()))?;
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
        None => writeln!(out, "the entries of this tick are not in the journal")?,
    }
    if !*is_reproduced {
        writeln!(
            out,
            "this is the state that this build computes: the journal's checksums show that the room had another state"
        )?;
    }
    Ok(())
}

fn as_json<G: Game>(room: &mut RoomAtTick<'_, G>) -> Value {
    let RoomAtTick { playback, record, is_reproduced } = room;
    let checksum = playback.checksum().to_string();
    let entities: Vec<_> = playback
        .game()
        .entities()
        .iter()
        .map(|(id, entity)| json!({ "id": id.to_string(), "entity": text::value(entity) }))
        .collect();
    let seats: Vec<_> = seated(playback.holders())
        .map(|(seat, holder)| json!({ "seat": seat, "holder": text::holder_json(holder) }))
        .collect();
    json!({
        "tick": playback.tick().0,
        "checksum": checksum,
        "reproduced": is_reproduced,
        "seats": seats,
        "entities": entities,
        "entries": record.as_ref().map(text::entries_json),
    })
}

/// Returns the occupied seats with their holders.
fn seated(holders: &[Option<Holder>]) -> impl Iterator<Item = (usize, &Holder)> {
    holders.iter().enumerate().filter_map(|(seat, holder)| Some((seat, holder.as_ref()?)))
}
