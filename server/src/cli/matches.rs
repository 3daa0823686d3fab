//! `quarrel matches`: prints the newest match results, as a table or as JSON.

use std::io::{self, Write};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::storage::MatchRecord;

/// The options of `quarrel matches`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatchesQuery {
    /// The number of results, newest first.
    pub newest: u32,
    /// Whether to print one JSON object per line, with all fields.
    pub json: bool,
}

/// Prints results, one per line, as a table with a header or as JSON objects.
///
/// # Errors
/// When `out` cannot be written.
pub fn print_matches(records: &[MatchRecord], json: bool, out: &mut dyn Write) -> io::Result<()> {
    if json {
        return records.iter().try_for_each(|record| {
            serde_json::to_writer(&mut *out, record)?;
            writeln!(out)
        });
    }
    if records.is_empty() {
        return writeln!(out, "no match has ended yet");
    }
    writeln!(
        out,
        "{:<20}  {:>6}  {:<10}  {:>9}  {:>7}  won by",
        "ended", "room", "game", "ran for", "players"
    )?;
    for record in records {
        writeln!(
            out,
            "{:<20}  {:>6}  {:<10}  {:>7}.{} s  {:>7}  {}",
            rfc3339(record.ended_at_ms),
            record.room,
            record.game,
            record.duration_ms / 1000,
            record.duration_ms % 1000 / 100,
            record.seats.len(),
            winners(record)
        )?;
    }
    Ok(())
}

/// Lists the winners with their scores, as in `Ada (4), Ben (2)`. A winner without a name is listed by seat.
fn winners(record: &MatchRecord) -> String {
    let winners = record.seats.iter().filter(|seat| seat.won).map(|seat| match seat.name.as_str() {
        "" => format!("seat {} ({})", seat.seat, seat.score),
        name => format!("{name} ({})", seat.score),
    });
    let winners: Vec<_> = winners.collect();
    if winners.is_empty() { "no winner".to_owned() } else { winners.join(", ") }
}

/// Formats a time in UTC, to the second; empty for a time outside of the calendar's range.
fn rfc3339(unix_ms: u64) -> String {
    let time = i64::try_from(unix_ms / 1000).ok().and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok());
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use quarrel_shared::id::RoomUid;

    use super::*;
    use crate::storage::{MatchId, SeatRecord};

    fn printed(records: &[MatchRecord], json: bool) -> String {
        let mut out = Vec::new();
        print_matches(records, json, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn record() -> MatchRecord {
        let seat = |seat, name: &str, score, won| SeatRecord {
            seat,
            player: None,
            name: name.to_owned(),
            bot: false,
            score,
            won,
        };
        MatchRecord {
            id: Some(MatchId { room: RoomUid(0xabc), number: 4 }),
            room: 3,
            game: "arena".to_owned(),
            seed: u64::MAX,
            tick: 371,
            journal: None,
            duration_ms: 12_366,
            ended_at_ms: 951_782_400_999,
            seats: vec![seat(0, "Ada", 4, true), seat(1, "Ben", -1, false), seat(2, "", 2, true)],
        }
    }

    #[test]
    fn a_result_is_one_line_with_its_winners() {
        let text = printed(&[record()], false);
        let line = text.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(line, "2000-02-29T00:00:00Z 3 arena 12.3 s 3 Ada (4), seat 2 (2)");
    }

    #[test]
    fn json_contains_every_field() {
        let text = printed(&[record(), record()], true);
        let read: Vec<MatchRecord> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read, [record(), record()]);
    }

    #[test]
    fn no_results_print_a_sentence_as_text_and_nothing_as_json() {
        assert_eq!(printed(&[], false), "no match has ended yet\n");
        assert_eq!(printed(&[], true), "");
    }
}
