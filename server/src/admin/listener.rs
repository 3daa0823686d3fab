//! Connections to the operator's plane, each within its bounds.
//!
//! hyper is driven here directly, because `axum::serve` sets no timer: a peer could send its head for ever.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time;
use tokio_util::sync::CancellationToken;

/// Connections at once: a handful of scrapers, health checks and browsers, and room for a mistake.
/// The next one waits in the kernel's queue.
pub(super) const CONNECTIONS: usize = 64;

/// Time for a request's head, and so also for silence between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// A whole connection: nothing that is asked here takes long, and who keeps a connection open longer asks again.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);

/// Head and buffers of one connection; hyper's least.
const BUFFER_BYTES: usize = 16 * 1024;

/// How long requests under way may take once the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// After a failed accept (out of files, most likely) the next one waits, so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers until `stop`, then lets the requests under way finish.
pub(super) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let connections = GracefulShutdown::new();
    while let Some((stream, place)) = stop.run_until_cancelled(next(&listener, &places)).await {
        tokio::spawn(answer(stream, router.clone(), connections.watcher(), place));
    }
    drop(listener);
    if time::timeout(DRAIN_TIMEOUT, connections.shutdown()).await.is_err() {
        tracing::warn!("requests to the operator's plane were cut off");
    }
}

/// The next connection, once there is a place for it.
async fn next(listener: &TcpListener, places: &Arc<Semaphore>) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so there always is a place in the end.
    let place = Arc::clone(places).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(error) => {
                tracing::warn!(%error, "accepting a connection to the operator's plane");
                time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection, from its first byte until it is closed or out of time; what goes wrong is the peer's affair.
async fn answer(stream: TcpStream, router: Router, watcher: Watcher, _place: Option<OwnedSemaphorePermit>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let ended = time::timeout(CONNECTION_TIMEOUT, watcher.watch(connection)).await;
    if let Ok(Err(error)) = ended {
        tracing::debug!(%error, "a connection to the operator's plane ended");
    }
}
