//! The checks that a session makes once a second, because no message triggers them: an interrupted link, and a player who stays in the
//! lobby.

use std::{future::poll_fn, time::Duration};

use tokio::time::{Interval, MissedTickBehavior, interval};

use super::phase::SessionPhase;
use crate::net::Peer;
use quarrel_transport::wake::WakeFlag;

/// The time between two checks of a session.
const PERIOD: Duration = Duration::from_secs(1);

/// The maximum time that a session may stay in the lobby, without a seat or a join in progress. The number of sessions is limited, and an
/// idle one takes the place of another player.
const LOBBY_TIMEOUT: Duration = Duration::from_secs(60);

/// The number of checks without a single received byte after which the link counts as interrupted. A peer that only withholds
/// acknowledgements still sends some bytes.
const INTERRUPTED_CHECKS: u32 = 2;

/// One session's periodic checks.
pub(super) struct Housekeeping {
    interval: Interval,
    interval_flag: WakeFlag,
    /// The number of bytes received from the peer at the last check.
    received_bytes: u64,
    /// The time of the last check outside of the lobby, since the session's epoch.
    busy_at: Duration,
    /// The number of consecutive checks without a received byte.
    checks_without_bytes: u32,
    /// The time of the last check at which the link was interrupted, since the session's epoch.
    interrupted_at: Duration,
}

impl Housekeeping {
    pub(super) fn new() -> Self {
        let mut interval = interval(PERIOD);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let start = Duration::ZERO;
        Self {
            interval,
            interval_flag: WakeFlag::new(),
            received_bytes: 0,
            busy_at: start,
            checks_without_bytes: 0,
            interrupted_at: start,
        }
    }

    /// Waits for the next check. Cancel-safe.
    pub(super) async fn due(&mut self) {
        let Self { interval, interval_flag, .. } = self;
        poll_fn(|cx| interval_flag.poll(cx, |cx| interval.poll_tick(cx))).await;
    }

    /// Records whether any byte was received from the peer since the last call.
    pub(super) fn record_received(&mut self, peer: &Peer) {
        let now = peer.received_bytes();
        let has_received = now > std::mem::replace(&mut self.received_bytes, now);
        self.checks_without_bytes = if has_received { 0 } else { self.checks_without_bytes + 1 };
    }

    /// The time for which bytes have arrived without an interruption of the link. During an interruption a missing acknowledgement is not
    /// the peer's fault.
    pub(super) const fn receiving_for(&mut self, now: Duration) -> Duration {
        if self.checks_without_bytes >= INTERRUPTED_CHECKS {
            self.interrupted_at = now;
        }
        now.saturating_sub(self.interrupted_at)
    }

    /// Returns true if the session has been in the lobby for longer than [`LOBBY_TIMEOUT`]. Must be called at each check with the current
    /// phase.
    pub(super) fn is_idle(&mut self, phase: SessionPhase, now: Duration) -> bool {
        if phase != SessionPhase::Lobby {
            self.busy_at = now;
        }
        now.saturating_sub(self.busy_at) > LOBBY_TIMEOUT
    }
}
