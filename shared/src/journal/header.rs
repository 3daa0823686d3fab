//! The header: the setup of a room, as JSON in the first block of every journal, so that people can read it.

use std::{
    any::TypeId,
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use crate::{
    bits::BitWriter,
    game::{Game, Setup, checksum},
    id::RoomUid,
    protocol::fingerprint::hash_coding,
    tick::TickRate,
};

/// The seed of the fresh state in [`state_coding_of`].
const SAMPLE_SEED: u64 = 1;

/// The setup of a room, and where and when it was opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The name of the game.
    pub game: String,
    /// The game's [`Game::REVISION`].
    pub revision: u32,
    /// The [`coding_of`] the game.
    pub coding: u64,
    /// The [`state_coding_of`] the game; `None` in journals of earlier servers.
    pub state_coding: Option<u64>,
    /// The game's [`Game::VERSION`]; empty in journals of earlier servers.
    #[serde(default)]
    pub game_version: String,
    /// The game's own settings.
    pub settings: serde_json::Value,
    /// The seed of all randomness of the room.
    pub seed: u64,
    /// The number of seats.
    pub seats: u16,
    /// Ticks per second.
    pub tick_rate: u16,
    /// The interval of ticks that carry a checksum of the state, in ticks; 0 if no tick does.
    pub checksum_ticks: u32,
    /// The room's identity among all rooms of all servers. `None` in journals of earlier servers, whose rooms have a computed one; see
    /// [`Self::uid`].
    pub uid: Option<RoomUid>,
    /// The room's id.
    pub room: u64,
    /// The run of the server that opened the room.
    pub run: u32,
    /// The version of that server.
    pub build: String,
    /// The time of opening, in milliseconds since 1970.
    pub opened_unix_ms: u64,
}

/// Reasons why a game of this build cannot play a journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The journal is of another game.
    #[error("the journal is of the game \"{journal}\", not of \"{game}\"")]
    OtherGame {
        /// The game in the header.
        journal: String,
        /// The game of the caller.
        game: &'static str,
    },
    /// The game's revision in this build is not that of the journal.
    #[error(
        "the journal is of revision {journal} of {game}, and this build has revision {build}: use the build that wrote the journal"
    )]
    OtherRevision {
        /// The name of the game.
        game: &'static str,
        /// The revision in the header.
        journal: u32,
        /// The revision of this build.
        build: u32,
    },
    /// The revision is the same and the encoding of inputs is not.
    #[error(
        "this build has the same revision of {0}, but encodes its inputs differently: use the build that wrote the journal"
    )]
    OtherCoding(&'static str),
    /// The revision is the same and a fresh state is saved as other bytes.
    #[error(
        "this build has the same revision of {0}, but saves its states differently: use the build that wrote the journal"
    )]
    OtherState(&'static str),
    /// The settings cannot be parsed as this game's.
    #[error("the journal's settings are not valid for this game: {0}")]
    Settings(String),
    /// The tick rate is out of range.
    #[error("a room cannot run at {0} ticks a second")]
    TickRate(u16),
}

impl Header {
    /// Creates the header of a room of `G` with this setup. The fields that the setup does not contain are 0 or empty: the caller sets
    /// `checksum_ticks`, `room`, `run`, `build` and `opened_unix_ms`.
    ///
    /// # Errors
    /// When the game's settings cannot be written as JSON.
    pub fn of<G: Game>(setup: &Setup<G::Settings>) -> Result<Self, serde_json::Error> {
        Ok(Self {
            game: G::NAME.to_owned(),
            revision: G::REVISION,
            coding: coding_of::<G>(),
            state_coding: Some(state_coding_of::<G>()),
            game_version: G::VERSION.to_owned(),
            settings: serde_json::to_value(&setup.settings)?,
            seed: setup.seed,
            seats: setup.seats,
            tick_rate: setup.tick_rate.hz(),
            checksum_ticks: 0,
            uid: None,
            room: 0,
            run: 0,
            build: String::new(),
            opened_unix_ms: 0,
        })
    }

    /// Returns the room's setup for the game `G`.
    ///
    /// # Errors
    /// The reason why `G` cannot play the journal.
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
        if self.state_coding.is_some_and(|coding| coding != state_coding_of::<G>()) {
            return Err(HeaderError::OtherState(G::NAME));
        }
        let settings = serde_json::from_value(self.settings.clone())
            .map_err(|error| HeaderError::Settings(error.to_string()))?;
        let tick_rate = TickRate::new(self.tick_rate).ok_or(HeaderError::TickRate(self.tick_rate))?;
        Ok(Setup { settings, seed: self.seed, seats: self.seats, tick_rate })
    }

    /// Returns the room's identity.
    #[must_use]
    pub fn uid(&self) -> RoomUid {
        self.uid.unwrap_or_else(|| RoomUid::of(self.seed, self.room, self.opened_unix_ms))
    }

    /// Returns the tick rate, or the default one if the header's is out of range.
    #[must_use]
    pub fn rate(&self) -> TickRate {
        TickRate::new(self.tick_rate).unwrap_or_default()
    }
}

impl RoomUid {
    /// Computes the identity of a room from its seed, which is random, and from its id and the time of its opening, so that rooms with equal
    /// seeds differ too.
    #[must_use]
    pub fn of(seed: u64, room: u64, opened_unix_ms: u64) -> Self {
        let mut hash = Xxh3::new();
        for number in [seed, room, opened_unix_ms] {
            hash.update(&number.to_le_bytes());
        }
        Self(hash.digest128())
    }
}

/// Returns a hash of a game's name, its revision and the encoding of a default input. Unlike
/// [`fingerprint`](crate::protocol::fingerprint()), the hash does not depend on the protocol version, because journals do not either.
#[must_use]
pub fn coding_of<G: Game>() -> u64 {
    let mut hash = Xxh3::new();
    hash_coding::<G>(&mut hash);
    hash.digest()
}

/// Returns a hash of the saved state of a fresh room with default settings. It reveals most changes of [`Game::save`] and of the rules by
/// which a world is created, for which the maker forgot to raise [`Game::REVISION`]. Computed once per game and process, because the
/// creation of a world may take long.
#[must_use]
pub fn state_coding_of<G: Game>() -> u64 {
    static CODINGS: Mutex<BTreeMap<TypeId, u64>> = Mutex::new(BTreeMap::new());
    let lock = || CODINGS.lock().unwrap_or_else(PoisonError::into_inner);
    let known = lock().get(&TypeId::of::<G>()).copied();
    known.unwrap_or_else(|| {
        let setup = Setup {
            settings: G::Settings::default(),
            seed: SAMPLE_SEED,
            seats: G::ROOM.seats,
            tick_rate: TickRate::DEFAULT,
        };
        let coding = checksum(&G::new(&setup), &mut BitWriter::new()).0;
        lock().insert(TypeId::of::<G>(), coding);
        coding
    })
}
