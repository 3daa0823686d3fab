//! Two journals against each other: the same beginning, and then something went another way in one of them.

use std::cmp::Ordering;

use super::MOST_NAMED;
use crate::{
    bits::BitWriter,
    game::{Differences, Game, checksum, differences},
    journal::{
        Checkpoint, Journal, JournalError, Playback, PlaybackError, Played, playback::load, ticks::TickRecord,
    },
    tick::Tick,
};

/// What two journals came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison<I> {
    /// What their checkpoints say.
    pub search: Search,
    /// Where they part; `None` when they do not.
    pub parting: Option<Parting<I>>,
    /// The last tick up to which they were compared: where the shorter one ends, unless they part before.
    pub until: Tick,
}

/// A binary search over the checkpoints that both have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// How many there are.
    pub common: usize,
    /// How many of them were looked at.
    pub looked: usize,
    /// The last at which both have the same state.
    pub equal: Option<Tick>,
    /// The first at which they have not.
    pub different: Option<Tick>,
}

/// Where two journals part, and over what.
#[derive(Clone, Debug, PartialEq)]
pub struct Parting<I> {
    /// The last tick at which both were seen to be the same; `None` when they differ from their first checkpoints on.
    pub since: Option<Tick>,
    /// The first at which something differs.
    pub tick: Tick,
    /// What.
    pub cause: Cause<I>,
    /// What differs between the states, one journal's against the other's, and after which tick.
    pub states: Option<(Tick, Differences)>,
}

/// What differs first.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause<I> {
    /// What went into the tick.
    Entries {
        /// By the one journal.
        one: TickRecord<I>,
        /// By the other.
        other: TickRecord<I>,
    },
    /// The same entries made two states when they were played here: the game goes by something that is not in its state.
    Played {
        /// What went into the tick.
        record: TickRecord<I>,
    },
    /// The entries are the same, what the rooms came to is not.
    Recorded {
        /// Whether this build, playing it again, comes to what the one journal says.
        one_agrees: bool,
        /// Whether it comes to what the other says.
        other_agrees: bool,
        /// What went into the tick, where it is known which it was.
        record: Option<TickRecord<I>>,
    },
    /// One of them lost the ticks in which they parted.
    Lost,
}

/// Why two journals cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum BeginningError {
    /// They are of rooms that did not begin alike.
    #[error("they are not of one beginning: {what} is {one} in the first and {other} in the second")]
    Other {
        /// What differs.
        what: &'static str,
        /// What it is in the one.
        one: String,
        /// What it is in the other.
        other: String,
    },
    /// They have no state to begin from together.
    #[error("they have no checkpoint in common to begin from")]
    NothingInCommon,
    /// One of them cannot be played.
    #[error(transparent)]
    Playback(#[from] PlaybackError),
}

impl From<JournalError> for BeginningError {
    fn from(error: JournalError) -> Self {
        Self::Playback(error.into())
    }
}

/// Finds the first tick at which two journals of one beginning differ.
///
/// States that parted are taken to stay apart. Should two come together again, or a difference of the entries leave none in any
/// state, then it is not found, and nothing hangs on it.
///
/// # Errors
/// Why they cannot be compared.
pub fn pair<G: Game>(one: &Journal<'_>, other: &Journal<'_>) -> Result<Comparison<G::Input>, BeginningError> {
    same_beginning(one, other)?;
    let common = common(one, other);
    let search = search::<G>(&common, one, other)?;
    let Some(equal) = search.equal else {
        let first = common.first().ok_or(BeginningError::NothingInCommon)?;
        let parting = begun_apart::<G>(first, one, other)?;
        return Ok(Comparison { search, until: parting.tick, parting: Some(parting) });
    };
    let begin = common.iter().find(|place| place.tick == equal).ok_or(BeginningError::NothingInCommon)?;
    let mut walk = Walk::<G> {
        one: Playback::from_segment(one, begin.one)?,
        other: Playback::from_segment(other, begin.other)?,
        since: equal,
        checked: equal,
        entries: None,
    };
    let mut parting = walk.go()?;
    // Where ticks carry checksums and no states, the states of the next checkpoints say more.
    let apart = common.iter().find(|place| Some(place.tick) == search.different);
    if let (Some(parting), Some(apart)) = (&mut parting, apart)
        && parting.states.is_none()
    {
        parting.states = Some((apart.tick, recorded_differences::<G>(apart, one, other)?));
    }
    let until = parting.as_ref().map_or_else(|| walk.tick(), |parting| parting.tick);
    Ok(Comparison { search, parting, until })
}

