//! The rules that no run may break, whatever its links do: each has a name, and is checked at each tick of every player.
//!
//! The referee sits in the room itself, on a seat that needs no network, so it has every frame and every public fact as the server
//! had them. Players are watched through the controller that drives them.

use std::{
    collections::BTreeMap,
    ops::{AddAssign, ControlFlow},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use quarrel_client::{ClientEvent, Controller, Drawn, Ending, InputSlot, Joined};
use quarrel_server::lobby::Directory;
use quarrel_shared::{
    arena::{Arena, ArenaEntity, Event, Input},
    id::{PlayerId, RoomId, SeatId},
    protocol::{CloseReason, JoinTarget, TicketNumber, datagram::SnapshotHeader, messages::Name},
    snapshot::{Frame, Interest, View},
    sub_tick::SubTick,
    tick::Tick,
};

/// How many frames are kept: a snapshot on a stream of its own is some seconds old at most.
const FRAMES: usize = 1024;

/// How long a fact may be on its way to somebody who sees views, in seconds: a tunnel and a comeback.
const PATIENCE_S: u32 = 20;

/// Whom the room takes the referee for.
const REFEREE: PlayerId = PlayerId(u64::MAX);

/// Watches one room of Arena and all who play there.
#[derive(Clone)]
pub struct Referee {
    book: Arc<Mutex<Book>>,
    /// What repeats this run, for whoever reads of a broken rule.
    repeat: Arc<str>,
}

/// What is known of the room.
#[derive(Default)]
struct Book {
    frames: BTreeMap<Tick, Arc<Frame<ArenaEntity>>>,
    /// What everybody was told.
    facts: Vec<(Tick, Event)>,
    owners: BTreeMap<(RoomId, SeatId), u32>,
    interest: Interest,
    scratch: View<ArenaEntity>,
    checks: Checks,
}

/// How much was checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// Views that were compared with the server's frame.
    pub views: u64,
    /// Views whose frame was not kept any more.
    pub unchecked: u64,
    /// Facts that a player had to be told and was.
    pub facts: u64,
}

impl AddAssign for Checks {
    fn add_assign(&mut self, other: Self) {
        self.views += other.views;
        self.unchecked += other.unchecked;
        self.facts += other.facts;
    }
}

impl Referee {
    /// Sits down in the first room with a seat, and stays as long as the runtime lives.
    ///
    /// # Panics
    /// When there is no seat.
    pub async fn sit(lobby: &Arc<Directory<Arena>>, repeat: String) -> Self {
        let joined =
            lobby.join(JoinTarget::Quick, REFEREE, TicketNumber::default(), &Name::lossy("referee")).await;
        let joined = joined.unwrap_or_else(|reason| panic!("the referee gets no seat: {reason}"));
        let referee = Self { book: Arc::default(), repeat: repeat.into() };
        let watching = referee.clone();
        tokio::spawn(async move {
            // The seat is held by the whole of it, the claim too.
            let mut joined = joined;
            loop {
                tokio::select! {
                    biased;
                    Some(event) = joined.handle.events.recv() => watching.book().note(event),
                    Ok(()) = joined.handle.frames.changed() => {
                        if let Some(frame) = joined.handle.frames.borrow_and_update().clone() {
                            watching.book().keep(frame);
                        }
                    }
                    else => return,
                }
            }
        });
        referee
    }

    /// A player, watched.
    pub fn watch<P>(&self, player: u32, controller: P) -> Watched<P> {
        Watched { controller, player, referee: self.clone(), seat: None }
    }

    /// A player's connection ended without their wish.
    ///
    /// # Panics
    /// Always: tunnels are shorter than seats are held.
    pub fn lost(&self, player: u32, ending: &Ending) -> ! {
        self.broken(
            "a connection that broke is followed by another on the same seat",
            player,
            &format!("{ending:?}"),
        )
    }

    /// How much was checked so far.
    #[must_use]
    pub fn checks(&self) -> Checks {
        self.book().checks
    }

