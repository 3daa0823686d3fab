//! Bisection of two journals of one setup: the first tick at which they differ.

use std::cmp::Ordering;

use super::named::named_differences;
use crate::{
    bits::BitWriter,
    game::{Differences, Game, checksum},
    journal::{
        Checkpoint, Journal, JournalError, Playback, PlaybackError, PlaybackStep, playback::load,
        ticks::TickRecord,
    },
    tick::Tick,
};

/// The result of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison<I> {
    /// The result of the search over the common checkpoints.
    pub search: Search,
    /// The first difference, if there is one.
    pub first_difference: Option<FirstDifference<I>>,
    /// The last tick that was compared: that of the first difference, or the end of the shorter journal.
    pub until: Tick,
}

/// The result of a binary search over the common checkpoints: those of ticks for which both journals have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// The number of common checkpoints.
    pub common: usize,
    /// The number of common checkpoints that were compared.
    pub compared: usize,
    /// The tick of the last common checkpoint at which the states are equal.
    pub equal: Option<Tick>,
    /// The tick of the first common checkpoint at which the states differ.
    pub different: Option<Tick>,
}

/// The first difference of two journals, and its cause.
#[derive(Clone, Debug, PartialEq)]
pub struct FirstDifference<I> {
    /// The last tick at which the journals were known to be equal; `None` if their first common checkpoints differ.
    pub since: Option<Tick>,
    /// The first tick at which something differs.
    pub tick: Tick,
    /// The kind of the difference: other entries, or other states after the same entries.
    pub cause: Cause<I>,
    /// A tick and the differences between the states of the first and the second journal after it.
    pub states: Option<(Tick, Differences)>,
}

/// The cause of the first difference.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause<I> {
    /// The entries (seat changes and inputs) of the tick differ.
    Entries {
        /// The tick in the first journal.
        one: TickRecord<I>,
        /// The tick in the second journal.
        other: TickRecord<I>,
    },
    /// This build computed two different states from the same entries: the game depends on something outside of its state.
    NotDeterministic {
        /// The entries of the tick.
        record: TickRecord<I>,
    },
    /// The entries are equal and the recorded states differ.
    Recorded {
        /// Whether this build reproduces the first journal.
        one_agrees: bool,
        /// Whether this build reproduces the second journal.
        other_agrees: bool,
        /// The entries of the tick, if the exact tick is known.
        record: Option<TickRecord<I>>,
    },
    /// One journal lost the ticks in which the two diverged.
    Lost,
}

/// Reasons why two journals cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// The setups in their headers differ.
    #[error(
        "the journals do not start from the same setup: {what} is {one} in the first and {other} in the second"
    )]
    OtherSetup {
        /// The field that differs.
        what: &'static str,
        /// Its value in the first journal.
        one: String,
        /// Its value in the second journal.
        other: String,
    },
    /// There is no tick for which both have a checkpoint.
    #[error("the journals have no checkpoint of the same tick, from which both could be played")]
    NoCommonCheckpoint,
    /// One of the journals cannot be played.
    #[error(transparent)]
    Playback(#[from] PlaybackError),
}

impl From<JournalError> for CompareError {
    fn from(error: JournalError) -> Self {
        Self::Playback(error.into())
    }
}

/// Finds the first tick at which two journals of one setup differ.
///
/// Diverged states are assumed to stay different. A difference that disappears again, or different entries that change no
/// state, may be missed.
///
/// # Errors
/// The reason why the journals cannot be compared.
pub fn bisect_pair<G: Game>(
    one: &Journal<'_>,
    other: &Journal<'_>,
) -> Result<Comparison<G::Input>, CompareError> {
    check_same_setup(one, other)?;
    let common = common_checkpoints(one, other);
    let search = search::<G>(&common, one, other)?;
    let Some(equal) = search.equal else {
        let first = common.first().ok_or(CompareError::NoCommonCheckpoint)?;
        let first_difference = initial_difference::<G>(first, one, other)?;
        return Ok(Comparison {
            search,
            until: first_difference.tick,
            first_difference: Some(first_difference),
        });
    };
    let start =
        common.iter().find(|checkpoint| checkpoint.tick == equal).ok_or(CompareError::NoCommonCheckpoint)?;
    let mut sides = SideBySide::<G> {
        one: Playback::from_segment(one, start.one)?,
        other: Playback::from_segment(other, start.other)?,
        since: equal,
        checked: equal,
        entries: None,
    };
    let mut first_difference = sides.run()?;
    // A difference between a tick's checksums names no fields. The states of the next different checkpoints do.
    let different = common.iter().find(|checkpoint| Some(checkpoint.tick) == search.different);
    if let (Some(first_difference), Some(different)) = (&mut first_difference, different)
        && first_difference.states.is_none()
    {
        first_difference.states = Some((different.tick, recorded_differences::<G>(different, one, other)?));
    }
    let until =
        first_difference.as_ref().map_or_else(|| sides.tick(), |first_difference| first_difference.tick);
    Ok(Comparison { search, first_difference, until })
}

