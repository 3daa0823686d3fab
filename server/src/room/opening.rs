//! Opens rooms: new rooms, and rooms that were restored from their journals.

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
    tick::Tick,
};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tracing::{Instrument as _, error, info, info_span};

use super::{
    blocking::without_delaying_others,
    clock::RoomClock,
    inbox::{MAX_QUEUED_EVENTS, Presence, RoomHandle, SeatHandle},
    journal::{ResumedJournal, RoomJournal},
    parts::{RoomParts, RoomServices, RoomSpec},
    restored::RestoredRoom,
    results::MatchResults,
    seat_channel::SeatChannel,
    state::{RoomState, SavedWorld},
    status::RoomStatus,
    task::RoomTask,
};

/// A player's seat in a restored room, to be held until the player returns.
pub struct RestoredSeat<G: Game> {
    /// The player's id.
    pub player: PlayerId,
    /// The player's newest resume ticket in the journal.
    pub ticket: TicketNumber,
    /// The player's display name.
    pub name: Name,
    /// The session's end of the seat.
    pub handle: SeatHandle<G>,
}

/// Opens a new room, and returns its handle and the future of its task. `tick_offset` delays the first tick, so that rooms do not all step
/// at once.
pub fn open<G: Game>(
    id: RoomId,
    spec: RoomSpec<G::Settings>,
    seed: u64,
    tick_offset: Duration,
    services: RoomServices,
) -> (RoomHandle<G>, impl Future<Output = ()> + Send + 'static) {
    let opened = services.epoch.elapsed();
    let (commands, inbox) = mpsc::channel(inbox_capacity(spec.seats));
    let status = Arc::new(RoomStatus::new(id, spec.seats, spec.tick_rate, opened));
    let handle = RoomHandle::new(commands, Arc::clone(&status));
    let clock = RoomClock::new(spec.tick_rate, opened + tick_offset);
    let task = async move {
        let setup =
            Setup { settings: spec.settings.clone(), seed, seats: spec.seats, tick_rate: spec.tick_rate };
        // Runs in the room's own task, because the game may panic or take seconds to create its world.
        let create = AssertUnwindSafe(|| {
            let mut state = RoomState::new(&setup, spec.bots, &spec.bot_skill);
            if spec.sync_test {
                state = state.with_sync_test(&setup);
            }
            let journal = services.journals.as_ref().and_then(|journals| {
                let header = journals.header::<G>(id, &setup, services.wall.unix_ms())?;
                Some(RoomJournal::open(journals, &header, &state))
            });
            (state, journal)
        });
        let started = Instant::now();
        let created = without_delaying_others(|| catch_unwind(create));
        let opening_time = started.elapsed();
        let Ok((state, journal)) = created else {
            services.metrics.room_panics.inc();
            error!(room = %id, seed, "game panicked while creating its world, room not opened");
            status.close();
            return;
        };
        let name = journal.as_ref().map(|journal| status.set_journal(journal.name()));
        let results = MatchResults::new(id, spec.tick_rate, name, Tick(0), services.records.clone());
        let channels = (0..spec.seats).map(|_| None).collect();
        let frames = watch::Sender::new(None);
        let parts =
            RoomParts { state, clock, inbox, status, channels, frames, results, journal, opening_time };
        let span = info_span!("room", %id);
        span.in_scope(|| info!(seed, seats = spec.seats, "room opened"));
        RoomTask::new(parts, &spec, services).run().instrument(span).await;
    };
    (handle, task)
}

/// Opens a restored room, whose tick rate must be that of `spec`. Returns its handle, the seats of its players, and the future of its task.
/// `tick_offset` delays the first tick, so that rooms do not all step at once.
pub fn reopen<G: Game>(
    room: RestoredRoom<G>,
    spec: RoomSpec<G::Settings>,
    tick_offset: Duration,
    services: RoomServices,
) -> (RoomHandle<G>, Vec<RestoredSeat<G>>, impl Future<Output = ()> + Send + 'static) {
    let started = Instant::now();
    let RestoredRoom { header, setup, game, tick, holders, writer, results, marks, .. } = room;
    let id = RoomId(header.room);
    let opened = services.epoch.elapsed();
    let (commands, inbox) = mpsc::channel(inbox_capacity(setup.seats));
    let status = Arc::new(RoomStatus::new(id, setup.seats, setup.tick_rate, opened));
    let handle = RoomHandle::new(commands, Arc::clone(&status));
    let clock = RoomClock::new(setup.tick_rate, opened + tick_offset).after(tick);
    let mut state =
        RoomState::restored(&setup, SavedWorld { game, tick }, &holders, spec.bots, &spec.bot_skill);
    if spec.sync_test {
        state = state.with_sync_test(&setup);
    }
    let (players, bots) = state.occupancy();
    status.record_step(tick, players, bots);
    let frame = Arc::clone(state.publish());
    let frames = watch::Sender::new(Some(frame));
    let (channels, seats) = restored_seats(&state, &frames);
    let unix_ms = services.wall.unix_ms();
    let journal = services.journals.as_ref().map(|journals| {
        let resumed = ResumedJournal { header: &header, writer, marks, lost_results: &results.lost };
        RoomJournal::resume(journals, resumed, unix_ms, &state)
    });
    let name = journal.as_ref().map(|journal| status.set_journal(journal.name()));
    let results = MatchResults::new(id, setup.tick_rate, name, results.last_end, services.records.clone());
    let opening_time = started.elapsed();
    let parts = RoomParts { state, clock, inbox, status, channels, frames, results, journal, opening_time };
    // After the last code of the game, whose panic would leave the counts too high.
    services.metrics.players.inc_by(players.into());
    services.metrics.bots.inc_by(bots.into());
    let span = info_span!("room", %id);
    span.in_scope(|| info!(%tick, players, bots, "room restored"));
    let task = async move { RoomTask::new(parts, &spec, services).run().instrument(span).await };
    (handle, seats, task)
}

/// Creates the channels of each player's seat. Returns the room's ends, indexed by seat, and the sessions' ends.
fn restored_seats<G: Game>(
    state: &RoomState<G>,
    frames: &watch::Sender<Option<Arc<Frame<G::Entity>>>>,
) -> (Vec<Option<SeatChannel<G>>>, Vec<RestoredSeat<G>>) {
    let roster: Vec<_> = if state.sends_roster() { state.roster().collect() } else { Vec::new() };
    let mut seats = Vec::new();
    let mut connect = |(at, holder): (usize, Option<Holder>)| {
        let Holder { name, player } = holder?;
        let (player, ticket) = player?;
        let (events, receiver) = mpsc::channel(MAX_QUEUED_EVENTS);
        let (ended, presence) = (Arc::new(OnceLock::new()), Presence::new(ticket));
        let handle = SeatHandle {
            seat: SeatId(at as u16),
            tick: state.tick(),
            roster: roster.clone(),
            frames: frames.subscribe(),
            events: receiver,
            ended: Arc::clone(&ended),
            presence: presence.clone(),
        };
        seats.push(RestoredSeat { player, ticket, name, handle });
        Some(SeatChannel::new(events, ended, presence))
    };
    let channels = state.holders().into_iter().enumerate().map(&mut connect).collect();
    (channels, seats)
}

/// The capacity of a room's inbox: eight commands for each seat, where a seat usually sends one input datagram per tick, and 64 more for
/// a burst of joins. When the inbox is full, inputs are dropped and counted, and joins are refused with
/// [`CloseReason::RoomBusy`](quarrel_shared::protocol::CloseReason::RoomBusy).
fn inbox_capacity(seats: u16) -> usize {
    usize::from(seats) * 8 + 64
}
