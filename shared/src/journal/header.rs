//! What a room began from: the first block of every journal, as JSON, so that anybody can see what a file is.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use crate::{
    game::{Game, Setup},
    protocol::fingerprint::hash_coding,
    tick::TickRate,
};

/// The first block of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The game's name.
    pub game: String,
    /// Its [`Game::REVISION`].
    pub revision: u32,
    /// [`coding_of`] the game.
    pub coding: u64,
    /// The game's own settings.
    pub settings: serde_json::Value,
    /// Where all of the room's randomness came from.
    pub seed: u64,
    /// How many seats.
    pub seats: u16,
    /// Steps a second.
    pub tick_rate: u16,
    /// Every how many ticks a tick carries its state's checksum; 0: none does.
    pub checksum_ticks: u32,
    /// The room's number.
    pub room: u64,
    /// Which run of the server opened it.
    pub run: u32,
    /// The version of the server that did.
    pub build: String,
    /// When, in milliseconds since 1970.
    pub opened_unix_ms: u64,
}

/// Why a journal cannot be played by a game.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It is another game's.
    #[error("the journal is of \"{journal}\", not of \"{game}\"")]
    OtherGame {
        /// What the journal says.
        journal: String,
        /// What was asked for.
        game: &'static str,
    },
    /// The game's coding has changed since.
    #[error(
        "the journal is of revision {journal} of {game}, this build has {build}: use the build that wrote it"
    )]
    OtherRevision {
        /// The game.
        game: &'static str,
        /// What the journal says.
        journal: u32,
        /// What this build has.
        build: u32,
    },
    /// The same revision, and its inputs are coded otherwise.
    #[error(
        "this build calls itself the same revision of {0} and codes it differently: use the build that wrote the journal"
    )]
    OtherCoding(&'static str),
    /// The settings are none of this game's.
    #[error("the journal's settings are none of this game's: {0}")]
    Settings(String),
    /// The tick rate is out of range.
    #[error("a room cannot run at {0} ticks a second")]
    TickRate(u16),
}

impl Header {
    /// The header of a room of `G` that opens now.
    ///
    /// # Errors
    /// When the settings cannot be written as JSON: the game's fault.
    pub fn of<G: Game>(setup: &Setup<G::Settings>) -> Result<Self, serde_json::Error> {
        Ok(Self {
            game: G::NAME.to_owned(),
            revision: G::REVISION,
            coding: coding_of::<G>(),
            settings: serde_json::to_value(&setup.settings)?,
            seed: setup.seed,
            seats: setup.seats,
            tick_rate: setup.tick_rate.hz(),
            checksum_ticks: 0,
            room: 0,
            run: 0,
            build: String::new(),
            opened_unix_ms: 0,
        })
    }

    /// What the room began from, if `G` can play it.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn setup<G: Game>(&self) -> Result<Setup<G::Settings>, HeaderError> {
        if self.game != G::NAME {
            return Err(HeaderError::OtherGame { journal: self.game.clone(), game: G::NAME });
        }
        if self.revision != G::REVISION {
            let (journal, build) = (self.revision, G::REVISION);
            return Err(HeaderError::OtherRevision { game: G::NAME, journal, build });
        }
        if self.coding != coding_of::<G>() {
            return Err(HeaderError::OtherCoding(G::NAME));
        }
        let settings = serde_json::from_value(self.settings.clone())
            .map_err(|error| HeaderError::Settings(error.to_string()))?;
        let tick_rate = TickRate::new(self.tick_rate).ok_or(HeaderError::TickRate(self.tick_rate))?;
        Ok(Setup { settings, seed: self.seed, seats: self.seats, tick_rate })
    }

    /// Steps a second, as far as the header makes sense.
    #[must_use]
    pub fn rate(&self) -> TickRate {
        TickRate::new(self.tick_rate).unwrap_or_default()
    }
}

/// A number that changes when a game's name, revision or coding of inputs does. Unlike
/// [`fingerprint`](crate::protocol::fingerprint()) it does not change with the protocol, which journals have nothing to do with.
#[must_use]
pub fn coding_of<G: Game>() -> u64 {
    let mut hash = Xxh3::new();
    hash_coding::<G>(&mut hash);
    hash.digest()
}
