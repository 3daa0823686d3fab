//! Named invariants of every simulated run, checked at each tick of every player, over any link.
//!
//! The checker joins the room itself, on a seat without a network, so it has every frame and every public event as the server
//! made them. It watches each player through a wrapper of the player's controller.

use std::{
    collections::BTreeMap,
    ops::{AddAssign, ControlFlow},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use quarrel_client::{ClientEvent, Controller, Drawn, Ending, InputSlot, Joined};
use quarrel_server::{lobby::Directory, room::RoomEvent};
use quarrel_shared::{
    arena::{Arena, ArenaEntity, Event, Input},
    id::{PlayerId, RoomId, SeatId},
    protocol::{CloseReason, JoinTarget, TicketNumber, datagram::SnapshotHeader, messages::Name},
    snapshot::{Frame, Interest, View},
    sub_tick::SubTick,
    tick::Tick,
};

/// The number of frames kept, because a snapshot on a stream of its own may arrive some seconds late.
const MAX_FRAMES: usize = 1024;

/// The longest time that an event may take to reach a player who receives views, in seconds: a black-out and a resume.
const EVENT_TIMEOUT_S: u32 = 20;

/// The player id of the checker.
const CHECKER: PlayerId = PlayerId(u64::MAX);

/// Checks the invariants of one room of Arena and of all its players.
#[derive(Clone)]
pub struct InvariantChecker {
    history: Arc<Mutex<RoomHistory>>,
    /// The command that repeats this run, for the message of a violation.
    repeat: Arc<str>,
}

/// The recent frames and the public events of the room.
#[derive(Default)]
struct RoomHistory {
    frames: BTreeMap<Tick, Arc<Frame<ArenaEntity>>>,
    /// The events that every seat receives.
    public_events: Vec<(Tick, Event)>,
    /// The player on each seat.
    owners: BTreeMap<(RoomId, SeatId), u32>,
    interest: Interest,
    expected: View<ArenaEntity>,
    checks: CheckCounts,
}

/// The number of checks made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckCounts {
    /// Views compared with the server's frame.
    pub views: u64,
    /// Views whose frame was no longer kept.
    pub unchecked: u64,
    /// Public events that a player received.
    pub events: u64,
}

impl AddAssign for CheckCounts {
    fn add_assign(&mut self, other: Self) {
        self.views += other.views;
        self.unchecked += other.unchecked;
        self.events += other.events;
    }
}

impl InvariantChecker {
    /// Joins the first room with a free seat, and stays until the runtime ends.
    ///
    /// # Panics
    /// When no seat is free.
    pub async fn join(lobby: &Arc<Directory<Arena>>, repeat: String) -> Self {
        let joined =
            lobby.join(JoinTarget::Quick, CHECKER, TicketNumber::default(), &Name::lossy("checker")).await;
        let joined = joined.unwrap_or_else(|reason| panic!("the invariant checker cannot join: {reason}"));
        let checker = Self { history: Arc::default(), repeat: repeat.into() };
        let watching = checker.clone();
        tokio::spawn(async move {
            // Moves all of `joined` into the task, because its claim holds the seat.
            let mut joined = joined;
            loop {
                tokio::select! {
                    biased;
                    Some(event) = joined.handle.events.recv() => watching.history().record_event(event),
                    Ok(()) = joined.handle.frames.changed() => {
                        if let Some(frame) = joined.handle.frames.borrow_and_update().clone() {
                            watching.history().record_frame(frame);
                        }
                    }
                    else => return,
                }
            }
        });
        checker
    }

    /// Wraps a player's controller, so that the player's views and events are checked.
    pub fn wrap<P>(&self, player: u32, controller: P) -> CheckedController<P> {
        CheckedController { controller, player, checker: self.clone(), seat: None }
    }

    /// Reports that a player's connection ended although the player did not leave.
    ///
    /// # Panics
    /// Always, because a seat is held for longer than any black-out lasts.
    pub fn connection_lost(&self, player: u32, ending: &Ending) -> ! {
        self.fail(
            "a lost connection must be followed by a resume of the same seat",
            player,
            &format!("{ending:?}"),
        )
    }

