//! The interface between the admin HTTP server and the rest of the server.

use std::pin::Pin;
use std::time::Instant;

use super::dto::{Mark, MarkRefusal, PlayerListing, Readiness, RoomListing};

/// The rest of the server, as the admin HTTP server sees it. All methods return at once; only the future of a mark waits, for its room.
pub trait AdminBackend: Send + Sync {
    /// Lists all rooms.
    fn rooms(&self) -> Vec<RoomListing>;
    /// Returns the names of the groups of threads that do not run, such as "network". The process has run without a pause since
    /// `running_since`.
    fn stalled_threads(&self, running_since: Instant) -> Vec<&'static str>;
    /// Lists all sessions.
    fn players(&self) -> Vec<PlayerListing>;
    /// Returns whether the server admits another player, or the reason why not.
    fn readiness(&self) -> Readiness;
    /// Returns the SHA-256 hash of the certificate in use, in hexadecimal.
    fn certificate_sha256(&self) -> String;
    /// Marks the newest tick of a room, given by its id, in the room's journal. An id that is not a number is an unknown room.
    fn mark(&self, room: &str, reason: String) -> MarkFuture;
}

/// The pending answer of a room to a request for a mark.
pub type MarkFuture = Pin<Box<dyn Future<Output = Result<Mark, MarkRefusal>> + Send>>;
