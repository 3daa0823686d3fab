//! `quarrel replay bisect`: prints the first difference of two journals, or of a journal and its replay by this build, as text or JSON.

use std::{fmt::Debug, io::Write};

use quarrel_shared::{
    game::{Differences, Game},
    journal::{
        TickRecord,
        bisect::{
            Cause, CompareError, Comparison, Diagnosis, FirstDifference, ReplayFault, bisect_one, bisect_pair,
        },
    },
    tick::Tick,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    error::ReplayError,
    file::{OpenedJournal, WithFile as _},
    text::{self, write_json},
};
use crate::{exit_code::ExitCode, tick_or_time::format_duration};

/// Compares the replay of a journal with the journal's checksums, and diagnoses the first difference.
pub(super) fn single<G: Game>(
    opened: &OpenedJournal<'_>,
    json: bool,
    out: &mut dyn Write,
) -> Result<ExitCode, ReplayError> {
    let fault = bisect_one::<G>(&opened.journal).with_file(opened)?;
    if json {
        let divergence = fault.as_ref().map(fault_json);
        write_json(&json!({ "divergence": divergence, "damaged_at": opened.damaged_at() }), out)?;
    } else if let Some(fault) = &fault {
        write_fault(opened, fault, out)?;
    } else {
        let (segments, last) = (opened.journal.checkpoints().len(), opened.journal.last_playable());
        writeln!(
            out,
            "no divergence: this build reproduces the journal up to tick {last}, from the beginning and from each of {segments} checkpoints"
        )?;
    }
    if !json {
        write_tail(opened, out)?;
    }
    Ok(exit_code(fault.is_some(), &[opened]))
}

/// Compares two journals.
pub(super) fn pair<G: Game>(
    one: &OpenedJournal<'_>,
    other: &OpenedJournal<'_>,
    json: bool,
    out: &mut dyn Write,
) -> Result<ExitCode, ReplayError> {
    let compared = bisect_pair::<G>(&one.journal, &other.journal).map_err(|error| match error {
        CompareError::OtherSetup { .. } | CompareError::NoCommonCheckpoint | CompareError::Playback(_) => {
            ReplayError::configuration(
                one.path,
                format!("cannot be compared with {}: {error}", other.path.display()),
            )
        }
    })?;
    if json {
        let mut answer = comparison_json(&compared);
        answer["damaged_at"] = json!([one.damaged_at(), other.damaged_at()]);
        write_json(&answer, out)?;
    } else {
        let Comparison { search, first_difference, until } = &compared;
        writeln!(out, "first   {}\nsecond  {}", one.path.display(), other.path.display())?;
        let outcome = match (search.equal, search.different) {
            (_, None) => "all are equal".to_owned(),
            (None, Some(_)) => "all differ".to_owned(),
            (Some(equal), Some(different)) => {
                format!("equal at tick {equal}, different at tick {different}")
            }
        };
        writeln!(out, "compared {} of {} common checkpoints: {outcome}", search.compared, search.common)?;
        match first_difference {
            Some(difference) => write_difference(one, difference, out)?,
            None => writeln!(
                out,
                "no divergence: the journals are the same up to tick {until}, where the shorter one ends"
            )?,
        }
        write_tail(one, out)?;
        write_tail(other, out)?;
    }
    Ok(exit_code(compared.first_difference.is_some(), &[one, other]))
}