/// A checkpoint of both: which it is in either.
struct Place {
    tick: Tick,
    one: usize,
    other: usize,
}

fn same_beginning(one: &Journal<'_>, other: &Journal<'_>) -> Result<(), BeginningError> {
    let (one, other) = (one.header(), other.header());
    let facts = [
        ("the game", one.game.clone(), other.game.clone()),
        ("the game's revision", one.revision.to_string(), other.revision.to_string()),
        ("the settings", one.settings.to_string(), other.settings.to_string()),
        ("the seed", one.seed.to_string(), other.seed.to_string()),
        ("how many seats there are", one.seats.to_string(), other.seats.to_string()),
        ("the tick rate", one.tick_rate.to_string(), other.tick_rate.to_string()),
    ];
    match facts.into_iter().find(|(_, one, other)| one != other) {
        Some((what, one, other)) => Err(BeginningError::Other { what, one, other }),
        None => Ok(()),
    }
}

/// The ticks of which both have a checkpoint. Of several of one tick the last counts: it is the one that ticks follow.
fn common(one: &Journal<'_>, other: &Journal<'_>) -> Vec<Place> {
    let mut found: Vec<Place> = Vec::new();
    for (tick, at) in one.checkpoints().zip(0..) {
        let Some(there) = other.segment_before(tick) else { continue };
        if other.checkpoints().nth(there) != Some(tick) {
            continue;
        }
        found.pop_if(|last| last.tick == tick);
        found.push(Place { tick, one: at, other: there });
    }
    found
}

