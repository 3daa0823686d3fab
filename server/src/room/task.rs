//! The thin part of a room: waits for the tick, drains the inbox, steps the state, hands on what it says.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
    time::Duration,
};

use quarrel_shared::{
    game::{Audience, Game, Setup},
    id::{RoomId, SeatId},
    limits::ROSTER_SEATS,
    protocol::CloseReason,
    snapshot::Frame,
    tick::TickRate,
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, error, info, info_span, warn};

use super::{
    clock::RoomClock,
    inbox::{EVENTS_WAITING, Presence, RoomCommand, RoomEvent, RoomHandle, Seated, TakeSeat},
    link::SeatLink,
    seat::HeldFighter,
    send_rate::SendRate,
    state::{RoomState, RosterChange},
    status::RoomStatus,
};
use crate::{
    storage::{MatchRecord, Records, SeatRecord},
    telemetry::Metrics,
};

/// What every room of a server is made from.
#[derive(Clone)]
pub struct RoomSpec<S> {
    /// The game's own settings.
    pub settings: S,
    /// Seats in each room.
    pub seats: u16,
    /// Steps a second.
    pub tick_rate: TickRate,
    /// Snapshots a second, at most the tick rate.
    pub send_rate: u16,
    /// How many bots a room keeps.
    pub bots: u16,
    /// Which ones.
    pub bot_skill: String,
    /// How long a room without people is kept.
    pub linger: Duration,
    /// What becomes of the fighter of somebody whose seat is held.
    pub held: HeldFighter,
    /// Whether each step is made twice and compared; see [`SyncTest`](super::sync_test::SyncTest).
    pub sync_test: bool,
}

/// What a room is handed by the server.
#[derive(Clone)]
pub struct RoomServices {
    /// Where the numbers go.
    pub metrics: Arc<Metrics>,
    /// Where finished matches go.
    pub records: Records,
    /// Ends the room.
    pub stop: CancellationToken,
    /// What the room's durations count from.
    pub epoch: Instant,
}

/// One room's task.
struct RoomTask<G: Game> {
    state: RoomState<G>,
    clock: RoomClock,
    inbox: mpsc::Receiver<RoomCommand<G>>,
    /// Each player's link; bots and empty seats have none.
    links: Vec<Option<SeatLink<G>>>,
    frames: watch::Sender<Option<Arc<Frame<G::Entity>>>>,
    status: Arc<RoomStatus>,
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
}

/// A room: its handle, and the future that is its life. `phase` delays its first tick, so that rooms do not all step at once.
pub fn open<G: Game>(
    id: RoomId,
    spec: RoomSpec<G::Settings>,
    seed: u64,
    phase: Duration,
    services: RoomServices,
) -> (RoomHandle<G>, impl Future<Output = ()> + Send + 'static) {
    let opened = services.epoch.elapsed();
    let (commands, inbox) = mpsc::channel(commands_waiting(spec.seats));
    let status = Arc::new(RoomStatus::new(id, spec.seats, spec.tick_rate, opened));
    let handle = RoomHandle::new(commands, Arc::clone(&status));
    let clock = RoomClock::new(spec.tick_rate, opened + phase);
    let life = async move {
        let setup =
            Setup { settings: spec.settings.clone(), seed, seats: spec.seats, tick_rate: spec.tick_rate };
        // A game may panic as early as here, and the world may take milliseconds to make: in the room's own task, then.
        let made = catch_unwind(AssertUnwindSafe(|| RoomState::new(&setup, spec.bots, &spec.bot_skill)));
        let Ok(mut state) = made else {
            services.metrics.room_panics.inc();
            error!(room = %id, seed, "the game panicked while its world was made");
            status.close();
            return;
        };
        if spec.sync_test {
            state = state.sync_tested(&setup);
        }
        RoomTask::new(state, clock, inbox, &spec, status, services)
            .run(seed)
            .instrument(info_span!("room", %id))
            .await;
    };
    (handle, life)
}

