//! The checks that a session makes once a second, because no message triggers them: traffic, silence and idle time.

use std::{future::poll_fn, time::Duration};

use tokio::time::{Interval, MissedTickBehavior, interval};

use super::phase::SessionPhase;
use crate::{net::Peer, telemetry::Metrics};
use quarrel_transport::{traffic::Traffic, wake::WakeFlag};

/// The time between two checks.
const PERIOD: Duration = Duration::from_secs(1);

/// The maximum time in the lobby without a seat. The number of sessions is limited, and others want to play.
const LOBBY_TIMEOUT: Duration = Duration::from_secs(60);

/// The number of checks without a single received byte after which the link counts as interrupted. A peer that only withholds
/// acknowledgements still sends some bytes.
const INTERRUPTED_CHECKS: u32 = 2;

/// One session's periodic checks.
pub(super) struct Housekeeping {
    interval: Interval,
    gate: WakeFlag,
    /// The traffic that is counted in the metrics already.
    traffic: Traffic,
    /// The last time outside of the lobby, since the session's epoch.
    busy_at: Duration,
    /// The number of consecutive checks without a received byte.
    checks_without_bytes: u32,
    /// The last time at which the link was interrupted, since the session's epoch.
    interrupted_at: Duration,
}

impl Housekeeping {
    pub(super) fn new() -> Self {
        let mut interval = interval(PERIOD);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (traffic, start) = (Traffic::default(), Duration::ZERO);
        Self {
            interval,
            gate: WakeFlag::new(),
            traffic,
            busy_at: start,
            checks_without_bytes: 0,
            interrupted_at: start,
        }
    }

    /// Waits for the next check. Cancel-safe.
    pub(super) async fn due(&mut self) {
        let Self { interval, gate, .. } = self;
        poll_fn(|cx| gate.poll(cx, |cx| interval.poll_tick(cx))).await;
    }

    /// Adds the traffic since the last call to the metrics.
    pub(super) fn count_traffic(&mut self, peer: &Peer, metrics: &Metrics) {
        let now = peer.traffic();
        let before = std::mem::replace(&mut self.traffic, now);
        metrics.bytes.received.inc_by(now.bytes_received - before.bytes_received);
        metrics.bytes.sent.inc_by(now.bytes_sent - before.bytes_sent);
        metrics.datagrams.received.inc_by(now.datagrams_received - before.datagrams_received);
        metrics.datagrams.sent.inc_by(now.datagrams_sent - before.datagrams_sent);
        let has_received = now.bytes_received > before.bytes_received;
        self.checks_without_bytes = if has_received { 0 } else { self.checks_without_bytes + 1 };
    }

    /// The time since the link was last interrupted. During an interruption a missing acknowledgement is not the peer's fault.
    pub(super) const fn receiving_for(&mut self, now: Duration) -> Duration {
        if self.checks_without_bytes >= INTERRUPTED_CHECKS {
            self.interrupted_at = now;
        }
        now.saturating_sub(self.interrupted_at)
    }

    /// Whether the session has been in the lobby for longer than [`LOBBY_TIMEOUT`].
    pub(super) fn is_idle(&mut self, phase: SessionPhase, now: Duration) -> bool {
        if phase != SessionPhase::Lobby {
            self.busy_at = now;
        }
        now.saturating_sub(self.busy_at) > LOBBY_TIMEOUT
    }
}
