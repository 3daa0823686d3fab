//! The directory of this server's rooms. All joins and all openings of rooms go through it.
//!
//! Lock discipline: a guard of `rooms` is never held across an await, nor while another guard is taken. `next_room` is locked before
//! any guard of `rooms`, so that two concurrent quick joins without a free seat open one room and not two.

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

/// The number of attempts of one join, when the chosen room closes or fills up in between.
const MAX_JOIN_ATTEMPTS: u32 = 3;

/// All rooms of the server.
pub struct Directory<G: Game> {
    rooms: DashMap<RoomId, RoomHandle<G>>,
    next_room: Mutex<NextRoom>,
    spec: RoomSpec<G::Settings>,
    max_rooms: usize,
    /// `None` once the server stops: the storage task ends when the last of these is dropped.
    services: Mutex<Option<RoomServices>>,
    epoch: Instant,
    runtime: Handle,
    tasks: TaskTracker,
    /// The number of the newest player.
    last_player: AtomicU64,
}

/// The id of the next room, and the generator of room seeds.
struct NextRoom {
    id: u64,
    seeds: GameRng,
}

/// A seat in a room, with the claim that reserves it.
pub struct JoinedSeat<G: Game> {
    /// The room.
    pub room: RoomHandle<G>,
    /// The seat in the room.
    pub handle: SeatHandle<G>,
    /// The reservation of the seat, held as long as the seat.
    pub claim: SeatClaim,
}

/// A player of an earlier run whose seat was restored.
pub struct RestoredPlayer<G: Game> {
    /// The player's id, the same as in the earlier run.
    pub player: PlayerId,
    /// The newest ticket of the player that the journal knows of.
    pub ticket: TicketNumber,
    /// The player's display name.
    pub name: Name,
    /// The player's seat.
    pub joined: JoinedSeat<G>,
}

impl<G: Game> Directory<G> {
    /// An empty directory for at most `max_rooms` rooms, which run on `runtime`. Room seeds are derived from `seed`.
    pub fn new(
        spec: RoomSpec<G::Settings>,
        max_rooms: usize,
        seed: u64,
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
            last_player: AtomicU64::new(0),
        }
    }

    /// Sets the ids of the next room and the next player, above those that an earlier run left.
    pub fn set_next_ids(&self, room: RoomId, player: PlayerId) {
        self.lock_next_room().id = room.0;
        self.last_player.store(player.0 - 1, Relaxed);
    }

    /// Restores a room of an earlier run, and returns its players with their seats.
    pub fn restore(&self, room: RestoredRoom<G>) -> Vec<RestoredPlayer<G>> {
        let services = self.services.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(services) = services else { return Vec::new() };
        let id = room.id();
        let (handle, seats, life) = opening::reopen(room, self.spec.clone(), self.tick_offset(id), services);
        self.rooms.insert(id, handle.clone());
        self.tasks.spawn_on(life, &self.runtime);
        let restored = |seat: RestoredSeat<G>| {
            let RestoredSeat { player, ticket, name, seated } = seat;
            let claim = handle.status().claim()?;
            Some(RestoredPlayer {
                player,
                ticket,
                name,
                joined: JoinedSeat { room: handle.clone(), handle: seated, claim },
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

    /// Takes a seat for a player in a room that `target` selects. `ticket` is the ticket that returns the player to the seat.
    ///
    /// # Errors
    /// The reason why the player gets no seat.
    pub async fn join(
        &self,
        target: JoinTarget,
        player: PlayerId,
        ticket: TicketNumber,
        name: &Name,
    ) -> Result<JoinedSeat<G>, CloseReason> {
        let mut refused = CloseReason::RoomClosed;
        for _ in 0..MAX_JOIN_ATTEMPTS {
            let (room, claim) = self.route(target)?;
            match room.take_seat(player, ticket, name.clone(), &claim).await {
                Ok(handle) => return Ok(JoinedSeat { room, handle, claim }),
                // The room closed after the claim, or its seats are still taken by players whose claims have just ended: try again.
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

    /// Whether a quick join would find a seat or could open a room.
    pub fn has_capacity(&self) -> bool {
        let running = self.rooms.iter().filter(|room| !room.status().is_closing()).count();
        running < self.max_rooms || self.rooms.iter().any(|room| is_open(room.status()))
    }

    /// Waits until every room has ended. Rooms end when the stop token is cancelled.
    pub async fn wait_for_rooms(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Stops opening rooms, and drops the services that rooms receive, so that the storage task can end.
    pub fn close(&self) {
        *self.services.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The number of rooms whose task has not ended.
    pub fn running_rooms(&self) -> usize {
        self.tasks.len()
    }

    fn route(&self, target: JoinTarget) -> Result<(RoomHandle<G>, SeatClaim), CloseReason> {
        match target {
            JoinTarget::Room(id) => {
                let room = self.room(id).ok_or(CloseReason::NoSuchRoom)?;
                let claim = room.status().claim().ok_or(CloseReason::RoomFull)?;
                Ok((room, claim))
            }
            JoinTarget::Quick => self.find_seat().map_or_else(|| self.find_or_open(), Ok),
        }
    }

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

    /// Searches once more while no other join can open a room, then opens one.
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
            // A new room would end at its first tick, and the next run would restore it without players.
            return Err(services.stop_reason.get());
        }
        let room = self.open(&mut next_room, services);
        let claim = room.status().claim().ok_or(CloseReason::RoomFull)?;
        Ok((room, claim))
    }

    fn open(&self, next_room: &mut NextRoom, services: RoomServices) -> RoomHandle<G> {
        let id = RoomId(next_room.id);
        next_room.id += 1;
        let seed = next_room.seeds.next_u64();
        let (handle, life) = opening::open(id, self.spec.clone(), seed, self.tick_offset(id), services);
        self.rooms.insert(id, handle.clone());
        self.tasks.spawn_on(life, &self.runtime);
        handle
    }

    /// A room's offset within the tick period. Offsets follow the golden ratio, so that any number of consecutive rooms lie far apart.
    const fn tick_offset(&self, id: RoomId) -> Duration {
        let share = id.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        Duration::from_nanos((self.spec.tick_rate.period_ns() * share) >> 32)
    }

    fn lock_next_room(&self) -> MutexGuard<'_, NextRoom> {
        self.next_room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes closed rooms. Called before a room is opened, and once a second by the server.
    pub fn sweep(&self) {
        self.rooms.retain(|_, room| !room.status().is_closing());
    }

    /// The time since the server's epoch, by the clock of its rooms.
    pub fn uptime(&self) -> Duration {
        self.epoch.elapsed()
    }

    /// The room with this id, unless it is closing.
    pub fn room(&self, id: RoomId) -> Option<RoomHandle<G>> {
        self.rooms.get(&id).map(|room| room.clone()).filter(|room| !room.status().is_closing())
    }
}

fn is_open(status: &RoomStatus) -> bool {
    !status.is_closing() && status.claimed() < status.seats
}
