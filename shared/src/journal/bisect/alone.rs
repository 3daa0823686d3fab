//! One journal against its own checksums: the first tick at which this build comes to something else, and why it may be.

use super::MOST_NAMED;
use crate::{
    game::{Checksum, Differences, Game, differences},
    journal::{
        Divergence, Journal, Playback, PlaybackError, Played,
        playback::{self, load},
        ticks::TickRecord,
    },
    tick::Tick,
};

/// A journal says one thing, and this build comes to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault<I> {
    /// The last tick at which both were seen to be the same; `None` when they differ from the room's beginning on.
    pub since: Option<Tick>,
    /// The first at which they were seen to differ.
    pub tick: Tick,
    /// What the journal has there, as much of it as it has.
    pub journal: Checksum,
    /// What was played.
    pub played: Checksum,
    /// What went into that tick; `None` where a checkpoint showed the fault.
    pub record: Option<TickRecord<I>>,
    /// What differs between the journal's state, the first, and what was played, where the journal has a state of that tick.
    pub states: Option<Differences>,
    /// After which tick the segment begins that was played again.
    pub segment: Tick,
    /// What came of that.
    pub again: Again<I>,
}

/// What playing a segment again says of a fault.
#[derive(Clone, Debug, PartialEq)]
pub enum Again<I> {
    /// Twice from the same state with the same entries, it went two ways: the game goes by something that is not in its state.
    TwoWays {
        /// The first tick at which it did.
        record: TickRecord<I>,
        /// What differs after it.
        states: Differences,
    },
    /// Played on from before, it comes to something else than loaded from the checkpoint: the game does not save all that it goes by.
    NotSaved {
        /// The first tick at which the two differ.
        record: TickRecord<I>,
        /// What differs after it: the first is what was played on.
        states: Differences,
    },
    /// The same as the first time: the room itself went another way. Another build wrote the journal, or its machine erred.
    Same,
}

/// Plays the journal from its beginning, then each segment by itself. `None` when all of it is what the journal says.
///
/// # Errors
/// Why it cannot be played.
pub fn alone<G: Game>(journal: &Journal<'_>) -> Result<Option<Fault<G::Input>>, PlaybackError> {
    if let Some(divergence) = playback::beginning::<G>(journal)? {
        return begun_otherwise::<G>(journal, divergence).map(Some);
    }
    let mut playback = Playback::<G>::begin(journal)?;
    let mut since = playback.tick();
    loop {
        let segment = playback.segment();
        match playback.advance()? {
            None => break,
            Some(Played::Diverged(divergence)) => {
                return examine::<G>(journal, segment, since, *divergence).map(Some);
            }
            Some(Played::Tick(record)) if record.checksum.is_none() => {}
            Some(_) => since = playback.tick(),
        }
    }
    for segment in 1..journal.checkpoints().len() {
        if let Some((since, divergence)) = segment_alone::<G>(journal, segment)? {
            return examine::<G>(journal, segment, since, divergence).map(Some);
        }
    }
    Ok(None)
}

fn begun_otherwise<G: Game>(
    journal: &Journal<'_>,
    divergence: Divergence<G::Input>,
) -> Result<Fault<G::Input>, PlaybackError> {
    let setup = journal.header().setup::<G>()?;
    let recorded: Option<G> = divergence.checkpoint.as_ref().map(|it| load(it, &setup)).transpose()?;
    let states = recorded.map(|recorded| differences(&recorded, &G::new(&setup), MOST_NAMED));
    Ok(Fault {
        since: None,
        tick: divergence.tick,
        journal: divergence.journal,
        played: divergence.played,
        record: None,
        states,
        segment: divergence.tick,
        again: Again::Same,
    })
}

/// The last tick that was right, and what was not after it.
type Met<G> = (Tick, Divergence<<G as Game>::Input>);

/// The first divergence of a segment that is played from its own checkpoint.
fn segment_alone<G: Game>(journal: &Journal<'_>, segment: usize) -> Result<Option<Met<G>>, PlaybackError> {
    let mut playback = Playback::<G>::from_segment(journal, segment)?;
    let mut since = playback.tick();
    while let Some(played) = playback.next_tick()? {
        match played {
            Played::Diverged(divergence) => return Ok(Some((since, *divergence))),
            Played::Tick(record) if record.checksum.is_some() => since = record.tick,
            _ => {}
        }
    }
    match playback.advance()? {
        Some(Played::Diverged(divergence)) => Ok(Some((since, *divergence))),
        _ => Ok(None),
    }
}

/// Finds out what can be known of a divergence that was met in this segment.
fn examine<G: Game>(
    journal: &Journal<'_>,
    segment: usize,
    since: Tick,
    divergence: Divergence<G::Input>,
) -> Result<Fault<G::Input>, PlaybackError> {
    let until = divergence.tick;
    let mut one = Playback::<G>::from_segment(journal, segment)?;
    let mut other = Playback::<G>::from_segment(journal, segment)?;
    let begin = one.tick();
    let again = match together(&mut one, &mut other, until)? {
        Some((record, states)) => Again::TwoWays { record, states },
        None => not_saved::<G>(journal, segment, until)?.unwrap_or(Again::Same),
    };
    while one.tick() < until && one.next_tick()?.is_some() {}
    let recorded: Option<G> =
        divergence.checkpoint.as_ref().map(|checkpoint| load(checkpoint, one.setup())).transpose()?;
    let states = recorded.map(|recorded| differences(&recorded, one.game(), MOST_NAMED));
    let Divergence { tick, journal, played, record, .. } = divergence;
    Ok(Fault { since: Some(since), tick, journal, played, record, states, segment: begin, again })
}

/// Whether the game goes another way when it is played on into this segment than when it is loaded at its beginning.
fn not_saved<G: Game>(
    journal: &Journal<'_>,
    segment: usize,
    until: Tick,
) -> Result<Option<Again<G::Input>>, PlaybackError> {
    let mut loaded = Playback::<G>::from_segment(journal, segment)?;
    let Some(before) = journal.segment_to(loaded.tick()) else { return Ok(None) };
    let mut on = Playback::<G>::from_segment(journal, before)?;
    while on.segment() < segment {
        // A segment behind ticks that are lost, or behind another fault, is never played on to.
        if !matches!(on.advance()?, Some(Played::Tick(_) | Played::Checkpoint(_))) {
            return Ok(None);
        }
    }
    let parted = together(&mut on, &mut loaded, until)?;
    Ok(parted.map(|(record, states)| Again::NotSaved { record, states }))
}

/// The first tick after which two states differ, and what differs.
type Parted<G> = (TickRecord<<G as Game>::Input>, Differences);

/// Plays both to this tick, and stops at the first after which they differ.
fn together<G: Game>(
    one: &mut Playback<'_, G>,
    other: &mut Playback<'_, G>,
    until: Tick,
) -> Result<Option<Parted<G>>, PlaybackError> {
    while one.tick() < until {
        let (Some(played), Some(_)) = (one.next_tick()?, other.next_tick()?) else { return Ok(None) };
        if one.checksum() != other.checksum() {
            let states = differences(one.game(), other.game(), MOST_NAMED);
            return Ok(played.into_record().map(|record| (record, states)));
        }
    }
    Ok(None)
}
