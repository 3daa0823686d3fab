//! The one task of a player: waits for whatever comes first, then lets the pure session act on it. When its connection breaks,
//! it makes another one and goes on.
//!
//! `select` is the only place that awaits and `apply` never does, so nothing is ever half changed.

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
        connect::{ConnectError, Connector},
        line::{Arrival, Line},
    },
    session::{
        controller::{Ending, ClientEvent, Controller, Welcome},
        requests::Requests,
        resume::{self, Resumption},
        state::{ConnectionCounts, Session},
    },
    view::screen::SharedScreen,
};
use quarrel_transport::{control::ControlError, traffic::Traffic, wake::WakeFlag};

pub use crate::session::command::Command;

/// How often a connection is looked at: what it lost, and which news it should say that it heard.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// The summary of a player's connections after the last one ended.
#[derive(Debug)]
pub struct ConnectionSummary<P> {
    /// The controller, with everything that it has recorded.
    pub controller: P,
    /// The end of the last connection.
    pub ending: Ending,
    /// Counts of the snapshots and inputs of all connections.
    pub counts: ConnectionCounts,
    /// UDP traffic since the seat was taken.
    pub traffic: Traffic,
}

/// A connection and its controller.
pub struct Driver<G: Predict, P> {
    connector: Connector,
    name: String,
    line: Line,
    requests: Requests,
    commands: mpsc::Receiver<Command>,
    commanded: WakeFlag,
    session: Session<G>,
    controller: P,
    welcome: Welcome,
    screen: SharedScreen<G>,
    epoch: Instant,
    alarm: Pin<Box<Sleep>>,
    alarm_set: bool,
    /// The server said why it will close.
    closing: Option<Ending>,
    housekeeping: Interval,
    housekept: WakeFlag,
    bytes_before_seat: Traffic,
    /// What the controller was told of.
    bytes_told: Traffic,
    /// What went over connections that broke.
    bytes_before_connection: Traffic,
}

/// Everything that can happen to a connection.
enum Action {
    Command(Option<Command>),
    Alarm,
    Arrival(Arrival),
    Housekeeping,
}

impl<G: Predict, P: Controller<G>> Driver<G, P> {
    /// Connects and says hello. Nothing moves on until [`Self::run`].
    ///
    /// # Errors
    /// When there is no server there, or it does not want this client.
    pub async fn connect(
        connector: &Connector,
        name: &str,
        controller: P,
        commands: mpsc::Receiver<Command>,
    ) -> Result<Self, ConnectError> {
        Self::come(connector, name, None, controller, commands).await
    }

