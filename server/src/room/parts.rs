//! The settings, services and prepared objects from which a room's task is created.

use std::{sync::Arc, time::Duration};

use quarrel_shared::{game::Game, snapshot::Frame, tick::TickRate};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{
    clock::RoomClock,
    inbox::RoomCommand,
    journal::{JournalServices, RoomJournal},
    results::MatchResults,
    seat::HeldSeatPolicy,
    seat_channel::SeatChannel,
    state::RoomState,
    status::RoomStatus,
};
use crate::{
    reloadable::Reloadable, shutdown::StopReason, storage::RecordQueue, telemetry::Metrics,
    wall_clock::WallClock,
};

/// The settings of every room of a server.
#[derive(Clone)]
pub struct RoomSpec<S> {
    /// The game's own settings.
    pub settings: S,
    /// The number of seats in each room.
    pub seats: u16,
    /// The number of ticks per second.
    pub tick_rate: TickRate,
    /// The number of frames, and so of snapshots, per second; at most the tick rate.
    pub send_rate: u16,
    /// The maximum number of bots, which take the seats that players leave empty.
    pub bots: u16,
    /// The name of the bots' skill, as the game defines it.
    pub bot_skill: String,
    /// The time for which a room without players is kept.
    pub linger: Duration,
    /// The control of held seats.
    pub held: HeldSeatPolicy,
    /// Whether each step is made twice and the results are compared; see [`SyncTest`](super::sync_test::SyncTest).
    pub sync_test: bool,
}

/// The services of the server that a room uses.
#[derive(Clone)]
pub struct RoomServices {
    /// The server's metrics.
    pub metrics: Arc<Metrics>,
    /// The queue of match results.
    pub records: RecordQueue,
    /// The wall clock, for the times in match results and journals.
    pub wall: WallClock,
    /// Ends the room when cancelled.
    pub stop: CancellationToken,
    /// The reason of the stop, which decides whether the room is saved.
    pub stop_reason: StopReason,
    /// The server's epoch, from which the room's durations are measured.
    pub epoch: Instant,
    /// The maximum number of bots in each room.
    pub bots: Reloadable<u16>,
    /// The services for journals; `None` if rooms have no journals.
    pub journals: Option<JournalServices>,
}

/// The prepared objects that one room's task takes over.
pub(super) struct RoomParts<G: Game> {
    pub(super) state: RoomState<G>,
    pub(super) clock: RoomClock,
    pub(super) inbox: mpsc::Receiver<RoomCommand<G>>,
    pub(super) status: Arc<RoomStatus>,
    pub(super) channels: Vec<Option<SeatChannel<G>>>,
    pub(super) frames: watch::Sender<Option<Arc<Frame<G::Entity>>>>,
    pub(super) results: MatchResults,
    pub(super) journal: Option<RoomJournal<G>>,
    /// The duration of creating these parts.
    pub(super) opening_time: Duration,
}
