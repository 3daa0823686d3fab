//! The connections of the admin HTTP server, with a limit on their number and a timeout on each.
//!
//! This file drives hyper directly, because `axum::serve` sets no timer: a client could take unlimited time to send a request's head
//! (the request line and the headers).

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

/// The maximum number of concurrent connections: enough for a few scrapers, health checks and browsers, with a reserve. Further
/// connections wait in the kernel's accept queue.
pub(super) const MAX_CONNECTIONS: usize = 64;

/// The time for a client to send a request's head. It also bounds the idle time between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// The maximum lifetime of a connection: no request takes long, and a client can reconnect.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);

/// The maximum size of a connection's buffer, and so of a request's head: twice the minimum that hyper accepts, which is 8 KiB.
const BUFFER_BYTES: usize = 16 * 1024;

/// The time for requests in progress to finish once the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// The pause after a failed accept (most likely out of file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves requests until `stop` is cancelled, then waits for the requests in progress.
pub(super) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let connections = GracefulShutdown::new();
    while let Some((stream, permit)) = stop.run_until_cancelled(accept(&listener, &permits)).await {
        tokio::spawn(serve_connection(stream, router.clone(), connections.watcher(), permit));
    }
    drop(listener);
    if time::timeout(DRAIN_TIMEOUT, connections.shutdown()).await.is_err() {
        tracing::warn!("HTTP requests still open after the drain timeout, connections closed");
    }
}

/// Waits for a permit, then for a connection.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> (TcpStream, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so this always yields a permit.
    let permit = Arc::clone(permits).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, permit),
            Err(error) => {
                tracing::warn!(%error, "cannot accept an HTTP connection, retrying");
                time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves one connection until the client closes it or its lifetime ends. An error of the connection is the client's, so it is only
/// logged, at debug level.
async fn serve_connection(
    stream: TcpStream,
    router: Router,
    watcher: Watcher,
    _permit: Option<OwnedSemaphorePermit>,
) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(BUFFER_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let ended = time::timeout(CONNECTION_TIMEOUT, watcher.watch(connection)).await;
    if let Ok(Err(error)) = ended {
        tracing::debug!(%error, "HTTP connection ended with an error");
    }
}