    /// A rule is broken: says which, by whom, and how to see it again.
    fn broken(&self, rule: &str, player: u32, what: &str) -> ! {
        panic!("\"{rule}\" is broken for player {player}: {what}\nrepeat it with: {}", self.repeat)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn keep(&mut self, frame: Arc<Frame<ArenaEntity>>) {
        self.frames.insert(frame.tick(), frame);
        if self.frames.len() > FRAMES {
            self.frames.pop_first();
        }
    }

    fn note(&mut self, event: quarrel_server::room::RoomEvent<Arena>) {
        if let quarrel_server::room::RoomEvent::Game { tick, event } = event
            && is_public(event.get())
        {
            self.facts.push((tick, *event.get()));
        }
    }

    /// What this seat should see at the view's tick, compared with what it sees; the first thing that differs.
    fn compare(&mut self, seat: SeatId, view: &View<ArenaEntity>) -> Option<String> {
        let Some(frame) = self.frames.get(&view.tick) else {
            self.checks.unchecked += 1;
            return None;
        };
        self.checks.views += 1;
        self.interest.pick(frame, seat, &mut self.scratch);
        if self.scratch.entities == view.entities {
            return None;
        }
        let shown = |(id, entity)| match self.scratch.get(id) {
            None => Some(format!("{id} is hidden from it: {entity:?}")),
            Some(real) if real != entity => Some(format!("{id} is {real:?}, not {entity:?}")),
            Some(_) => None,
        };
        let wrong = view.entities.iter().find_map(|(id, entity)| shown((*id, entity)));
        Some(wrong.unwrap_or_else(|| {
            let missing = self.scratch.entities.iter().find(|(id, _)| view.get(*id).is_none());
            format!("it does not see {missing:?}")
        }))
    }
}

/// A controller whose player is held to the rules.
pub struct Watched<P> {
    /// Whoever really plays.
    pub controller: P,
    player: u32,
    referee: Referee,
    seat: Option<Story>,
}

/// What one seat has been told.
struct Story {
    joined: Joined,
    /// When the seat was given: what happened from the tick after the next on must be told.
    since: Tick,
    newest: Option<Tick>,
    seen: SubTick,
    told: Vec<(Tick, Event)>,
}

impl<P> Watched<P> {
    fn sat_down(&mut self, joined: Joined) {
        let owner = self.referee.book().owners.insert((joined.room, joined.seat), self.player);
        if let Some(owner) = owner.filter(|owner| *owner != self.player) {
            self.broken("no seat has two owners", &format!("seat {} is player {owner}'s", joined.seat));
        }
        let since = joined.tick.after(2);
        self.seat = Some(Story { joined, since, newest: None, seen: SubTick::default(), told: Vec::new() });
    }

    fn stood_up(&mut self) {
        let Some(story) = self.seat.take() else { return };
        self.referee.book().owners.remove(&(story.joined.room, story.joined.seat));
        self.settle(&story);
    }

    fn view(&mut self, view: &View<ArenaEntity>) {
        let Some(story) = &mut self.seat else { return };
        let (seat, before) = (story.joined.seat, story.newest.replace(view.tick));
        if before.is_some_and(|before| before >= view.tick) {
            self.broken("no view goes back in time", &format!("{} after {before:?}", view.tick));
        }
        let difference = self.referee.book().compare(seat, view);
        if let Some(difference) = difference {
            let what = format!("seat {seat} at tick {}: {difference}", view.tick);
            self.broken("what a client has confirmed is what the server showed it", &what);
        }
    }

    fn look(&mut self, moment: SubTick) {
        let Some(story) = &mut self.seat else { return };
        let before = std::mem::replace(&mut story.seen, moment);
        if moment < before {
            self.broken("no screen goes back in time", &format!("{moment} after {before}"));
        }
    }

    fn event(&mut self, tick: Tick, event: Event) {
        let Some(story) = &mut self.seat else { return };
        if let Some((last, _)) = story.told.last().filter(|(last, _)| *last > tick) {
            let what = format!("tick {tick} after tick {last}");
            self.broken("events come in order", &what);
        }
        if is_public(&event) {
            story.told.push((tick, event));
        }
    }

    /// Everything that everybody was told while this seat was held was told here too, once and in order: up to what was told last,
    /// and whatever happened so long before the newest view that no tunnel excuses its absence.
    fn settle(&self, story: &Story) {
        let patience = u32::from(story.joined.rate.hz()) * PATIENCE_S;
        let overdue = story.newest.map_or(Tick(0), |newest| newest.before(patience));
        let until = story.told.last().map_or(overdue, |(last, _)| overdue.max(*last));
        let mut book = self.referee.book();
        let due: Vec<_> =
            book.facts.iter().filter(|(tick, _)| *tick >= story.since && *tick <= until).copied().collect();
        let told: Vec<_> = story.told.iter().filter(|(tick, _)| *tick >= story.since).copied().collect();
        book.checks.facts += told.len() as u64;
        drop(book);
        if due != told {
            let at = due.iter().zip(&told).take_while(|(due, told)| due == told).count();
            let what = format!("due {:?}, told {:?}", due.get(at), told.get(at));
            self.broken("no event is lost or doubled", &what);
        }
    }

    fn broken(&self, rule: &str, what: &str) -> ! {
        self.referee.broken(rule, self.player, what)
    }
}

impl<P: Controller<Arena>> Controller<Arena> for Watched<P> {
    fn input(&mut self, slot: InputSlot, drawn: Option<&Drawn<ArenaEntity>>) -> Input {
        if let Some(drawn) = drawn {
            self.look(drawn.interpolated_at);
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
                self.stood_up();
                self.sat_down(*joined);
            }
            ClientEvent::Resumed(joined) => {
                let is_same =
                    |story: &Story| (story.joined.room, story.joined.seat) == (joined.room, joined.seat);
                if !self.seat.as_ref().is_some_and(is_same) {
                    self.broken("a seat that is given back is the same", &format!("{joined:?}"));
                }
                if joined.restored.is_some() {
                    // What was seen after that tick did not happen.
                    self.stood_up();
                    self.sat_down(*joined);
                }
            }
            ClientEvent::View(view) => self.view(view),
            ClientEvent::Event { tick, event } => self.event(*tick, *event),
            ClientEvent::RoomClosed { .. } | ClientEvent::Closed(_) => self.stood_up(),
            _ => {}
        }
        self.controller.on_event(event, now)
    }
}

/// Whether everybody is told.
const fn is_public(event: &Event) -> bool {
    matches!(event, Event::Eliminated { .. } | Event::MatchStarted { .. } | Event::MatchEnded { .. })
}
