//! The connections of the admin HTTP server, with a limit on their number and timeouts on each.
//!
//! A health check must get an answer however many other connections are idle or slow. So a new connection never waits for another to end:
//! at the limit, the oldest connection without a request in progress is closed, or the oldest of all.
//!
//! This file drives hyper directly, because `axum::serve` sets no timer: a client could take unlimited time to send a request's head
//! (the request line and the headers).

use std::{
    collections::BTreeMap,
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{Router, response::Response};
use hyper::{Request, body::Incoming, server::conn::http1, service::Service};
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
        let requests =
            RequestWatch { router: router.clone(), is_busy: Arc::clone(&place.connection.is_busy) };
        let connection = serve_connection(stream, requests, graceful.watcher());
        tokio::spawn(async move {
            place.connection.closed.run_until_cancelled(connection).await;
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
    open: BTreeMap<u64, OpenConnection>,
}

#[derive(Clone, Default)]
struct OpenConnection {
    /// Cancelled when the connection must close.
    closed: CancellationToken,
    /// Whether a request is in progress.
    is_busy: Arc<AtomicBool>,
}

impl ConnectionTable {
    /// Removes and returns the oldest connection without a request in progress, or the oldest of all.
    fn pop_oldest(&mut self) -> Option<OpenConnection> {
        let idle = self.open.iter().find(|(_, connection)| !connection.is_busy.load(Relaxed));
        let oldest = *idle.or_else(|| self.open.first_key_value())?.0;
        self.open.remove(&oldest)
    }
}

/// The place of one open connection; dropping it gives the place up.
struct ConnectionPlace {
    number: u64,
    connection: OpenConnection,
    connections: OpenConnections,
}

impl OpenConnections {
    /// Adds a connection. At the limit, closes another one.
    fn open(&self) -> ConnectionPlace {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if table.open.len() >= MAX_CONNECTIONS
            && let Some(oldest) = table.pop_oldest()
        {
            oldest.closed.cancel();
        }
        let (number, connection) = (table.next, OpenConnection::default());
        table.next += 1;
        table.open.insert(number, connection.clone());
        ConnectionPlace { number, connection, connections: self.clone() }
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
async fn serve_connection(stream: TcpStream, requests: RequestWatch, watcher: Watcher) {
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
        .serve_connection(TokioIo::new(stream), requests);
    let ended = time::timeout(CONNECTION_TIMEOUT, watcher.watch(connection)).await;
    if let Ok(Err(error)) = ended {
        tracing::debug!(%error, "HTTP connection ended with an error");
    }
}

/// The router, with a record of whether the connection has a request in progress. A connection has one request at a time (HTTP/1.1).
struct RequestWatch {
    router: Router,
    is_busy: Arc<AtomicBool>,
}

impl Service<Request<Incoming>> for RequestWatch {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let answer = TowerToHyperService::new(self.router.clone()).call(request);
        let is_busy = Arc::clone(&self.is_busy);
        is_busy.store(true, Relaxed);
        Box::pin(async move {
            let answer = answer.await;
            is_busy.store(false, Relaxed);
            answer
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_the_limit_the_oldest_connection_without_a_request_is_closed() {
        let connections = OpenConnections::default();
        let places: Vec<_> = (0..MAX_CONNECTIONS).map(|_| connections.open()).collect();
        places[0].connection.is_busy.store(true, Relaxed);
        let is_closed = |at: usize| places[at].connection.closed.is_cancelled();
        let _next = connections.open();
        assert!(!is_closed(0) && is_closed(1) && !is_closed(2));
    }

    #[test]
    fn at_the_limit_the_oldest_connection_is_closed_if_all_have_requests() {
        let connections = OpenConnections::default();
        let places: Vec<_> = (0..MAX_CONNECTIONS).map(|_| connections.open()).collect();
        places.iter().for_each(|place| place.connection.is_busy.store(true, Relaxed));
        let _next = connections.open();
        assert!(places[0].connection.closed.is_cancelled() && !places[1].connection.closed.is_cancelled());
    }
}
