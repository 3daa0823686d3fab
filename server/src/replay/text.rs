//! Entries and seats as lines.

use std::fmt::Debug;

use quarrel_shared::{
    id::SeatId,
    journal::{Entries, Holder, SeatChange, SeatNote, TickRecord},
    sub_tick::SubTick,
    tick::Tick,
};
use serde_json::{Value, json};

/// Who somebody is.
pub(super) fn holder(holder: &Holder) -> String {
    match holder.player {
        Some((player, _)) => format!("{} (player {player})", quoted(&holder.name)),
        None => format!("{} (bot)", quoted(&holder.name)),
    }
}

/// The same for programs.
pub(super) fn holder_json(holder: &Holder) -> Value {
    json!({ "name": holder.name.to_string(), "player": holder.player.map(|(player, _)| player.0) })
}

/// A text from a file, so that it cannot move a terminal's cursor.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

/// What went into a tick, a line each.
pub(super) fn entries<I: Debug>(record: &TickRecord<I>) -> Vec<String> {
    let notes = record.seats.iter().map(|note| match note {
        SeatNote::Taken(seat, who) => format!("seat {seat} taken by {}", holder(who)),
        SeatNote::Left(seat) => format!("seat {seat} left"),
        SeatNote::Back(seat, _) => format!("seat {seat} back on another connection"),
    });
    let inputs = seats(&record.entries)
        .filter(|(_, input, _)| input.is_some())
        .map(|(seat, input, seen)| format!("seat {seat} {}", wants(record.tick, input, seen)));
    notes.chain(inputs).collect()
}

/// The same for programs.
pub(super) fn entries_json<I: Debug>(record: &TickRecord<I>) -> Value {
    let changes = record.seats.iter().map(|note| match note {
        SeatNote::Taken(seat, who) => json!({ "seat": seat.0, "change": "taken", "by": holder_json(who) }),
        SeatNote::Left(seat) => json!({ "seat": seat.0, "change": "left" }),
        SeatNote::Back(seat, _) => json!({ "seat": seat.0, "change": "back" }),
    });
    let changes: Vec<Value> = changes.collect();
    let inputs: Vec<_> = seats(&record.entries)
        .filter_map(|(seat, input, seen)| {
            let saw = seen.sixteenths() as f64 / f64::from(SubTick::PER_TICK);
            Some(json!({ "seat": seat.0, "input": format!("{:?}", input?), "saw_tick": saw }))
        })
        .collect();
    json!({ "changes": changes, "inputs": inputs })
}

/// In which seats the entries of two journals differ at one tick, a line each.
pub(super) fn differing<I: Debug + PartialEq>(one: &TickRecord<I>, other: &TickRecord<I>) -> Vec<String> {
    let mut lines = Vec::new();
    if one.entries.changes != other.entries.changes {
        let changes = |record: &TickRecord<I>| match &record.entries.changes[..] {
            [] => "nobody came or went".to_owned(),
            changes => changes.iter().map(change).collect::<Vec<_>>().join(", "),
        };
        lines.push(format!("{} in the first, {} in the second", changes(one), changes(other)));
    }
    for ((seat, first, saw), (_, second, saw_too)) in seats(&one.entries).zip(seats(&other.entries)) {
        if first != second || saw != saw_too {
            let (first, second) = (wants(one.tick, first, saw), wants(other.tick, second, saw_too));
            lines.push(format!("seat {seat} {first} in the first, and {second} in the second"));
        }
    }
    lines
}

fn seats<I>(entries: &Entries<I>) -> impl Iterator<Item = (SeatId, Option<&I>, SubTick)> {
    let inputs = entries.inputs.iter().map(Option::as_ref);
    (0..).map(SeatId).zip(inputs.zip(&entries.seen)).map(|(seat, (input, seen))| (seat, input, *seen))
}

fn change(change: &SeatChange) -> String {
    match change {
        SeatChange::Taken(seat, occupant) => format!("seat {seat} taken by a {occupant:?}").to_lowercase(),
        SeatChange::Left(seat) => format!("seat {seat} left"),
    }
}

fn wants<I: Debug>(tick: Tick, input: Option<&I>, seen: SubTick) -> String {
    let wants = input.map_or_else(|| "wants nothing".to_owned(), |input| format!("wants {input:?}"));
    if seen == SubTick::of(tick) {
        return wants;
    }
    format!("{wants}, and saw tick {}", seen.sixteenths() as f64 / f64::from(SubTick::PER_TICK))
}