/// A checkpoint of the same tick in both journals, and its index in each.
struct CommonCheckpoint {
    tick: Tick,
    one: usize,
    other: usize,
}

fn check_same_setup(one: &Journal<'_>, other: &Journal<'_>) -> Result<(), CompareError> {
    let (one, other) = (one.header(), other.header());
    let fields = [
        ("the game", one.game.clone(), other.game.clone()),
        ("the game's revision", one.revision.to_string(), other.revision.to_string()),
        ("the settings", one.settings.to_string(), other.settings.to_string()),
        ("the seed", one.seed.to_string(), other.seed.to_string()),
        ("the number of seats", one.seats.to_string(), other.seats.to_string()),
        ("the tick rate", one.tick_rate.to_string(), other.tick_rate.to_string()),
    ];
    match fields.into_iter().find(|(_, one, other)| one != other) {
        Some((what, one, other)) => Err(CompareError::OtherSetup { what, one, other }),
        None => Ok(()),
    }
}

/// Returns the ticks for which both journals have a checkpoint. If a journal has several of one tick, the last is returned, because
/// ticks follow only that one.
fn common_checkpoints(one: &Journal<'_>, other: &Journal<'_>) -> Vec<CommonCheckpoint> {
    let mut found: Vec<CommonCheckpoint> = Vec::new();
    for (tick, at) in one.checkpoints().zip(0..) {
        let Some(there) = other.segment_before(tick) else { continue };
        if other.checkpoints().nth(there) != Some(tick) {
            continue;
        }
        found.pop_if(|last| last.tick == tick);
        found.push(CommonCheckpoint { tick, one: at, other: there });
    }
    found
}

