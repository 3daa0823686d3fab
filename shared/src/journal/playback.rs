//! Playback of a journal: steps a game with the recorded entries, and compares its state with the recorded checksums.

use super::{
    checkpoint::Checkpoint,
    header::HeaderError,
    reader::{Journal, JournalError, Segment},
    seat::Holder,
    ticks::{self, TickRecord},
};
use crate::{
    bits::{BitWriter, BitsError},
    game::{Audience, Checksum, Game, Outbox, Setup, checksum},
    tick::Tick,
};

/// A game that is stepped with the entries of a journal.
pub struct Playback<'a, G: Game> {
    journal: &'a Journal<'a>,
    setup: Setup<G::Settings>,
    game: G,
    tick: Tick,
    holders: Vec<Option<Holder>>,
    /// The index of the current segment.
    number: usize,
    segment: Segment<'a, G::Input>,
    events: Outbox<G::Event>,
    scratch: BitWriter,
}

/// A checksum in the journal that differs from the state that was played.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence<I> {
    /// The tick after which the two differ.
    pub tick: Tick,
    /// The checksum in the journal.
    pub journal: Checksum,
    /// The checksum of the played state, truncated as the journal's: ticks carry only the low half.
    pub played: Checksum,
    /// The recorded state, if the checksum is that of a checkpoint.
    pub checkpoint: Option<Checkpoint>,
    /// The tick's entries, if the checksum is that of a tick.
    pub record: Option<TickRecord<I>>,
}

/// The result of one step of the playback.
#[derive(Clone, Debug, PartialEq)]
pub enum PlaybackStep<I> {
    /// A played tick, with its recorded entries.
    Tick(TickRecord<I>),
    /// A checkpoint whose checksum matches the played state.
    Checkpoint(Tick),
    /// Ticks are missing. The playback continues from the checkpoint after the gap.
    Lost {
        /// The last tick before the gap.
        from: Tick,
        /// The tick of the checkpoint.
        to: Tick,
    },
    /// A checksum did not match. The playback continues from the recorded state if the checksum is that of a checkpoint, otherwise from
    /// the played state.
    Diverged(Box<Divergence<I>>),
}

impl<I> PlaybackStep<I> {
    /// Returns the tick's record, if this step was a tick.
    #[must_use]
    pub fn into_record(self) -> Option<TickRecord<I>> {
        match self {
            Self::Tick(record) => Some(record),
            Self::Diverged(divergence) => divergence.record,
            Self::Checkpoint(_) | Self::Lost { .. } => None,
        }
    }
}

/// Reasons why a journal cannot be played from the start or beyond a tick.
#[derive(Debug, thiserror::Error)]
pub enum PlaybackError {
    /// The game does not match the header.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The bytes are malformed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The game cannot load a recorded state.
    #[error("this build cannot load the state after tick {tick}: {reason}")]
    State {
        /// The tick of the checkpoint.
        tick: Tick,
        /// The game's error.
        reason: BitsError,
    },
}

impl<'a, G: Game> Playback<'a, G> {
    /// Opens a playback at the journal's first checkpoint.
    ///
    /// # Errors
    /// The reason why the journal cannot be played.
    pub fn open(journal: &'a Journal<'a>) -> Result<Self, PlaybackError> {
        Self::from_segment(journal, 0)
    }

    /// Opens a playback at the checkpoint of the segment with this index.
    ///
    /// # Errors
    /// The reason why the journal cannot be played.
    pub fn from_segment(journal: &'a Journal<'a>, number: usize) -> Result<Self, PlaybackError> {
        let setup = journal.header().setup::<G>()?;
        let segment: Segment<'a, G::Input> = journal.segment(number)?;
        let checkpoint = segment.checkpoint();
        Ok(Self {
            journal,
            game: load(checkpoint, &setup)?,
            tick: checkpoint.tick,
            holders: checkpoint.holders.clone(),
            setup,
            number,
            segment,
            events: Outbox::new(),
            scratch: BitWriter::new(),
        })
    }

    /// Returns the game in its state after [`Self::tick`].
    pub const fn game(&self) -> &G {
        &self.game
    }

    /// Returns the game by value.
    pub fn into_game(self) -> G {
        self.game
    }

    /// Returns the last played tick, or that of the checkpoint if none was played after it.
    pub const fn tick(&self) -> Tick {
        self.tick
    }

    /// Returns the room's setup.
    pub const fn setup(&self) -> &Setup<G::Settings> {
        &self.setup
    }

    /// Returns the holder of each seat, indexed by seat; `None` for an empty seat.
    pub fn holders(&self) -> &[Option<Holder>] {
        &self.holders
    }

    /// Returns the checksum of the current state.
    pub fn checksum(&mut self) -> Checksum {
        checksum(&self.game, &mut self.scratch)
    }

