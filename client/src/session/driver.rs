//! The task of one player: waits for the next action, then applies it to the session state, which has no I/O. When the connection
//! breaks, the task connects again and continues.
//!
//! While a connection is open, only `select` awaits and `apply` never does, so no state is half changed when the task is cancelled.

use std::{ops::ControlFlow, pin::Pin, time::Duration};

use bytes::Bytes;
use quarrel_shared::{
    game::Predict,
    limits::CLOSING_ACK_TIMEOUT_MS,
    protocol::{ClientMessage, CloseReason, JoinTarget, ServerMessage},
};
use quinn::VarInt;
use tokio::{
    sync::mpsc,
    time::{Instant, Interval, MissedTickBehavior, Sleep, interval},
};

use crate::{
    net::{
        connect::{ConnectError, Connector, Welcome},
        ending::Ending,
        server_connection::{Incoming, ServerConnection},
    },
    session::{
        controller::{ClientCommand, ConnectionCounts, Controller},
        event::ClientEvent,
        requests::PendingRequests,
        resume::{self, ResumeOptions},
        state::SessionState,
    },
    view::screen::SharedScreen,
};
use quarrel_transport::{control::ControlError, traffic::Traffic, wake::WakeFlag};

/// The interval at which loss is measured, counts are reported to the controller and room messages are acknowledged.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(1);

/// The summary of a player's connections after the last one ended.
#[derive(Debug)]
pub struct ConnectionSummary<C> {
    /// The controller, with its state at the end.
    pub controller: C,
    /// The end of the last connection.
    pub ending: Ending,
    /// Totals over all connections.
    pub counts: ConnectionCounts,
    /// UDP traffic since the player joined its last room, over all connections.
    pub traffic: Traffic,
}

/// One player's connection, session state and controller.
pub struct Driver<G: Predict, C> {
    connector: Connector,
    name: String,
    connection: ServerConnection,
    requests: PendingRequests,
    commands: mpsc::Receiver<ClientCommand>,
    commands_flag: WakeFlag,
    session: SessionState<G>,
    controller: C,
    welcome: Welcome,
    screen: SharedScreen<G>,
    epoch: Instant,
    /// Fires when the next input is due, or when this side must close a connection that the server announced to close.
    alarm: Pin<Box<Sleep>>,
    is_alarm_set: bool,
    /// The ending that the server announced, until the connection closes.
    closing: Option<Ending>,
    housekeeping: Interval,
    housekeeping_flag: WakeFlag,
    traffic_before_seat: Traffic,
    /// Traffic reported to the controller.
    traffic_reported: Traffic,
    /// Traffic of connections that broke.
    traffic_before_connection: Traffic,
}

/// The next thing that a driver must handle.
enum Action {
    Command(Option<ClientCommand>),
    Alarm,
    Incoming(Incoming),
    Housekeeping,
}

impl<G: Predict, C: Controller<G>> Driver<G, C> {
    /// Connects and completes the handshake. Nothing further is sent or received until [`Self::run`].
    ///
    /// # Errors
    /// When no server answers, the server's certificate is not trusted, or the server refuses this client.
    pub async fn connect(
        connector: &Connector,
        name: &str,
        controller: C,
        commands: mpsc::Receiver<ClientCommand>,
    ) -> Result<Self, ConnectError> {
        Self::connect_to(connector, name, None, controller, commands).await
    }

    /// Connects and requests a seat along with the handshake, which saves a round trip. The answer is that to
    /// [`ClientCommand::Join`].
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn connect_and_join(
        connector: &Connector,
        name: &str,
        target: JoinTarget,
        controller: C,
        commands: mpsc::Receiver<ClientCommand>,
    ) -> Result<Self, ConnectError> {
        Self::connect_to(connector, name, Some(target), controller, commands).await
    }

