//! A player who notes down all that happens to them, and whose notes can be read while they play.

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

/// What a player does at a tick, by what their screen shows.
type Hand<G> =
    Box<dyn FnMut(&Joined, InputSlot, Option<&Drawn<<G as Game>::Entity>>) -> <G as Game>::Input + Send>;

/// A controller that notes down what it is told. Copies share their notes.
pub struct Diary<G: Predict> {
    hand: Hand<G>,
    notes: Arc<Mutex<Notes<G>>>,
}

/// All that one player was told, in the order in which it was.
pub struct Notes<G: Predict> {
    /// The newest seat.
    pub joined: Option<Joined>,
    /// Every view and the head of its snapshot.
    pub views: Vec<Viewed<G>>,
    /// Every fact of the game.
    pub events: Vec<Told<G>>,
    /// When the connection broke.
    pub interrupted: Vec<Instant>,
    /// When the seat was given back.
    pub resumed: Vec<Instant>,
    /// When a room was closed, and why.
    pub closed: Vec<(Instant, CloseReason)>,
    /// What the player looks at, once they do.
    screen: Option<SharedScreen<G>>,
}

/// A view, and how it came.
pub struct Viewed<G: Game> {
    /// When.
    pub at: Instant,
    /// The head of its snapshot.
    pub header: SnapshotHeader,
    /// What it shows.
    pub view: Arc<View<G::Entity>>,
}

/// A fact, and how it was told.
pub struct Told<G: Game> {
    /// When.
    pub at: Instant,
    /// In which tick it happened.
    pub tick: Tick,
    /// What.
    pub event: G::Event,
    /// Where the screen was just then; `None`: it was dark.
    pub shown: Option<SubTick>,
}

impl<G: Predict> Diary<G> {
    /// Of somebody who acts like this.
    pub fn new(
        hand: impl FnMut(&Joined, InputSlot, Option<&Drawn<G::Entity>>) -> G::Input + Send + 'static,
    ) -> Self {
        Self { hand: Box::new(hand), notes: Arc::default() }
    }

    /// Of somebody who plays as the game's bots do.
    ///
    /// # Panics
    /// When the game has none.
    #[must_use]
    pub fn of_bot(seed: u64) -> Self {
        let mut brain = G::brain(G::SKILLS[0], seed).expect("a skill of the game's");
        Self::new(move |joined, _, drawn| match drawn {
            Some(drawn) => brain.decide(drawn.observation(joined.rate, joined.seat)),
            None => G::Input::default(),
        })
    }

    /// The notes, which go on being written.
    #[must_use]
    pub fn notes(&self) -> Pages<G> {
        Pages(Arc::clone(&self.notes))
    }

    fn write(&self) -> MutexGuard<'_, Notes<G>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<G: Predict> Default for Notes<G> {
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

impl<G: Predict> Controller<G> for Diary<G> {
    fn input(&mut self, slot: InputSlot, drawn: Option<&Drawn<G::Entity>>) -> G::Input {
        let joined = self.write().joined;
        joined.map_or_else(G::Input::default, |joined| (self.hand)(&joined, slot, drawn))
    }

    fn on_snapshot(&mut self, header: &SnapshotHeader, _now: Duration, _rtt: Duration) {
        let view = Arc::new(View::new(header.tick));
        self.write().views.push(Viewed { at: Instant::now(), header: *header, view });
    }

    fn on_event(&mut self, event: ClientEvent<G>, now: Duration) -> ControlFlow<CloseReason> {
        let (at, mut notes) = (Instant::now(), self.write());
        match event {
            // Its head was noted just before.
            ClientEvent::View(view) => notes.views.last_mut().expect("a head before each view").view = view,
            ClientEvent::Event { tick, event } => {
                let shown = notes.screen.as_ref().and_then(|screen| screen.with(|screen| screen.draw(now)));
                let shown = shown.flatten().map(|drawn| drawn.interpolated_at);
                notes.events.push(Told { at, tick, event, shown });
            }
            ClientEvent::Joined(joined) => notes.joined = Some(joined),
            ClientEvent::Interrupted => notes.interrupted.push(at),
            ClientEvent::Resumed(joined) => {
                notes.joined = Some(joined);
                notes.resumed.push(at);
            }
            ClientEvent::RoomClosed { reason, .. } | ClientEvent::JoinRefused { reason, .. } => {
                notes.closed.push((at, reason));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// One player's notes, for those who read them.
pub struct Pages<G: Predict>(Arc<Mutex<Notes<G>>>);

impl<G: Predict> Pages<G> {
    /// Reads.
    pub fn read<T>(&self, read: impl FnOnce(&Notes<G>) -> T) -> T {
        read(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The player looks at this screen from now on: each fact is noted with where it was.
    pub fn look_at(&self, screen: SharedScreen<G>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).screen = Some(screen);
    }

    /// The seat.
    ///
    /// # Panics
    /// When there never was one.
    #[must_use]
    pub fn joined(&self) -> Joined {
        self.read(|notes| notes.joined).expect("a seat")
    }
}

/// Somebody who plays until they are asked to leave.
pub struct Life<G: Predict, P> {
    /// What they see.
    pub screen: SharedScreen<G>,
    /// What its moments count from.
    pub epoch: Instant,
    /// What changes networks and has a path.
    pub endpoint: Endpoint,
    commands: mpsc::Sender<ClientCommand>,
    task: JoinHandle<ConnectionSummary<P>>,
}

impl<G: Predict, P: Controller<G> + 'static> Life<G, P> {
    /// Connects, asks for the first seat there is, and plays on by itself.
    ///
    /// # Panics
    /// When there is no connection.
    pub async fn begin(connector: &Connector, name: &str, controller: P) -> Self {
        let (commands, commands_out) = mpsc::channel(2);
        // There is room for two, so neither this nor the close can fail.
        let _ = commands.try_send(ClientCommand::Join(JoinTarget::Quick));
        let driver = Driver::connect(connector, name, controller, commands_out).await;
        let driver = driver.unwrap_or_else(|error| panic!("{name} cannot connect: {error}"));
        let (screen, epoch) = (driver.screen().clone(), driver.epoch());
        let endpoint = connector.endpoint().clone();
        Self { screen, epoch, endpoint, commands, task: tokio::spawn(driver.run()) }
    }

    /// Whether the player has given up, or was sent away.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.task.is_finished()
    }

    /// Leaves.
    ///
    /// # Panics
    /// When the controller did.
    pub async fn end(self) -> ConnectionSummary<P> {
        let _ = self.commands.try_send(ClientCommand::Close);
        self.task.await.unwrap_or_else(|broken| std::panic::resume_unwind(broken.into_panic()))
    }
}
