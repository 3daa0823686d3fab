//! The entries of ticks and the holders of seats, as lines of text and as JSON.

use std::{fmt::Debug, io::Write};

use quarrel_shared::{
    id::SeatId,
    journal::{Entries, Holder, SeatChange, SeatEntry, TickRecord},
    sub_tick::SubTick,
    tick::Tick,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::error::ReplayError;

/// Prints a JSON value on a line of its own.
pub(super) fn write_json(value: &Value, out: &mut dyn Write) -> Result<(), ReplayError> {
    Ok(writeln!(out, "{value}")?)
}

/// Returns a value as JSON with the types of its fields; as its `Debug` text if JSON cannot represent it, such as a map with structs as
/// keys.
pub(super) fn value<T: Serialize + Debug>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_else(|_| Value::String(format!("{value:?}")))
}

/// Describes the player or bot on a seat.
pub(super) fn holder(holder: &Holder) -> String {
    match holder.player {
        Some((player, _)) => format!("{} (player {player})", quoted(&holder.name)),
        None => format!("{} (bot)", quoted(&holder.name)),
    }
}

/// Returns the player or bot on a seat as JSON.
pub(super) fn holder_json(holder: &Holder) -> Value {
    json!({ "name": holder.name.to_string(), "player": holder.player.map(|(player, _)| player.0) })
}

/// Quotes a text from a file and escapes its control characters, so that it cannot move a terminal's cursor.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

/// Describes the seat changes and inputs of a tick, one line each.
pub(super) fn entries<I: Debug>(record: &TickRecord<I>) -> Vec<String> {
    let changes = record.seats.iter().map(|entry| match entry {
        SeatEntry::Taken(seat, who) => format!("seat {seat} taken by {}", holder(who)),
        SeatEntry::Left(seat) => format!("seat {seat} left"),
        SeatEntry::Resumed(seat, _) => format!("seat {seat} resumed on another connection"),
    });
    let inputs = seats(&record.entries)
        .filter(|(_, input, _)| input.is_some())
        .map(|(seat, input, seen)| format!("seat {seat}: {}", describe_input(record.tick, input, seen)));
    changes.chain(inputs).collect()
}

/// Returns the seat changes and inputs of a tick as JSON.
pub(super) fn entries_json<I: Debug + Serialize>(record: &TickRecord<I>) -> Value {
    let changes = record.seats.iter().map(|entry| match entry {
        SeatEntry::Taken(seat, who) => json!({ "seat": seat.0, "change": "taken", "by": holder_json(who) }),
        SeatEntry::Left(seat) => json!({ "seat": seat.0, "change": "left" }),
        SeatEntry::Resumed(seat, _) => json!({ "seat": seat.0, "change": "resumed" }),
    });
    let changes: Vec<Value> = changes.collect();
    let inputs: Vec<_> = seats(&record.entries)
        .filter_map(|(seat, input, seen)| {
            let saw = seen.sixteenths() as f64 / f64::from(SubTick::PER_TICK);
            Some(json!({ "seat": seat.0, "input": value(input?), "saw_tick": saw }))
        })
        .collect();
    json!({ "changes": changes, "inputs": inputs })
}

/// Describes how the entries of one tick differ in two journals: the seat changes on one line, and each differing input on its own.
pub(super) fn differing_seats<I: Debug + PartialEq>(
    one: &TickRecord<I>,
    other: &TickRecord<I>,
) -> Vec<String> {
    let mut lines = Vec::new();
    if one.entries.changes != other.entries.changes {
        let changes = |record: &TickRecord<I>| match &record.entries.changes[..] {
            [] => "no seat changed".to_owned(),
            changes => changes.iter().map(change).collect::<Vec<_>>().join(", "),
        };
        lines.push(format!("{} in the first, {} in the second", changes(one), changes(other)));
    }
    for ((seat, first, first_seen), (_, second, second_seen)) in
        seats(&one.entries).zip(seats(&other.entries))
    {
        if first != second || first_seen != second_seen {
            let first = describe_input(one.tick, first, first_seen);
            let second = describe_input(other.tick, second, second_seen);
            lines.push(format!("seat {seat}: {first} in the first, {second} in the second"));
        }
    }
    lines
}

/// Returns, for each seat, its input and the view time: the time in the room that the player saw when giving the input.
fn seats<I>(entries: &Entries<I>) -> impl Iterator<Item = (SeatId, Option<&I>, SubTick)> {
    let inputs = entries.inputs.iter().map(Option::as_ref);
    (0..).map(SeatId).zip(inputs.zip(&entries.seen)).map(|(seat, (input, seen))| (seat, input, *seen))
}

/// Describes a seat change.
fn change(change: &SeatChange) -> String {
    match change {
        SeatChange::Taken(seat, occupant) => format!("seat {seat} taken by a {occupant:?}").to_lowercase(),
        SeatChange::Left(seat) => format!("seat {seat} left"),
    }
}

/// Describes an input, and the view time if it differs from the tick.
fn describe_input<I: Debug>(tick: Tick, input: Option<&I>, seen: SubTick) -> String {
    let input = input.map_or_else(|| "no input".to_owned(), |input| format!("input {input:?}"));
    if seen == SubTick::of(tick) {
        return input;
    }
    format!("{input}, saw tick {}", seen.sixteenths() as f64 / f64::from(SubTick::PER_TICK))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_value_keeps_its_types_and_one_that_json_cannot_hold_is_a_text() {
        assert_eq!(value(&BTreeMap::from([("x", 5)])), json!({ "x": 5 }));
        assert_eq!(value(&BTreeMap::from([((1, 2), 5)])), "{(1, 2): 5}");
    }
}
