//! The interface between the admin HTTP server and the rest of the server.

use std::pin::Pin;

use super::dto::{Mark, MarkRefusal, PlayerListing, Readiness, RoomListing};

/// The rest of the server, as the admin HTTP server sees it. Every answer comes from a handle and never waits, except for a mark.
pub trait AdminBackend: Send + Sync {
    /// Lists all rooms.
    fn rooms(&self) -> Vec<RoomListing>;
    /// Lists all sessions.
    fn players(&self) -> Vec<PlayerListing>;
    /// Whether the server admits another player.
    fn readiness(&self) -> Readiness;
    /// SHA-256 of the certificate in use, in hexadecimal.
    fn certificate_sha256(&self) -> String;
    /// Marks the next tick of the room `room` (its id) in the room's journal.
    fn mark(&self, room: &str, reason: String) -> MarkFuture;
}

/// The pending answer of a room to a mark.
pub type MarkFuture = Pin<Box<dyn Future<Output = Result<Mark, MarkRefusal>> + Send>>;
