//! The names of games and their brains that a plan may use.
//!
//! A plan names games and brains; how they play is the registry's ([`crate::GameRegistry`]), which provides this list to the check of a plan.

/// The names of all games of a swarm; the first is the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GameCatalog(Vec<GameNames>);

/// The names of one game and of its brains, the default brain first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GameNames {
    /// The game's name.
    pub game: &'static str,
    /// The names of its brains.
    pub brains: Vec<&'static str>,
}

impl GameCatalog {
    /// A catalog of these games, at least one; the first is the default.
    #[must_use]
    pub const fn new(games: Vec<GameNames>) -> Self {
        Self(games)
    }

    /// The game of this name, or the default one.
    #[must_use]
    pub fn find(&self, name: Option<&str>) -> Option<&GameNames> {
        name.map_or_else(|| self.0.first(), |name| self.0.iter().find(|names| names.game == name))
    }

    /// The names of all games.
    #[must_use]
    pub fn games(&self) -> Vec<&'static str> {
        self.0.iter().map(|names| names.game).collect()
    }
}
