//! What a session looks at once a second, since no message brings it: traffic, the path, and who overstays.

use std::{future::poll_fn, time::Duration};

use tokio::time::{Interval, MissedTickBehavior, interval};

use super::conversation::Conversation;
use crate::{lobby::PlayerEntry, net::Peer, telemetry::Metrics};
use quarrel_transport::{traffic::Traffic, wake::WakeFlag};

/// How often.
const EVERY: Duration = Duration::from_secs(1);

/// How long somebody may stay connected without a seat. Sessions are few, and others want to play.
const LOBBY_PATIENCE: Duration = Duration::from_secs(60);

/// For how many rounds not a byte comes from a peer whose link is black; from one that only acknowledges nothing, some always do.
const MUTE_ROUNDS: u32 = 2;

/// One session's housekeeping.
pub(super) struct Housekeeping {
    every: Interval,
    gate: WakeFlag,
    /// What was counted already.
    traffic: Traffic,
    /// When there was last something else than waiting in the lobby, since the session's epoch.
    busy_at: Duration,
    /// For how many rounds not a byte has come.
    mute: u32,
    /// When that last was for [`MUTE_ROUNDS`], since the session's epoch.
    mute_at: Duration,
}

impl Housekeeping {
    pub(super) fn new() -> Self {
        let mut every = interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (traffic, start) = (Traffic::default(), Duration::ZERO);
        Self { every, gate: WakeFlag::new(), traffic, busy_at: start, mute: 0, mute_at: start }
    }

    /// Waits until it is time. Cancel-safe.
    pub(super) async fn due(&mut self) {
        let Self { every, gate, .. } = self;
        poll_fn(|cx| gate.poll(cx, |cx| every.poll_tick(cx))).await;
    }

    /// Adds what went over the wire since the last time.
    pub(super) fn count_traffic(&mut self, peer: &Peer, metrics: &Metrics) {
        let now = peer.traffic();
        let before = std::mem::replace(&mut self.traffic, now);
        metrics.bytes.received.inc_by(now.bytes_received - before.bytes_received);
        metrics.bytes.sent.inc_by(now.bytes_sent - before.bytes_sent);
        metrics.datagrams.received.inc_by(now.datagrams_received - before.datagrams_received);
        metrics.datagrams.sent.inc_by(now.datagrams_sent - before.datagrams_sent);
        self.mute = if now.bytes_received > before.bytes_received { 0 } else { self.mute + 1 };
    }

    /// For how long something has come from the peer, as of this round. While nothing comes at all, nobody can say what it would have
    /// acknowledged.
    pub(super) const fn heard_for(&mut self, now: Duration) -> Duration {
        if self.mute >= MUTE_ROUNDS {
            self.mute_at = now;
        }
        now.saturating_sub(self.mute_at)
    }

    /// Whether somebody has done nothing but wait in the lobby for too long.
    pub(super) fn overstays(&mut self, conversation: Conversation, now: Duration) -> bool {
        if conversation != Conversation::Lobby {
            self.busy_at = now;
        }
        now.saturating_sub(self.busy_at) > LOBBY_PATIENCE
    }
}

/// Tells the operator where the player is found now, and how far away.
pub(super) fn update_entry(entry: &PlayerEntry, peer: &Peer) {
    entry.set_rtt(peer.rtt());
    entry.set_address(peer.address());
}
