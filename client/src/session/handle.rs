//! The handle of a player's connection: join a room, set the input of the player's seat in it, receive events, draw.
//!
//! The connection itself runs in a task of its own, a [`Driver`]. The handle and the task communicate over channels.

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
        controller::{ClientCommand, Controller},
        driver::Driver,
        event::{ClientEvent, Joined},
    },
    view::screen::{Drawn, SharedScreen},
};

/// The capacity of the command channel. While it is full, callers wait; the task takes each command at once.
const MAX_COMMANDS: usize = 16;

/// The capacity of the channel for answers to requests. While it is full, further answers are dropped, because the callers that
/// requested them have stopped waiting.
const MAX_ANSWERS: usize = 4;

/// The capacity of the event channel: 100 s of a busy match, which sends about ten events a second. An event that finds it full
/// ends the connection with [`CloseReason::TooSlow`], because no event may be lost unnoticed.
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
    /// The driver's task; `None` once [`Client::ending`] has returned its result.
    task: Option<JoinHandle<Ending>>,
    endpoint: Endpoint,
}

/// A request that the server refused, or that received no answer.
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
    /// The connection has ended. [`Client::next`] returns its [`Ending`], after the events that still wait.
    #[error("the connection has ended")]
    Disconnected,
}

impl<G: Predict> Client<G> {
    /// Connects from a new socket, which only this connection uses.
    ///
    /// # Errors
    /// When no server answers, the server's certificate is not trusted, or the server refuses this client.
    pub async fn connect(config: &ConnectConfig) -> Result<Self, ConnectError> {
        let connector = Connector::new(transport::open_endpoint(config.server)?, config)?;
        Self::connect_with(&connector, &config.name).await
    }

    /// Connects through a [`Connector`], whose endpoint several connections may share.
    ///
    /// # Errors
    /// When no server answers, the server's certificate is not trusted, or the server refuses this client.
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
        // Of the driver's summary only the ending is kept. The controller holds the other ends of the channels, and dropping the
        // controller closes them.
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

    /// Waits for the answer to a request for a seat, such as that of [`Self::connect_and_join`]. Drops answers to other requests,
    /// whose callers have stopped waiting.
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

    /// Requests the list of the server's rooms, which has at most
    /// [`MAX_LISTED_ROOMS`](quarrel_shared::limits::MAX_LISTED_ROOMS).
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

    /// Sets the seat's input. The client sends this input once a tick until another one is set.
    pub fn set_input(&self, input: G::Input) {
        self.input.send_replace(input);
    }

    /// Returns the next event. Every event is returned, in order, except that a newer view replaces one that was not taken in time.
    /// Waiting events come before a view. [`ClientEvent::Closed`] is the last event; later calls return `None`. Cancel-safe: if a
    /// `select!` drops this future, the next call returns the event.
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

    /// Returns the newest view without waiting; `None` before the seat's first snapshot.
    #[must_use]
    pub fn view(&self) -> Option<Arc<View<G::Entity>>> {
        self.views.borrow().clone()
    }

    /// Returns the entities to draw now: others interpolated between two snapshots, a little in the past; the seat's own entities
    /// predicted, with corrections eased. `None` without a seat or before its first snapshot. Call this once per drawn frame.
    #[must_use]
    pub fn draw(&self) -> Option<Drawn<G::Entity>> {
        self.screen.with(|screen| screen.draw(self.epoch.elapsed())).flatten()
    }

    /// The state that [`Self::draw`] reads, which also has the interpolation delay and the prediction counts.
    #[must_use]
    pub const fn screen(&self) -> &SharedScreen<G> {
        &self.screen
    }

    /// Moves the endpoint to another socket, as when a machine changes its network (QUIC migration). The connection and the seat
    /// stay. Other connections that share the endpoint move along.
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

    /// Ends the connection and waits until the close was sent, for at most 100 ms. Returns the ending; `None` if [`Self::next`] has
    /// returned it already.
    pub async fn shutdown(mut self) -> Option<Ending> {
        // Sending the command fails only when the connection has ended already.
        let _ = self.send(ClientCommand::Close).await;
        let ending = self.ending().await;
        // The endpoint's task sends the close frame when it runs next. The timeout is for an endpoint that other connections keep
        // busy.
        let _ = tokio::time::timeout(Duration::from_millis(100), self.endpoint.wait_idle()).await;
        ending
    }

    async fn send(&self, command: ClientCommand) -> Result<(), RequestError> {
        self.commands.send(command).await.map_err(|_| RequestError::Disconnected)
    }

    /// Waits for the end of the task; `None` if an earlier call returned its ending. Cancel-safe.
    async fn ending(&mut self) -> Option<Ending> {
        // The handle is kept until it yields the result, so that a caller that is cancelled before that loses nothing.
        let ended = self.task.as_mut()?.await;
        self.task = None;
        Some(ended.unwrap_or_else(|error| Ending::Lost(error.to_string())))
    }
}

/// The controller of a [`Client`]: forwards events to the handle and returns the input that the handle has set.
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
                // If the channel is full, no caller waits for an answer.
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

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use quarrel_shared::{
        crowd::{Crowd, Steering},
        id::PlayerId,
        protocol::Ticket,
        tick::TickRate,
    };
    use tokio::{sync::oneshot, time::timeout};

    use super::*;

    /// A client whose driver has closed all channels and returns the ending that is sent to `end`.
    fn client_at_its_end() -> (oneshot::Sender<Ending>, Client<Crowd>) {
        let (end, ended) = oneshot::channel();
        let welcome = Welcome {
            player: PlayerId(7),
            tick_rate: TickRate::DEFAULT,
            send_rate: 30,
            ticket: Ticket::new([0; Ticket::BYTES]),
            hold: Duration::ZERO,
            resumed: false,
        };
        let client = Client {
            welcome,
            commands: mpsc::channel(1).0,
            input: watch::channel(Steering::default()).0,
            answers: mpsc::channel(1).1,
            events: mpsc::channel(1).1,
            views: watch::channel(None).1,
            screen: SharedScreen::default(),
            epoch: Instant::now(),
            task: Some(tokio::spawn(async { ended.await.unwrap() })),
            endpoint: transport::open_endpoint(SocketAddr::from(([127, 0, 0, 1], 7777))).unwrap(),
        };
        (end, client)
    }

    #[tokio::test]
    async fn the_last_event_is_returned_although_an_earlier_call_was_cancelled() {
        let (end, mut client) = client_at_its_end();
        let cancelled = timeout(Duration::from_millis(1), client.next()).await;
        assert!(cancelled.is_err(), "the task has not ended yet");
        end.send(Ending::Left).unwrap();
        assert!(
            matches!(client.next().await, Some(ClientEvent::Closed(Ending::Left))),
            "the ending is not lost with the cancelled call"
        );
        assert!(client.next().await.is_none(), "no event follows the last one");
    }
}
