//! `quarrel replay verify`: plays a journal at full speed and compares every recorded checksum of the room's state with that of this
//! build. A damaged journal counts as not verified, even when all compared checksums match.

use std::{io::Write, time::Instant};

use quarrel_shared::{
    game::{Checksum, Game},
    journal::{Divergence, Playback, PlaybackError, PlaybackStep, playback},
    tick::Tick,
};
use serde_json::json;

use super::{
    error::ReplayError,
    file::{OpenedJournal, WithFile as _},
    text::write_json,
};
use crate::{exit_code::ExitCode, tick_or_time::format_duration};

/// The result of a verification.
#[derive(Default)]
struct Verified {
    /// The number of played ticks.
    ticks: u32,
    /// The number of compared checksums that match.
    checksums: u32,
    /// The number of matches that ended.
    matches: u32,
    /// Each gap of lost ticks: the last tick before the gap, and the last lost tick.
    lost: Vec<(Tick, Tick)>,
    /// The difference at which the verification stopped, if there is one.
    difference: Option<ChecksumMismatch>,
}

/// The speed of a playback.
struct Speed {
    seconds: f64,
    ticks_per_second: f64,
    times_real_time: f64,
}

/// The first checksum that differs.
struct ChecksumMismatch {
    /// The last tick before it with equal checksums, or the last lost tick if that is later; `None` when the initial state differs.
    since: Option<Tick>,
    tick: Tick,
    journal: Checksum,
    played: Checksum,
}

impl ChecksumMismatch {
    fn new<I>(since: Option<Tick>, divergence: &Divergence<I>) -> Self {
        let Divergence { tick, journal, played, .. } = *divergence;
        Self { since, tick, journal, played }
    }
}

/// Plays the journal to its first difference or to its end, and prints the result.
pub(super) fn verify<G: Game>(
    opened: &OpenedJournal<'_>,
    json: bool,
    out: &mut dyn Write,
) -> Result<ExitCode, ReplayError> {
    let started = Instant::now();
    let verified = compare::<G>(opened).with_file(opened)?;
    let seconds = started.elapsed().as_secs_f64().max(1e-6);
    let ticks_per_second = f64::from(verified.ticks) / seconds;
    let times_real_time = ticks_per_second / f64::from(opened.rate().hz());
    if json {
        let lost: Vec<_> = verified.lost.iter().map(|(from, to)| json!([from.0 + 1, to.0])).collect();
        let difference = verified.difference.as_ref().map(|mismatch| {
            json!({
                "since": mismatch.since.map(|tick| tick.0), "tick": mismatch.tick.0,
                "journal": mismatch.journal.to_string(), "played": mismatch.played.to_string(),
            })
        });
        let answer = json!({
            "file": opened.path.display().to_string(), "ticks": verified.ticks, "checksums": verified.checksums,
            "matches": verified.matches, "seconds": seconds, "ticks_per_second": ticks_per_second, "times_real_time": times_real_time, "bytes": opened.bytes,
            "lost": lost, "missing": opened.missing().map(|(from, to)| [from.0, to.0]),
            "torn_bytes": opened.journal.tail().map(|tail| tail.bytes), "damaged_at": opened.damaged_at(),
            "difference": difference,
        });
        write_json(&answer, out)?;
    } else {
        write_text(opened, &verified, Speed { seconds, ticks_per_second, times_real_time }, out)?;
    }
    // Data after the damage is not compared, so the journal is not verified completely.
    let is_verified = verified.difference.is_none() && opened.damaged_at().is_none();
    Ok(if is_verified { ExitCode::Done } else { ExitCode::Internal })
}

/// Plays the journal to its first difference or to its end.
fn compare<G: Game>(opened: &OpenedJournal<'_>) -> Result<Verified, PlaybackError> {
    let mut playback = Playback::<G>::open(&opened.journal)?;
    let mut verified = Verified::default();
    let mut since = playback.tick();
    if let Some(divergence) = playback::initial_divergence::<G>(&opened.journal)? {
        verified.difference = Some(ChecksumMismatch::new(None, &divergence));
        return Ok(verified);
    }
    verified.checksums += u32::from(since == Tick(0));
    let mut is_over = playback.game().outcome().is_some();
    while let Some(played) = playback.advance()? {
        let was_over = std::mem::replace(&mut is_over, playback.game().outcome().is_some());
        verified.matches += u32::from(!was_over && is_over && !matches!(played, PlaybackStep::Lost { .. }));
        match played {
            PlaybackStep::Tick(record) => {
                verified.ticks += 1;
                if record.checksum.is_none() {
                    continue;
                }
            }
            PlaybackStep::Checkpoint(_) => {}
            PlaybackStep::Lost { from, to } => {
                verified.lost.push((from, to));
                since = to;
                continue;
            }
            PlaybackStep::Diverged(divergence) => {
                verified.ticks += u32::from(divergence.record.is_some());
                verified.difference = Some(ChecksumMismatch::new(Some(since), &divergence));
                return Ok(verified);
            }
        }
        verified.checksums += 1;
        since = playback.tick();
    }
    Ok(verified)
}

fn write_text(
    opened: &OpenedJournal<'_>,
    verified: &Verified,
    speed: Speed,
    out: &mut dyn Write,
) -> Result<(), ReplayError> {
    let Speed { seconds, ticks_per_second, times_real_time } = speed;
    let path = opened.path.display();
    let (ticks, checksums) = (verified.ticks, verified.checksums);
    let play = format_duration(ticks, opened.rate());
    writeln!(
        out,
        "{path}: {ticks} ticks ({play}) in {seconds:.2} s: {ticks_per_second:.0} a second, {times_real_time:.0} times real time"
    )?;
    for (from, to) in &verified.lost {
        writeln!(out, "  ticks {} to {to} are lost and skipped", from.0 + 1)?;
    }
    if let Some((from, to)) = opened.missing() {
        writeln!(out, "  ticks {from} to {to} are missing before the end")?;
    }
    if let Some(tail) = opened.describe_tail() {
        writeln!(out, "  {tail}")?;
    }
    let Some(ChecksumMismatch { since, tick, journal, played }) = &verified.difference else {
        let before = opened.damaged_at().map_or("", |_| " before the damage");
        writeln!(out, "  {checksums} checksums compared{before}, and all of them are the same")?;
        return Ok(());
    };
    let between = match since {
        None => "the initial state differs".to_owned(),
        Some(since) if since.next() == *tick => format!("the first difference is at tick {tick}"),
        Some(since) => {
            format!("the first difference is after tick {since}, and at tick {tick} at the latest")
        }
    };
    writeln!(out, "  {between}: the journal has {journal}, and this build computes {played}")?;
    writeln!(
        out,
        "  {checksums} checksums before it are the same; `quarrel replay bisect {path}` shows what differs"
    )?;
    Ok(())
}
