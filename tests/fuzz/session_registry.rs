//! The session registry: connects, restores, disconnects, losses and resumes in any order, with any ticket that was ever issued.

use std::{cell::Cell, rc::Rc, time::Duration};

use bolero::{check, generator::produce};
use quarrel_server::lobby::registry_state::{EndKind, HeldSeat, LeaseStatus, RegistryState, ResumeOutcome};
use quarrel_shared::{id::PlayerId, protocol::TicketNumber};

const HOLD: Duration = Duration::from_secs(30);
const MAX_HELD_SEATS: usize = 3;
const RUN: u32 = 2;

/// A seat that records its drop. It cannot be cloned, so the registry can only lose it.
#[derive(Debug)]
struct TrackedSeat {
    player: PlayerId,
    is_alive: Rc<Cell<bool>>,
}

impl HeldSeat for TrackedSeat {
    fn hold(&self) {}

    fn is_revoked(&self) -> bool {
        false
    }
}

impl Drop for TrackedSeat {
    fn drop(&mut self) {
        self.is_alive.set(false);
    }
}

struct TrackedSession {
    player: PlayerId,
    seat: Option<TrackedSeat>,
    is_waiting: bool,
    has_ended: bool,
}

/// The registry, with all sessions, tickets and seats.
struct RegistryWorld {
    registry: RegistryState<usize, TrackedSeat>,
    sessions: Vec<TrackedSession>,
    /// Every ticket issued, with its player.
    tickets: Vec<(PlayerId, TicketNumber)>,
    /// Whether each seat is alive.
    seats: Vec<Rc<Cell<bool>>>,
    freed: usize,
    now: Duration,
}

impl RegistryWorld {
    fn enter(&mut self) {
        let id = self.sessions.len();
        let seat = self.new_seat();
        let player = seat.player;
        let first = self.registry.enter(player, id);
        self.tickets.push((player, first));
        self.sessions.push(TrackedSession { player, seat: Some(seat), is_waiting: false, has_ended: false });
    }

    /// Restores a player of an earlier run, whose journal may lack the player's newest ticket.
    fn restore(&mut self, count: u32) {
        let seat = self.new_seat();
        let (player, ticket) = (seat.player, TicketNumber { run: RUN - 1, count });
        self.tickets.extend([ticket, TicketNumber { count: count + 1, ..ticket }].map(|one| (player, one)));
        self.freed += self.registry.restore(player, ticket, seat, self.now).len();
    }

    /// Creates a seat of a new player.
    fn new_seat(&mut self) -> TrackedSeat {
        let (player, is_alive) = (PlayerId(self.seats.len() as u64), Rc::new(Cell::new(true)));
        self.seats.push(Rc::clone(&is_alive));
        TrackedSeat { player, is_alive }
    }

    fn resume(&mut self, ticket: usize) {
        let Some(&(player, shown)) = self.tickets.get(ticket % self.tickets.len().max(1)) else { return };
        let id = self.sessions.len();
        let Ok(resumed) = self.registry.resume(player, shown, id) else { return };
        self.tickets.push((player, resumed.ticket));
        let (seat, is_waiting) = match resumed.outcome {
            ResumeOutcome::Ready(seat) => (seat, false),
            ResumeOutcome::Moving(_) | ResumeOutcome::Waiting => (None, true),
        };
        self.sessions.push(TrackedSession { player, seat, is_waiting, has_ended: false });
    }

    fn poll(&mut self, id: usize) {
        let session = &mut self.sessions[id];
        match self.registry.poll(session.player, &id) {
            LeaseStatus::Unchanged => {}
            LeaseStatus::Arrived(seat) => {
                assert!(session.is_waiting, "only a waiting session may receive a seat");
                session.is_waiting = false;
                session.seat = seat;
            }
            LeaseStatus::Replaced => self.end(id, EndKind::Gone),
        }
    }

    fn end(&mut self, id: usize, kind: EndKind) {
        let session = &mut self.sessions[id];
        session.has_ended = true;
        let seat = session.seat.take();
        let effects = self.registry.end(session.player, &id, seat, kind, self.now);
        self.freed += effects.freed.len();
    }

    fn check(&self) {
        let alive = self.seats.iter().filter(|is_alive| is_alive.get()).count();
        assert_eq!(
            alive,
            self.seats.len() - self.freed,
            "a seat must be reported as freed when it is dropped, and only then"
        );
        for session in &self.sessions {
            let seat = session.seat.as_ref();
            assert!(
                seat.is_none_or(|seat| seat.player == session.player),
                "no session may receive another player's seat"
            );
        }
        assert!(
            self.registry.held_seats() <= MAX_HELD_SEATS,
            "the registry must hold at most {MAX_HELD_SEATS} seats"
        );
    }
}

#[test]
fn no_order_of_operations_loses_a_seat_or_gives_it_to_another_player() {
    let operations = produce::<Vec<(u8, u8)>>();
    check!().with_iterations(3_000).with_generator(operations).for_each(|operations| {
        let mut world = RegistryWorld {
            registry: RegistryState::new(RUN, HOLD, MAX_HELD_SEATS),
            sessions: Vec::new(),
            tickets: Vec::new(),
            seats: Vec::new(),
            freed: 0,
            now: Duration::ZERO,
        };
        for (operation, index) in operations {
            let index = usize::from(*index);
            let open: Vec<_> =
                (0..world.sessions.len()).filter(|at| !world.sessions[*at].has_ended).collect();
            let session = open.get(index % open.len().max(1)).copied();
            match (operation % 9, session) {
                (0, _) => world.enter(),
                (1 | 2, _) => world.resume(index),
                (3, Some(id)) => world.end(id, EndKind::Gone),
                (4, Some(id)) => world.end(id, EndKind::Lost { has_ticket: true }),
                (5, Some(id)) => world.end(id, EndKind::Lost { has_ticket: false }),
                (6, Some(id)) => world.poll(id),
                (7, _) => {
                    world.now += Duration::from_secs(1 + index as u64 / 16);
                    world.freed += world.registry.sweep(world.now).len();
                }
                (8, _) => world.restore(index as u32),
                _ => {}
            }
            world.check();
        }
        // After all sessions have ended and the registry is closed, every seat must be free.
        for id in 0..world.sessions.len() {
            if !world.sessions[id].has_ended {
                world.end(id, EndKind::Gone);
            }
        }
        world.freed += world.registry.close().len();
        world.check();
        assert_eq!(world.freed, world.seats.len(), "every seat must be freed");
    });
}
