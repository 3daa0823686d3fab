//! Periodic work of a running server: removal of closed rooms and expired seats, renewal of the certificate.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use quarrel_shared::{game::Game, protocol::CloseReason};
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    lobby::{Directory, SessionRegistry},
    net::tls::ServerTls,
    session::detached_seat::DetachedSeat,
    shutdown::StopReason,
    telemetry::Metrics,
};

/// The interval between removals of closed rooms and expired seats.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// The interval between attempts to renew the certificate.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(3600);

/// Removes closed rooms and expired held seats and updates the metric of the slowest rooms once a second, until `stop` is cancelled.
///
/// When the server then stops without a restart, this task frees all held seats, because no player can return to them. Before a restart
/// it keeps the seats, so that no room records that its players left.
pub(super) async fn sweep<G: Game>(
    lobby: Arc<Directory<G>>,
    registry: Arc<SessionRegistry<DetachedSeat<G>>>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
    stop_reason: StopReason,
) {
    let mut timer = interval(SWEEP_INTERVAL);
    while stop.run_until_cancelled(timer.tick()).await.is_some() {
        lobby.sweep();
        let mut step_times: Vec<_> = lobby.statuses().iter().map(|room| room.step_time()).collect();
        step_times.sort_unstable_by(|a, b| b.cmp(a));
        metrics.set_slowest_rooms(step_times.into_iter());
        registry.sweep();
    }
    if stop_reason.get() != CloseReason::ServerRestarting {
        registry.close();
    }
}

/// Renews the certificate, at the start and then once an hour, until `stop` is cancelled: replaces an old development certificate, and
/// reads the operator's files again.
pub(super) async fn renew_certificate(tls: Arc<ServerTls>, stop: CancellationToken) {
    let mut timer = interval(RENEWAL_INTERVAL);
    while stop.run_until_cancelled(timer.tick()).await.is_some() {
        // A renewal generates keys and reads files, so it runs outside of the network's threads.
        let due = Arc::clone(&tls);
        let renewed = tokio::task::spawn_blocking(move || due.renew_if_due(SystemTime::now())).await;
        let renewed = match renewed {
            Ok(renewed) => renewed,
            // The next attempt is an hour later.
            Err(error) if error.is_panic() => {
                error!("certificate renewal panicked, the old certificate stays in use");
                continue;
            }
            Err(_) => return,
        };
        match renewed {
            Ok(true) => info!(sha256 = tls.certificate_sha256(), "certificate renewed"),
            Ok(false) => {}
            Err(error) => warn!(%error, "certificate renewal failed, the old certificate stays in use"),
        }
    }
}
