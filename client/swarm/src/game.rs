//! The registry of the games that a swarm can play, and of their brains. A brain is a bot's behaviour: it chooses the inputs.
//!
//! A game maker registers a game and, in addition to the game's own brains, custom ones. A [`GameEntry`] hides the game's types behind a
//! few functions, so that one run may play several games.

use std::{future::Future, pin::Pin, sync::Arc};

use quarrel_shared::game::{Brain, Predict};

use super::{
    bot::{self, HostileBot},
    plan::{GameCatalog, GameNames},
    run::{BotSchedule, WorkerContext},
};
use quarrel_client::Connector;

/// A custom brain: its name, and a function that creates it for a bot from the bot's seed.
pub type NamedBrain<G> = (&'static str, fn(u64) -> Box<dyn Brain<G>>);

/// The name of the brain that every game has: it sends only default inputs, which shows the cost of an occupied seat alone.
const IDLE: &str = "idle";

/// The work of a playing or hostile bot, from its start to its end.
pub(super) type BotFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One game of a swarm.
#[derive(Clone)]
pub struct GameEntry {
    name: &'static str,
    /// The names of all brains, the default first.
    brains: Vec<&'static str>,
    play: fn(&Self, Connector, BotSchedule, Arc<WorkerContext>) -> BotFuture,
    attack: fn(HostileBot, Connector, Arc<WorkerContext>) -> BotFuture,
    /// The custom brains, type-erased: a `&'static [NamedBrain<G>]`, whose type `play` knows.
    custom: Arc<dyn std::any::Any + Send + Sync>,
}

/// All games of a swarm; the first is the default.
#[derive(Clone)]
pub struct GameRegistry(Arc<[GameEntry]>);

impl GameEntry {
    /// Creates the entry of a game. The order of its brains is: the custom ones, the game's own ones, `idle`. The first is the default.
    #[must_use]
    pub fn of<G: Predict>(brains: &'static [NamedBrain<G>]) -> Self {
        let names = brains.iter().map(|(name, _)| *name).chain(G::SKILLS.iter().copied()).chain([IDLE]);
        Self {
            name: G::NAME,
            brains: names.collect(),
            play: |entry, connector, bot, context| {
                let seed = context.plan.brain_seed(bot.bot);
                let brain = entry.brain::<G>(context.brain(bot.group), seed);
                Box::pin(bot::play::<G>(connector, bot, brain, context))
            },
            attack: |bot, connector, context| Box::pin(bot::attack::<G>(bot, connector, context)),
            custom: Arc::new(brains),
        }
    }

    /// Returns the game's name, as used by `--game`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Iterates over the names of the game's brains, the default first.
    pub fn brains(&self) -> impl Iterator<Item = &'static str> {
        self.brains.iter().copied()
    }

    /// Plays one bot to its end.
    pub(super) fn play(
        &self,
        connector: Connector,
        bot: BotSchedule,
        context: Arc<WorkerContext>,
    ) -> BotFuture {
        (self.play)(self, connector, bot, context)
    }

    /// Runs one hostile bot until the run's end.
    pub(super) fn attack(
        &self,
        bot: HostileBot,
        connector: Connector,
        context: Arc<WorkerContext>,
    ) -> BotFuture {
        (self.attack)(bot, connector, context)
    }

    /// Creates the brain of this name, or without a name the default one. Returns `None` for `idle` and for an unknown name.
    fn brain<G: Predict>(&self, name: Option<&str>, seed: u64) -> Option<Box<dyn Brain<G>>> {
        let name = name.or_else(|| self.brains.first().copied())?;
        let custom = self.custom.downcast_ref::<&'static [NamedBrain<G>]>();
        let custom = custom.and_then(|custom| custom.iter().find(|(known, _)| *known == name));
        custom.map_or_else(|| G::brain(name, seed), |(_, make)| Some(make(seed)))
    }
}

impl GameRegistry {
    /// Creates a registry of these games, of which there must be at least one. The first is the default.
    #[must_use]
    pub fn new(games: Vec<GameEntry>) -> Self {
        Self(games.into())
    }

    /// Returns the game of this name, or without a name the default one; `None` for an unknown name.
    #[must_use]
    pub fn find(&self, name: Option<&str>) -> Option<&GameEntry> {
        name.map_or_else(|| self.0.first(), |name| self.0.iter().find(|game| game.name == name))
    }

    /// Returns the names of the games and of their brains, against which plans are checked.
    #[must_use]
    pub fn catalog(&self) -> GameCatalog {
        let names = |game: &GameEntry| GameNames { game: game.name, brains: game.brains.clone() };
        GameCatalog::new(self.0.iter().map(names).collect())
    }
}

#[cfg(test)]
mod tests {
    use quarrel_shared::{
        crowd::{Crowd, Steering},
        game::{Game as _, Observation},
    };

    use super::*;

    struct Statue;

    impl Brain<Crowd> for Statue {
        fn decide(&mut self, _: Observation<'_, Crowd>) -> Steering {
            Steering::default()
        }
    }

    #[test]
    fn custom_brains_precede_those_of_the_game() {
        let entry = GameEntry::of::<Crowd>(&[("statue", |_| Box::new(Statue))]);
        assert_eq!(entry.brains().collect::<Vec<_>>(), [&["statue"][..], Crowd::SKILLS, &["idle"]].concat());
        assert!(entry.brain::<Crowd>(None, 1).is_some());
        assert!(entry.brain::<Crowd>(Some(Crowd::SKILLS[0]), 1).is_some());
        assert!(entry.brain::<Crowd>(Some("unknown"), 1).is_none());
        assert!(entry.brain::<Crowd>(Some("idle"), 1).is_none(), "an idle bot has no brain");
    }
}
