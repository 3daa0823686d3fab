//! Players who come, are restored, go, vanish and come back in any order, with any of the tickets that they were ever given.

use std::{cell::Cell, rc::Rc, time::Duration};

use bolero::{check, generator::produce};
use quarrel_server::lobby::registry_state::{EndKind, HeldSeat, LeaseStatus, RegistryState, ResumeOutcome};
use quarrel_shared::{id::PlayerId, protocol::TicketNumber};

const HOLD: Duration = Duration::from_secs(30);
const MOST: usize = 3;
const RUN: u32 = 2;

/// A seat that says where it went: it is never cloned, so what can go wrong is that it is lost.
#[derive(Debug)]
struct Chair {
    player: PlayerId,
    is_there: Rc<Cell<bool>>,
}

impl HeldSeat for Chair {
    fn hold(&self) {}

    fn is_revoked(&self) -> bool {
        false
    }
}

impl Drop for Chair {
    fn drop(&mut self) {
        self.is_there.set(false);
    }
}

struct Session {
    player: PlayerId,
    chair: Option<Chair>,
    is_waiting: bool,
    has_ended: bool,
}

/// The registry, and everybody who ever came to it.
struct World {
    held: RegistryState<usize, Chair>,
    sessions: Vec<Session>,
    /// Each ticket that was given: whose, and which.
    tickets: Vec<(PlayerId, TicketNumber)>,
    chairs: Vec<Rc<Cell<bool>>>,
    freed: usize,
    now: Duration,
}

impl World {
    fn enter(&mut self) {
        let me = self.sessions.len();
        let chair = self.chair();
        let player = chair.player;
        let first = self.held.enter(player, me);
        self.tickets.push((player, first));
        self.sessions.push(Session { player, chair: Some(chair), is_waiting: false, has_ended: false });
    }

    /// Somebody of an earlier run, whose journal may not have known their newest ticket.
    fn restore(&mut self, count: u32) {
        let chair = self.chair();
        let (player, ticket) = (chair.player, TicketNumber { run: RUN - 1, count });
        self.tickets.extend([ticket, TicketNumber { count: count + 1, ..ticket }].map(|one| (player, one)));
        self.freed += self.held.restore(player, ticket, chair, self.now).len();
    }

    /// A new player's.
    fn chair(&mut self) -> Chair {
        let (player, is_there) = (PlayerId(self.chairs.len() as u64), Rc::new(Cell::new(true)));
        self.chairs.push(Rc::clone(&is_there));
        Chair { player, is_there }
    }

    fn resume(&mut self, ticket: usize) {
        let Some(&(player, shown)) = self.tickets.get(ticket % self.tickets.len().max(1)) else { return };
        let me = self.sessions.len();
        let Ok(resumed) = self.held.resume(player, shown, me) else { return };
        self.tickets.push((player, resumed.ticket));
        let (chair, is_waiting) = match resumed.outcome {
            ResumeOutcome::Ready(chair) => (chair, false),
            ResumeOutcome::Moving(_) | ResumeOutcome::Waiting => (None, true),
        };
        self.sessions.push(Session { player, chair, is_waiting, has_ended: false });
    }

    fn look(&mut self, me: usize) {
        let session = &mut self.sessions[me];
        match self.held.poll(session.player, &me) {
            LeaseStatus::Unchanged => {}
            LeaseStatus::Arrived(chair) => {
                assert!(session.is_waiting, "only who waits is given anything");
                session.is_waiting = false;
                session.chair = chair;
            }
            LeaseStatus::Replaced => self.leave(me, EndKind::Gone),
        }
    }

    fn leave(&mut self, me: usize, how: EndKind) {
        let session = &mut self.sessions[me];
        session.has_ended = true;
        let chair = session.chair.take();
        let left = self.held.end(session.player, &me, chair, how, self.now);
        self.freed += left.freed.len();
    }

    fn check(&self) {
        let there = self.chairs.iter().filter(|there| there.get()).count();
        assert_eq!(
            there,
            self.chairs.len() - self.freed,
            "a chair is free when somebody was told so, and else there"
        );
        for session in &self.sessions {
            let chair = session.chair.as_ref();
            assert!(
                chair.is_none_or(|chair| chair.player == session.player),
                "nobody is given another's chair"
            );
        }
        assert!(self.held.held_seats() <= MOST);
    }
}

#[test]
fn no_order_of_coming_and_going_loses_a_seat_or_gives_it_to_another() {
    let done = produce::<Vec<(u8, u8)>>();
    check!().with_iterations(3_000).with_generator(done).for_each(|done| {
        let mut world = World {
            held: RegistryState::new(RUN, HOLD, MOST),
            sessions: Vec::new(),
            tickets: Vec::new(),
            chairs: Vec::new(),
            freed: 0,
            now: Duration::ZERO,
        };
        for (what, which) in done {
            let which = usize::from(*which);
            let alive: Vec<_> =
                (0..world.sessions.len()).filter(|at| !world.sessions[*at].has_ended).collect();
            let somebody = alive.get(which % alive.len().max(1)).copied();
            match (what % 9, somebody) {
                (0, _) => world.enter(),
                (1 | 2, _) => world.resume(which),
                (3, Some(me)) => world.leave(me, EndKind::Gone),
                (4, Some(me)) => world.leave(me, EndKind::Lost { has_ticket: true }),
                (5, Some(me)) => world.leave(me, EndKind::Lost { has_ticket: false }),
                (6, Some(me)) => world.look(me),
                (7, _) => {
                    world.now += Duration::from_secs(1 + which as u64 / 16);
                    world.freed += world.held.sweep(world.now).len();
                }
                (8, _) => world.restore(which as u32),
                _ => {}
            }
            world.check();
        }
        // When everybody has gone and nobody is held any more, nothing is left.
        for me in 0..world.sessions.len() {
            if !world.sessions[me].has_ended {
                world.leave(me, EndKind::Gone);
            }
        }
        world.freed += world.held.close().len();
        world.check();
        assert_eq!(world.freed, world.chairs.len(), "no chair stays behind");
    });
}
