//! The settings of a running server that a reload of the configuration changes.

use crate::{
    config::{Config, NetConfig},
    reloadable::Reloadable,
};

/// The settings that parts of a running server read at each use.
#[derive(Clone)]
pub(super) struct LiveSettings {
    /// The limits of connections and handshakes.
    pub(super) net: Reloadable<NetConfig>,
    /// The maximum number of bots in each room.
    pub(super) bots: Reloadable<u16>,
}

impl LiveSettings {
    pub(super) fn new(config: &Config) -> Self {
        Self { net: Reloadable::new(config.net.clone()), bots: Reloadable::new(config.room.bots) }
    }

    pub(super) fn set(&self, config: &Config) {
        self.net.set(config.net.clone());
        self.bots.set(config.room.bots);
    }
}
