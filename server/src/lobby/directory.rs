//! Every room of this server. Joins go through here; so does the opening of rooms.
//!
//! Lock discipline: a guard of `rooms` is never held across an await, and never while another is taken. `opening` is taken before
//! any guard of `rooms`, so that two quick joins that find no seat open one room and not two.

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
    RestoredRoom, RoomHandle, RoomServices, RoomSpec, RoomStatus, Seated,
    opening::{self, RestoredSeat},
    status::SeatClaim,
};

/// How often a join tries again when its room closes under it.
const JOIN_TRIES: u32 = 3;

/// The rooms.
pub struct Directory<G: Game> {
    rooms: DashMap<RoomId, RoomHandle<G>>,
    opening: Mutex<Opening>,
    spec: RoomSpec<G::Settings>,
    most: usize,
    /// Until the server stops: the storage ends when the last of these is gone.
    services: Mutex<Option<RoomServices>>,
    epoch: Instant,
    runtime: Handle,
    tasks: TaskTracker,
    players: AtomicU64,
}

/// What the next room is given.
struct Opening {
    next: u64,
    rng: GameRng,
}

/// A seat in a room, and the claim that keeps it ours.
pub struct Joined<G: Game> {
    /// The room.
    pub room: RoomHandle<G>,
    /// The seat.
    pub seated: Seated<G>,
    /// The lobby's promise, kept as long as the seat.
    pub claim: SeatClaim,
}

impl<G: Game> Directory<G> {
    /// No rooms yet, at most `most` of them; they will run on `runtime`. Their seeds follow from `seed`.
    pub fn new(
        spec: RoomSpec<G::Settings>,
        most: usize,
        seed: u64,
        services: RoomServices,
        runtime: Handle,
    ) -> Self {
        let opening = Mutex::new(Opening { next: 1, rng: GameRng::new(seed, 0) });
        let rooms = DashMap::new();
        let epoch = services.epoch;
        let services = Mutex::new(Some(services));
        Self {
            rooms,
            opening,
            spec,
            most,
            services,
            epoch,
            runtime,
            tasks: TaskTracker::new(),
            players: AtomicU64::new(0),
        }
    }

    /// Rooms and players are numbered from here on: what an earlier run left has other numbers.
    pub fn number_from(&self, room: RoomId, player: PlayerId) {
        self.lock_opening().next = room.0;
        self.players.store(player.0 - 1, Relaxed);
    }

    /// A room goes on that an earlier run of the server had, and its players' seats wait for them.
    pub fn reopen(&self, room: RestoredRoom<G>) -> Vec<(TicketNumber, Name, PlayerId, Joined<G>)> {
        let services = self.services.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(services) = services else { return Vec::new() };
        let id = room.id();
        let (handle, seats, life) = opening::reopen(room, self.spec.clone(), self.phase(id), services);
        self.rooms.insert(id, handle.clone());
        self.tasks.spawn_on(life, &self.runtime);
        let joined = |seat: RestoredSeat<G>| {
            let claim = handle.status().claim()?;
            let joined = Joined { room: handle.clone(), seated: seat.seated, claim };
            Some((seat.ticket, seat.name, seat.player, joined))
        };
        seats.into_iter().filter_map(joined).collect()
    }

    /// Numbers a new player.
    pub fn next_player(&self) -> PlayerId {
        PlayerId(self.players.fetch_add(1, Relaxed) + 1)
    }

    /// What every room is made from.
    pub const fn spec(&self) -> &RoomSpec<G::Settings> {
        &self.spec
    }

