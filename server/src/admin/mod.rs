//! The admin HTTP server: health checks, metrics and listings for operators.
//!
//! It runs on its own thread with its own runtime, so that a scrape or a slow browser never occupies a worker thread of the players.
//! It reaches the rest of the server only through [`AdminBackend`].
//!
//! - [`backend`]: the interface to the rest of the server.
//! - [`dto`]: the JSON types.
//! - [`liveness`]: detection of rooms whose tick does not advance (pure).
//! - `api`: the router and its handlers.
//! - `state`: the state that the handlers share.
//! - `routes`: the list of paths.
//! - `errors`: HTTP status and body of every failure.
//! - `mark`: the handler that marks a moment in a room's journal.
//! - `page`: the front page.
//! - `listener`: connections, their number and their timeouts.

mod api;
pub mod backend;
pub mod dto;
mod errors;
mod listener;
pub mod liveness;
mod mark;
mod page;
mod routes;
mod state;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio_util::sync::CancellationToken;

use crate::telemetry::Metrics;

pub use backend::{AdminBackend, MarkFuture};

/// A running admin HTTP server.
#[derive(Debug)]
pub struct AdminHandle {
    local_address: SocketAddr,
    stop: CancellationToken,
    thread: JoinHandle<()>,
}

/// Starts the admin HTTP server on a bound socket; it runs until `stop` is cancelled.
///
/// # Errors
/// When the socket cannot be used, or the thread or its runtime cannot start.
pub fn start(
    listen: TcpListener,
    backend: Arc<dyn AdminBackend>,
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
    let router = api::router(backend, metrics);
    // A child token: `shutdown` stops the admin HTTP server alone, and the server's stop stops it too.
    let stop = stop.child_token();
    let stopped = stop.clone();
    let thread = thread::Builder::new()
        .name("admin".into())
        .spawn(move || runtime.block_on(listener::serve(listener, router, stopped)))?;
    Ok(AdminHandle { local_address, stop, thread })
}

impl AdminHandle {
    /// The bound address, with the port that the system chose if port 0 was configured.
    pub fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    /// Waits until the server has stopped, which it does once its token is cancelled. Blocks the calling thread.
    pub fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("admin thread panicked");
        }
    }

    /// Stops the server and waits until it has stopped. Blocks the calling thread for at most two seconds.
    pub fn shutdown(self) {
        self.stop.cancel();
        self.join();
    }
}

#[cfg(test)]
mod tests;