    /// Drains the game's events since the last call.
    pub fn drain_events(&mut self) -> impl Iterator<Item = (Audience, G::Event)> + '_ {
        self.events.drain()
    }

    /// Plays the next tick, or enters the next segment; `None` at the end of the journal. Events of the previous tick that were
    /// not drained are discarded.
    ///
    /// # Errors
    /// The reason why the journal cannot be played further; the playback must not be used after that.
    pub fn advance(&mut self) -> Result<Option<PlaybackStep<G::Input>>, PlaybackError> {
        match self.next_tick()? {
            Some(played) => Ok(Some(played)),
            None => self.enter_next_segment(),
        }
    }

    /// Plays the next tick of the current segment; `None` at the end of the segment.
    ///
    /// # Errors
    /// The reason why the journal cannot be played further; the playback must not be used after that.
    pub fn next_tick(&mut self) -> Result<Option<PlaybackStep<G::Input>>, PlaybackError> {
        Ok(self.segment.next_tick()?.map(|record| self.apply(record)))
    }

    /// Returns the checkpoint of the next segment, if it is one of the current tick.
    ///
    /// # Errors
    /// When the checkpoint cannot be read.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, PlaybackError> {
        if self.journal.checkpoints().nth(self.number + 1) != Some(self.tick) {
            return Ok(None);
        }
        Ok(Some(self.journal.segment::<G::Input>(self.number + 1)?.into_checkpoint()))
    }

    /// Returns the index of the current segment.
    pub const fn segment(&self) -> usize {
        self.number
    }

    /// Steps the game with the entries of a tick and compares the checksum, if the tick carries one.
    fn apply(&mut self, record: TickRecord<G::Input>) -> PlaybackStep<G::Input> {
        self.events.drain().for_each(drop);
        record.entries.apply(&mut self.game, record.tick, self.setup.tick_rate, &mut self.events);
        self.tick = record.tick;
        for entry in &record.seats {
            entry.clone().apply(&mut self.holders);
        }
        if let Some(journal) = record.checksum {
            let played = ticks::low_half(checksum(&self.game, &mut self.scratch));
            if played != journal {
                let (journal, played) = (Checksum(journal.into()), Checksum(played.into()));
                let (tick, record) = (self.tick, Some(record));
                let divergence = Divergence { tick, journal, played, checkpoint: None, record };
                return PlaybackStep::Diverged(Box::new(divergence));
            }
        }
        PlaybackStep::Tick(record)
    }

    /// Enters the next segment, if there is one, and compares the game with the segment's checkpoint.
    fn enter_next_segment(&mut self) -> Result<Option<PlaybackStep<G::Input>>, PlaybackError> {
        if self.number + 1 >= self.journal.checkpoints().len() {
            return Ok(None);
        }
        let next: Segment<'a, G::Input> = self.journal.segment(self.number + 1)?;
        let checkpoint = next.checkpoint();
        let (from, to) = (self.tick, checkpoint.tick);
        let played = checksum(&self.game, &mut self.scratch);
        let step = if from != to {
            PlaybackStep::Lost { from, to }
        } else if played == checkpoint.checksum {
            PlaybackStep::Checkpoint(to)
        } else {
            PlaybackStep::Diverged(Box::new(Divergence {
                tick: to,
                journal: checkpoint.checksum,
                played,
                checkpoint: Some(checkpoint.clone()),
                record: None,
            }))
        };
        if !matches!(step, PlaybackStep::Checkpoint(_)) {
            self.game = load(checkpoint, &self.setup)?;
        }
        self.tick = to;
        self.holders.clone_from(&checkpoint.holders);
        self.segment = next;
        self.number += 1;
        Ok(Some(step))
    }
}

/// Compares the first checkpoint with the initial state of the game. `None` if they are equal, or if the journal starts after tick 0.
///
/// # Errors
/// The reason why the journal cannot be played.
pub fn initial_divergence<G: Game>(
    journal: &Journal<'_>,
) -> Result<Option<Divergence<G::Input>>, PlaybackError> {
    let setup = journal.header().setup::<G>()?;
    let checkpoint = journal.segment::<G::Input>(0)?.into_checkpoint();
    let played = checksum(&G::new(&setup), &mut BitWriter::new());
    if checkpoint.tick != Tick(0) || checkpoint.checksum == played {
        return Ok(None);
    }
    let (tick, journal) = (checkpoint.tick, checkpoint.checksum);
    Ok(Some(Divergence { tick, journal, played, checkpoint: Some(checkpoint), record: None }))
}

/// Loads the game of a checkpoint.
pub(super) fn load<G: Game>(checkpoint: &Checkpoint, setup: &Setup<G::Settings>) -> Result<G, PlaybackError> {
    checkpoint.load(setup).map_err(|reason| PlaybackError::State { tick: checkpoint.tick, reason })
}