    pub(crate) async fn connect_to(
        connector: &Connector,
        name: &str,
        target: Option<JoinTarget>,
        controller: C,
        commands: mpsc::Receiver<ClientCommand>,
    ) -> Result<Self, ConnectError> {
        let (connection, welcome) = ServerConnection::new(connector.connect::<G>(name, target).await?);
        let (epoch, screen) = (Instant::now(), SharedScreen::default());
        let mut housekeeping = interval(HOUSEKEEPING_INTERVAL);
        housekeeping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            connector: connector.clone(),
            name: name.to_owned(),
            connection,
            requests: PendingRequests::new(target),
            commands,
            commands_flag: WakeFlag::new(),
            session: SessionState::new(welcome.clone(), screen.clone()),
            controller,
            welcome,
            screen,
            epoch,
            alarm: Box::pin(tokio::time::sleep_until(epoch)),
            is_alarm_set: false,
            closing: None,
            housekeeping,
            housekeeping_flag: WakeFlag::new(),
            traffic_before_seat: Traffic::default(),
            traffic_reported: Traffic::default(),
            traffic_before_connection: Traffic::default(),
        })
    }

    /// The server's welcome to the newest connection.
    #[must_use]
    pub const fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// The drawn state of the seat. Its times count from [`Self::epoch`].
    #[must_use]
    pub const fn screen(&self) -> &SharedScreen<G> {
        &self.screen
    }

    /// The instant from which this player's times count.
    #[must_use]
    pub const fn epoch(&self) -> Instant {
        self.epoch
    }

    /// Runs until the connection ends for good: one side closed it, or it broke and was not resumed while the server holds seats.
    pub async fn run(mut self) -> ConnectionSummary<C> {
        let ending = loop {
            let ending = self.run_connection().await;
            if let ControlFlow::Break(ending) = self.resume(ending).await {
                break ending;
            }
        };
        self.report_counts();
        let now = self.now();
        // The session is over, so the controller can no longer end it: its results are ignored.
        let _ = self.session.leave(now, &mut self.controller);
        let _ = self.controller.on_event(ClientEvent::Closed(ending.clone()), now);
        let traffic = self.traffic();
        ConnectionSummary {
            controller: self.controller,
            ending,
            counts: self.session.counts(),
            traffic: traffic - self.traffic_before_seat,
        }
    }

    /// Runs one connection to its end.
    async fn run_connection(&mut self) -> Ending {
        loop {
            let action = self.select().await;
            if let ControlFlow::Break(ending) = self.apply(action) {
                return ending;
            }
            self.set_alarm();
        }
    }

    /// Connects again after the connection broke, for as long as the server holds seats. Breaks with the final ending if it was not
    /// a loss or no attempt succeeds.
    async fn resume(&mut self, ending: Ending) -> ControlFlow<Ending> {
        if !ending.is_loss() || self.welcome.hold.is_zero() {
            return ControlFlow::Break(ending);
        }
        let flow = self.controller.on_event(ClientEvent::Interrupted, self.now());
        self.follow(flow)?;
        let options = ResumeOptions {
            connector: &self.connector,
            name: &self.name,
            resume: self.session.resume(),
            rtt: self.connection.quic().rtt(),
            deadline: Instant::now() + resume::resume_window(&ending, self.welcome.hold),
        };
        let (welcomed, commands) = resume::resume::<G>(options, &mut self.commands, ending).await?;
        self.traffic_before_connection = self.traffic();
        (self.connection, self.welcome) = ServerConnection::new(welcomed);
        self.closing = None;
        // `resume` polled the channel too, with another waker.
        self.commands_flag.set();
        let now = self.now();
        let flow = self.session.on_reconnected(self.welcome.clone(), &mut self.controller, now);
        self.follow(flow)?;
        if self.session.must_repeat_leave() {
            self.connection.send(&ClientMessage::Leave);
        }
        self.requests.messages().for_each(|message| self.connection.send(&message));
        commands.into_iter().try_for_each(|command| self.on_command(command))
    }

    /// Waits for the next action. Inputs come before snapshots, because a flood of snapshots must not delay inputs.
    async fn select(&mut self) -> Action {
        tokio::select! {
            biased;
            command = self.commands_flag.until(self.commands.recv()) => Action::Command(command),
            () = &mut self.alarm, if self.is_alarm_set => Action::Alarm,
            incoming = self.connection.next() => Action::Incoming(incoming),
            _ = self.housekeeping_flag.until(self.housekeeping.tick()) => Action::Housekeeping,
        }
    }

    fn apply(&mut self, action: Action) -> ControlFlow<Ending> {
        match action {
            Action::Command(command) => self.on_command(command.unwrap_or(ClientCommand::Close)),
            Action::Alarm => self.tick(),
            Action::Incoming(Incoming::Message(Ok(message))) => self.on_message(message),
            Action::Incoming(Incoming::Message(Err(error))) => {
                ControlFlow::Break(self.control_ending(&error))
            }
            Action::Incoming(Incoming::Snapshot(bytes)) => self.on_snapshot(&bytes),
            Action::Incoming(Incoming::Closed(error)) => {
                ControlFlow::Break(self.closing.take().unwrap_or_else(|| Ending::from(&error)))
            }
            Action::Housekeeping => {
                self.on_housekeeping();
                ControlFlow::Continue(())
            }
        }
    }

    fn on_command(&mut self, command: ClientCommand) -> ControlFlow<Ending> {
        self.requests.on_command(&command);
        match command {
            ClientCommand::Join(target) => {
                self.connection.send(&ClientMessage::Join(target));
                self.connection.set_nudging(true);
            }
            ClientCommand::ListRooms => self.connection.send(&ClientMessage::ListRooms),
            ClientCommand::Chat(text) => self.connection.send(&ClientMessage::Chat(text)),
            ClientCommand::Leave => {
                self.connection.send(&ClientMessage::Leave);
                self.connection.set_nudging(false);
                let now = self.now();
                let flow = self.session.leave(now, &mut self.controller);
                return self.follow(flow);
            }
            ClientCommand::Reconnect => {
                // `Replaced` is not a goodbye, so the server holds the seat.
                self.close(CloseReason::Replaced);
                return ControlFlow::Break(Ending::Lost("this side broke the connection".to_owned()));
            }
            ClientCommand::Close => {
                self.close(CloseReason::Left);
                return ControlFlow::Break(Ending::Left);
            }
        }
        ControlFlow::Continue(())
    }

    fn tick(&mut self) -> ControlFlow<Ending> {
        if let Some(ending) = self.closing.take() {
            // The server did not close in time, so this side does.
            self.close(CloseReason::Left);
            return ControlFlow::Break(ending);
        }
        let now = self.now();
        let (flow, datagram) = self.session.tick(now, &mut self.controller);
        if let Some(datagram) = datagram {
            // Sending fails only on a lost connection, which `select` reports; a full buffer drops its oldest datagram.
            let _ = self.connection.quic().send_datagram(Bytes::copy_from_slice(datagram));
        }
        self.follow(flow)
    }

    /// Reports counts and traffic to the controller while there is a seat.
    fn report_counts(&mut self) {
        if self.session.wake_at().is_some() {
            let total = self.traffic();
            let traffic = total - std::mem::replace(&mut self.traffic_reported, total);
            let (counts, now) = (self.session.counts(), self.now());
            self.controller.on_counts(&counts, traffic, now);
        }
    }

    fn on_housekeeping(&mut self) {
        self.report_counts();
        let path = self.connection.quic().stats().path;
        self.session.measure(path.sent_packets, path.lost_packets);
        if let Some(received) = self.session.take_ack() {
            self.connection.send(&ClientMessage::Ack(received));
        }
    }

    fn on_message(&mut self, message: ServerMessage) -> ControlFlow<Ending> {
        if let ServerMessage::Closing { reason, sentence } = message {
            self.connection.send(&ClientMessage::ClosingAck);
            let ending = Ending::Closed { reason, sentence: sentence.to_string() };
            // After an unresponsive link or a restart of the server, the server holds the seat and this player resumes it.
            let is_loss = ending.is_loss();
            self.closing = Some(ending);
            if !is_loss {
                let now = self.now();
                let flow = self.session.leave(now, &mut self.controller);
                self.follow(flow)?;
            }
            self.alarm.as_mut().reset(Instant::now() + Duration::from_millis(CLOSING_ACK_TIMEOUT_MS));
            return ControlFlow::Continue(());
        }
        if self.session.take_stale_joined(&message) {
            return ControlFlow::Continue(());
        }
        self.requests.on_message(&message);
        if matches!(message, ServerMessage::Joined { .. } | ServerMessage::JoinRefused { .. }) {
            self.connection.set_nudging(false);
        }
        if matches!(message, ServerMessage::Joined { .. }) && !std::mem::take(&mut self.welcome.resumed) {
            // Traffic before the seat, such as the handshake, does not count. A resume continues the counts.
            self.traffic_before_seat = self.traffic();
            self.traffic_reported = self.traffic_before_seat;
        }
        let (now, rtt) = (self.now(), self.connection.quic().rtt());
        let flow = self.session.on_message(message, now, rtt, &mut self.controller);
        self.follow(flow)
    }

    fn on_snapshot(&mut self, bytes: &[u8]) -> ControlFlow<Ending> {
        let (now, rtt) = (self.now(), self.connection.quic().rtt());
        let flow = self.session.on_snapshot(bytes, now, rtt, &mut self.controller);
        self.follow(flow)
    }

    /// Closes the connection if the session or its controller returned `Break`.
    fn follow(&self, flow: ControlFlow<CloseReason>) -> ControlFlow<Ending> {
        flow.map_break(|reason| {
            self.close(reason);
            Ending::Closed { reason, sentence: reason.sentence().to_owned() }
        })
    }

    /// Returns the ending after an error of the control stream: the ending that the server announced, the connection's close reason,
    /// or a protocol error of the server.
    fn control_ending(&mut self, error: &ControlError) -> Ending {
        if let Some(ending) = self.closing.take() {
            return ending;
        }
        if let Some(reason) = self.connection.quic().close_reason() {
            return Ending::from(&reason);
        }
        self.close(CloseReason::Malformed);
        Ending::Lost(error.to_string())
    }

    fn close(&self, reason: CloseReason) {
        self.connection.quic().close(VarInt::from_u32(reason.code()), reason.name().as_bytes());
    }

    /// Sets the alarm to the time of the next input. On a closing connection `on_message` has set it to the closing time.
    fn set_alarm(&mut self) {
        if self.closing.is_some() {
            self.is_alarm_set = true;
            return;
        }
        let wake_at = self.session.wake_at().map(|at| self.epoch + at);
        self.is_alarm_set = wake_at.is_some();
        if let Some(at) = wake_at.filter(|at| *at != self.alarm.deadline()) {
            self.alarm.as_mut().reset(at);
        }
    }

    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    fn traffic(&self) -> Traffic {
        self.traffic_before_connection + Traffic::from(self.connection.quic().stats())
    }
}
