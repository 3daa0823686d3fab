//! The operator's plane: health, metrics and listings over HTTP.
//!
//! It has a thread and a runtime of its own, so that a scrape or a slow browser never takes a worker from players.
//! It asks the rest of the server through [`Asked`] and reaches into nothing.
//!
//! - [`dto`]: what is said, as JSON.
//! - [`liveness`]: whether every room's tick advances (pure).
//! - `api`: the routes.
//! - `errors`: how a failure becomes a status.
//! - `mark`: a moment marked in a room's journal.
//! - `page`: the front page.
//! - `listener`: connections, each within its bounds.

mod api;
pub mod dto;
mod errors;
mod listener;
pub mod liveness;
mod mark;
mod page;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio_util::sync::CancellationToken;

use crate::telemetry::Metrics;
use dto::{Mark, MarkRefusal, PlayerListing, Readiness, RoomListing};

/// What the operator's plane asks the rest of the server. Answers come from handles, at once, and never wait; but for a mark.
pub trait Asked: Send + Sync {
    /// Every room.
    fn rooms(&self) -> Vec<RoomListing>;
    /// Every session.
    fn players(&self) -> Vec<PlayerListing>;
    /// Whether another player would be let in.
    fn readiness(&self) -> Readiness;
    /// SHA-256 of the certificate in force, in hexadecimal.
    fn certificate_sha256(&self) -> String;
    /// Marks this moment in the journal of the room with this id, at the room's next tick.
    fn mark(&self, room: &str, reason: String) -> Marking;
}

/// A mark that a room is asked for.
pub type Marking = Pin<Box<dyn Future<Output = Result<Mark, MarkRefusal>> + Send>>;

/// The running plane.
#[derive(Debug)]
pub struct AdminHandle {
    local_address: SocketAddr,
    stop: CancellationToken,
    thread: JoinHandle<()>,
}

/// Starts the plane on a socket that is already bound, until `stop` is cancelled.
pub fn start(
    listen: TcpListener,
    asked: Arc<dyn Asked>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) -> io::Result<AdminHandle> {
    listen.set_nonblocking(true)?;
    let local_address = listen.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(listen)?
    };
    let router = api::router(asked, metrics);
    // A token of our own: `shutdown` ends this plane alone, the server's stop ends it too.
    let stop = stop.child_token();
    let stopped = stop.clone();
    let thread = thread::Builder::new()
        .name("admin".into())
        .spawn(move || runtime.block_on(listener::serve(listener, router, stopped)))?;
    Ok(AdminHandle { local_address, stop, thread })
}

impl AdminHandle {
    /// The address it listens on, with the port that the system chose where 0 was asked for.
    pub fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    /// Waits until the plane has ended; it does once its token is cancelled. Blocks the thread that calls.
    pub fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("the admin thread panicked");
        }
    }

    /// Asks the plane to end and waits until it has. Blocks the thread that calls, for a second or two at most.
    pub fn shutdown(self) {
        self.stop.cancel();
        self.join();
    }
}

#[cfg(test)]
mod tests;
