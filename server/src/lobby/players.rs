//! Who is connected, for the operator's plane. Sessions write, the plane reads.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use dashmap::DashMap;
use quarrel_shared::id::{PlayerId, RoomId, SeatId};
use tokio::time::Instant;

/// Everybody who is connected and has said hello.
#[derive(Debug, Default)]
pub struct Players(DashMap<PlayerId, Arc<PlayerEntry>>);

/// One of them.
#[derive(Debug)]
pub struct PlayerEntry {
    /// Who.
    pub id: PlayerId,
    /// Called what.
    pub name: String,
    /// Since when.
    pub since: Instant,
    address: Mutex<SocketAddr>,
    seat: Mutex<Option<(RoomId, SeatId)>>,
    rtt_us: AtomicU32,
}

impl Players {
    /// Somebody came; they are listed until the guard is dropped.
    #[must_use]
    pub fn enter(self: &Arc<Self>, id: PlayerId, name: String, address: SocketAddr) -> PlayerGuard {
        let entry = Arc::new(PlayerEntry {
            id,
            name,
            address: Mutex::new(address),
            since: Instant::now(),
            seat: Mutex::new(None),
            rtt_us: AtomicU32::new(0),
        });
        self.0.insert(id, Arc::clone(&entry));
        PlayerGuard { players: Arc::clone(self), entry }
    }

    /// All of them, in the order in which they came.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<PlayerEntry>> {
        let mut list: Vec<_> = self.0.iter().map(|player| Arc::clone(player.value())).collect();
        list.sort_unstable_by_key(|player| player.id);
        list
    }
}

impl PlayerEntry {
    /// Where their packets come from.
    pub fn address(&self) -> SocketAddr {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// They are found elsewhere now: their connection migrated.
    pub fn set_address(&self, address: SocketAddr) {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner) = address;
    }

    /// Where they sit.
    pub fn seat(&self) -> Option<(RoomId, SeatId)> {
        *self.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// They sat down or stood up.
    pub fn set_seat(&self, seat: Option<(RoomId, SeatId)>) {
        *self.seat.lock().unwrap_or_else(PoisonError::into_inner) = seat;
    }

    /// The round trip as last measured, in milliseconds.
    pub fn rtt_ms(&self) -> f64 {
        f64::from(self.rtt_us.load(Relaxed)) / 1000.0
    }

    /// The round trip was measured anew.
    pub fn set_rtt(&self, rtt: std::time::Duration) {
        self.rtt_us.store(rtt.as_micros().min(u128::from(u32::MAX)) as u32, Relaxed);
    }
}

/// Keeps somebody listed.
#[derive(Debug)]
pub struct PlayerGuard {
    players: Arc<Players>,
    /// Their entry.
    pub entry: Arc<PlayerEntry>,
}

impl Drop for PlayerGuard {
    fn drop(&mut self) {
        // Whoever comes back on a second connection is listed anew before the first has gone.
        self.players.0.remove_if(&self.entry.id, |_, listed| Arc::ptr_eq(listed, &self.entry));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_player_who_came_back_stays_listed_when_the_first_connection_goes() {
        let players = Arc::new(Players::default());
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let enter = |name: &str| players.enter(PlayerId(1), name.to_owned(), address);
        let first = enter("first");
        let second = enter("second");
        drop(first);
        assert_eq!(players.list().len(), 1, "the second connection is there");
        drop(second);
        assert!(players.list().is_empty());
    }
}
