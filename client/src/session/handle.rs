//! A player's connection as a program holds it: join, set what the seat wants, read what happens.

use std::{ops::ControlFlow, sync::Arc, time::Duration};

use quarrel_shared::{
    game::Predict,
    protocol::{CloseReason, JoinTarget, RoomEntry, bounded::Text},
    snapshot::View,
};
use quinn::Endpoint;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::Instant,
};

use crate::{
    input::clock::Slot,
    net::{
        connect::{ConnectConfig, ConnectError, Connector},
        transport,
    },
    session::{
        driver::{Command, Driver},
        controller::{Ending, ClientEvent, Joined, Controller, Welcome},
    },
    view::screen::{Drawn, SharedScreen},
};

/// Commands on their way to the connection's task. When it is full the caller waits: the task drains it at once.
const COMMANDS: usize = 16;

/// Answers that nobody has taken yet. When it is full they are dropped: whoever asked has stopped waiting.
const ANSWERS: usize = 4;

/// Events and notices that were not read yet: some seconds of a busy match. When it is full the connection ends with
/// [`CloseReason::TooSlow`], for no event may be lost unnoticed.
const HAPPENINGS: usize = 1024;

/// A connection to a server. Dropping it ends the connection; [`Self::shutdown`] waits until the server was told.
pub struct Client<G: Predict> {
    welcome: Welcome,
    commands: mpsc::Sender<Command>,
    input: watch::Sender<G::Input>,
    answers: mpsc::Receiver<ClientEvent<G>>,
    happenings: mpsc::Receiver<ClientEvent<G>>,
    views: watch::Receiver<Option<Arc<View<G::Entity>>>>,
    screen: SharedScreen<G>,
    epoch: Instant,
    /// `None` once its ending was read.
    task: Option<JoinHandle<Ending>>,
    endpoint: Endpoint,
}

/// Why there is no answer that one could use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No seat, and why. The connection stays, another room may do.
    #[error("{sentence}")]
    Refused {
        /// Why.
        reason: CloseReason,
        /// What the person can do about it.
        sentence: String,
    },
    /// The connection is gone; [`Client::next`] says how.
    #[error("the connection is gone")]
    Disconnected,
}

impl<G: Predict> Client<G> {
    /// Connects from a socket of its own.
    ///
    /// # Errors
    /// When there is no server there, it cannot be trusted, or it does not want this client.
    pub async fn connect(config: &ConnectConfig) -> Result<Self, ConnectError> {
        let connector = Connector::new(transport::endpoint(config.server)?, config)?;
        Self::connect_with(&connector, &config.name).await
    }

    /// Connects from an endpoint that others may use too.
    ///
    /// # Errors
    /// When there is no server there, or it does not want this client.
    pub async fn connect_with(connector: &Connector, name: &str) -> Result<Self, ConnectError> {
        Self::come(connector, name, None).await
    }

    /// Connects and asks for a seat in the same breath, which saves a round trip; [`Self::seat`] waits for it.
    ///
    /// # Errors
    /// As [`Self::connect_with`].
    pub async fn connect_for(
        connector: &Connector,
        name: &str,
        target: JoinTarget,
    ) -> Result<Self, ConnectError> {
        Self::come(connector, name, Some(target)).await
    }

    async fn come(
        connector: &Connector,
        name: &str,
        target: Option<JoinTarget>,
    ) -> Result<Self, ConnectError> {
        let (commands, commands_out) = mpsc::channel(COMMANDS);
        let (answers_in, answers) = mpsc::channel(ANSWERS);
        let (happenings_in, happenings) = mpsc::channel(HAPPENINGS);
        let (input, input_out) = watch::channel(G::Input::default());
        let (views_in, views) = watch::channel(None);
        let remote =
            Remote { input: input_out, answers: answers_in, happenings: happenings_in, views: views_in };
        let driver = Driver::come(connector, name, target, remote, commands_out).await?;
        let (welcome, screen, epoch) = (driver.welcome().clone(), driver.screen().clone(), driver.epoch());
        // Only the ending is kept: the controller holds the channels' other ends, and its drop is what says that nothing follows.
        let task = Some(tokio::spawn(async move { driver.run().await.ending }));
        let endpoint = connector.endpoint().clone();
        Ok(Self { welcome, commands, input, answers, happenings, views, screen, epoch, task, endpoint })
    }

    /// What the server said of itself when this client first connected.
    #[must_use]
    pub const fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Takes a seat. Whoever has one has to [`Self::leave`] it first: the server takes a second request for a fault.
    ///
    /// # Errors
    /// When there is no seat, or no connection any more.
    pub async fn join(&mut self, target: JoinTarget) -> Result<Joined, RequestError> {
        self.ask(Command::Join(target)).await?;
        self.seat().await
    }

    /// Waits for the seat that was asked for, as by [`Self::connect_for`].
    ///
    /// # Errors
    /// As [`Self::join`].
    pub async fn seat(&mut self) -> Result<Joined, RequestError> {
        loop {
            match self.answers.recv().await {
                Some(ClientEvent::Joined(joined)) => return Ok(joined),
                Some(ClientEvent::JoinRefused { reason, sentence }) => {
                    return Err(RequestError::Refused { reason, sentence });
                }
                Some(_) => {}
                None => return Err(RequestError::Disconnected),
            }
        }
    }

