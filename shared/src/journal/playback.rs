//! A journal played again: the same entries through the same steps.

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

/// A room on its way through its journal.
pub struct Playback<'a, G: Game> {
    journal: &'a Journal<'a>,
    setup: Setup<G::Settings>,
    game: G,
    tick: Tick,
    holders: Vec<Option<Holder>>,
    number: usize,
    segment: Segment<'a, G::Input>,
    events: Outbox<G::Event>,
    scratch: BitWriter,
}

/// What the journal says and the game did not do.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence<I> {
    /// After this tick.
    pub tick: Tick,
    /// What the journal has.
    pub journal: Checksum,
    /// What the game came to, as much of it as the journal has.
    pub played: Checksum,
    /// The journal's whole state, where it has one.
    pub checkpoint: Option<Checkpoint>,
    /// What went into the tick, where it is a tick's checksum that differs.
    pub record: Option<TickRecord<I>>,
}

/// What a step came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Played<I> {
    /// A tick.
    Tick(TickRecord<I>),
    /// A checkpoint that the game came to, or one behind ticks that are lost, from which it goes on.
    Checkpoint(Tick),
    /// Ticks are missing, and the game goes on from the checkpoint behind them.
    Lost {
        /// The last tick before.
        from: Tick,
        /// The tick of the checkpoint.
        to: Tick,
    },
    /// The game did not come to what the journal says, and goes on from there if the journal has a checkpoint.
    Diverged(Box<Divergence<I>>),
}

impl<I> Played<I> {
    /// What went into the tick, if it was one.
    #[must_use]
    pub fn into_record(self) -> Option<TickRecord<I>> {
        match self {
            Self::Tick(record) => Some(record),
            Self::Diverged(divergence) => divergence.record,
            Self::Checkpoint(_) | Self::Lost { .. } => None,
        }
    }
}

/// Why a journal cannot be played, or not further.
#[derive(Debug, thiserror::Error)]
pub enum PlaybackError {
    /// Not by this game.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// Its bytes are not right.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The game cannot read its own state.
    #[error("the state after tick {tick} is none that this build can load: {why}")]
    State {
        /// Which checkpoint.
        tick: Tick,
        /// What the game says.
        why: BitsError,
    },
}

impl<'a, G: Game> Playback<'a, G> {
    /// From the room's beginning.
    ///
    /// # Errors
    /// Why it cannot be played.
    pub fn begin(journal: &'a Journal<'a>) -> Result<Self, PlaybackError> {
        Self::from_segment(journal, 0)
    }

    /// From this segment's checkpoint.
    ///
    /// # Errors
    /// Why it cannot be played.
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

    /// The game after [`Self::tick`].
    pub const fn game(&self) -> &G {
        &self.game
    }

    /// The game, to go on with.
    pub fn into_game(self) -> G {
        self.game
    }

    /// The last tick that was played.
    pub const fn tick(&self) -> Tick {
        self.tick
    }

    /// What the room began from.
    pub const fn setup(&self) -> &Setup<G::Settings> {
        &self.setup
    }

    /// Who sits where, one element a seat.
    pub fn holders(&self) -> &[Option<Holder>] {
        &self.holders
    }

    /// The checksum of the game as it is.
    pub fn checksum(&mut self) -> Checksum {
        checksum(&self.game, &mut self.scratch)
    }

    /// What the game said since this was last asked.
    pub fn drain_events(&mut self) -> impl Iterator<Item = (Audience, G::Event)> + '_ {
        self.events.drain()
    }

    /// What comes next; `None` at the journal's end. The events of a tick that nobody has drained are forgotten at the next.
    ///
    /// # Errors
    /// Why it cannot be played further; ask no more then.
    pub fn advance(&mut self) -> Result<Option<Played<G::Input>>, PlaybackError> {
        match self.next_tick()? {
            Some(played) => Ok(Some(played)),
            None => self.cross(),
        }
    }

    /// The same up to the end of the segment, and no further: `None` where the next one begins.
    ///
    /// # Errors
    /// Why it cannot be played further; ask no more then.
    pub fn next_tick(&mut self) -> Result<Option<Played<G::Input>>, PlaybackError> {
        Ok(self.segment.next_tick()?.map(|record| self.play(record)))
    }

    /// The checkpoint that stands behind the tick that was played last.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>, PlaybackError> {
        if self.journal.checkpoints().nth(self.number + 1) != Some(self.tick) {
            return Ok(None);
        }
        Ok(Some(self.journal.segment::<G::Input>(self.number + 1)?.into_checkpoint()))
    }

    /// Which segment is played.
    pub const fn segment(&self) -> usize {
        self.number
    }

    fn play(&mut self, record: TickRecord<G::Input>) -> Played<G::Input> {
        self.events.drain().for_each(drop);
        record.entries.apply(&mut self.game, record.tick, self.setup.tick_rate, &mut self.events);
        self.tick = record.tick;
        for note in &record.seats {
            note.clone().apply(&mut self.holders);
        }
        if let Some(journal) = record.checksum {
            let played = ticks::short(checksum(&self.game, &mut self.scratch));
            if played != journal {
                let (journal, played) = (Checksum(journal.into()), Checksum(played.into()));
                let (tick, record) = (self.tick, Some(record));
                let divergence = Divergence { tick, journal, played, checkpoint: None, record };
                return Played::Diverged(Box::new(divergence));
            }
        }
        Played::Tick(record)
    }

    /// To the next segment, if there is one.
    fn cross(&mut self) -> Result<Option<Played<G::Input>>, PlaybackError> {
        if self.number + 1 >= self.journal.checkpoints().len() {
            return Ok(None);
        }
        let next: Segment<'a, G::Input> = self.journal.segment(self.number + 1)?;
        let checkpoint = next.checkpoint();
        let (from, to) = (self.tick, checkpoint.tick);
        let played = checksum(&self.game, &mut self.scratch);
        let crossed = if from != to {
            Played::Lost { from, to }
        } else if played == checkpoint.checksum {
            Played::Checkpoint(to)
        } else {
            Played::Diverged(Box::new(Divergence {
                tick: to,
                journal: checkpoint.checksum,
                played,
                checkpoint: Some(checkpoint.clone()),
                record: None,
            }))
        };
        if !matches!(crossed, Played::Checkpoint(_)) {
            self.game = load(checkpoint, &self.setup)?;
        }
        self.tick = to;
        self.holders.clone_from(&checkpoint.holders);
        self.segment = next;
        self.number += 1;
        Ok(Some(crossed))
    }
}

/// Holds the first checkpoint against a room that has just opened: `None` when they are the same, or when the journal begins later.
///
/// # Errors
/// Why it cannot be played.
pub fn beginning<G: Game>(journal: &Journal<'_>) -> Result<Option<Divergence<G::Input>>, PlaybackError> {
    let setup = journal.header().setup::<G>()?;
    let checkpoint = journal.segment::<G::Input>(0)?.into_checkpoint();
    let played = checksum(&G::new(&setup), &mut BitWriter::new());
    if checkpoint.tick != Tick(0) || checkpoint.checksum == played {
        return Ok(None);
    }
    let (tick, journal) = (checkpoint.tick, checkpoint.checksum);
    Ok(Some(Divergence { tick, journal, played, checkpoint: Some(checkpoint), record: None }))
}

/// A checkpoint's game.
pub(super) fn load<G: Game>(checkpoint: &Checkpoint, setup: &Setup<G::Settings>) -> Result<G, PlaybackError> {
    checkpoint.load(setup).map_err(|why| PlaybackError::State { tick: checkpoint.tick, why })
}
