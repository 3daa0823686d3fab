//! What others may know of a room without asking it: plain numbers that the room's task keeps up to date.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use quarrel_shared::{
    id::RoomId,
    tick::{Tick, TickRate},
};

use crate::storage::journals::JournalName;

/// One room's numbers. Each is right by itself; read together they may be a tick apart.
#[derive(Debug)]
pub struct RoomStatus {
    /// Which room.
    pub id: RoomId,
    /// How many seats it has.
    pub seats: u16,
    /// How many steps make a second.
    pub rate: TickRate,
    /// When it opened, since the server's epoch.
    pub opened: Duration,
    tick: AtomicU32,
    players: AtomicU16,
    bots: AtomicU16,
    /// Seats that the lobby has promised to people, seated or on their way.
    claimed: AtomicU16,
    overruns: AtomicU64,
    closing: AtomicBool,
    /// Set once the world is made.
    journal: OnceLock<JournalName>,
}

impl RoomStatus {
    /// Of a room that has just opened.
    #[must_use]
    pub const fn new(id: RoomId, seats: u16, rate: TickRate, opened: Duration) -> Self {
        Self {
            id,
            seats,
            rate,
            opened,
            tick: AtomicU32::new(0),
            players: AtomicU16::new(0),
            bots: AtomicU16::new(0),
            claimed: AtomicU16::new(0),
            overruns: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            journal: OnceLock::new(),
        }
    }

    /// The newest tick.
    pub fn tick(&self) -> Tick {
        Tick(self.tick.load(Relaxed))
    }

    /// People on its seats.
    pub fn players(&self) -> u16 {
        self.players.load(Relaxed)
    }

    /// Bots on its seats.
    pub fn bots(&self) -> u16 {
        self.bots.load(Relaxed)
    }

    /// Seats promised to people, seated or on their way.
    pub fn claimed(&self) -> u16 {
        self.claimed.load(Relaxed)
    }

    /// Ticks that took longer than their period.
    pub fn overruns(&self) -> u64 {
        self.overruns.load(Relaxed)
    }

    /// Whether it takes nobody any more.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Relaxed)
    }

    /// Where it is written down, if it is.
    pub fn journal(&self) -> Option<JournalName> {
        self.journal.get().copied()
    }

    /// Promises a seat, unless all are. The seat is free again when the claim is dropped.
    pub fn claim(self: &Arc<Self>) -> Option<SeatClaim> {
        if self.is_closing() {
            return None;
        }
        let free = |claimed| (claimed < self.seats).then(|| claimed + 1);
        self.claimed.fetch_update(Relaxed, Relaxed, free).ok()?;
        Some(SeatClaim(Arc::clone(self)))
    }

    pub(super) fn stepped(&self, tick: Tick, players: u16, bots: u16) {
        self.tick.store(tick.0, Relaxed);
        self.players.store(players, Relaxed);
        self.bots.store(bots, Relaxed);
    }

    /// It is written down there; the file's name.
    pub(super) fn set_journal(&self, journal: JournalName) -> String {
        self.journal.get_or_init(|| journal).to_string()
    }

    pub(super) fn overran(&self) {
        self.overruns.fetch_add(1, Relaxed);
    }

    pub(super) fn close(&self) {
        self.closing.store(true, Relaxed);
    }
}

/// A promise of a seat: there are never more than seats. Held as long as the session is in the room or on its way.
#[derive(Debug)]
pub struct SeatClaim(Arc<RoomStatus>);

impl Drop for SeatClaim {
    fn drop(&mut self) {
        self.0.claimed.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_seats_are_promised_than_there_are() {
        let status = Arc::new(RoomStatus::new(RoomId(1), 2, TickRate::default(), Duration::ZERO));
        let first = status.claim();
        let second = status.claim();
        assert!(first.is_some() && second.is_some() && status.claim().is_none());
        drop(second);
        assert!(status.claim().is_some(), "a dropped claim frees its seat");
    }

    #[test]
    fn a_closing_room_promises_nothing() {
        let status = Arc::new(RoomStatus::new(RoomId(1), 2, TickRate::default(), Duration::ZERO));
        status.close();
        assert!(status.claim().is_none());
    }
}