    /// The number of checks made.
    #[must_use]
    pub fn checks(&self) -> CheckCounts {
        self.history().checks
    }

    /// Panics with the violated invariant, the player, and the command that repeats the run.
    fn fail(&self, invariant: &str, player: u32, what: &str) -> ! {
        panic!("\"{invariant}\" is violated for player {player}: {what}\nrepeat with: {}", self.repeat)
    }

    fn history(&self) -> MutexGuard<'_, RoomHistory> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RoomHistory {
    fn record_frame(&mut self, frame: Arc<Frame<ArenaEntity>>) {
        self.frames.insert(frame.tick(), frame);
        if self.frames.len() > MAX_FRAMES {
            self.frames.pop_first();
        }
    }

    fn record_event(&mut self, event: RoomEvent<Arena>) {
        if let RoomEvent::Game { tick, event } = event
            && is_public(event.get())
        {
            self.public_events.push((tick, *event.get()));
        }
    }

    /// Compares a view with the view that the server's frame of its tick gives for this seat, and returns the first difference.
    fn compare(&mut self, seat: SeatId, view: &View<ArenaEntity>) -> Option<String> {
        let Some(frame) = self.frames.get(&view.tick) else {
            self.checks.unchecked += 1;
            return None;
        };
        self.checks.views += 1;
        self.interest.pick(frame, seat, &mut self.expected);
        if self.expected.entities == view.entities {
            return None;
        }
        let difference = |(id, entity)| match self.expected.get(id) {
            None => Some(format!("{id} must be hidden from the seat: {entity:?}")),
            Some(expected) if expected != entity => {
                Some(format!("{id} must be {expected:?}, not {entity:?}"))
            }
            Some(_) => None,
        };
        let wrong = view.entities.iter().find_map(|(id, entity)| difference((*id, entity)));
        Some(wrong.unwrap_or_else(|| {
            let missing = self.expected.entities.iter().find(|(id, _)| view.get(*id).is_none());
            format!("the view lacks {missing:?}")
        }))
    }
}

/// A controller whose player is checked.
pub struct CheckedController<P> {
    /// The player's own controller.
    pub controller: P,
    player: u32,
    checker: InvariantChecker,
    seat: Option<ObservedSeat>,
}

/// The views and events that one seat received.
struct ObservedSeat {
    joined: Joined,
    /// The first tick whose public events the seat must receive: the second after the join.
    since: Tick,
    newest: Option<Tick>,
    drawn_at: SubTick,
    events: Vec<(Tick, Event)>,
}

impl<P> CheckedController<P> {
    fn seat_taken(&mut self, joined: Joined) {
        let owner = self.checker.history().owners.insert((joined.room, joined.seat), self.player);
        if let Some(owner) = owner.filter(|owner| *owner != self.player) {
            let what = format!("player {owner} has seat {}", joined.seat);
            self.fail("a seat must have one player", &what);
        }
        let since = joined.tick.after(2);
        self.seat = Some(ObservedSeat {
            joined,
            since,
            newest: None,
            drawn_at: SubTick::default(),
            events: Vec::new(),
        });
    }

    fn seat_left(&mut self) {
        let Some(seat) = self.seat.take() else { return };
        self.checker.history().owners.remove(&(seat.joined.room, seat.joined.seat));
        self.check_delivery(&seat);
    }

    fn check_view(&mut self, view: &View<ArenaEntity>) {
        let Some(history) = &mut self.seat else { return };
        let (seat, before) = (history.joined.seat, history.newest.replace(view.tick));
        if before.is_some_and(|before| before >= view.tick) {
            self.fail("views must not go back in time", &format!("{} after {before:?}", view.tick));
        }
        let difference = self.checker.history().compare(seat, view);
        if let Some(difference) = difference {
            let what = format!("seat {seat} at tick {}: {difference}", view.tick);
            self.fail("a client's view must equal the server's view of its seat", &what);
        }
    }

