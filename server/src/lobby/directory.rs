//! The directory of this server's rooms. All joins and all openings of rooms go through the directory.
//!
//! Lock discipline: a guard of `rooms` is never held across an await, nor while another guard is taken. `next_room` is locked before
//! any guard of `rooms`, so that two concurrent quick joins that find no free seat open one room and not two.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use dashmap::DashMap;
use quarrel_shared::{
    game::{Game, GameRng},
    id::{PlayerId, RoomId},
    limits::MAX_LISTED_ROOMS,
    protocol::{CloseReason, JoinTarget, RoomEntry, TicketNumber, messages::Name},
};
use tokio::{runtime::Handle, time::Instant};
use tokio_util::task::TaskTracker;

use super::matchmaker::{Candidate, quick_join};
use crate::room::{
    RestoredRoom, RoomHandle, RoomServices, RoomSpec, RoomStatus, SeatHandle,
    opening::{self, RestoredSeat},
    status::SeatClaim,
};

/// The maximum number of attempts of one join: the chosen room may close or fill up before it processes the request.
const MAX_JOIN_ATTEMPTS: u32 = 3;

/// All rooms of the server.
pub struct Directory<G: Game> {
    rooms: DashMap<RoomId, RoomHandle<G>>,
    next_room: Mutex<NextRoom>,
    spec: RoomSpec<G::Settings>,
    max_rooms: usize,
    /// The services that a new room receives; `None` after [`Self::close`]. The storage task ends when the last copy is dropped.
    services: Mutex<Option<RoomServices>>,
    epoch: Instant,
    /// The runtime for the tasks of rooms.
    runtime: Handle,
    tasks: TaskTracker,
    /// The id of the newest player.
    last_player: AtomicU64,
}

/// The id of the next room, and the generator of room seeds.
struct NextRoom {
    id: u64,
    seeds: GameRng,
}

/// A seat in a room, with the claim that reserves it.
pub struct JoinedSeat<G: Game> {
    /// The room of the seat.
    pub room: RoomHandle<G>,
    /// The seat in the room.
    pub handle: SeatHandle<G>,
    /// The reservation of the seat, kept as long as the player has the seat or the seat is held.
    pub claim: SeatClaim,
}

/// A player of an earlier run of the server whose seat was restored.
pub struct RestoredPlayer<G: Game> {
    /// The player's id, the same as in the earlier run.
    pub player: PlayerId,
    /// The newest resume ticket of the player in the room's journal.
    pub ticket: TicketNumber,
    /// The player's display name.
    pub name: Name,
    /// The player's seat.
    pub joined: JoinedSeat<G>,
}

impl<G: Game> Directory<G> {
    /// Creates an empty directory for at most `max_rooms` rooms, which run on `runtime`. The seeds of rooms are derived from `seed`, and the
    /// ids of players from `run`, the number of this run of the server.
    pub fn new(
        spec: RoomSpec<G::Settings>,
        max_rooms: usize,
        seed: u64,
        run: u32,
        services: RoomServices,
        runtime: Handle,
    ) -> Self {
        let next_room = Mutex::new(NextRoom { id: 1, seeds: GameRng::new(seed, 0) });
        let rooms = DashMap::new();
        let epoch = services.epoch;
        let services = Mutex::new(Some(services));
        Self {
            rooms,
            next_room,
            spec,
            max_rooms,
            services,
            epoch,
            runtime,
            tasks: TaskTracker::new(),
            last_player: AtomicU64::new(PlayerId::new(run, 0).0),
        }
    }

    /// Sets the id of the next new room, which must be higher than those of earlier runs.
    pub fn set_next_room(&self, room: RoomId) {
        self.lock_next_room().id = room.0;
    }

    /// Opens a restored room of an earlier run, and returns its players with their seats; none after [`Self::close`].
    pub fn restore(&self, room: RestoredRoom<G>) -> Vec<RestoredPlayer<G>> {
        let services = self.services.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(services) = services else { return Vec::new() };
        let id = room.id();
        let (handle, seats, task) = opening::reopen(room, self.spec.clone(), self.tick_offset(id), services);
        self.rooms.insert(id, handle.clone());
        self.tasks.spawn_on(task, &self.runtime);
        let restored = |seat: RestoredSeat<G>| {
            let RestoredSeat { player, ticket, name, handle: seat_handle } = seat;
            let claim = handle.status().claim()?;
            Some(RestoredPlayer {
                player,
                ticket,
                name,
                joined: JoinedSeat { room: handle.clone(), handle: seat_handle, claim },
            })
        };
        seats.into_iter().filter_map(restored).collect()
    }

    /// Returns the id of a new player.
    pub fn next_player(&self) -> PlayerId {
        PlayerId(self.last_player.fetch_add(1, Relaxed) + 1)
    }

    /// The specification that every room is created from.
    pub const fn spec(&self) -> &RoomSpec<G::Settings> {
        &self.spec
    }

    /// Takes a seat for a player in a room that `target` selects. `ticket` is the newest ticket that the player has shown; the journal of
    /// the room records it.
    ///
    /// # Errors
    /// Returns the reason why the player gets no seat.
    pub async fn join(
        &self,
        target: JoinTarget,
        player: PlayerId,
        ticket: TicketNumber,
        name: &Name,
    ) -> Result<JoinedSeat<G>, CloseReason> {
        let mut refused = CloseReason::RoomClosed;
        for _ in 0..MAX_JOIN_ATTEMPTS {
            let (room, claim) = self.reserve(target)?;
            match room.take_seat(player, ticket, name.clone(), &claim).await {
                Ok(handle) => return Ok(JoinedSeat { room, handle, claim }),
                // The room closed after the claim, or players whose claims have just ended still have its seats: try again.
                Err(reason @ (CloseReason::RoomClosed | CloseReason::RoomFull)) => refused = reason,
                Err(reason) => return Err(reason),
            }
        }
        Err(refused)
    }

