//! Periodic work of a running server: removal of closed rooms and expired seats, renewal of the certificate.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use quarrel_shared::{game::Game, protocol::CloseReason};
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    lobby::{Directory, SessionRegistry},
    net::tls::ServerTls,
    session::detached_seat::DetachedSeat,
    shutdown::StopReason,
};

/// The interval between removals of closed rooms and expired seats.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The interval between checks of the certificate's age.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(3600);

/// Removes closed rooms and the seats of players who have been disconnected for too long.
///
/// A server that stops for good then frees all held seats, because no player can return. Before a restart it keeps them, so that no
/// room records a departure.
pub(super) async fn sweep<G: Game>(
    lobby: Arc<Directory<G>>,
    registry: Arc<SessionRegistry<DetachedSeat<G>>>,
    stop: CancellationToken,
    stop_reason: StopReason,
) {
    let mut timer = interval(SWEEP_INTERVAL);
    while stop.run_until_cancelled(timer.tick()).await.is_some() {
        lobby.sweep();
        registry.sweep();
    }
    if stop_reason.get() != CloseReason::ServerRestarting {
        registry.close();
    }
}

/// Renews the certificate before it expires.
pub(super) async fn renew_certificate(tls: Arc<ServerTls>, stop: CancellationToken) {
    let mut timer = interval(RENEWAL_INTERVAL);
    while stop.run_until_cancelled(timer.tick()).await.is_some() {
        // A renewal generates keys and reads files, so it must not block a thread of the network.
        let due = Arc::clone(&tls);
        let Ok(renewed) = tokio::task::spawn_blocking(move || due.renew_if_due(SystemTime::now())).await
        else {
            return;
        };
        match renewed {
            Ok(true) => info!(sha256 = tls.certificate_sha256(), "certificate renewed"),
            Ok(false) => {}
            Err(error) => warn!(%error, "certificate renewal failed, the old certificate stays in use"),
        }
    }
}