    fn check_drawn_time(&mut self, time: SubTick) {
        let Some(seat) = &mut self.seat else { return };
        let before = std::mem::replace(&mut seat.drawn_at, time);
        if time < before {
            self.fail("the drawn time must not go back", &format!("{time} after {before}"));
        }
    }

    fn check_event(&mut self, tick: Tick, event: Event) {
        let Some(seat) = &mut self.seat else { return };
        if let Some((last, _)) = seat.events.last().filter(|(last, _)| *last > tick) {
            let what = format!("tick {tick} after tick {last}");
            self.fail("events must arrive in order", &what);
        }
        if is_public(&event) {
            seat.events.push((tick, event));
        }
    }

    /// Checks that the seat received every public event once and in order, from its first tick up to the last event that it
    /// received, or up to [`EVENT_TIMEOUT_S`] before its newest view if that is later.
    fn check_delivery(&self, seat: &ObservedSeat) {
        let timeout = u32::from(seat.joined.rate.hz()) * EVENT_TIMEOUT_S;
        let overdue = seat.newest.map_or(Tick(0), |newest| newest.before(timeout));
        let until = seat.events.last().map_or(overdue, |(last, _)| overdue.max(*last));
        let mut history = self.checker.history();
        let due = history.public_events.iter().filter(|(tick, _)| *tick >= seat.since && *tick <= until);
        let due: Vec<_> = due.copied().collect();
        let received: Vec<_> = seat.events.iter().filter(|(tick, _)| *tick >= seat.since).copied().collect();
        history.checks.events += received.len() as u64;
        drop(history);
        if due != received {
            let at = due.iter().zip(&received).take_while(|(due, received)| due == received).count();
            let what = format!("due {:?}, received {:?}", due.get(at), received.get(at));
            self.fail("every event must arrive once", &what);
        }
    }

    fn fail(&self, invariant: &str, what: &str) -> ! {
        self.checker.fail(invariant, self.player, what)
    }
}

impl<P: Controller<Arena>> Controller<Arena> for CheckedController<P> {
    fn input(&mut self, slot: InputSlot, drawn: Option<&Drawn<ArenaEntity>>) -> Input {
        if let Some(drawn) = drawn {
            self.check_drawn_time(drawn.interpolated_at);
        }
        self.controller.input(slot, drawn)
    }

    fn on_snapshot(&mut self, header: &SnapshotHeader, now: Duration, rtt: Duration) {
        self.controller.on_snapshot(header, now, rtt);
    }

    fn on_correction(&mut self, by: u32, now: Duration) {
        self.controller.on_correction(by, now);
    }

    fn on_event(&mut self, event: ClientEvent<Arena>, now: Duration) -> ControlFlow<CloseReason> {
        match &event {
            ClientEvent::Joined(joined) => {
                self.seat_left();
                self.seat_taken(*joined);
            }
            ClientEvent::Resumed(joined) => {
                let is_same =
                    |seat: &ObservedSeat| (seat.joined.room, seat.joined.seat) == (joined.room, joined.seat);
                if !self.seat.as_ref().is_some_and(is_same) {
                    self.fail("a resumed seat must be the same seat", &format!("{joined:?}"));
                }
                if joined.restored.is_some() {
                    // The room was restored to an earlier tick, so the later events did not happen.
                    self.seat_left();
                    self.seat_taken(*joined);
                }
            }
            ClientEvent::View(view) => self.check_view(view),
            ClientEvent::Event { tick, event } => self.check_event(*tick, *event),
            ClientEvent::RoomClosed { .. } | ClientEvent::Closed(_) => self.seat_left(),
            _ => {}
        }
        self.controller.on_event(event, now)
    }
}

/// Whether every seat receives this event.
const fn is_public(event: &Event) -> bool {
    matches!(event, Event::Eliminated { .. } | Event::MatchStarted { .. } | Event::MatchEnded { .. })
}