    /// Finds a seat and waits until the player sits on it. Their ticket is what brings them back to it.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn join(
        &self,
        target: JoinTarget,
        player: PlayerId,
        ticket: TicketNumber,
        name: &Name,
    ) -> Result<Joined<G>, CloseReason> {
        let mut refused = CloseReason::RoomClosed;
        for _ in 0..JOIN_TRIES {
            let (room, claim) = self.route(target)?;
            match room.take_seat(player, ticket, name.clone(), &claim).await {
                Ok(seated) => return Ok(Joined { room, seated, claim }),
                // It closed between the promise and the seat, or filled with people who left no claim yet: look again.
                Err(reason @ (CloseReason::RoomClosed | CloseReason::RoomFull)) => refused = reason,
                Err(reason) => return Err(reason),
            }
        }
        Err(refused)
    }

    /// The rooms as players see them, oldest first, at most [`MAX_LISTED_ROOMS`].
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

    /// Every room's numbers, oldest first.
    pub fn statuses(&self) -> Vec<Arc<RoomStatus>> {
        let mut statuses: Vec<_> = self.rooms.iter().map(|room| Arc::clone(room.status())).collect();
        statuses.sort_unstable_by_key(|status| status.id);
        statuses
    }

    /// Whether a quick join would find or make a seat.
    pub fn has_room(&self) -> bool {
        let running = self.rooms.iter().filter(|room| !room.status().is_closing()).count();
        running < self.most || self.rooms.iter().any(|room| is_open(room.status()))
    }

    /// Waits until every room has ended. They end by the stop token.
    pub async fn wait(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Opens no more rooms and lets go of what they are handed, so that the storage can end.
    pub fn close(&self) {
        *self.services.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// How many rooms still run.
    pub fn running(&self) -> usize {
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
            self.rooms.iter().map(|room| Candidate { id: *room.key(), open: is_open(room.status()) });
        // Others join at the same time: the next room may still have the seat that this one just lost.
        quick_join(candidates).into_iter().find_map(|id| {
            let room = self.room(id)?;
            let claim = room.status().claim()?;
            Some((room, claim))
        })
    }

    /// Looks once more with nobody else opening rooms, then opens one.
    fn find_or_open(&self) -> Result<(RoomHandle<G>, SeatClaim), CloseReason> {
        let mut opening = self.lock_opening();
        if let Some(found) = self.find_seat() {
            return Ok(found);
        }
        self.sweep();
        if self.rooms.len() >= self.most {
            return Err(CloseReason::RoomsFull);
        }
        let services = self.services.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let services = services.ok_or(CloseReason::ServerStopping)?;
        if services.stop.is_cancelled() {
            // It would end at its first tick, and go on in the next run with nobody in it.
            return Err(services.stop_reason.get());
        }
        let room = self.open(&mut opening, services);
        let claim = room.status().claim().ok_or(CloseReason::RoomFull)?;
        Ok((room, claim))
    }

    fn open(&self, opening: &mut Opening, services: RoomServices) -> RoomHandle<G> {
        let id = RoomId(opening.next);
        opening.next += 1;
        let seed = opening.rng.next_u64();
        let (handle, life) = opening::open(id, self.spec.clone(), seed, self.phase(id), services);
        self.rooms.insert(id, handle.clone());
        self.tasks.spawn_on(life, &self.runtime);
        handle
    }

    /// How far into the tick a room steps. Spread by the golden ratio: any number of rooms in a row lie far apart.
    const fn phase(&self, id: RoomId) -> Duration {
        let share = id.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        Duration::from_nanos((self.spec.tick_rate.period_ns() * share) >> 32)
    }

    fn lock_opening(&self) -> MutexGuard<'_, Opening> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets rooms that have closed. Called before a room is opened, and once a second by the server.
    pub fn sweep(&self) {
        self.rooms.retain(|_, room| !room.status().is_closing());
    }

    /// How old the server is, by the clock that its rooms use.
    pub fn age(&self) -> Duration {
        self.epoch.elapsed()
    }

    /// The room of this id, unless it is over.
    pub fn room(&self, id: RoomId) -> Option<RoomHandle<G>> {
        self.rooms.get(&id).map(|room| room.clone()).filter(|room| !room.status().is_closing())
    }
}

fn is_open(status: &RoomStatus) -> bool {
    !status.is_closing() && status.claimed() < status.seats
}