/// The last place at which both are the same and the first at which they are not, by halves.
fn search<G: Game>(common: &[Place], one: &Journal<'_>, other: &Journal<'_>) -> Result<Search, JournalError> {
    let mut looked = 0;
    // Everything before `low` is the same, everything from `high` on is not.
    let (mut low, mut high) = (0, common.len());
    while low < high {
        // The last first: mostly nothing differs, or all does.
        let middle = if looked == 0 { high - 1 } else { low.midpoint(high) };
        let place = &common[middle];
        looked += 1;
        if checkpoint::<G>(one, place.one)?.checksum == checkpoint::<G>(other, place.other)?.checksum {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let tick = |at: usize| common.get(at).map(|place| place.tick);
    Ok(Search {
        common: common.len(),
        looked,
        equal: low.checked_sub(1).and_then(tick),
        different: tick(low),
    })
}

fn checkpoint<G: Game>(journal: &Journal<'_>, number: usize) -> Result<Checkpoint, JournalError> {
    Ok(journal.segment::<G::Input>(number)?.into_checkpoint())
}

/// They differ before anything was played.
fn begun_apart<G: Game>(
    first: &Place,
    one: &Journal<'_>,
    other: &Journal<'_>,
) -> Result<Parting<G::Input>, PlaybackError> {
    let fresh = checksum(&G::new(&one.header().setup::<G>()?), &mut BitWriter::new());
    let agrees = |checkpoint: Checkpoint| first.tick == Tick(0) && checkpoint.checksum == fresh;
    let cause = Cause::Recorded {
        one_agrees: agrees(checkpoint::<G>(one, first.one)?),
        other_agrees: agrees(checkpoint::<G>(other, first.other)?),
        record: None,
    };
    let states = Some((first.tick, recorded_differences::<G>(first, one, other)?));
    Ok(Parting { since: None, tick: first.tick, cause, states })
}

/// What differs between the states that both have at this place.
fn recorded_differences<G: Game>(
    place: &Place,
    one: &Journal<'_>,
    other: &Journal<'_>,
) -> Result<Differences, PlaybackError> {
    let setup = one.header().setup::<G>()?;
    let one: G = load(&checkpoint::<G>(one, place.one)?, &setup)?;
    let other: G = load(&checkpoint::<G>(other, place.other)?, &setup)?;
    Ok(differences(&one, &other, MOST_NAMED))
}

/// Two journals played side by side from one state.
struct Walk<'a, G: Game> {
    one: Playback<'a, G>,
    other: Playback<'a, G>,
    /// The last tick up to which the same went in and came out when it was played here.
    since: Tick,
    /// The last tick of which both journals say that the rooms had come to the same.
    checked: Tick,
    /// The first tick into which not the same went.
    entries: Option<[TickRecord<G::Input>; 2]>,
}

/// What one side came to at its next tick.
struct Stop<I> {
    /// `None` behind ticks that are lost.
    record: Option<TickRecord<I>>,
    /// Whether the journal says what the room had come to.
    is_checked: bool,
    /// Whether it is what was played here; yes where it says nothing.
    agrees: bool,
}

impl<G: Game> Walk<'_, G> {
    fn tick(&self) -> Tick {
        self.one.tick().min(self.other.tick())
    }

    /// To the first tick at which they part, or to the end of either.
    fn go(&mut self) -> Result<Option<Parting<G::Input>>, PlaybackError> {
        loop {
            let (Some(mut one), Some(mut other)) = (stop(&mut self.one)?, stop(&mut self.other)?) else {
                // The entries differed, and no state did: they came together again.
                return Ok(None);
            };
            loop {
                // One of them lost ticks that the other has.
                let (behind, at) = match self.one.tick().cmp(&self.other.tick()) {
                    Ordering::Less => (&mut self.one, &mut one),
                    Ordering::Greater => (&mut self.other, &mut other),
                    Ordering::Equal => break,
                };
                let Some(next) = stop(behind)? else { return Ok(None) };
                *at = Stop { record: None, ..next };
            }
            if let Some(parting) = self.compare(one, other) {
                return Ok(Some(parting));
            }
        }
    }

    fn compare(&mut self, one: Stop<G::Input>, other: Stop<G::Input>) -> Option<Parting<G::Input>> {
        let tick = self.one.tick();
        if self.entries.is_none()
            && let (Some(first), Some(second)) = (&one.record, &other.record)
            && first.entries != second.entries
        {
            self.entries = Some([first.clone(), second.clone()]);
        }
        let is_same = self.one.checksum() == self.other.checksum();
        if is_same && one.agrees && other.agrees {
            if self.entries.is_none() {
                self.since = tick;
            }
            if one.is_checked && other.is_checked {
                self.checked = tick;
            }
            return None;
        }
        let states = (!is_same).then(|| (tick, differences(self.one.game(), self.other.game(), MOST_NAMED)));
        let (since, tick, cause) = self.cause(tick, is_same, one, other);
        Some(Parting { since: Some(since), tick, cause, states })
    }

    /// Why they part at this tick, the first that shows it; when they were last the same; and where it began.
    fn cause(
        &mut self,
        tick: Tick,
        is_same: bool,
        one: Stop<G::Input>,
        other: Stop<G::Input>,
    ) -> (Tick, Tick, Cause<G::Input>) {
        if let Some([one, other]) = self.entries.take() {
            return (self.since, one.tick, Cause::Entries { one, other });
        }
        let both = one.record.zip(other.record).map(|(record, _)| record);
        if is_same {
            let record = both.filter(|_| self.checked.next() == tick);
            let (one_agrees, other_agrees) = (one.agrees, other.agrees);
            return (self.checked, tick, Cause::Recorded { one_agrees, other_agrees, record });
        }
        (self.since, tick, both.map_or(Cause::Lost, |record| Cause::Played { record }))
    }
}

/// The next tick of one side, held against the checkpoint behind it too; `None` at its journal's end.
fn stop<G: Game>(playback: &mut Playback<'_, G>) -> Result<Option<Stop<G::Input>>, PlaybackError> {
    let played = loop {
        if let Some(played) = playback.next_tick()? {
            break played;
        }
        match playback.advance()? {
            None => return Ok(None),
            Some(Played::Lost { .. }) => {
                return Ok(Some(Stop { record: None, is_checked: true, agrees: true }));
            }
            Some(_) => {}
        }
    };
    let is_tick_right = !matches!(played, Played::Diverged(_));
    let record = played.into_record();
    let is_tick_checked = record.as_ref().is_some_and(|record| record.checksum.is_some());
    let (is_checked, is_right) = match playback.checkpoint()? {
        Some(checkpoint) => (true, checkpoint.checksum == playback.checksum()),
        None => (is_tick_checked, true),
    };
    Ok(Some(Stop { record, is_checked, agrees: is_tick_right && is_right }))
}