    /// The server's rooms, at most as many as it lists.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn rooms(&mut self) -> Result<Vec<RoomEntry>, RequestError> {
        self.ask(Command::ListRooms).await?;
        loop {
            match self.answers.recv().await {
                Some(ClientEvent::Rooms(rooms)) => return Ok(rooms),
                Some(_) => {}
                None => return Err(RequestError::Disconnected),
            }
        }
    }

    /// What the seat wants from now on: sent once a tick until it is set again.
    pub fn set_input(&self, input: G::Input) {
        self.input.send_replace(input);
    }

    /// The next thing that happens. Events and notices come all and in order, before a view that is waiting; of views only
    /// the newest. [`ClientEvent::Closed`] is the last, then `None` for ever.
    pub async fn next(&mut self) -> Option<ClientEvent<G>> {
        loop {
            tokio::select! {
                biased;
                happening = self.happenings.recv() => match happening {
                    Some(happening) => return Some(happening),
                    None => return self.ending().await.map(ClientEvent::Closed),
                },
                Ok(()) = self.views.changed() => {
                    if let Some(view) = self.views.borrow_and_update().clone() {
                        return Some(ClientEvent::View(view));
                    }
                }
            }
        }
    }

    /// The newest view, without waiting.
    #[must_use]
    pub fn view(&self) -> Option<Arc<View<G::Entity>>> {
        self.views.borrow().clone()
    }

    /// What to draw now: others between two snapshots, a little in the past; the seat's own things predicted, corrections eased.
    /// `None` while there is no seat, or nothing of it was heard yet. Ask as often as the screen is drawn.
    #[must_use]
    pub fn draw(&self) -> Option<Drawn<G::Entity>> {
        self.screen.with(|screen| screen.draw(self.epoch.elapsed())).flatten()
    }

    /// The screen itself, for whoever wants to know more of it; its moments count from when the client first connected.
    #[must_use]
    pub const fn screen(&self) -> &SharedScreen<G> {
        &self.screen
    }

    /// Goes on from another socket, as when a machine changes its network: the connection moves along, and the seat stays.
    ///
    /// # Errors
    /// When the socket cannot be used.
    pub fn rebind(&self, socket: std::net::UdpSocket) -> std::io::Result<()> {
        self.endpoint.rebind_abstract(transport::wrap(socket)?)
    }

    /// Says something to everybody in the room; it is cut to what a line may be.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn chat(&self, text: &str) -> Result<(), RequestError> {
        self.ask(Command::Chat(Text::lossy(text))).await
    }

    /// Gives the seat up and stays connected.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn leave(&self) -> Result<(), RequestError> {
        self.ask(Command::Leave).await
    }

    /// Ends the connection and waits until the server was told. Says how it ended, if it had not been said before.
    pub async fn shutdown(mut self) -> Option<Ending> {
        // It fails only when the connection has ended already.
        let _ = self.ask(Command::Close).await;
        let ending = self.ending().await;
        // The close frame is on its way once the endpoint had a turn; other connections of the endpoint may live on.
        let _ = tokio::time::timeout(Duration::from_millis(100), self.endpoint.wait_idle()).await;
        ending
    }

    async fn ask(&self, command: Command) -> Result<(), RequestError> {
        self.commands.send(command).await.map_err(|_| RequestError::Disconnected)
    }

    async fn ending(&mut self) -> Option<Ending> {
        let ended = self.task.take()?.await;
        Some(ended.unwrap_or_else(|error| Ending::Lost(error.to_string())))
    }
}

/// The controller whose decisions are made elsewhere.
struct Remote<G: Predict> {
    input: watch::Receiver<G::Input>,
    answers: mpsc::Sender<ClientEvent<G>>,
    happenings: mpsc::Sender<ClientEvent<G>>,
    views: watch::Sender<Option<Arc<View<G::Entity>>>>,
}

impl<G: Predict> Controller<G> for Remote<G> {
    fn input(&mut self, _slot: Slot, _drawn: Option<&Drawn<G::Entity>>) -> G::Input {
        self.input.borrow().clone()
    }

    fn on(&mut self, happening: ClientEvent<G>, _now: Duration) -> ControlFlow<CloseReason> {
        if let ClientEvent::Resumed(Joined { restored: Some(_), .. }) = &happening {
            // As with another room: what was seen of this one may not have happened.
            self.views.send_replace(None);
        }
        match happening {
            ClientEvent::View(view) => {
                self.views.send_replace(Some(view));
            }
            ClientEvent::Joined(_) | ClientEvent::JoinRefused { .. } | ClientEvent::Rooms(_) => {
                if matches!(happening, ClientEvent::Joined(_)) {
                    // A view of the room before, if nobody has read it yet, would be taken for one of this room.
                    self.views.send_replace(None);
                }
                // Full means that nobody waits for an answer.
                let _ = self.answers.try_send(happening);
            }
            // The task's result says it, so that it cannot meet a full channel.
            ClientEvent::Closed(_) => {}
            ClientEvent::Event { .. }
            | ClientEvent::Interrupted
            | ClientEvent::Resumed(_)
            | ClientEvent::SeatTaken { .. }
            | ClientEvent::SeatLeft { .. }
            | ClientEvent::Chat { .. }
            | ClientEvent::RoomClosed { .. } => {
                if self.happenings.try_send(happening).is_err() {
                    return ControlFlow::Break(CloseReason::TooSlow);
                }
            }
        }
        ControlFlow::Continue(())
    }
}
