//! The handle of a player's connection: join a room, set the seat's input, receive events, draw.
//!
//! The connection itself runs in a task of its own, a [`Driver`]. The handle talks to it over channels.

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
    input::clock::InputSlot,
    net::{
        connect::{ConnectConfig, ConnectError, Connector, Welcome},
        ending::Ending,
        transport,
    },
    session::{
        command::ClientCommand,
        controller::Controller,
        driver::Driver,
        event::{ClientEvent, Joined},
    },
    view::screen::{Drawn, SharedScreen},
};

/// The capacity of the command channel. When it is full the caller waits; the task drains it at once.
const MAX_COMMANDS: usize = 16;

/// The capacity of the channel for answers to requests. When it is full answers are dropped, because their callers have stopped
/// waiting.
const MAX_ANSWERS: usize = 4;

/// The capacity of the event channel: some seconds of a busy match. When it is full the connection ends with
/// [`CloseReason::TooSlow`], because no event may be lost unnoticed.
const MAX_EVENTS: usize = 1024;

/// A connection to a server. Dropping it ends the connection; [`Self::shutdown`] also waits until the close was sent.
pub struct Client<G: Predict> {
    welcome: Welcome,
    commands: mpsc::Sender<ClientCommand>,
    input: watch::Sender<G::Input>,
    answers: mpsc::Receiver<ClientEvent<G>>,
    events: mpsc::Receiver<ClientEvent<G>>,
    views: watch::Receiver<Option<Arc<View<G::Entity>>>>,
    screen: SharedScreen<G>,
    epoch: Instant,
    /// `None` after [`ClientEvent::Closed`] was returned.
    task: Option<JoinHandle<Ending>>,
    endpoint: Endpoint,
}

/// A request that has no usable answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The server refused a seat. The connection stays open, and another room may have a seat.
    #[error("{sentence}")]
    Refused {
        /// The reason, for programs.
        reason: CloseReason,
        /// The reason and what to do about it, for people.
        sentence: String,
    },
    /// The connection has ended; [`Client::next`] returns the [`Ending`].
    #[error("the connection has ended")]
    Disconnected,
}

impl<G: Predict> Client<G> {
    /// Connects from a socket of its own.
    ///
    /// # Errors
    /// When no server answers, its certificate is not trusted, or it refuses this client.
    pub async fn connect(config: &ConnectConfig) -> Result<Self, ConnectError> {
        let connector = Connector::new(transport::open_endpoint(config.server)?, config)?;
        Self::connect_with(&connector, &config.name).await
    }

    /// Connects through a [`Connector`], whose endpoint several connections may share.
    ///
    /// # Errors
    /// When no server answers, or the server refuses this client.
    pub async fn connect_with(connector: &Connector, name: &str) -> Result<Self, ConnectError> {
        Self::connect_to(connector, name, None).await
    }

    /// Connects and requests a seat along with the handshake, which saves a round trip. [`Self::wait_for_seat`] returns the answer.
    ///
    /// # Errors
    /// As [`Self::connect_with`].
    pub async fn connect_and_join(
        connector: &Connector,
        name: &str,
        target: JoinTarget,
    ) -> Result<Self, ConnectError> {
        Self::connect_to(connector, name, Some(target)).await
    }

    async fn connect_to(
        connector: &Connector,
        name: &str,
        target: Option<JoinTarget>,
    ) -> Result<Self, ConnectError> {
        let (commands, commands_out) = mpsc::channel(MAX_COMMANDS);
        let (answers_in, answers) = mpsc::channel(MAX_ANSWERS);
        let (events_in, events) = mpsc::channel(MAX_EVENTS);
        let (input, input_out) = watch::channel(G::Input::default());
        let (views_in, views) = watch::channel(None);
        let controller =
            RemoteController { input: input_out, answers: answers_in, events: events_in, views: views_in };
        let driver = Driver::connect_to(connector, name, target, controller, commands_out).await?;
        let (welcome, screen, epoch) = (driver.welcome().clone(), driver.screen().clone(), driver.epoch());
        // Only the ending is kept. The controller holds the other ends of the channels, so dropping it closes them.
        let task = Some(tokio::spawn(async move { driver.run().await.ending }));
        let endpoint = connector.endpoint().clone();
        Ok(Self { welcome, commands, input, answers, events, views, screen, epoch, task, endpoint })
    }

    /// The server's welcome when this client first connected.
    #[must_use]
    pub const fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Requests a seat and waits for it. A client that has a seat must [`Self::leave`] it first, because the server treats a second
    /// request as a protocol error.
    ///
    /// # Errors
    /// When the server refuses, or the connection has ended.
    pub async fn join(&mut self, target: JoinTarget) -> Result<Joined, RequestError> {
        self.send(ClientCommand::Join(target)).await?;
        self.wait_for_seat().await
    }

