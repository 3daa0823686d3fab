//! The thin part of a room: waits for the tick, drains the inbox, steps the state, hands on what it says.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
    time::Duration,
};

use quarrel_shared::{
    game::{Audience, Game},
    id::SeatId,
    protocol::CloseReason,
    snapshot::Frame,
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tracing::{error, info, warn};

use super::{
    clock::RoomClock,
    inbox::{EVENTS_WAITING, Presence, RoomCommand, RoomEvent, Seated, TakeSeat},
    journal::RoomJournal,
    link::SeatLink,
    mark::{MarkMoment, NotMarked},
    opening::{RoomParts, RoomServices, RoomSpec},
    results::Results,
    seat::HeldFighter,
    send_rate::SendRate,
    state::{RoomState, RosterChange},
    status::RoomStatus,
};

/// One room's task.
pub(super) struct RoomTask<G: Game> {
    state: RoomState<G>,
    clock: RoomClock,
    inbox: mpsc::Receiver<RoomCommand<G>>,
    /// Each player's link; bots and empty seats have none.
    links: Vec<Option<SeatLink<G>>>,
    frames: watch::Sender<Option<Arc<Frame<G::Entity>>>>,
    status: Arc<RoomStatus>,
    results: Results,
    services: RoomServices,
    period: Duration,
    sends: SendRate,
    linger: Duration,
    held: HeldFighter,
    /// How many seats are held for people who are away.
    away: u16,
    /// Since when nobody has been here.
    empty_since: Instant,
    changed: Vec<RosterChange>,
    journal: Option<RoomJournal<G>>,
}

impl<G: Game> RoomTask<G> {
    /// Of a room whose parts are made.
    pub(super) fn new(parts: RoomParts<G>, spec: &RoomSpec<G::Settings>, services: RoomServices) -> Self {
        let RoomParts { state, clock, inbox, status, links, frames, results, journal } = parts;
        Self {
            state,
            clock,
            inbox,
            links,
            frames,
            results,
            status,
            services,
            period: Duration::from_nanos(spec.tick_rate.period_ns()),
            sends: SendRate::new(spec.tick_rate, spec.send_rate),
            linger: spec.linger,
            held: spec.held,
            away: 0,
            empty_since: Instant::now(),
            changed: Vec::new(),
            journal,
        }
    }

    /// Ticks until it is told to stop, was empty for long, or its game panics. Nobody else notices the latter.
    pub(super) async fn run(mut self) {
        self.services.metrics.rooms.inc();
        let reason = self.tick_until_done().await;
        info!(reason = reason.name(), tick = %self.state.tick(), "room closed");
        self.close(reason);
        self.services.metrics.rooms.dec();
        match self.journal.take() {
            Some(journal) if reason == CloseReason::ServerRestarting => {
                let is_saved = match self.save(journal) {
                    Some(saving) => saving.await,
                    None => false,
                };
                if !is_saved {
                    self.services.metrics.journals.rooms_unsaved.inc();
                    let tick = self.state.tick();
                    error!(%tick, "the room could not be saved: it will go on from an earlier moment, or not at all");
                }
            }
            Some(journal) => journal.end(reason.name()).await,
            None => {}
        }
        // Last, for a locked database may take it long.
        self.results.finish().await;
    }

    /// Hands the room's state in; `None` when its game panicked while it said what that is.
    fn save(&self, journal: RoomJournal<G>) -> Option<impl Future<Output = bool> + Send + use<G>> {
        let saving = catch_unwind(AssertUnwindSafe(|| journal.save(&self.state)));
        if saving.is_err() {
            self.services.metrics.room_panics.inc();
        }
        saving.ok()
    }

    async fn tick_until_done(&mut self) -> CloseReason {
        loop {
            let wake = self.services.epoch + self.clock.wake();
            tokio::select! {
                biased;
                () = self.services.stop.cancelled() => return self.services.stop_reason.get(),
                () = sleep_until(wake) => {}
            }
            let due = self.clock.due(Instant::now() - self.services.epoch);
            if due.slipped > 0 {
                self.services.metrics.slips.inc_by(due.slipped);
                warn!(ticks = due.slipped, "the room fell behind and let time go");
            }
            for _ in 0..due.steps {
                // The state is given up after a panic, so nobody sees it half changed.
                if catch_unwind(AssertUnwindSafe(|| self.tick())).is_err() {
                    self.services.metrics.room_panics.inc();
                    error!(tick = %self.state.tick(), "the game panicked; its room is closed, the others play on");
                    return CloseReason::RoomFailed;
                }
                if let Some(mismatch) = self.state.mismatch() {
                    self.services.metrics.sync_mismatches.inc();
                    error!(tick = %mismatch.tick, "the game is not deterministic; its room is closed: {}", mismatch.fault);
                    return CloseReason::RoomFailed;
                }
            }
            if self.is_deserted() {
                return CloseReason::RoomClosed;
            }
        }
    }

    /// One tick, from its first command to its frame.
    fn tick(&mut self) {
        let started = Instant::now();
        // First, so that what a new connection brings is not taken for what the old one did.
        self.hold_seats();
        self.drain_inbox();
        self.release_seats();
        self.state.settle_bots(&mut self.changed);
        self.state.step();
        if let Some(journal) = &mut self.journal {
            journal.tick(&self.state);
        }
        if self.state.mismatch().is_some() {
            return; // Nobody is told of a tick that might have been otherwise.
        }
        self.tell_roster();
        self.tell_events();
        if self.sends.is_due() {
            let frame = Arc::clone(self.state.publish());
            self.frames.send_replace(Some(frame));
        }
        self.record_outcome();
        if let Some(journal) = &mut self.journal {
            journal.hand_in(&self.state, started - self.services.epoch);
        }
        self.count(started.elapsed());
    }

    /// Takes what is there now; what comes meanwhile waits for the next tick, so a flood cannot hold this one.
    fn drain_inbox(&mut self) {
        let mut chats = 0;
        for _ in 0..self.inbox.len() {
            match self.inbox.try_recv() {
                Ok(RoomCommand::Input { seat, arrived, run }) => {
                    let at = self.clock.sixteenths(arrived.saturating_duration_since(self.services.epoch));
                    self.state.input(seat, &run, at);
                }
                Ok(RoomCommand::Take(request)) => self.seat(request),
                Ok(RoomCommand::Chat { seat, text }) => {
                    chats += 1;
                    if chats <= CHATS_PER_TICK {
                        self.tell(&Audience::All, &RoomEvent::Chat { seat, text });
                    }
                }
                Ok(RoomCommand::Mark(request)) => self.mark(request),
                Err(_) => break,
            }
        }
    }

    /// The mark stands behind the newest tick, which the journal has; those who come and go in this drain are of the next one.
    fn mark(&mut self, request: MarkMoment) {
        let marked = match &mut self.journal {
            Some(journal) => journal.mark(request.reason, self.state.tick()),
            None => Err(NotMarked::NoJournal),
        };
        if marked.is_ok() {
            self.services.metrics.journals.marks.inc();
        }
        // Whoever asked may have gone meanwhile; the mark stays.
        let _ = request.reply.send(marked);
    }

    fn seat(&mut self, request: TakeSeat<G>) {
        // Whoever left since the last tick makes room for whoever comes now.
        self.release_seats();
        let Some(seat) =
            self.state.take_seat(request.player, request.ticket, request.name, &mut self.changed)
        else {
            let _ = request.reply.send(Err(CloseReason::RoomFull));
            return;
        };
        let (events, heard) = mpsc::channel(EVENTS_WAITING);
        let ended = Arc::new(OnceLock::new());
        // Those who came in this same tick are told of each other with the changes, so they are left out here.
        let roster = if self.state.tells_roster() { self.known_roster() } else { Vec::new() };
        let seated = Seated {
            seat,
            tick: self.state.tick(),
            roster,
            frames: self.frames.subscribe(),
            events: heard,
            ended: Arc::clone(&ended),
            presence: Presence::new(request.ticket),
        };
        let presence = seated.presence.clone();
        self.links[seat.index()] = Some(SeatLink::new(events, ended, presence));
        self.services.metrics.joins.inc();
        // A session that died meanwhile drops its end, and the seat is released at the next tick.
        let _ = request.reply.send(Ok(seated));
    }

    /// Empties the seats whose sessions are gone.
    fn release_seats(&mut self) {
        for at in 0..self.links.len() {
            if self.links[at].as_ref().is_some_and(SeatLink::is_over) {
                self.links[at] = None;
                self.state.leave_seat(SeatId(at as u16), &mut self.changed);
            }
        }
    }

    /// Sees who has lost their connection, and who is back.
    fn hold_seats(&mut self) {
        self.away = 0;
        for (at, link) in self.links.iter_mut().enumerate() {
            let Some(link) = link else { continue };
            let seat = SeatId(at as u16);
            if let Some(ticket) = link.take_return() {
                self.state.come_back(seat, ticket);
            }
            if link.is_away() {
                self.away += 1;
                self.state.hold(seat, self.held);
            }
        }
    }

    fn tell_roster(&mut self) {
        let changed = std::mem::take(&mut self.changed);
        if self.state.tells_roster() {
            changed.into_iter().for_each(|change| self.tell(&Audience::All, &RoomEvent::Roster(change)));
        }
    }

    /// Everybody of whom the changes that are yet to be told say nothing.
    fn known_roster(&self) -> Vec<RosterChange> {
        self.state.roster().filter(|taken| !self.changed.contains(taken)).collect()
    }

    fn tell_events(&mut self) {
        let tick = self.state.tick();
        let told: Vec<_> = self.state.drain_events().collect();
        for (audience, event) in told {
            self.tell(&audience, &RoomEvent::Game { tick, event: Arc::new(event) });
        }
    }

    fn tell(&mut self, audience: &Audience, event: &RoomEvent<G>) {
        match audience {
            Audience::All => self.links.iter().flatten().for_each(|link| link.tell(event)),
            Audience::Only(seat) => self.tell_seat(*seat, event),
            Audience::Seats(seats) => seats.iter().for_each(|seat| self.tell_seat(*seat, event)),
        }
    }

    fn tell_seat(&self, seat: SeatId, event: &RoomEvent<G>) {
        if let Some(link) = self.links.get(seat.index()).and_then(Option::as_ref) {
            link.tell(event);
        }
    }

    fn record_outcome(&mut self) {
        if let Some(outcome) = self.state.take_outcome() {
            let (tick, ended) = (self.state.tick(), self.services.wall.unix_ms());
            let record = self.results.record::<G>(tick, &self.state.holders(), &outcome, ended);
            if let Some(journal) = &mut self.journal {
                journal.outcome(&record, tick);
            }
            self.results.push(record);
        }
        self.results.hand_in();
    }

    fn count(&mut self, took: Duration) {
        let metrics = &self.services.metrics;
        metrics.observe_tick(took);
        if took > self.period {
            metrics.overruns.inc();
            self.status.overran();
        }
        let inputs = self.state.take_counts();
        metrics.inputs.used.inc_by(inputs.used);
        metrics.inputs.late.inc_by(inputs.late);
        metrics.inputs.early.inc_by(inputs.early);
        metrics.inputs.future.inc_by(inputs.future);
        metrics.inputs.duplicate.inc_by(inputs.duplicate);
        metrics.starved.inc_by(inputs.starved);
        let (players, bots) = self.state.occupancy();
        metrics.players.inc_by(i64::from(players) - i64::from(self.status.players()));
        metrics.bots.inc_by(i64::from(bots) - i64::from(self.status.bots()));
        self.status.stepped(self.state.tick(), players, bots);
    }

    /// Whether nobody has been here, or on their way, for longer than an empty room is kept. Held seats keep the room for as long as
    /// they are held, and no longer: nobody has been here since the last of their players went.
    fn is_deserted(&mut self) -> bool {
        let now = Instant::now();
        let (claimed, players) = (self.status.claimed(), self.status.players());
        if claimed.max(players) > self.away {
            self.empty_since = now;
        }
        claimed == 0 && players == 0 && now - self.empty_since > self.linger
    }

    /// The last words: everybody hears why, and the lobby sends nobody here any more.
    fn close(&mut self, reason: CloseReason) {
        self.status.close();
        for link in self.links.iter_mut().filter_map(Option::take) {
            link.end(reason);
        }
        let metrics = &self.services.metrics;
        metrics.players.dec_by(i64::from(self.status.players()));
        metrics.bots.dec_by(i64::from(self.status.bots()));
    }
}

/// The most chat lines that one tick relays: each costs a message to everybody. More are dropped, as a crowd drowns a voice.
const CHATS_PER_TICK: u32 = 4;
