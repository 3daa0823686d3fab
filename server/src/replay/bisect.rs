//! `quarrel replay bisect`: the first tick at which two journals part, or a journal and this build, told to people and programs.

use std::{fmt::Debug, io::Write};

use quarrel_shared::{
    game::{Differences, Game},
    journal::{
        TickRecord,
        bisect::{self, Again, BeginningError, Cause, Comparison, Fault, Parting},
    },
    tick::Tick,
};
use serde_json::{Value, json};

use super::{Named as _, ReplayError, file::Opened, text, when::lasting, write_json};
use crate::cli::ExitCode;

/// A journal against its own checksums.
pub(super) fn alone<G: Game>(
    opened: &Opened<'_>,
    json: bool,
    out: &mut dyn Write,
) -> Result<ExitCode, ReplayError> {
    let fault = bisect::alone::<G>(&opened.journal).named(opened)?;
    if json {
        let divergence = fault.as_ref().map(fault_json);
        write_json(&json!({ "divergence": divergence, "damaged_at": opened.damaged_at() }), out)?;
    } else if let Some(fault) = &fault {
        write_fault(opened, fault, out)?;
    } else {
        let (segments, last) = (opened.journal.checkpoints().len(), opened.journal.last_played());
        writeln!(
            out,
            "no divergence: this build comes to what the journal says up to tick {last}, played on from its beginning and from each of {segments} checkpoints"
        )?;
    }
    if !json {
        write_tail(opened, out)?;
    }
    Ok(found(fault.is_some(), &[opened]))
}

/// Two journals against each other.
pub(super) fn pair<G: Game>(
    one: &Opened<'_>,
    other: &Opened<'_>,
    json: bool,
    out: &mut dyn Write,
) -> Result<ExitCode, ReplayError> {
    let compared = bisect::pair::<G>(&one.journal, &other.journal).map_err(|error| match error {
        BeginningError::Other { .. } | BeginningError::NothingInCommon | BeginningError::Playback(_) => {
            ReplayError::of(one.path, format!("cannot be compared with {}: {error}", other.path.display()))
        }
    })?;
    if json {
        let mut answer = comparison_json(&compared);
        answer["damaged_at"] = json!([one.damaged_at(), other.damaged_at()]);
        write_json(&answer, out)?;
    } else {
        let Comparison { search, parting, until } = &compared;
        writeln!(out, "first   {}\nsecond  {}", one.path.display(), other.path.display())?;
        let outcome = match (search.equal, search.different) {
            (_, None) => "all are the same".to_owned(),
            (None, Some(_)) => "all differ".to_owned(),
            (Some(equal), Some(different)) => {
                format!("the same at tick {equal}, and no more at tick {different}")
            }
        };
        writeln!(out, "looked at {} of {} common checkpoints: {outcome}", search.looked, search.common)?;
        match parting {
            Some(parting) => write_parting(one, parting, out)?,
            None => {
                writeln!(out, "no divergence: they are the same up to tick {until}, where the shorter ends")?
            }
        }
        write_tail(one, out)?;
        write_tail(other, out)?;
    }
    Ok(found(compared.parting.is_some(), &[one, other]))
}