/// Returns the exit code. Damage counts as a difference, because the data after the damage is not compared.
fn exit_code(differs: bool, journals: &[&OpenedJournal<'_>]) -> ExitCode {
    let is_damaged = journals.iter().any(|opened| opened.damaged_at().is_some());
    if differs || is_damaged { ExitCode::Internal } else { ExitCode::Done }
}

/// Prints the tail of a journal, if it has one.
fn write_tail(opened: &OpenedJournal<'_>, out: &mut dyn Write) -> Result<(), ReplayError> {
    if let Some(tail) = opened.describe_tail() {
        writeln!(out, "{}: {tail}", opened.path.display())?;
    }
    Ok(())
}

/// Describes the place of a difference: the exact tick if the tick before it (`since`) is equal, and a range of ticks otherwise.
fn place(opened: &OpenedJournal<'_>, since: Option<Tick>, tick: Tick) -> String {
    let time = format_duration(tick.0, opened.rate());
    match since {
        None => format!("at the beginning, tick {tick}"),
        Some(since) if since.next() == tick => format!("at tick {tick} ({time})"),
        Some(since) => format!("between tick {since} and tick {tick} ({time})"),
    }
}

/// Prints the first difference of a journal and its replay, with the diagnosis.
fn write_fault<I: Debug>(
    opened: &OpenedJournal<'_>,
    fault: &ReplayFault<I>,
    out: &mut dyn Write,
) -> Result<(), ReplayError> {
    let ReplayFault { since, tick, journal, played, segment, .. } = fault;
    writeln!(out, "this build and the journal diverge {}", place(opened, *since, *tick))?;
    writeln!(out, "  the journal has {journal}, and this build computes {played}")?;
    let (text, record, states) = match &fault.diagnosis {
        Diagnosis::NotDeterministic { record, states } => {
            let text = format!(
                "the game is not deterministic: played twice from tick {segment} with the same entries,\nthe room reached different states at tick {}; first run, then second run:",
                record.tick
            );
            (text, Some(record), Some(states))
        }
        Diagnosis::NotSaved { record, states } => {
            let text = format!(
                "the game does not save all of its state: two runs, one from before tick {segment} across its checkpoint and one loaded\nfrom that checkpoint, differ at tick {}; the run across the checkpoint first, then the loaded one:",
                record.tick
            );
            (text, Some(record), Some(states))
        }
        Diagnosis::Reproducible => {
            let mut text = "this build computes the same states each time: the room itself computed something else, in another build or by a fault of its machine".to_owned();
            if fault.states.is_some() {
                text += &format!("\ndifferences at tick {tick}, the room first, then this build:");
            }
            (text, fault.record.as_ref(), fault.states.as_ref())
        }
    };
    writeln!(out, "{text}")?;
    states.map_or(Ok(()), |states| write_states(states, out))?;
    record.map_or(Ok(()), |record| write_entries(record, out))
}

/// Prints the first difference of two journals.
fn write_difference<I: Debug + PartialEq>(
    opened: &OpenedJournal<'_>,
    difference: &FirstDifference<I>,
    out: &mut dyn Write,
) -> Result<(), ReplayError> {
    writeln!(out, "the journals diverge {}", place(opened, difference.since, difference.tick))?;
    match &difference.cause {
        Cause::Entries { one, other } => {
            writeln!(out, "the entries of that tick differ:")?;
            for line in text::differing_seats(one, other) {
                writeln!(out, "  {line}")?;
            }
        }
        Cause::NotDeterministic { record } => {
            writeln!(
                out,
                "the entries are equal, and this build computed two different states from them: the game is not deterministic"
            )?;
            write_entries(record, out)?;
        }
        Cause::Recorded { one_agrees, other_agrees, record } => {
            let agrees = match (one_agrees, other_agrees) {
                (true, _) => "the first",
                (false, true) => "the second",
                (false, false) => "neither",
            };
            writeln!(
                out,
                "the entries are equal and the recorded states differ; this build agrees with {agrees}"
            )?;
            if let Some(record) = record {
                write_entries(record, out)?;
            }
        }
        Cause::Lost => writeln!(out, "one of the journals lost the ticks in which they diverged")?,
    }
    if let Some((tick, states)) = &difference.states {
        writeln!(out, "differences after tick {tick}, the first journal first:")?;
        write_states(states, out)?;
    }
    Ok(())
}

fn write_states(states: &Differences, out: &mut dyn Write) -> Result<(), ReplayError> {
    for line in states.to_string().lines() {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

fn write_entries<I: Debug>(record: &TickRecord<I>, out: &mut dyn Write) -> Result<(), ReplayError> {
    let lines = text::entries(record);
    let none = if lines.is_empty() { " none" } else { "" };
    writeln!(out, "entries of tick {}:{none}", record.tick)?;
    for line in lines {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

fn record_json<I: Debug + Serialize>(record: &TickRecord<I>) -> Value {
    json!({ "tick": record.tick.0, "entries": text::entries_json(record) })
}

fn states_json(states: &Differences) -> Value {
    let named: Vec<_> = states.named.iter().map(ToString::to_string).collect();
    json!({ "named": named, "more": states.more })
}

fn fault_json<I: Debug + Serialize>(fault: &ReplayFault<I>) -> Value {
    let diagnosis = match &fault.diagnosis {
        Diagnosis::NotDeterministic { record, states } => {
            json!({ "cause": "not_deterministic", "at": record_json(record), "states": states_json(states) })
        }
        Diagnosis::NotSaved { record, states } => {
            json!({ "cause": "not_saved", "at": record_json(record), "states": states_json(states) })
        }
        Diagnosis::Reproducible => json!({ "cause": "recorded_otherwise" }),
    };
    json!({
        "since": fault.since.map(|tick| tick.0),
        "tick": fault.tick.0,
        "journal": fault.journal.to_string(),
        "played": fault.played.to_string(),
        "segment": fault.segment.0,
        "record": fault.record.as_ref().map(record_json),
        "states": fault.states.as_ref().map(states_json),
        "diagnosis": diagnosis,
    })
}

fn comparison_json<I: Debug + PartialEq + Serialize>(compared: &Comparison<I>) -> Value {
    let search = &compared.search;
    let difference = compared.first_difference.as_ref().map(|difference| {
        let cause = match &difference.cause {
            Cause::Entries { one, other } => {
                json!({ "kind": "entries", "differ": text::differing_seats(one, other) })
            }
            Cause::NotDeterministic { record } => {
                json!({ "kind": "not_deterministic", "record": record_json(record) })
            }
            Cause::Recorded { one_agrees, other_agrees, record } => json!({
                "kind": "recorded_otherwise", "first_agrees": one_agrees, "second_agrees": other_agrees,
                "record": record.as_ref().map(record_json),
            }),
            Cause::Lost => json!({ "kind": "lost" }),
        };
        let states = difference.states.as_ref().map(|(tick, states)| (tick.0, states_json(states)));
        json!({
            "since": difference.since.map(|tick| tick.0), "tick": difference.tick.0, "cause": cause,
            "states": states.map(|(tick, states)| json!({ "tick": tick, "differ": states })),
        })
    });
    json!({
        "common_checkpoints": search.common,
        "checked": search.compared,
        "equal": search.equal.map(|tick| tick.0),
        "different": search.different.map(|tick| tick.0),
        "until": compared.until.0,
        "divergence": difference,
    })
}
