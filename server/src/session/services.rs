//! Handles to the server's parts that every session uses.

use std::sync::Arc;

use quarrel_shared::game::Game;
use tokio_util::sync::CancellationToken;

use super::detached_seat::DetachedSeat;
use crate::{
    lobby::{Directory, PlayerList, SessionRegistry},
    shutdown::StopReason,
    telemetry::Metrics,
};

/// Handles to the lobby, the registries, the metrics and the stop signal, cloned for each session.
pub struct SessionServices<G: Game> {
    /// The directory of rooms, through which a player joins one.
    pub lobby: Arc<Directory<G>>,
    /// The registry of live sessions and held seats.
    pub registry: Arc<SessionRegistry<DetachedSeat<G>>>,
    /// The list of connected players for the admin HTTP server.
    pub players: Arc<PlayerList>,
    /// The server's metrics.
    pub metrics: Arc<Metrics>,
    /// Ends the session when cancelled.
    pub stop: CancellationToken,
    /// The close reason when `stop` is cancelled.
    pub stop_reason: StopReason,
}

impl<G: Game> Clone for SessionServices<G> {
    fn clone(&self) -> Self {
        Self {
            lobby: Arc::clone(&self.lobby),
            registry: Arc::clone(&self.registry),
            players: Arc::clone(&self.players),
            metrics: Arc::clone(&self.metrics),
            stop: self.stop.clone(),
            stop_reason: self.stop_reason.clone(),
        }
    }
}