impl<G: Game> RoomTask<G> {
    fn new(
        state: RoomState<G>,
        clock: RoomClock,
        inbox: mpsc::Receiver<RoomCommand<G>>,
        spec: &RoomSpec<G::Settings>,
        status: Arc<RoomStatus>,
        services: RoomServices,
    ) -> Self {
        Self {
            state,
            clock,
            inbox,
            links: (0..spec.seats).map(|_| None).collect(),
            frames: watch::Sender::new(None),
            status,
            services,
            period: Duration::from_nanos(spec.tick_rate.period_ns()),
            sends: SendRate::new(spec.tick_rate, spec.send_rate),
            linger: spec.linger,
            held: spec.held,
            away: 0,
            empty_since: Instant::now(),
            changed: Vec::new(),
        }
    }

    /// Ticks until it is told to stop, was empty for long, or its game panics. Nobody else notices the latter.
    async fn run(mut self, seed: u64) {
        self.services.metrics.rooms.inc();
        info!(seed, seats = self.status.seats, "room opened");
        let reason = self.tick_until_done().await;
        info!(reason = reason.name(), tick = %self.state.tick(), "room closed");
        self.close(reason);
        self.services.metrics.rooms.dec();
    }

    async fn tick_until_done(&mut self) -> CloseReason {
        loop {
            let wake = self.services.epoch + self.clock.wake();
            tokio::select! {
                biased;
                () = self.services.stop.cancelled() => return CloseReason::ServerStopping,
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
                Err(_) => break,
            }
        }
    }

    fn seat(&mut self, request: TakeSeat<G>) {
        // Whoever left since the last tick makes room for whoever comes now.
        self.release_seats();
        let Some(seat) = self.state.take_seat(request.player, request.name, &mut self.changed) else {
            let _ = request.reply.send(Err(CloseReason::RoomFull));
            return;
        };
        let (events, heard) = mpsc::channel(EVENTS_WAITING);
        let ended = Arc::new(OnceLock::new());
        // Those who came in this same tick are told of each other with the changes, so they are left out here.
        let roster = if self.tells_roster() { self.known_roster() } else { Vec::new() };
        let seated = Seated {
            seat,
            tick: self.state.tick(),
            roster,
            frames: self.frames.subscribe(),
            events: heard,
            ended: Arc::clone(&ended),
            presence: Presence::default(),
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
            if link.take_return() {
                self.state.come_back(seat);
            }
            if link.is_away() {
                self.away += 1;
                self.state.hold(seat, self.held);
            }
        }
    }

    fn tell_roster(&mut self) {
        let changed = std::mem::take(&mut self.changed);
        if self.tells_roster() {
            changed.into_iter().for_each(|change| self.tell(&Audience::All, &RoomEvent::Roster(change)));
        }
    }

    /// Everybody of whom the changes that are yet to be told say nothing.
    fn known_roster(&self) -> Vec<RosterChange> {
        self.state.roster().filter(|taken| !self.changed.contains(taken)).collect()
    }

    fn tells_roster(&self) -> bool {
        self.status.seats <= ROSTER_SEATS
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
        let Some(outcome) = self.state.take_outcome() else { return };
        let name_of = |seat: SeatId| self.state.name_of(seat).map(|(name, bot)| (name.to_string(), bot));
        let seats = outcome.scores.iter().map(|(seat, score)| {
            let (name, bot) = name_of(*seat).unwrap_or_default();
            SeatRecord { seat: seat.0, name, bot, score: *score, won: outcome.winners.contains(seat) }
        });
        self.services.records.add(MatchRecord {
            room: self.status.id.0,
            game: G::NAME,
            seed: outcome.seed,
            tick: self.state.tick().0,
            seats: seats.collect(),
        });
    }

    fn count(&mut self, took: Duration) {
        let metrics = &self.services.metrics;
        metrics.tick_took(took);
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

/// How many commands may wait for a tick: every seat's inputs twice over, and a burst of joins.
/// Full: inputs are dropped and counted, joins hear [`CloseReason::RoomBusy`].
fn commands_waiting(seats: u16) -> usize {
    usize::from(seats) * 8 + 64
}