    /// Waits for the answer to a request for a seat, such as that of [`Self::connect_and_join`].
    ///
    /// # Errors
    /// As [`Self::join`].
    pub async fn wait_for_seat(&mut self) -> Result<Joined, RequestError> {
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

    /// Requests the list of the server's rooms. The server limits its length.
    ///
    /// # Errors
    /// When the connection has ended.
    pub async fn list_rooms(&mut self) -> Result<Vec<RoomEntry>, RequestError> {
        self.send(ClientCommand::ListRooms).await?;
        loop {
            match self.answers.recv().await {
                Some(ClientEvent::Rooms(rooms)) => return Ok(rooms),
                Some(_) => {}
                None => return Err(RequestError::Disconnected),
            }
        }
    }

    /// Sets the seat's input. It is sent once a tick until it is set again.
    pub fn set_input(&self, input: G::Input) {
        self.input.send_replace(input);
    }

    /// Returns the next event. All events arrive, in order; of views only the newest, after all waiting events.
    /// [`ClientEvent::Closed`] is the last; from then on `None`. Cancel-safe, except for that last event.
    pub async fn next(&mut self) -> Option<ClientEvent<G>> {
        loop {
            tokio::select! {
                biased;
                event = self.events.recv() => match event {
                    Some(event) => return Some(event),
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

    /// The newest view, if there is one. Does not wait.
    #[must_use]
    pub fn view(&self) -> Option<Arc<View<G::Entity>>> {
        self.views.borrow().clone()
    }

    /// Returns what to draw now: other entities interpolated between two snapshots, a little in the past; the seat's own entities
    /// predicted, with corrections eased. `None` without a seat or before its first snapshot. Call it once per drawn frame.
    #[must_use]
    pub fn draw(&self) -> Option<Drawn<G::Entity>> {
        self.screen.with(|screen| screen.draw(self.epoch.elapsed())).flatten()
    }

    /// The screen behind [`Self::draw`], for its delay and its prediction counts.
    #[must_use]
    pub const fn screen(&self) -> &SharedScreen<G> {
        &self.screen
    }

    /// Moves the connection to another socket, as when a machine changes its network (QUIC migration). The seat stays.
    ///
    /// # Errors
    /// When the socket cannot be used.
    pub fn rebind(&self, socket: std::net::UdpSocket) -> std::io::Result<()> {
        self.endpoint.rebind_abstract(transport::wrap(socket)?)
    }

    /// Sends a chat line to the room. A line that is too long is truncated.
    ///
    /// # Errors
    /// When the connection has ended.
    pub async fn chat(&self, text: &str) -> Result<(), RequestError> {
        self.send(ClientCommand::Chat(Text::lossy(text))).await
    }

    /// Gives the seat up. The connection stays open.
    ///
    /// # Errors
    /// When the connection has ended.
    pub async fn leave(&self) -> Result<(), RequestError> {
        self.send(ClientCommand::Leave).await
    }

    /// Ends the connection and waits until the close was sent. Returns the ending, unless [`Self::next`] has returned it already.
    pub async fn shutdown(mut self) -> Option<Ending> {
        // It fails only when the connection has ended already.
        let _ = self.send(ClientCommand::Close).await;
        let ending = self.ending().await;
        // The endpoint sends the close frame on its next turn. The timeout is for an endpoint whose other connections stay open.
        let _ = tokio::time::timeout(Duration::from_millis(100), self.endpoint.wait_idle()).await;
        ending
    }

    async fn send(&self, command: ClientCommand) -> Result<(), RequestError> {
        self.commands.send(command).await.map_err(|_| RequestError::Disconnected)
    }

    async fn ending(&mut self) -> Option<Ending> {
        let ended = self.task.take()?.await;
        Some(ended.unwrap_or_else(|error| Ending::Lost(error.to_string())))
    }
}

/// The controller of a [`Client`]: forwards events to the handle and takes inputs from it.
struct RemoteController<G: Predict> {
    input: watch::Receiver<G::Input>,
    answers: mpsc::Sender<ClientEvent<G>>,
    events: mpsc::Sender<ClientEvent<G>>,
    views: watch::Sender<Option<Arc<View<G::Entity>>>>,
}

impl<G: Predict> Controller<G> for RemoteController<G> {
    fn input(&mut self, _slot: InputSlot, _drawn: Option<&Drawn<G::Entity>>) -> G::Input {
        self.input.borrow().clone()
    }

    fn on_event(&mut self, event: ClientEvent<G>, _now: Duration) -> ControlFlow<CloseReason> {
        if let ClientEvent::Resumed(Joined { restored: Some(_), .. }) = &event {
            // The last view may be of a tick that did not happen.
            self.views.send_replace(None);
        }
        match event {
            ClientEvent::View(view) => {
                self.views.send_replace(Some(view));
            }
            ClientEvent::Joined(_) | ClientEvent::JoinRefused { .. } | ClientEvent::Rooms(_) => {
                if matches!(event, ClientEvent::Joined(_)) {
                    // An unread view of the previous room would be taken for one of this room.
                    self.views.send_replace(None);
                }
                // A full channel means that no caller waits for an answer.
                let _ = self.answers.try_send(event);
            }
            // The task's result carries the ending, because the channel may be full.
            ClientEvent::Closed(_) => {}
            ClientEvent::Event { .. }
            | ClientEvent::Interrupted
            | ClientEvent::Resumed(_)
            | ClientEvent::SeatTaken { .. }
            | ClientEvent::SeatLeft { .. }
            | ClientEvent::Chat { .. }
            | ClientEvent::RoomClosed { .. } => {
                if self.events.try_send(event).is_err() {
                    return ControlFlow::Break(CloseReason::TooSlow);
                }
            }
        }
        ControlFlow::Continue(())
    }
}