    /// The same, and asks for a seat in the same breath, which saves a round trip. The answer is one of [`Command::Join`]'s.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub async fn join(
        connector: &Connector,
        name: &str,
        target: JoinTarget,
        controller: P,
        commands: mpsc::Receiver<Command>,
    ) -> Result<Self, ConnectError> {
        Self::come(connector, name, Some(target), controller, commands).await
    }

    pub(crate) async fn come(
        connector: &Connector,
        name: &str,
        target: Option<JoinTarget>,
        controller: P,
        commands: mpsc::Receiver<Command>,
    ) -> Result<Self, ConnectError> {
        let link = connector.connect::<G>(name, target).await?;
        let (line, welcome) = Line::new(link);
        let (epoch, screen) = (Instant::now(), SharedScreen::default());
        let mut housekeeping = interval(HOUSEKEEPING);
        housekeeping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            connector: connector.clone(),
            name: name.to_owned(),
            line,
            requests: Requests::new(target),
            commands,
            commanded: WakeFlag::new(),
            session: Session::new(welcome.clone(), screen.clone()),
            controller,
            welcome,
            screen,
            epoch,
            alarm: Box::pin(tokio::time::sleep_until(epoch)),
            alarm_set: false,
            closing: None,
            housekeeping,
            housekept: WakeFlag::new(),
            bytes_before_seat: Traffic::default(),
            bytes_told: Traffic::default(),
            bytes_before_connection: Traffic::default(),
        })
    }

    /// What the server said of itself.
    #[must_use]
    pub const fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// What the seat sees; its moments count from [`Self::epoch`].
    #[must_use]
    pub const fn screen(&self) -> &SharedScreen<G> {
        &self.screen
    }

    /// What this player's moments count from.
    #[must_use]
    pub const fn epoch(&self) -> Instant {
        self.epoch
    }

    /// Runs to the player's end, over as many connections as it takes.
    pub async fn run(mut self) -> ConnectionSummary<P> {
        let ending = loop {
            let ending = self.live().await;
            if let ControlFlow::Break(ending) = self.resume(ending).await {
                break ending;
            }
        };
        self.tell_counts();
        let now = self.now();
        // Whether the controller would go on is no longer asked.
        let _ = self.session.leave(now, &mut self.controller);
        let _ = self.controller.on(ClientEvent::Closed(ending.clone()), now);
        let bytes = self.bytes();
        ConnectionSummary {
            controller: self.controller,
            ending,
            counts: self.session.counts(),
            traffic: bytes - self.bytes_before_seat,
        }
    }

    /// Runs one connection to its end.
    async fn live(&mut self) -> Ending {
        loop {
            let action = self.select().await;
            if let ControlFlow::Break(ending) = self.apply(action) {
                return ending;
            }
            self.set_alarm();
        }
    }

    /// After a connection broke: another one, while the seat is held.
    async fn resume(&mut self, ending: Ending) -> ControlFlow<Ending> {
        if !ending.is_loss() || self.welcome.hold.is_zero() {
            return ControlFlow::Break(ending);
        }
        let flow = self.controller.on(ClientEvent::Interrupted, self.now());
        self.follow(flow)?;
        let resumption = Resumption {
            connector: &self.connector,
            name: &self.name,
            resume: self.session.resume(),
            rtt: self.line.connection().rtt(),
            until: Instant::now() + resume::patience(&ending, self.welcome.hold),
        };
        let (link, commands) = resume::resume::<G>(resumption, &mut self.commands, ending).await?;
        self.bytes_before_connection = self.bytes();
        (self.line, self.welcome) = Line::new(link);
        self.closing = None;
        // The way back has listened for commands too.
        self.commanded.set();
        let now = self.now();
        let flow = self.session.resumed(self.welcome.clone(), &mut self.controller, now);
        self.follow(flow)?;
        if self.session.is_to_stand_up() {
            self.line.say(&ClientMessage::Leave);
        }
        self.requests.again().for_each(|message| self.line.say(&message));
        commands.into_iter().try_for_each(|command| self.obey(command))
    }

    /// Inputs before snapshots: a flood of the latter must not keep the former back.
    async fn select(&mut self) -> Action {
        tokio::select! {
            biased;
            command = self.commanded.until(self.commands.recv()) => Action::Command(command),
            () = &mut self.alarm, if self.alarm_set => Action::Alarm,
            arrival = self.line.next() => Action::Arrival(arrival),
            _ = self.housekept.until(self.housekeeping.tick()) => Action::Housekeeping,
        }
    }

    fn apply(&mut self, action: Action) -> ControlFlow<Ending> {
        match action {
            Action::Command(command) => self.obey(command.unwrap_or(Command::Close)),
            Action::Alarm => self.tick(),
            Action::Arrival(Arrival::Said(Ok(message))) => self.hear(message),
            Action::Arrival(Arrival::Said(Err(error))) => ControlFlow::Break(self.broken(&error)),
            Action::Arrival(Arrival::Snapshot(bytes)) => self.snapshot(&bytes),
            Action::Arrival(Arrival::Gone(error)) => {
                ControlFlow::Break(self.closing.take().unwrap_or_else(|| Ending::of(&error)))
            }
            Action::Housekeeping => {
                self.keep_house();
                ControlFlow::Continue(())
            }
        }
    }

    fn obey(&mut self, command: Command) -> ControlFlow<Ending> {
        self.requests.ask(&command);
        match command {
            Command::Join(target) => {
                self.line.say(&ClientMessage::Join(target));
                self.line.want_nudges(true);
            }
            Command::ListRooms => self.line.say(&ClientMessage::ListRooms),
            Command::Chat(text) => self.line.say(&ClientMessage::Chat(text)),
            Command::Leave => {
                self.line.say(&ClientMessage::Leave);
                self.line.want_nudges(false);
                let now = self.now();
                let flow = self.session.leave(now, &mut self.controller);
                return self.follow(flow);
            }
            Command::Reconnect => {
                // Not a goodbye: the server holds the seat.
                self.close(CloseReason::Replaced);
                return ControlFlow::Break(Ending::Lost("this side broke the connection".to_owned()));
            }
            Command::Close => {
                self.close(CloseReason::Left);
                return ControlFlow::Break(Ending::Left);
            }
        }
        ControlFlow::Continue(())
    }

    fn tick(&mut self) -> ControlFlow<Ending> {
        if let Some(ending) = self.closing.take() {
            // The server had its time to close; it does not matter who does.
            self.close(CloseReason::Left);
            return ControlFlow::Break(ending);
        }
        let now = self.now();
        let (flow, datagram) = self.session.tick(now, &mut self.controller);
        if let Some(datagram) = datagram {
            // It fails only on a lost connection, which shows elsewhere; a full buffer drops the oldest.
            let _ = self.line.connection().send_datagram(Bytes::copy_from_slice(datagram));
        }
        self.follow(flow)
    }

    /// Tells the controller what was counted, as long as there is somebody on a seat to count for.
    fn tell_counts(&mut self) {
        if self.session.wake_at().is_some() {
            let bytes = self.bytes();
            let traffic = bytes - std::mem::replace(&mut self.bytes_told, bytes);
            let (counts, now) = (self.session.counts(), self.now());
            self.controller.on_counts(&counts, traffic, now);
        }
    }

    fn keep_house(&mut self) {
        self.tell_counts();
        let path = self.line.connection().stats().path;
        self.session.measure(path.sent_packets, path.lost_packets);
        if let Some(heard) = self.session.heard() {
            self.line.say(&ClientMessage::Ack(heard));
        }
    }

    fn hear(&mut self, message: ServerMessage) -> ControlFlow<Ending> {
        if let ServerMessage::Closing { reason, sentence } = message {
            self.line.say(&ClientMessage::ClosingAck);
            let ending = Ending::Closed { reason, sentence: sentence.to_string() };
            // A link that carried too little, as the server saw it, or a server that starts again: the seat is held, and this player
            // comes back for it.
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
        if self.session.is_unwanted(&message) {
            return ControlFlow::Continue(());
        }
        self.requests.hear(&message);
        if matches!(message, ServerMessage::Joined { .. } | ServerMessage::JoinRefused { .. }) {
            self.line.want_nudges(false);
        }
        if matches!(message, ServerMessage::Joined { .. }) && !std::mem::take(&mut self.welcome.resumed) {
            // The handshake is no part of what play costs.
            self.bytes_before_seat = self.bytes();
            self.bytes_told = self.bytes_before_seat;
        }
        let (now, rtt) = (self.now(), self.line.connection().rtt());
        let flow = self.session.on_message(message, now, rtt, &mut self.controller);
        self.follow(flow)
    }

    fn snapshot(&mut self, bytes: &[u8]) -> ControlFlow<Ending> {
        let (now, rtt) = (self.now(), self.line.connection().rtt());
        let flow = self.session.on_snapshot(bytes, now, rtt, &mut self.controller);
        self.follow(flow)
    }

    /// Closes when the session or its controller breaks off.
    fn follow(&self, flow: ControlFlow<CloseReason>) -> ControlFlow<Ending> {
        flow.map_break(|reason| {
            self.close(reason);
            Ending::Closed { reason, sentence: reason.sentence().to_owned() }
        })
    }

    /// How it ended when the control stream broke: with the connection, or because of what the server said.
    fn broken(&mut self, error: &ControlError) -> Ending {
        if let Some(ending) = self.closing.take() {
            return ending;
        }
        if let Some(reason) = self.line.connection().close_reason() {
            return Ending::of(&reason);
        }
        self.close(CloseReason::Malformed);
        Ending::Lost(error.to_string())
    }

    fn close(&self, reason: CloseReason) {
        self.line.connection().close(VarInt::from_u32(reason.code()), reason.name().as_bytes());
    }

    /// Sets the alarm for the next input; a connection that is closing has set it for its end already.
    fn set_alarm(&mut self) {
        if self.closing.is_some() {
            self.alarm_set = true;
            return;
        }
        let wake_at = self.session.wake_at().map(|at| self.epoch + at);
        self.alarm_set = wake_at.is_some();
        if let Some(at) = wake_at.filter(|at| *at != self.alarm.deadline()) {
            self.alarm.as_mut().reset(at);
        }
    }

    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    fn bytes(&self) -> Traffic {
        self.bytes_before_connection + Traffic::from(self.line.connection().stats())
    }
}