/// Damage counts as found: nobody knows what is behind it.
fn found(is_found: bool, all: &[&Opened<'_>]) -> ExitCode {
    let is_damaged = all.iter().any(|opened| opened.damaged_at().is_some());
    if is_found || is_damaged { ExitCode::Internal } else { ExitCode::Done }
}

fn write_tail(opened: &Opened<'_>, out: &mut dyn Write) -> Result<(), ReplayError> {
    if let Some(tail) = opened.tail() {
        writeln!(out, "{}: {tail}", opened.path.display())?;
    }
    Ok(())
}

/// Where it was seen, as exactly as it is known.
fn place(opened: &Opened<'_>, since: Option<Tick>, tick: Tick) -> String {
    let time = lasting(tick.0, opened.rate());
    match since {
        None => format!("at the beginning, tick {tick}"),
        Some(since) if since.next() == tick => format!("at tick {tick} ({time})"),
        Some(since) => format!("after tick {since}, and at tick {tick} ({time}) at the latest"),
    }
}

fn write_fault<I: Debug>(
    opened: &Opened<'_>,
    fault: &Fault<I>,
    out: &mut dyn Write,
) -> Result<(), ReplayError> {
    let Fault { since, tick, journal, played, segment, .. } = fault;
    writeln!(out, "this build and the journal part {}", place(opened, *since, *tick))?;
    writeln!(out, "  the journal has {journal}, and this build comes to {played}")?;
    let (said, record, states) = match &fault.again {
        Again::TwoWays { record, states } => {
            let said = format!(
                "the game is not deterministic: from tick {segment} on, it was played twice with the same entries\nand went two ways at tick {}; one of them first, then the other:",
                record.tick
            );
            (said, Some(record), Some(states))
        }
        Again::NotSaved { record, states } => {
            let said = format!(
                "the game does not save all that it goes by: played on from before tick {segment}, and loaded\nfrom the checkpoint there, it differs at tick {}; played on first, then loaded:",
                record.tick
            );
            (said, Some(record), Some(states))
        }
        Again::Same => {
            let mut said = "this build comes to the same each time: the room itself went another way, by another build or a fault of its machine".to_owned();
            if fault.states.is_some() {
                said += &format!("\nwhat differs at tick {tick}, the room first, then this build:");
            }
            (said, fault.record.as_ref(), fault.states.as_ref())
        }
    };
    writeln!(out, "{said}")?;
    states.map_or(Ok(()), |states| write_states(states, out))?;
    record.map_or(Ok(()), |record| write_entries(record, out))
}

fn write_parting<I: Debug + PartialEq>(
    opened: &Opened<'_>,
    parting: &Parting<I>,
    out: &mut dyn Write,
) -> Result<(), ReplayError> {
    writeln!(out, "they part {}", place(opened, parting.since, parting.tick))?;
    match &parting.cause {
        Cause::Entries { one, other } => {
            writeln!(out, "not the same went into that tick:")?;
            for line in text::differing(one, other) {
                writeln!(out, "  {line}")?;
            }
        }
        Cause::Played { record } => {
            writeln!(
                out,
                "the same went in, and played here it went two ways: the game is not deterministic"
            )?;
            write_entries(record, out)?;
        }
        Cause::Recorded { one_agrees, other_agrees, record } => {
            let agrees = match (one_agrees, other_agrees) {
                (true, _) => "what the first says",
                (false, true) => "what the second says",
                (false, false) => "what neither says",
            };
            writeln!(
                out,
                "the same went in, and the rooms came to different states; this build comes to {agrees}"
            )?;
            if let Some(record) = record {
                write_entries(record, out)?;
            }
        }
        Cause::Lost => writeln!(out, "one of them has lost the ticks in which it happened")?,
    }
    if let Some((tick, states)) = &parting.states {
        writeln!(out, "what differs after tick {tick}, the first journal first:")?;
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
    let none = if lines.is_empty() { " nothing" } else { "" };
    writeln!(out, "what went into tick {}:{none}", record.tick)?;
    for line in lines {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

fn record_json<I: Debug>(record: &TickRecord<I>) -> Value {
    json!({ "tick": record.tick.0, "entries": text::entries_json(record) })
}

fn states_json(states: &Differences) -> Value {
    let named: Vec<_> = states.named.iter().map(ToString::to_string).collect();
    json!({ "named": named, "more": states.more })
}

fn fault_json<I: Debug>(fault: &Fault<I>) -> Value {
    let again = match &fault.again {
        Again::TwoWays { record, states } => {
            json!({ "cause": "not_deterministic", "at": record_json(record), "states": states_json(states) })
        }
        Again::NotSaved { record, states } => {
            json!({ "cause": "not_saved", "at": record_json(record), "states": states_json(states) })
        }
        Again::Same => json!({ "cause": "recorded_otherwise" }),
    };
    json!({
        "since": fault.since.map(|tick| tick.0),
        "tick": fault.tick.0,
        "journal": fault.journal.to_string(),
        "played": fault.played.to_string(),
        "segment": fault.segment.0,
        "record": fault.record.as_ref().map(record_json),
        "states": fault.states.as_ref().map(states_json),
        "again": again,
    })
}

fn comparison_json<I: Debug + PartialEq>(compared: &Comparison<I>) -> Value {
    let search = &compared.search;
    let parting = compared.parting.as_ref().map(|parting| {
        let cause = match &parting.cause {
            Cause::Entries { one, other } => {
                json!({ "cause": "entries", "differ": text::differing(one, other) })
            }
            Cause::Played { record } => {
                json!({ "cause": "not_deterministic", "record": record_json(record) })
            }
            Cause::Recorded { one_agrees, other_agrees, record } => json!({
                "cause": "recorded_otherwise", "first_agrees": one_agrees, "second_agrees": other_agrees,
                "record": record.as_ref().map(record_json),
            }),
            Cause::Lost => json!({ "cause": "lost" }),
        };
        let states = parting.states.as_ref().map(|(tick, states)| (tick.0, states_json(states)));
        json!({
            "since": parting.since.map(|tick| tick.0), "tick": parting.tick.0, "why": cause,
            "states": states.map(|(tick, states)| json!({ "tick": tick, "differ": states })),
        })
    });
    json!({
        "common_checkpoints": search.common,
        "looked": search.looked,
        "equal": search.equal.map(|tick| tick.0),
        "different": search.different.map(|tick| tick.0),
        "until": compared.until.0,
        "divergence": parting,
    })
}
