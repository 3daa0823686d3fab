//! `quarrel replay verify`: a journal played again at full speed, and every checksum compared. A damaged one is not right, whatever its
//! checksums say.

use std::{io::Write, time::Instant};

use quarrel_shared::{
    game::{Checksum, Game},
    journal::{Divergence, Playback, PlaybackError, Played, playback},
    tick::Tick,
};
use serde_json::json;

use super::{Named as _, ReplayError, file::Opened, when::lasting, write_json};
use crate::cli::ExitCode;

/// What came of it.
#[derive(Default)]
struct Verified {
    ticks: u32,
    checksums: u32,
    /// How many matches ended.
    matches: u32,
    /// Stretches that are lost: the last tick before, and the one behind.
    lost: Vec<(Tick, Tick)>,
    difference: Option<Difference>,
}

/// The first checksum that differs.
struct Difference {
    /// The last tick at which they were the same.
    since: Option<Tick>,
    tick: Tick,
    journal: Checksum,
    played: Checksum,
}

impl Difference {
    fn new<I>(since: Option<Tick>, divergence: &Divergence<I>) -> Self {
        let Divergence { tick, journal, played, .. } = *divergence;
        Self { since, tick, journal, played }
    }
}

/// Plays it to its first difference or to its end.
pub(super) fn verify<G: Game>(
    opened: &Opened<'_>,
    json: bool,
    out: &mut dyn Write,
) -> Result<ExitCode, ReplayError> {
    let begun = Instant::now();
    let verified = compare::<G>(opened).named(opened)?;
    let seconds = begun.elapsed().as_secs_f64().max(1e-6);
    let speed = f64::from(verified.ticks) / seconds;
    let times = speed / f64::from(opened.rate().hz());
    if json {
        let lost: Vec<_> = verified.lost.iter().map(|(from, to)| json!([from.0 + 1, to.0])).collect();
        let difference = verified.difference.as_ref().map(|it| {
            json!({
                "since": it.since.map(|tick| tick.0), "tick": it.tick.0,
                "journal": it.journal.to_string(), "played": it.played.to_string(),
            })
        });
        let answer = json!({
            "file": opened.path.display().to_string(), "ticks": verified.ticks, "checksums": verified.checksums,
            "matches": verified.matches, "seconds": seconds, "ticks_per_second": speed, "times_real_time": times, "bytes": opened.bytes,
            "lost": lost, "missing": opened.missing().map(|(from, to)| [from.0, to.0]),
            "torn_bytes": opened.journal.torn().map(|torn| torn.bytes), "damaged_at": opened.damaged_at(),
            "difference": difference,
        });
        write_json(&answer, out)?;
    } else {
        write_text(opened, &verified, [seconds, speed, times], out)?;
    }
    // What is behind the damage was not compared: such a journal proves nothing.
    let is_right = verified.difference.is_none() && opened.damaged_at().is_none();
    Ok(if is_right { ExitCode::Done } else { ExitCode::Internal })
}

fn compare<G: Game>(opened: &Opened<'_>) -> Result<Verified, PlaybackError> {
    let mut playback = Playback::<G>::begin(&opened.journal)?;
    let mut verified = Verified::default();
    let mut since = playback.tick();
    if let Some(divergence) = playback::beginning::<G>(&opened.journal)? {
        verified.difference = Some(Difference::new(None, &divergence));
        return Ok(verified);
    }
    verified.checksums += u32::from(since == Tick(0));
    let mut is_over = playback.game().outcome().is_some();
    while let Some(played) = playback.advance()? {
        let was_over = std::mem::replace(&mut is_over, playback.game().outcome().is_some());
        verified.matches += u32::from(!was_over && is_over && !matches!(played, Played::Lost { .. }));
        match played {
            Played::Tick(record) => {
                verified.ticks += 1;
                if record.checksum.is_none() {
                    continue;
                }
            }
            Played::Checkpoint(_) => {}
            Played::Lost { from, to } => {
                verified.lost.push((from, to));
                since = to;
                continue;
            }
            Played::Diverged(divergence) => {
                verified.ticks += u32::from(divergence.record.is_some());
                verified.difference = Some(Difference::new(Some(since), &divergence));
                return Ok(verified);
            }
        }
        verified.checksums += 1;
        since = playback.tick();
    }
    Ok(verified)
}

fn write_text(
    opened: &Opened<'_>,
    verified: &Verified,
    [seconds, speed, times]: [f64; 3],
    out: &mut dyn Write,
) -> Result<(), ReplayError> {
    let path = opened.path.display();
    let (ticks, checksums) = (verified.ticks, verified.checksums);
    let play = lasting(ticks, opened.rate());
    writeln!(
        out,
        "{path}: {ticks} ticks ({play}) in {seconds:.2} s: {speed:.0} a second, {times:.0} times real time"
    )?;
    for (from, to) in &verified.lost {
        writeln!(out, "  ticks {} to {to} are lost, and were skipped", from.0 + 1)?;
    }
    if let Some((from, to)) = opened.missing() {
        writeln!(out, "  ticks {from} to {to} are missing before the end")?;
    }
    if let Some(tail) = opened.tail() {
        writeln!(out, "  {tail}")?;
    }
    let Some(Difference { since, tick, journal, played }) = &verified.difference else {
        let before = opened.damaged_at().map_or("", |_| " before the damage");
        writeln!(out, "  {checksums} checksums compared{before}, and all of them are the same")?;
        return Ok(());
    };
    let between = match since {
        None => "the room's beginning differs".to_owned(),
        Some(since) if since.next() == *tick => format!("the first difference is at tick {tick}"),
        Some(since) => format!("the first difference is after tick {since} and at tick {tick} at the latest"),
    };
    writeln!(out, "  {between}: the journal has {journal}, and this build comes to {played}")?;
    writeln!(
        out,
        "  {checksums} checksums before it are the same; `quarrel replay bisect {path}` says what differs"
    )?;
    Ok(())
}
