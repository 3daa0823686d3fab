//! Periodic work of a running server: removal of closed rooms and expired seats, renewal of the certificate.

use std::{sync::Arc, time::Duration};

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
    wall_clock::WallClock,
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

/// The number of renewals between two warnings of a certificate that expires soon: one warning a day.
const RENEWALS_PER_WARNING: u64 = 24;

/// Renews the certificate, at the start and then once an hour, until `stop` is cancelled: replaces an old development certificate, and
/// reads the operator's files again.
pub(super) async fn renew_certificate(
    tls: Arc<ServerTls>,
    wall: WallClock,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) {
    let mut timer = interval(RENEWAL_INTERVAL);
    for count in 0u64.. {
        if stop.run_until_cancelled(timer.tick()).await.is_none() {
            return;
        }
        // A renewal generates keys and reads files, so it runs outside of the network's threads.
        let (due, clock) = (Arc::clone(&tls), wall.clone());
        match tokio::task::spawn_blocking(move || due.renew_if_due(clock.now())).await {
            Ok(Ok(true)) => info!(sha256 = tls.certificate_sha256(), "certificate renewed"),
            Ok(Ok(false)) => {}
            Ok(Err(error)) => {
                warn!(%error, "certificate renewal failed, the old certificate stays in use")
            }
            // The next attempt is an hour later.
            Err(error) if error.is_panic() => {
                error!("certificate renewal panicked, the old certificate stays in use")
            }
            Err(_) => return,
        }
        metrics.set_certificate_expiry(tls.valid_until());
        if count % RENEWALS_PER_WARNING == 0 {
            tls.log_expiry(wall.now());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicU32, Ordering::Relaxed},
        time::SystemTime,
    };

    use quarrel_shared::arena::Arena;

    use super::*;
    use crate::{
        config::{self, GameDefaults, Sources},
        data_dir::DataDir,
    };

    const DAY: Duration = Duration::from_secs(86_400);

    #[tokio::test(start_paused = true)]
    async fn a_panic_in_a_renewal_does_not_end_later_renewals() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        let game = GameDefaults::of::<Arena>();
        let net = config::load(&Sources::default(), &[game]).unwrap().net;
        let start = SystemTime::UNIX_EPOCH + 20_000 * DAY;
        let tls = Arc::new(ServerTls::open(&net, &dir, start).unwrap());
        let old = tls.certificate_sha256();
        let reads = AtomicU32::new(0);
        let wall = WallClock::new(move || {
            assert!(reads.fetch_add(1, Relaxed) > 0, "the first renewal panics");
            start + 12 * DAY
        });
        let (metrics, stop) = (Metrics::new(), CancellationToken::new());
        let renewals = renew_certificate(Arc::clone(&tls), wall, Arc::clone(&metrics), stop.clone());
        let renewals = tokio::spawn(renewals);
        let expires = (start + 25 * DAY).duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let line = format!("quarrel_certificate_expires_timestamp_seconds {expires}\n");
        let renewed = async {
            while !metrics.render().unwrap().contains(&line) {
                tokio::time::sleep(RENEWAL_INTERVAL).await;
            }
        };
        tokio::time::timeout(3 * DAY, renewed).await.expect("the certificate must be renewed");
        assert_ne!(tls.certificate_sha256(), old);
        stop.cancel();
        renewals.await.unwrap();
    }
}
