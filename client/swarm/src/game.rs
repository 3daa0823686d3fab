//! The games that a swarm plays, and the brains that play them.
//!
//! A game maker hands in a game and, if the ones it brings do not do, brains. What differs by game is behind a few functions, so that
//! one run may play several.

use std::{future::Future, pin::Pin, sync::Arc};

use quarrel_shared::game::{Brain, Predict};

use super::{
    bot,
    crew::{self, Crew},
    hostile::HostileKind,
    schedule::Order,
};
use quarrel_client::Connector;

/// A brain by name: what a game maker hands in. It is made for each bot, from a seed of the bot's own.
pub type NamedBrain<G> = (&'static str, fn(u64) -> Box<dyn Brain<G>>);

/// The brain that every game has: it wants nothing, as somebody who went for a coffee. It tells what a seat costs by itself.
const IDLE: &str = "idle";

/// What a bot, good or bad, does from its coming to its end.
pub(super) type Life = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One game of a swarm.
#[derive(Clone)]
pub struct GameEntry {
    name: &'static str,
    brains: Vec<&'static str>,
    play: fn(&Self, Connector, Order, Arc<Crew>) -> Life,
    assail: fn(HostileKind, Connector, u32, Arc<Crew>) -> Life,
    /// The brains that were handed in, as the functions that they are; `play` knows their type.
    own: Arc<dyn std::any::Any + Send + Sync>,
}

/// All games of a swarm; the first is the default.
#[derive(Clone)]
pub struct Games(Arc<[GameEntry]>);

impl GameEntry {
    /// This game, with the brains that are handed in and then those that it brings itself.
    #[must_use]
    pub fn of<G: Predict>(brains: &'static [NamedBrain<G>]) -> Self {
        let names = brains.iter().map(|(name, _)| *name).chain(G::SKILLS.iter().copied()).chain([IDLE]);
        Self {
            name: G::NAME,
            brains: names.collect(),
            play: |entry, connector, order, crew| {
                let seed = crew.plan.brain_seed(order.bot);
                let brain = entry.brain::<G>(crew.brain(order.group), seed);
                Box::pin(bot::play::<G>(connector, order, brain, crew))
            },
            assail: |kind, connector, number, crew| {
                Box::pin(crew::send_hostile::<G>(kind, connector, number, crew))
            },
            own: Arc::new(brains),
        }
    }

    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its brains, the default first.
    pub fn brains(&self) -> impl Iterator<Item = &'static str> {
        self.brains.iter().copied()
    }

    pub(super) fn play(&self, connector: Connector, order: Order, crew: Arc<Crew>) -> Life {
        (self.play)(self, connector, order, crew)
    }

    pub(super) fn assail(
        &self,
        kind: HostileKind,
        connector: Connector,
        number: u32,
        crew: Arc<Crew>,
    ) -> Life {
        (self.assail)(kind, connector, number, crew)
    }

    /// A brain of this name, or the first one; `None` for a seat that wants nothing.
    fn brain<G: Predict>(&self, name: Option<&str>, seed: u64) -> Option<Box<dyn Brain<G>>> {
        let name = name.or_else(|| self.brains.first().copied())?;
        let own = self.own.downcast_ref::<&'static [NamedBrain<G>]>();
        let own = own.and_then(|own| own.iter().find(|(known, _)| *known == name));
        own.map_or_else(|| G::brain(name, seed), |(_, make)| Some(make(seed)))
    }
}

impl Games {
    /// These; the first is the default, and there must be at least one.
    #[must_use]
    pub fn new(games: Vec<GameEntry>) -> Self {
        Self(games.into())
    }

    /// The game of this name, or the first one.
    #[must_use]
    pub fn find(&self, name: Option<&str>) -> Option<&GameEntry> {
        name.map_or_else(|| self.0.first(), |name| self.0.iter().find(|game| game.name == name))
    }

    /// What they are called.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|game| game.name).collect()
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
    fn brains_that_are_handed_in_come_before_those_of_the_game() {
        let entry = GameEntry::of::<Crowd>(&[("statue", |_| Box::new(Statue))]);
        assert_eq!(entry.brains().collect::<Vec<_>>(), [&["statue"][..], Crowd::SKILLS, &["idle"]].concat());
        assert!(entry.brain::<Crowd>(None, 1).is_some());
        assert!(entry.brain::<Crowd>(Some(Crowd::SKILLS[0]), 1).is_some());
        assert!(entry.brain::<Crowd>(Some("nobody"), 1).is_none());
        assert!(entry.brain::<Crowd>(Some("idle"), 1).is_none(), "whoever is idle needs none");
    }
}
