//! The admin HTTP server: health checks, metrics and listings for operators.
//!
//! The server has its own thread and runtime, so that a scrape or a slow browser never occupies a thread that serves players. It reaches
//! the rest of the process only through [`AdminBackend`].
//!
//! - [`backend`]: the interface to the rest of the process.
//! - [`access`]: the rules by which a request is allowed.
//! - [`dto`]: the JSON types.
//! - [`liveness`]: detection of rooms whose tick does not advance; has no clock and no I/O.
//! - `api`: the router and its handlers.
//! - `state`: the state that the handlers share.
//! - `routes`: the list of paths.
//! - `errors`: HTTP status and body of every failure.
//! - `mark`: the handler that marks a moment in a room's journal.
//! - `page`: the front page.
//! - `listener`: connections, their number and their timeouts.

pub mod access;
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
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use tokio_util::sync::CancellationToken;

use self::{
    access::AccessPolicy,
    state::{AdminState, BackendSlot},
};
use crate::{reloadable::Reloadable, telemetry::Metrics};

pub use backend::{AdminBackend, MarkFuture};

/// A running admin HTTP server.
pub struct AdminHandle {
    local_address: SocketAddr,
    backend: BackendSlot,
    stop: CancellationToken,
    thread: JoinHandle<()>,
}

/// Starts the admin HTTP server on a bound socket. Until [`AdminHandle::set_backend`], it answers that the process is starting. It runs until
/// `stop` is cancelled or the handle is shut down. If its thread panics, it cancels `failed`.
///
/// # Errors
/// When the socket cannot be used, or the thread or its runtime cannot start.
pub fn start(
    listen: TcpListener,
    access: Reloadable<AccessPolicy>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    failed: CancellationToken,
) -> io::Result<AdminHandle> {
    listen.set_nonblocking(true)?;
    let local_address = listen.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(listen)?
    };
    let backend = Arc::new(OnceLock::new());
    let state = Arc::new(AdminState::new(Arc::clone(&backend), access, metrics));
    let router = api::router(Arc::clone(&state));
    // A child token: `shutdown` cancels the child alone, and cancelling the parent cancels the child too.
    let stop = stop.child_token();
    let stopped = stop.clone();
    let run = move || {
        runtime.spawn(async move { state.watch_pauses().await });
        runtime.block_on(listener::serve(listener, router, stopped));
    };
    let watched = stop.clone();
    let thread =
        thread::Builder::new().name("admin".into()).spawn(move || run_watched(run, &watched, &failed))?;
    Ok(AdminHandle { local_address, backend, stop, thread })
}

/// Runs the work of the admin thread. If it panics, or ends before `stop` is cancelled, the server must stop: `failed` is cancelled.
fn run_watched(run: impl FnOnce(), stop: &CancellationToken, failed: &CancellationToken) {
    let has_panicked = catch_unwind(AssertUnwindSafe(run)).is_err();
    if has_panicked || !stop.is_cancelled() {
        tracing::error!(has_panicked, "admin thread ended, the server stops");
        failed.cancel();
    }
}

impl AdminHandle {
    /// The bound address, with the port that the system chose if port 0 was configured.
    pub fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    /// Connects the server to the rest of the process, which has started. Later calls have no effect.
    pub fn set_backend(&self, backend: Arc<dyn AdminBackend>) {
        let _ = self.backend.set(backend);
    }

    /// Waits until the admin server has stopped, which requires that its token is cancelled. Blocks the calling thread.
    pub fn join(self) {
        // A panic was logged by the thread itself.
        let _ = self.thread.join();
    }

    /// Stops the admin server and waits until it has stopped. Blocks the calling thread while requests in progress finish: for about a
    /// second, the drain timeout, at most.
    pub fn shutdown(self) {
        self.stop.cancel();
        self.join();
    }
}

#[cfg(test)]
mod tests;