    /// The list of rooms for players, oldest first, at most [`MAX_LISTED_ROOMS`].
    pub fn list(&self) -> Vec<RoomEntry> {
        let mut entries: Vec<_> = self
            .statuses()
            .into_iter()
            .map(|room| RoomEntry {
                id: room.id,
                seats: room.seats,
                players: room.players(),
                bots: room.bots(),
            })
            .collect();
        entries.truncate(MAX_LISTED_ROOMS);
        entries
    }

    /// The status of every room, oldest first.
    pub fn statuses(&self) -> Vec<Arc<RoomStatus>> {
        let mut statuses: Vec<_> = self.rooms.iter().map(|room| Arc::clone(room.status())).collect();
        statuses.sort_unstable_by_key(|status| status.id);
        statuses
    }

    /// Returns true if a quick join would find a free seat or could open a room.
    pub fn has_capacity(&self) -> bool {
        let running = self.rooms.iter().filter(|room| !room.status().is_closing()).count();
        running < self.max_rooms || self.rooms.iter().any(|room| is_open(room.status()))
    }

    /// Waits until the task of every room has ended. Rooms end when the stop token of their services is cancelled.
    pub async fn wait_for_rooms(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Drops the services that rooms receive, so that no room opens any more and the storage task can end.
    pub fn close(&self) {
        *self.services.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The number of rooms whose task has not ended.
    pub fn running_rooms(&self) -> usize {
        self.tasks.len()
    }

    /// Reserves a seat in a room that `target` selects.
    fn reserve(&self, target: JoinTarget) -> Result<(RoomHandle<G>, SeatClaim), CloseReason> {
        match target {
            JoinTarget::Room(id) => {
                let room = self.room(id).ok_or(CloseReason::NoSuchRoom)?;
                let claim = room.status().claim().ok_or(CloseReason::RoomFull)?;
                Ok((room, claim))
            }
            JoinTarget::Quick => self.find_seat().map_or_else(|| self.find_or_open(), Ok),
        }
    }

    /// Reserves a seat for a quick join, if a room has one.
    fn find_seat(&self) -> Option<(RoomHandle<G>, SeatClaim)> {
        let candidates =
            self.rooms.iter().map(|room| Candidate { id: *room.key(), is_open: is_open(room.status()) });
        // Other joins run concurrently: when one takes the last seat of a room, the next room may still have one.
        quick_join(candidates).into_iter().find_map(|id| {
            let room = self.room(id)?;
            let claim = room.status().claim()?;
            Some((room, claim))
        })
    }

    /// Reserves a seat for a quick join. Searches for one once more, now that no other join can open a room, and opens a room if it finds
    /// no seat.
    fn find_or_open(&self) -> Result<(RoomHandle<G>, SeatClaim), CloseReason> {
        let mut next_room = self.lock_next_room();
        if let Some(found) = self.find_seat() {
            return Ok(found);
        }
        self.sweep();
        if self.rooms.len() >= self.max_rooms {
            return Err(CloseReason::RoomsFull);
        }
        let services = self.services.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let services = services.ok_or(CloseReason::ServerStopping)?;
        if services.stop.is_cancelled() {
            // A new room would end before its first tick, and the next run would restore it without players.
            return Err(services.stop_reason.get());
        }
        let room = self.open(&mut next_room, services);
        let claim = room.status().claim().ok_or(CloseReason::RoomFull)?;
        Ok((room, claim))
    }

    /// Opens a new room.
    fn open(&self, next_room: &mut NextRoom, services: RoomServices) -> RoomHandle<G> {
        let id = RoomId(next_room.id);
        next_room.id += 1;
        let seed = next_room.seeds.next_u64();
        let (handle, task) = opening::open(id, self.spec.clone(), seed, self.tick_offset(id), services);
        self.rooms.insert(id, handle.clone());
        self.tasks.spawn_on(task, &self.runtime);
        handle
    }

    /// A room's offset within the tick period, so that not all rooms step at once. The offsets of consecutive ids differ by the golden
    /// ratio of a period, which spreads any number of consecutive rooms evenly.
    const fn tick_offset(&self, id: RoomId) -> Duration {
        let share = id.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        Duration::from_nanos((self.spec.tick_rate.period_ns() * share) >> 32)
    }

    fn lock_next_room(&self) -> MutexGuard<'_, NextRoom> {
        self.next_room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes closing and closed rooms. Called before a room is opened, and once a second by the server.
    pub fn sweep(&self) {
        self.rooms.retain(|_, room| !room.status().is_closing());
    }

    /// The time since the start of the server.
    pub fn uptime(&self) -> Duration {
        self.epoch.elapsed()
    }

    /// The room with this id, unless it is closing.
    pub fn room(&self, id: RoomId) -> Option<RoomHandle<G>> {
        self.rooms.get(&id).map(|room| room.clone()).filter(|room| !room.status().is_closing())
    }
}

/// Returns true if the room accepts players and has an unclaimed seat.
fn is_open(status: &RoomStatus) -> bool {
    !status.is_closing() && status.claimed() < status.seats
}
