//! The connections of the admin HTTP server, with a limit on their number and timeouts on each.
//!
//! A health check must get an answer however many other connections are idle or slow. So a new connection never waits for another to end:
//! at the limit, the oldest connection is closed.
//!
//! This file drives hyper directly, because `axum::serve` sets no timer: a client could take unlimited time to send a request's head
//! (the request line and the headers).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    time,
};
use tokio_util::sync::CancellationToken;

/// The maximum number of concurrent connections: enough for a few scrapers, health checks and browsers, with a reserve.
pub(super) const MAX_CONNECTIONS: usize = 64;

/// The time for a client to send the first byte of its first request.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(1);

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
    let connections = OpenConnections::default();
    let graceful = GracefulShutdown::new();
    while let Some(stream) = stop.run_until_cancelled(accept(&listener)).await {
        let place = connections.open();
        let connection = serve_connection(stream, router.clone(), graceful.watcher());
        tokio::spawn(async move {
            place.closed.run_until_cancelled(connection).await;
        });
    }
    drop(listener);
    if time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("HTTP requests still open after the drain timeout, connections closed");
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept an HTTP connection, retrying");
                time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The open connections, each with a number that rises with time and a token that closes the connection. Clones share them.
#[derive(Clone, Default)]
struct OpenConnections(Arc<Mutex<ConnectionTable>>);

#[derive(Default)]
struct ConnectionTable {
    next: u64,
    open: BTreeMap<u64, CancellationToken>,
}

/// The place of one open connection; dropping it gives the place up.
struct ConnectionPlace {
    number: u64,
    /// Cancelled when the connection must close.
    closed: CancellationToken,
    connections: OpenConnections,
}

impl OpenConnections {
    /// Adds a connection. At the limit, closes the oldest one.
    fn open(&self) -> ConnectionPlace {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if table.open.len() >= MAX_CONNECTIONS
            && let Some((_, oldest)) = table.open.pop_first()
        {
            oldest.cancel();
        }
        let (number, closed) = (table.next, CancellationToken::new());
        table.next += 1;
        table.open.insert(number, closed.clone());
        ConnectionPlace { number, closed, connections: self.clone() }
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        let mut table = self.connections.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.open.remove(&self.number);
    }
}

/// Serves one connection until the client closes it or its lifetime ends. An error of the connection is the client's, so it is only
/// logged, at debug level.
async fn serve_connection(stream: TcpStream, router: Router, watcher: Watcher) {
    // A peek, because `readable` may return before there are bytes.
    if time::timeout(FIRST_BYTE_TIMEOUT, stream.peek(&mut [0])).await.is_err() {
        return;
    }
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(BUFFER_BYTES)
        // The library that formats the date panics for a clock before 1970.
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let ended = time::timeout(CONNECTION_TIMEOUT, watcher.watch(connection)).await;
    if let Ok(Err(error)) = ended {
        tracing::debug!(%error, "HTTP connection ended with an error");
    }
}
