//! A room's status: numbers that the room's task updates, and that others read without a message to the task.

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

/// The numbers of one room. Two of them that are read one after the other may be of different ticks.
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
    /// The number of [`SeatClaim`]s.
    claimed: AtomicU16,
    overruns: AtomicU64,
    slips: AtomicU64,
    /// The mean duration of the newest steps, in microseconds.
    step_us: AtomicU32,
    closing: AtomicBool,
    /// The name of the journal, once it is opened.
    journal: OnceLock<JournalName>,
}

impl RoomStatus {
    /// Creates the status of a room that is opened now.
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
            slips: AtomicU64::new(0),
            step_us: AtomicU32::new(0),
            closing: AtomicBool::new(false),
            journal: OnceLock::new(),
        }
    }

    /// The newest tick.
    pub fn tick(&self) -> Tick {
        Tick(self.tick.load(Relaxed))
    }

    /// The number of seats that players have, held seats included.
    pub fn players(&self) -> u16 {
        self.players.load(Relaxed)
    }

    /// The number of bots.
    pub fn bots(&self) -> u16 {
        self.bots.load(Relaxed)
    }

    /// The number of seats that are reserved for players who have a seat or are joining.
    pub fn claimed(&self) -> u16 {
        self.claimed.load(Relaxed)
    }

    /// The number of ticks that took longer than their period.
    pub fn overruns(&self) -> u64 {
        self.overruns.load(Relaxed)
    }

    /// The number of ticks that were skipped because the room was too late.
    pub fn slips(&self) -> u64 {
        self.slips.load(Relaxed)
    }

    /// The mean duration of the newest steps.
    pub fn step_time(&self) -> Duration {
        Duration::from_micros(self.step_us.load(Relaxed).into())
    }

    /// Returns true if the room ends and accepts no more players.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Relaxed)
    }

    /// The name of the room's journal, if it has one.
    pub fn journal(&self) -> Option<JournalName> {
        self.journal.get().copied()
    }

    /// Reserves a seat until the claim is dropped. Returns `None` if all seats are reserved or the room is closing.
    pub fn claim(self: &Arc<Self>) -> Option<SeatClaim> {
        if self.is_closing() {
            return None;
        }
        let increment = |claimed| (claimed < self.seats).then(|| claimed + 1);
        self.claimed.fetch_update(Relaxed, Relaxed, increment).ok()?;
        Some(SeatClaim(Arc::clone(self)))
    }

    /// Records the newest tick and the numbers of players and bots.
    pub(super) fn record_step(&self, tick: Tick, players: u16, bots: u16) {
        self.tick.store(tick.0, Relaxed);
        self.players.store(players, Relaxed);
        self.bots.store(bots, Relaxed);
    }

    /// Sets the name of the room's journal, and returns it as a string.
    pub(super) fn set_journal(&self, journal: JournalName) -> String {
        self.journal.get_or_init(|| journal).to_string()
    }

    pub(super) fn count_overrun(&self) {
        self.overruns.fetch_add(1, Relaxed);
    }

    pub(super) fn count_slips(&self, slips: u64) {
        self.slips.fetch_add(slips, Relaxed);
    }

    pub(super) fn set_step_time(&self, step_time: Duration) {
        self.step_us.store(u32::try_from(step_time.as_micros()).unwrap_or(u32::MAX), Relaxed);
    }

    /// Marks the room as closing.
    pub(super) fn close(&self) {
        self.closing.store(true, Relaxed);
    }
}

/// A reservation of a seat, of which there are never more than seats. A session keeps it while it joins and while it has the seat; with a
/// held seat, the registry keeps it.
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
