//! A room's status: numbers that the room's task updates and others read without asking it.

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

/// One room's numbers. Each is consistent by itself; two of them may be a tick apart.
#[derive(Debug)]
pub struct RoomStatus {
    /// The room's id.
    pub id: RoomId,
    /// The number of seats.
    pub seats: u16,
    /// The tick rate.
    pub rate: TickRate,
    /// The time of the room's opening, since the server's epoch.
    pub opened: Duration,
    tick: AtomicU32,
    players: AtomicU16,
    bots: AtomicU16,
    /// Seats that the lobby has reserved for players, seated or joining.
    claimed: AtomicU16,
    overruns: AtomicU64,
    closing: AtomicBool,
    /// Set once the world exists.
    journal: OnceLock<JournalName>,
}

impl RoomStatus {
    /// The status of a room that has just opened.
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

    /// The number of seated players.
    pub fn players(&self) -> u16 {
        self.players.load(Relaxed)
    }

    /// The number of bots.
    pub fn bots(&self) -> u16 {
        self.bots.load(Relaxed)
    }

    /// The number of seats reserved for players, seated or joining.
    pub fn claimed(&self) -> u16 {
        self.claimed.load(Relaxed)
    }

    /// The number of ticks that took longer than their period.
    pub fn overruns(&self) -> u64 {
        self.overruns.load(Relaxed)
    }

    /// Whether the room accepts no more players.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Relaxed)
    }

    /// The room's journal, if it has one.
    pub fn journal(&self) -> Option<JournalName> {
        self.journal.get().copied()
    }

    /// Reserves a seat; `None` when all are reserved. The seat is free again when the claim is dropped.
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

    /// Sets the room's journal, and returns its file name.
    pub(super) fn set_journal(&self, journal: JournalName) -> String {
        self.journal.get_or_init(|| journal).to_string()
    }

    pub(super) fn count_overrun(&self) {
        self.overruns.fetch_add(1, Relaxed);
    }

    pub(super) fn close(&self) {
        self.closing.store(true, Relaxed);
    }
}

/// A reservation of a seat: there are never more claims than seats. Held while the session is in the room or joining it.
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
    fn there_are_never_more_claims_than_seats() {
        let status = Arc::new(RoomStatus::new(RoomId(1), 2, TickRate::default(), Duration::ZERO));
        let first = status.claim();
        let second = status.claim();
        assert!(first.is_some() && second.is_some() && status.claim().is_none());
        drop(second);
        assert!(status.claim().is_some(), "a dropped claim frees its seat");
    }

    #[test]
    fn a_closing_room_reserves_no_seat() {
        let status = Arc::new(RoomStatus::new(RoomId(1), 2, TickRate::default(), Duration::ZERO));
        status.close();
        assert!(status.claim().is_none());
    }
}