/// Finds the last common checkpoint with equal states and the first with different states, by a binary search.
fn search<G: Game>(
    common: &[CommonCheckpoint],
    one: &Journal<'_>,
    other: &Journal<'_>,
) -> Result<Search, JournalError> {
    let mut compared = 0;
    // Invariant: all checkpoints before `low` are equal, and all from `high` on differ.
    let (mut low, mut high) = (0, common.len());
    while low < high {
        // Compare the last checkpoint first, because usually nothing differs.
        let middle = if compared == 0 { high - 1 } else { low.midpoint(high) };
        let checkpoint = &common[middle];
        compared += 1;
        if read_checkpoint::<G>(one, checkpoint.one)?.checksum
            == read_checkpoint::<G>(other, checkpoint.other)?.checksum
        {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let tick = |at: usize| common.get(at).map(|checkpoint| checkpoint.tick);
    Ok(Search {
        common: common.len(),
        compared,
        equal: low.checked_sub(1).and_then(tick),
        different: tick(low),
    })
}

fn read_checkpoint<G: Game>(journal: &Journal<'_>, number: usize) -> Result<Checkpoint, JournalError> {
    Ok(journal.segment::<G::Input>(number)?.into_checkpoint())
}

/// Returns the first difference of two journals whose first common checkpoints differ.
fn initial_difference<G: Game>(
    first: &CommonCheckpoint,
    one: &Journal<'_>,
    other: &Journal<'_>,
) -> Result<FirstDifference<G::Input>, PlaybackError> {
    let initial = checksum(&G::new(&one.header().setup::<G>()?), &mut BitWriter::new());
    let agrees = |checkpoint: Checkpoint| first.tick == Tick(0) && checkpoint.checksum == initial;
    let cause = Cause::Recorded {
        one_agrees: agrees(read_checkpoint::<G>(one, first.one)?),
        other_agrees: agrees(read_checkpoint::<G>(other, first.other)?),
        record: None,
    };
    let states = Some((first.tick, recorded_differences::<G>(first, one, other)?));
    Ok(FirstDifference { since: None, tick: first.tick, cause, states })
}

/// Returns the differences between the recorded states of a common checkpoint.
fn recorded_differences<G: Game>(
    checkpoint: &CommonCheckpoint,
    one: &Journal<'_>,
    other: &Journal<'_>,
) -> Result<Differences, PlaybackError> {
    let setup = one.header().setup::<G>()?;
    let one: G = load(&read_checkpoint::<G>(one, checkpoint.one)?, &setup)?;
    let other: G = load(&read_checkpoint::<G>(other, checkpoint.other)?, &setup)?;
    Ok(named_differences(&one, &other))
}

/// Two journals that are played side by side from one state.
struct SideBySide<'a, G: Game> {
    one: Playback<'a, G>,
    other: Playback<'a, G>,
    /// The last tick up to which entries and played states were equal.
    since: Tick,
    /// The last tick for which both journals have a checksum that matches the played states.
    checked: Tick,
    /// The first tick whose entries differ, in both journals.
    entries: Option<[TickRecord<G::Input>; 2]>,
}

/// The result of one tick of one journal.
struct PlayedTick<I> {
    /// `None` if ticks before this one are lost.
    record: Option<TickRecord<I>>,
    /// Whether the journal has a checksum of this tick.
    is_checked: bool,
    /// Whether the played state matches that checksum; true without a checksum.
    agrees: bool,
}

impl<G: Game> SideBySide<'_, G> {
    fn tick(&self) -> Tick {
        self.one.tick().min(self.other.tick())
    }

    /// Plays to the first difference, or to the end of either journal.
    fn run(&mut self) -> Result<Option<FirstDifference<G::Input>>, PlaybackError> {
        loop {
            let (Some(mut one), Some(mut other)) = (play_tick(&mut self.one)?, play_tick(&mut self.other)?)
            else {
                // One of the journals has ended. If entries differed, they changed no state.
                return Ok(None);
            };
            loop {
                // One journal lost ticks that the other has: play the other one up to the tick after the gap.
                let (behind, played) = match self.one.tick().cmp(&self.other.tick()) {
                    Ordering::Less => (&mut self.one, &mut one),
                    Ordering::Greater => (&mut self.other, &mut other),
                    Ordering::Equal => break,
                };
                let Some(next) = play_tick(behind)? else { return Ok(None) };
                *played = PlayedTick { record: None, ..next };
            }
            if let Some(first_difference) = self.compare(one, other) {
                return Ok(Some(first_difference));
            }
        }
    }

    /// Compares the played ticks of both journals. Returns the first difference, once a state or a checksum shows one.
    fn compare(
        &mut self,
        one: PlayedTick<G::Input>,
        other: PlayedTick<G::Input>,
    ) -> Option<FirstDifference<G::Input>> {
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
        let states = (!is_same).then(|| (tick, named_differences(self.one.game(), self.other.game())));
        Some(self.first_difference(one, other, states))
    }

    /// Returns the first difference, given the current tick, which is the first that shows it, and the differences between the played
    /// states of both journals, if there are any.
    fn first_difference(
        &mut self,
        one: PlayedTick<G::Input>,
        other: PlayedTick<G::Input>,
        states: Option<(Tick, Differences)>,
    ) -> FirstDifference<G::Input> {
        let tick = self.one.tick();
        if let Some([one, other]) = self.entries.take() {
            let (tick, cause) = (one.tick, Cause::Entries { one, other });
            return FirstDifference { since: Some(self.since), tick, cause, states };
        }
        let record = one.record.zip(other.record).map(|(record, _)| record);
        if states.is_none() {
            let record = record.filter(|_| self.checked.next() == tick);
            let (one_agrees, other_agrees) = (one.agrees, other.agrees);
            let cause = Cause::Recorded { one_agrees, other_agrees, record };
            return FirstDifference { since: Some(self.checked), tick, cause, states };
        }
        let cause = record.map_or(Cause::Lost, |record| Cause::NotDeterministic { record });
        FirstDifference { since: Some(self.since), tick, cause, states }
    }
}

/// Plays the next tick of one journal and compares the state with the tick's checksum and with the checkpoint after the tick, if there
/// are any. `None` at the journal's end.
fn play_tick<G: Game>(playback: &mut Playback<'_, G>) -> Result<Option<PlayedTick<G::Input>>, PlaybackError> {
    let played = loop {
        if let Some(played) = playback.next_tick()? {
            break played;
        }
        match playback.advance()? {
            None => return Ok(None),
            Some(PlaybackStep::Lost { .. }) => {
                return Ok(Some(PlayedTick { record: None, is_checked: true, agrees: true }));
            }
            Some(_) => {}
        }
    };
    let tick_agrees = !matches!(played, PlaybackStep::Diverged(_));
    let record = played.into_record();
    let is_tick_checked = record.as_ref().is_some_and(|record| record.checksum.is_some());
    let (is_checked, checkpoint_agrees) = match playback.checkpoint()? {
        Some(checkpoint) => (true, checkpoint.checksum == playback.checksum()),
        None => (is_tick_checked, true),
    };
    Ok(Some(PlayedTick { record, is_checked, agrees: tick_agrees && checkpoint_agrees }))
}
