//! A controller that logs every event of its player; tests read the log while the player plays.

use std::{
    ops::ControlFlow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use quarrel_client::{
    ClientCommand, ClientEvent, ConnectionSummary, Connector, Controller, Drawn, Driver, InputSlot, Joined,
    SharedScreen,
};
use quarrel_shared::{
    game::{Game, Predict},
    protocol::{CloseReason, JoinTarget, datagram::SnapshotHeader},
    snapshot::View,
    sub_tick::SubTick,
    tick::Tick,
};
use quinn::Endpoint;
use tokio::{sync::mpsc, task::JoinHandle, time::Instant};

/// Returns the input of a tick from the seat, the slot and the drawn entities.
type InputFn<G> =
    Box<dyn FnMut(&Joined, InputSlot, Option<&Drawn<<G as Game>::Entity>>) -> <G as Game>::Input + Send>;

/// A controller that logs its events.
pub struct LoggingController<G: Predict> {
    input: InputFn<G>,
    log: Arc<Mutex<EventLog<G>>>,
}

/// The events of one player, in order of arrival.
pub struct EventLog<G: Predict> {
    /// The newest seat.
    pub joined: Option<Joined>,
    /// Every view with the header of its snapshot.
    pub views: Vec<LoggedView<G>>,
    /// Every event of the game.
    pub events: Vec<LoggedEvent<G>>,
    /// The times at which the connection was interrupted.
    pub interrupted: Vec<Instant>,
    /// The times at which the seat was resumed.
    pub resumed: Vec<Instant>,
    /// The times and reasons of closed rooms and refused joins.
    pub closed: Vec<(Instant, CloseReason)>,
    /// The player's screen, once attached.
    screen: Option<SharedScreen<G>>,
}

/// A received view.
pub struct LoggedView<G: Game> {
    /// The time of arrival.
    pub at: Instant,
    /// The header of its snapshot.
    pub header: SnapshotHeader,
    /// The decoded view.
    pub view: Arc<View<G::Entity>>,
}

/// A received event.
pub struct LoggedEvent<G: Game> {
    /// The time of arrival.
    pub at: Instant,
    /// The tick in which the event happened.
    pub tick: Tick,
    /// The game's event.
    pub event: G::Event,
    /// The time at which the screen drew other entities then; `None` when it drew nothing.
    pub shown: Option<SubTick>,
}

impl<G: Predict> LoggingController<G> {
    /// A controller with this input function.
    pub fn new(
        input: impl FnMut(&Joined, InputSlot, Option<&Drawn<G::Entity>>) -> G::Input + Send + 'static,
    ) -> Self {
        Self { input: Box::new(input), log: Arc::default() }
    }

    /// A controller that plays as a bot of the game.
    ///
    /// # Panics
    /// When the game has no bots.
    #[must_use]
    pub fn bot(seed: u64) -> Self {
        let mut brain =
            G::brain(G::SKILLS[0], seed).expect("a game must have a brain for each skill it lists");
        Self::new(move |joined, _, drawn| match drawn {
            Some(drawn) => brain.decide(drawn.observation(joined.rate, joined.seat)),
            None => G::Input::default(),
        })
    }

    /// A handle to the log, which grows while the player plays.
    #[must_use]
    pub fn log(&self) -> EventLogHandle<G> {
        EventLogHandle(Arc::clone(&self.log))
    }

    fn lock(&self) -> MutexGuard<'_, EventLog<G>> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<G: Predict> Default for EventLog<G> {
    fn default() -> Self {
        Self {
            joined: None,
            views: Vec::new(),
            events: Vec::new(),
            interrupted: Vec::new(),
            resumed: Vec::new(),
            closed: Vec::new(),
            screen: None,
        }
    }
}

impl<G: Predict> Controller<G> for LoggingController<G> {
    fn input(&mut self, slot: InputSlot, drawn: Option<&Drawn<G::Entity>>) -> G::Input {
        let joined = self.lock().joined;
        joined.map_or_else(G::Input::default, |joined| (self.input)(&joined, slot, drawn))
    }

    fn on_snapshot(&mut self, header: &SnapshotHeader, _now: Duration, _rtt: Duration) {
        let view = Arc::new(View::new(header.tick));
        self.lock().views.push(LoggedView { at: Instant::now(), header: *header, view });
    }

    fn on_event(&mut self, event: ClientEvent<G>, now: Duration) -> ControlFlow<CloseReason> {
        let (at, mut log) = (Instant::now(), self.lock());
        match event {
            // `on_snapshot` has just logged the header, with an empty view.
            ClientEvent::View(view) => {
                log.views.last_mut().expect("a header must precede each view").view = view;
            }
            ClientEvent::Event { tick, event } => {
                let shown = log.screen.as_ref().and_then(|screen| screen.with(|screen| screen.draw(now)));
                let shown = shown.flatten().map(|drawn| drawn.interpolated_at);
                log.events.push(LoggedEvent { at, tick, event, shown });
            }
            ClientEvent::Joined(joined) => log.joined = Some(joined),
            ClientEvent::Interrupted => log.interrupted.push(at),
            ClientEvent::Resumed(joined) => {
                log.joined = Some(joined);
                log.resumed.push(at);
            }
            ClientEvent::RoomClosed { reason, .. } | ClientEvent::JoinRefused { reason, .. } => {
                log.closed.push((at, reason));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// A handle that reads one player's log.
pub struct EventLogHandle<G: Predict>(Arc<Mutex<EventLog<G>>>);

impl<G: Predict> EventLogHandle<G> {
    /// Passes the log to `read` under its lock.
    pub fn read<T>(&self, read: impl FnOnce(&EventLog<G>) -> T) -> T {
        read(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Attaches the player's screen, so that each later event is logged with the time that the screen shows.
    pub fn attach_screen(&self, screen: SharedScreen<G>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).screen = Some(screen);
    }

    /// The newest seat.
    ///
    /// # Panics
    /// When the player has not joined.
    #[must_use]
    pub fn joined(&self) -> Joined {
        self.read(|log| log.joined).expect("the player must have joined")
    }
}

/// A player whose connection runs in a task of its own until [`Self::shutdown`].
pub struct RunningPlayer<G: Predict, P> {
    /// The player's screen.
    pub screen: SharedScreen<G>,
    /// The origin of the screen's times.
    pub epoch: Instant,
    /// The endpoint, by which a test finds the player's path or changes its network.
    pub endpoint: Endpoint,
    commands: mpsc::Sender<ClientCommand>,
    task: JoinHandle<ConnectionSummary<P>>,
}

impl<G: Predict, P: Controller<G> + 'static> RunningPlayer<G, P> {
    /// Connects, requests the first free seat, and starts the task.
    ///
    /// # Panics
    /// When the connection fails.
    pub async fn start(connector: &Connector, name: &str, controller: P) -> Self {
        let (commands, commands_out) = mpsc::channel(2);
        // The channel has room for both commands, this one and the close, so neither send can fail.
        let _ = commands.try_send(ClientCommand::Join(JoinTarget::Quick));
        let driver = Driver::connect(connector, name, controller, commands_out).await;
        let driver = driver.unwrap_or_else(|error| panic!("{name} cannot connect: {error}"));
        let (screen, epoch) = (driver.screen().clone(), driver.epoch());
        let endpoint = connector.endpoint().clone();
        Self { screen, epoch, endpoint, commands, task: tokio::spawn(driver.run()) }
    }

    /// Whether the connection has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Leaves the room, closes the connection and returns its summary.
    ///
    /// # Panics
    /// When the controller panicked.
    pub async fn shutdown(self) -> ConnectionSummary<P> {
        let _ = self.commands.try_send(ClientCommand::Close);
        self.task.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }
}
