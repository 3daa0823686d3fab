//! Replay of one journal: finds the first tick at which this build computes another state than the journal's checksums show, and the
//! cause.

use super::named::named_differences;
use crate::{
    game::{Checksum, Differences, Game},
    journal::{
        Divergence, Journal, Playback, PlaybackError, PlaybackStep,
        playback::{self, load},
        ticks::TickRecord,
    },
    tick::Tick,
};

/// A checksum of a journal that this build does not reproduce.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayFault<I> {
    /// The last tick at which a checksum matched; `None` if the initial states differ.
    pub since: Option<Tick>,
    /// The first tick at which a checksum does not match.
    pub tick: Tick,
    /// The checksum in the journal; only its low half if it is that of a tick.
    pub journal: Checksum,
    /// The checksum of the played state, truncated in the same way.
    pub played: Checksum,
    /// The entries of that tick; `None` if a checkpoint showed the fault.
    pub record: Option<TickRecord<I>>,
    /// The differences between the recorded state (first) and the played state, if a checkpoint showed the fault.
    pub states: Option<Differences>,
    /// The tick of the checkpoint with which the examined segment starts.
    pub segment: Tick,
    /// The cause, as found by playing that segment again.
    pub diagnosis: Diagnosis<I>,
}

/// The cause of a fault, as far as playing its segment again shows it.
#[derive(Clone, Debug, PartialEq)]
pub enum Diagnosis<I> {
    /// Two runs from the same state with the same entries differ: the game depends on something outside of its state.
    NotDeterministic {
        /// The first tick after which the runs differ.
        record: TickRecord<I>,
        /// The differences between the two runs after that tick.
        states: Differences,
    },
    /// A run that plays on over the checkpoint and a run that loads the checkpoint differ: the game does not save all of its state.
    NotSaved {
        /// The first tick after which the runs differ.
        record: TickRecord<I>,
        /// The differences after that tick, first the state of the run that plays on.
        states: Differences,
    },
    /// All runs give the same result, so another build wrote the journal, or the server's machine computed wrongly.
    Reproducible,
}

/// Plays the journal from its start, then each segment from its own checkpoint, and returns the first fault. `None` if every checksum
/// matches.
///
/// # Errors
/// The reason why the journal cannot be played.
pub fn bisect_one<G: Game>(journal: &Journal<'_>) -> Result<Option<ReplayFault<G::Input>>, PlaybackError> {
    if let Some(divergence) = playback::initial_divergence::<G>(journal)? {
        return initial_fault::<G>(journal, divergence).map(Some);
    }
    let mut playback = Playback::<G>::open(journal)?;
    let mut since = playback.tick();
    loop {
        let segment = playback.segment();
        match playback.advance()? {
            None => break,
            Some(PlaybackStep::Diverged(divergence)) => {
                return examine::<G>(journal, segment, since, *divergence).map(Some);
            }
            Some(PlaybackStep::Tick(record)) if record.checksum.is_none() => {}
            Some(_) => since = playback.tick(),
        }
    }
    for segment in 1..journal.checkpoints().len() {
        if let Some(Diverging { since, divergence }) = diverging_segment::<G>(journal, segment)? {
            return examine::<G>(journal, segment, since, divergence).map(Some);
        }
    }
    Ok(None)
}

fn initial_fault<G: Game>(
    journal: &Journal<'_>,
    divergence: Divergence<G::Input>,
) -> Result<ReplayFault<G::Input>, PlaybackError> {
    let setup = journal.header().setup::<G>()?;
    let recorded: Option<G> =
        divergence.checkpoint.as_ref().map(|checkpoint| load(checkpoint, &setup)).transpose()?;
    let states = recorded.map(|recorded| named_differences(&recorded, &G::new(&setup)));
    Ok(ReplayFault {
        since: None,
        tick: divergence.tick,
        journal: divergence.journal,
        played: divergence.played,
        record: None,
        states,
        segment: divergence.tick,
        diagnosis: Diagnosis::Reproducible,
    })
}

