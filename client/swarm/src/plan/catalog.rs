//! The names of games and their brains that a plan may use.
//!
//! A plan refers to games and brains by name. The registry ([`crate::GameRegistry`]), which has the games themselves, provides this list of
//! names, against which a plan is checked.

/// The names of all games of a swarm; the first is the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GameCatalog(Vec<GameNames>);

/// The names of one game and of its brains, the default brain first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GameNames {
    /// The game's name.
    pub game: &'static str,
    /// The names of the game's brains.
    pub brains: Vec<&'static str>,
}

impl GameCatalog {
    /// Creates a catalog of these games, of which there must be at least one. The first is the default.
    #[must_use]
    pub const fn new(games: Vec<GameNames>) -> Self {
        Self(games)
    }

    /// Returns the game of this name, or without a name the default one; `None` for an unknown name.
    #[must_use]
    pub fn find(&self, name: Option<&str>) -> Option<&GameNames> {
        name.map_or_else(|| self.0.first(), |name| self.0.iter().find(|names| names.game == name))
    }

    /// Returns the names of all games, the default first.
    #[must_use]
    pub fn games(&self) -> Vec<&'static str> {
        self.0.iter().map(|names| names.game).collect()
    }
}
