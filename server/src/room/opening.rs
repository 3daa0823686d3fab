//! How a room begins: new, or where its journal left off.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, OnceLock},
    time::Duration,
};

use quarrel_shared::{
    game::{Game, Setup},
    id::{PlayerId, RoomId, SeatId},
    journal::Holder,
    protocol::{TicketNumber, messages::Name},
    snapshot::Frame,
    tick::{Tick, TickRate},
};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, error, info, info_span};

use super::{
    clock::RoomClock,
    inbox::{MAX_QUEUED_EVENTS, Presence, RoomCommand, RoomHandle, SeatHandle},
    journal::{JournalServices, RoomJournal},
    restored::RestoredRoom,
    results::Results,
    seat::HeldSeatPolicy,
    seat_channel::SeatChannel,
    state::{RoomState, SavedWorld},
    status::RoomStatus,
    task::RoomTask,
};
use crate::{shutdown::StopReason, storage::Records, telemetry::Metrics, wall_clock::WallClock};

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
    pub held: HeldSeatPolicy,
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
    /// Says when they finished.
    pub wall: WallClock,
    /// Ends the room.
    pub stop: CancellationToken,
    /// Whether it goes on when the server starts again.
    pub stop_reason: StopReason,
    /// What the room's durations count from.
    pub epoch: Instant,
    /// Where rooms are written down, unless they are not.
    pub journals: Option<JournalServices>,
}

/// What a room's task is made from.
pub(super) struct RoomParts<G: Game> {
    pub(super) state: RoomState<G>,
    pub(super) clock: RoomClock,
    pub(super) inbox: mpsc::Receiver<RoomCommand<G>>,
    pub(super) status: Arc<RoomStatus>,
    pub(super) channels: Vec<Option<SeatChannel<G>>>,
    pub(super) frames: watch::Sender<Option<Arc<Frame<G::Entity>>>>,
    pub(super) results: Results,
    pub(super) journal: Option<RoomJournal<G>>,
}

/// A seat of a room that was brought back, and whose it is.
pub struct RestoredSeat<G: Game> {
    /// Who.
    pub player: PlayerId,
    /// The newest ticket of theirs that the journal knows of.
    pub ticket: TicketNumber,
    /// Called what.
    pub name: Name,
    /// The seat itself.
    pub seated: SeatHandle<G>,
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
        let made = catch_unwind(AssertUnwindSafe(|| {
            let mut state = RoomState::new(&setup, spec.bots, &spec.bot_skill);
            if spec.sync_test {
                state = state.with_sync_test(&setup);
            }
            let journal = services.journals.as_ref().and_then(|journals| {
                let header = journals.header::<G>(id, &setup, services.wall.unix_ms())?;
                Some(RoomJournal::open(journals, &header, &state))
            });
            (state, journal)
        }));
        let Ok((state, journal)) = made else {
            services.metrics.room_panics.inc();
            error!(room = %id, seed, "the game panicked while its world was made");
            status.close();
            return;
        };
        let name = journal.as_ref().map(|journal| status.set_journal(journal.name()));
        let results = Results::new(id, spec.tick_rate, name, Tick(0), services.records.clone());
        let channels = (0..spec.seats).map(|_| None).collect();
        let frames = watch::Sender::new(None);
        let parts = RoomParts { state, clock, inbox, status, channels, frames, results, journal };
        let span = info_span!("room", %id);
        span.in_scope(|| info!(seed, seats = spec.seats, "room opened"));
        RoomTask::new(parts, &spec, services).run().instrument(span).await;
    };
    (handle, life)
}

/// A room that goes on, and the seats that wait for their players. The caller has seen that its tick rate is the server's.
pub fn reopen<G: Game>(
    room: RestoredRoom<G>,
    spec: RoomSpec<G::Settings>,
    phase: Duration,
    services: RoomServices,
) -> (RoomHandle<G>, Vec<RestoredSeat<G>>, impl Future<Output = ()> + Send + 'static) {
    let RestoredRoom { header, setup, game, tick, holders, packer, results, marks, .. } = room;
    let id = RoomId(header.room);
    let opened = services.epoch.elapsed();
    let (commands, inbox) = mpsc::channel(commands_waiting(setup.seats));
    let status = Arc::new(RoomStatus::new(id, setup.seats, setup.tick_rate, opened));
    let handle = RoomHandle::new(commands, Arc::clone(&status));
    let clock = RoomClock::new(setup.tick_rate, opened + phase).after(tick);
    let mut state =
        RoomState::restored(&setup, SavedWorld { game, tick }, &holders, spec.bots, &spec.bot_skill);
    if spec.sync_test {
        state = state.with_sync_test(&setup);
    }
    let (players, bots) = state.occupancy();
    status.stepped(tick, players, bots);
    services.metrics.players.inc_by(players.into());
    services.metrics.bots.inc_by(bots.into());
    let frame = Arc::clone(state.publish());
    let frames = watch::Sender::new(Some(frame));
    let (channels, seats) = restored_seats(&state, &frames);
    let unix_ms = services.wall.unix_ms();
    let journal = services.journals.as_ref().map(|journals| {
        RoomJournal::resume(journals, (&header, packer, marks), unix_ms, &state, &results.unwritten)
    });
    let name = journal.as_ref().map(|journal| status.set_journal(journal.name()));
    let results = Results::new(id, setup.tick_rate, name, results.last, services.records.clone());
    let parts = RoomParts { state, clock, inbox, status, channels, frames, results, journal };
    let span = info_span!("room", %id);
    span.in_scope(|| info!(%tick, players, bots, "room brought back"));
    let life = async move { RoomTask::new(parts, &spec, services).run().instrument(span).await };
    (handle, seats, life)
}

/// Each player's seat: the room's end of it, and the end that waits for a session.
fn restored_seats<G: Game>(
    state: &RoomState<G>,
    frames: &watch::Sender<Option<Arc<Frame<G::Entity>>>>,
) -> (Vec<Option<SeatChannel<G>>>, Vec<RestoredSeat<G>>) {
    let roster: Vec<_> = if state.sends_roster() { state.roster().collect() } else { Vec::new() };
    let mut seats = Vec::new();
    let mut link = |(at, holder): (usize, Option<Holder>)| {
        let Holder { name, player } = holder?;
        let (player, ticket) = player?;
        let (events, heard) = mpsc::channel(MAX_QUEUED_EVENTS);
        let (ended, presence) = (Arc::new(OnceLock::new()), Presence::new(ticket));
        let seated = SeatHandle {
            seat: SeatId(at as u16),
            tick: state.tick(),
            roster: roster.clone(),
            frames: frames.subscribe(),
            events: heard,
            ended: Arc::clone(&ended),
            presence: presence.clone(),
        };
        seats.push(RestoredSeat { player, ticket, name, seated });
        Some(SeatChannel::new(events, ended, presence))
    };
    let channels = state.holders().into_iter().enumerate().map(&mut link).collect();
    (channels, seats)
}

/// How many commands may wait for a tick: every seat's inputs twice over, and a burst of joins.
/// Full: inputs are dropped and counted, joins hear [`CloseReason::RoomBusy`].
fn commands_waiting(seats: u16) -> usize {
    usize::from(seats) * 8 + 64
}