/// A divergence and the last tick before it at which a checksum matched.
struct Diverging<G: Game> {
    since: Tick,
    divergence: Divergence<G::Input>,
}

/// Returns the first divergence of a segment that is played from its own checkpoint.
fn diverging_segment<G: Game>(
    journal: &Journal<'_>,
    segment: usize,
) -> Result<Option<Diverging<G>>, PlaybackError> {
    let mut playback = Playback::<G>::from_segment(journal, segment)?;
    let mut since = playback.tick();
    while let Some(played) = playback.next_tick()? {
        match played {
            PlaybackStep::Diverged(divergence) => {
                return Ok(Some(Diverging { since, divergence: *divergence }));
            }
            PlaybackStep::Tick(record) if record.checksum.is_some() => since = record.tick,
            _ => {}
        }
    }
    match playback.advance()? {
        Some(PlaybackStep::Diverged(divergence)) => Ok(Some(Diverging { since, divergence: *divergence })),
        _ => Ok(None),
    }
}

/// Diagnoses a divergence that was found in the segment with this index.
fn examine<G: Game>(
    journal: &Journal<'_>,
    segment: usize,
    since: Tick,
    divergence: Divergence<G::Input>,
) -> Result<ReplayFault<G::Input>, PlaybackError> {
    let until = divergence.tick;
    let mut one = Playback::<G>::from_segment(journal, segment)?;
    let mut other = Playback::<G>::from_segment(journal, segment)?;
    let start = one.tick();
    let diagnosis = match first_difference(&mut one, &mut other, until)? {
        Some((record, states)) => Diagnosis::NotDeterministic { record, states },
        None => not_saved::<G>(journal, segment, until)?.unwrap_or(Diagnosis::Reproducible),
    };
    while one.tick() < until && one.next_tick()?.is_some() {}
    let recorded: Option<G> =
        divergence.checkpoint.as_ref().map(|checkpoint| load(checkpoint, one.setup())).transpose()?;
    let states = recorded.map(|recorded| named_differences(&recorded, one.game()));
    let Divergence { tick, journal, played, record, .. } = divergence;
    Ok(ReplayFault { since: Some(since), tick, journal, played, record, states, segment: start, diagnosis })
}

/// Compares a run that plays on from the segment before with one that loads the game from this segment's checkpoint, up to the tick
/// `until`. `None` if they do not differ, or if this segment cannot be reached by playing.
fn not_saved<G: Game>(
    journal: &Journal<'_>,
    segment: usize,
    until: Tick,
) -> Result<Option<Diagnosis<G::Input>>, PlaybackError> {
    let mut loaded = Playback::<G>::from_segment(journal, segment)?;
    let Some(before) = journal.segment_to(loaded.tick()) else { return Ok(None) };
    let mut across = Playback::<G>::from_segment(journal, before)?;
    while across.segment() < segment {
        // A segment after lost ticks, or after another fault, cannot be reached by playing.
        if !matches!(across.advance()?, Some(PlaybackStep::Tick(_) | PlaybackStep::Checkpoint(_))) {
            return Ok(None);
        }
    }
    let difference = first_difference(&mut across, &mut loaded, until)?;
    Ok(difference.map(|(record, states)| Diagnosis::NotSaved { record, states }))
}

/// The first tick after which two runs differ, and the differences.
type StateDifference<G> = (TickRecord<<G as Game>::Input>, Differences);

/// Plays both up to the tick `until`, and returns the first difference.
fn first_difference<G: Game>(
    one: &mut Playback<'_, G>,
    other: &mut Playback<'_, G>,
    until: Tick,
) -> Result<Option<StateDifference<G>>, PlaybackError> {
    while one.tick() < until {
        let (Some(played), Some(_)) = (one.next_tick()?, other.next_tick()?) else { return Ok(None) };
        if one.checksum() != other.checksum() {
            let states = named_differences(one.game(), other.game());
            return Ok(played.into_record().map(|record| (record, states)));
        }
    }
    Ok(None)
}
