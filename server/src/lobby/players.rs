//! The list of connected players: sessions update it, and the admin HTTP server reads it.

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

/// All connected players. A player is in the list from the welcome to the end of the session.
#[derive(Debug, Default)]
pub struct PlayerList(DashMap<PlayerId, Arc<PlayerEntry>>);

/// One connected player.
#[derive(Debug)]
pub struct PlayerEntry {
    /// The player's id.
    pub id: PlayerId,
    /// The player's display name.
    pub name: String,
    /// The time of the session's welcome.
    pub since: Instant,
    address: Mutex<SocketAddr>,
    seat: Mutex<Option<SeatLocation>>,
    rtt_us: AtomicU32,
}

/// The room and the number of a player's seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeatLocation {
    /// The room in which the player has a seat.
    pub room: RoomId,
    /// The seat in the room.
    pub seat: SeatId,
}

impl PlayerList {
    /// Adds a player, who stays in the list until the guard is dropped.
    #[must_use]
    pub fn add(self: &Arc<Self>, id: PlayerId, name: String, address: SocketAddr) -> PlayerGuard {
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

    /// Returns all players by ascending id, which is the order in which they first connected.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<PlayerEntry>> {
        let mut list: Vec<_> = self.0.iter().map(|player| Arc::clone(player.value())).collect();
        list.sort_unstable_by_key(|player| player.id);
        list
    }
}

impl PlayerEntry {
    /// The address of the player's connection.
    pub fn address(&self) -> SocketAddr {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the address, which changes when the player's connection migrates.
    pub fn set_address(&self, address: SocketAddr) {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner) = address;
    }

    /// The player's seat; `None` in the lobby.
    pub fn seat(&self) -> Option<SeatLocation> {
        *self.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the player's seat; `None` in the lobby.
    pub fn set_seat(&self, seat: Option<SeatLocation>) {
        *self.seat.lock().unwrap_or_else(PoisonError::into_inner) = seat;
    }

    /// The newest estimate of the connection's round-trip time, in milliseconds.
    pub fn rtt_ms(&self) -> f64 {
        f64::from(self.rtt_us.load(Relaxed)) / 1000.0
    }

    /// Sets the estimate of the connection's round-trip time.
    pub fn set_rtt(&self, rtt: std::time::Duration) {
        self.rtt_us.store(rtt.as_micros().min(u128::from(u32::MAX)) as u32, Relaxed);
    }
}

/// Keeps a player in the list until dropped.
#[derive(Debug)]
pub struct PlayerGuard {
    players: Arc<PlayerList>,
    /// The player's entry.
    pub entry: Arc<PlayerEntry>,
}

impl Drop for PlayerGuard {
    fn drop(&mut self) {
        // A player who reconnects may get a new entry before the old session has ended. The new entry must stay.
        self.players.0.remove_if(&self.entry.id, |_, listed| Arc::ptr_eq(listed, &self.entry));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_player_who_reconnected_stays_listed_when_the_first_connection_ends() {
        let players = Arc::new(PlayerList::default());
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let add = |name: &str| players.add(PlayerId(1), name.to_owned(), address);
        let first = add("first");
        let second = add("second");
        drop(first);
        assert_eq!(players.list().len(), 1, "the entry of the second connection stays");
        drop(second);
        assert!(players.list().is_empty());
    }
}
