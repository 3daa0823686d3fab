//! The task of a session: waits for the next event, then processes it without waiting for anything else.

use std::{
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use quarrel_shared::{
    game::Game,
    id::PlayerId,
    limits::{CLOSING_ACK_TIMEOUT_MS, MAX_CHAT_BYTES},
    protocol::{
        CloseReason, JoinTarget, SeatEpoch, ServerMessage,
        bounded::{List, Text},
    },
};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{Span, debug, error, info, info_span};

use super::{
    end::{CloseNotice, SessionEnd, ends_session},
    housekeeping::Housekeeping,
    login::{Login, LoginStep, ReturnedSeat},
    phase::{Request, SessionPhase},
    rate_limit::RateLimit,
    seat::{Seat, SeatUpdate, roster_message},
    services::SessionServices,
    snapshot_sender::SnapshotSender,
};
use crate::{
    lobby::{
        directory::JoinedSeat,
        players::{PlayerEntry, SeatLocation},
    },
    net::{
        Peer,
        peer::PeerError,
        stream::{PlayerControlStream, StreamError},
    },
    room::{RoomEvent, state::RosterChange},
};
use quarrel_transport::{control::DriveOutcome, wake::FlaggedFuture};

/// The time after which the connection of a peer that acknowledges no snapshot is closed.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(10);

/// One session: the connection to the peer, the login of its player, and the player's seat.
pub(super) struct Session<G: Game> {
    peer: Peer,
    control: PlayerControlStream,
    phase: SessionPhase,
    /// The latest time for the peer's hello.
    hello_deadline: Instant,
    /// The start of the session, from which its durations are measured.
    epoch: Instant,
    login: Login<G>,
    /// The join in progress, if there is one.
    joining: Option<FlaggedFuture<Result<JoinedSeat<G>, CloseReason>>>,
    seat: Option<Seat<G>>,
    snapshots: SnapshotSender,
    limit: RateLimit,
    housekeeping: Housekeeping,
    /// Completes when the server ends its sessions.
    stop: FlaggedFuture<()>,
    /// The span of this session's log lines. It is entered only for a log line, because the task wakes up some sixty times a second.
    span: Span,
    /// The epoch of the next seat's datagrams.
    seat_epoch: SeatEpoch,
    services: SessionServices<G>,
}

/// The events that a session waits for.
enum SessionEvent<G: Game> {
    /// The server ends its sessions.
    Stop,
    /// The hello has not arrived in time.
    HelloTimeout,
    /// Bytes were read from or written to the control stream.
    Control(Result<DriveOutcome, StreamError>),
    /// A join has ended.
    Joined(Result<JoinedSeat<G>, CloseReason>),
    /// The room has an event or a frame for the seat, or has taken the seat away.
    Seat(SeatUpdate<G>),
    /// A datagram has arrived.
    Datagram(Result<Bytes, PeerError>),
    /// The snapshot on a stream has arrived or timed out.
    StreamDone,
    /// The status of the lease on the player may have changed.
    LeaseNotified,
    /// The periodic checks are due.
    Housekeeping,
}

impl<G: Game> Session<G> {
    /// Creates a session that waits for the peer's hello. `player` is the id for a new player.
    pub(super) fn new(
        peer: Peer,
        control: PlayerControlStream,
        player: PlayerId,
        hello_deadline: Instant,
        services: SessionServices<G>,
    ) -> Self {
        let span = session_span(player, &peer);
        Self {
            snapshots: SnapshotSender::new(peer.clone()),
            peer,
            control,
            phase: SessionPhase::AwaitingHello,
            hello_deadline,
            epoch: Instant::now(),
            login: Login::new(player),
            joining: None,
            seat: None,
            limit: RateLimit::new(services.lobby.spec().tick_rate, Duration::ZERO),
            housekeeping: Housekeeping::new(),
            stop: FlaggedFuture::new(services.stop.clone().cancelled_owned()),
            span,
            seat_epoch: SeatEpoch::FIRST,
            services,
        }
    }

    /// Runs the session from the hello to the close.
    pub(super) async fn run(mut self) {
        let end = loop {
            let event = self.next_event().await;
            if let ControlFlow::Break(end) = self.process(event) {
                break end;
            }
        };
        self.end(end).await;
    }

    /// Waits for the next event. Cancel-safe.
    async fn next_event(&mut self) -> SessionEvent<G> {
        let awaits_hello = self.phase == SessionPhase::AwaitingHello;
        // Otherwise the room's events stay in the seat's queue: after an absence they may be more than the control stream may queue at
        // once.
        let takes_events = self.control.has_capacity();
        let reads_control = !self.login.is_pending();
        tokio::select! {
            biased;
            () = &mut self.stop => SessionEvent::Stop,
            Some(()) = if_some(self.login.lease_notified.as_mut()) => SessionEvent::LeaseNotified,
            Some(update) = if_some(self.seat.as_mut().map(|seat| seat.next(takes_events))) => SessionEvent::Seat(update),
            datagram = self.peer.read_datagram() => SessionEvent::Datagram(datagram),
            progress = self.control.drive(), if reads_control => SessionEvent::Control(progress),
            Some(joined) = if_some(self.joining.as_mut()) => SessionEvent::Joined(joined),
            () = self.snapshots.stream_done() => SessionEvent::StreamDone,
            () = self.housekeeping.due() => SessionEvent::Housekeeping,
            () = sleep_until(self.hello_deadline), if awaits_hello => SessionEvent::HelloTimeout,
        }
    }

    fn process(&mut self, event: SessionEvent<G>) -> ControlFlow<SessionEnd> {
        match event {
            SessionEvent::Stop => ControlFlow::Break(self.services.stop_reason.get().into()),
            SessionEvent::HelloTimeout => ControlFlow::Break(CloseReason::HandshakeTimeout.into()),
            SessionEvent::Control(Ok(DriveOutcome::Sent)) | SessionEvent::StreamDone => {
                ControlFlow::Continue(())
            }
            SessionEvent::Control(Ok(DriveOutcome::Received)) => self.process_messages(),
            SessionEvent::Control(Err(error)) => ControlFlow::Break(error.into()),
            SessionEvent::Joined(joined) => self.joined(joined),
            SessionEvent::Seat(SeatUpdate::Event(event)) => {
                self.catch_panic(|session| session.send_event(event))
            }
            SessionEvent::Seat(SeatUpdate::Frame) => self.catch_panic(Self::send_snapshot),
            SessionEvent::Seat(SeatUpdate::Ended(reason)) => self.unseated(reason),
            SessionEvent::Datagram(Ok(datagram)) => self.catch_panic(|session| session.input(&datagram)),
            SessionEvent::Datagram(Err(error)) => ControlFlow::Break(error.into()),
            SessionEvent::LeaseNotified => self.lease_notified(),
            SessionEvent::Housekeeping => self.run_housekeeping(),
        }
    }

    /// Runs code that calls the game's encoders or decoders. When they panic, the player loses the seat, and no other player is affected.
    fn catch_panic(
        &mut self,
        run: impl FnOnce(&mut Self) -> ControlFlow<SessionEnd>,
    ) -> ControlFlow<SessionEnd> {
        match catch_unwind(AssertUnwindSafe(|| run(self))) {
            Ok(flow) => flow,
            Err(_) => {
                self.services.metrics.seat_panics.inc();
                self.span.in_scope(|| {
                    error!(
                        "game panicked while encoding or decoding for a player, player removed from the room"
                    )
                });
                self.unseated(CloseReason::RoomFailed)
            }
        }
    }

    /// Processes the control messages that have arrived, as long as the login is not pending.
    fn process_messages(&mut self) -> ControlFlow<SessionEnd> {
        while !self.login.is_pending() {
            let message = match self.control.pop() {
                Ok(Some(message)) => message,
                Ok(None) => return ControlFlow::Continue(()),
                Err(error) => return ControlFlow::Break(error.into()),
            };
            if !self.limit.allow_message(self.epoch.elapsed()) {
                return ControlFlow::Break(CloseReason::RateLimited.into());
            }
            self.login.record_activity();
            match self.phase.receive(message) {
                Ok(request) => self.handle(request)?,
                Err(notice) => return ControlFlow::Break(notice.into()),
            }
        }
        ControlFlow::Continue(())
    }

    /// Does what a control message requests.
    fn handle(&mut self, request: Request) -> ControlFlow<SessionEnd> {
        match request {
            Request::Login(hello) => {
                let step = self.login.hello(&hello, &self.services.registry);
                self.span = session_span(self.login.player(), &self.peer);
                return self.log_in(step);
            }
            Request::ListRooms => {
                let rooms = List::new(self.services.lobby.list()).unwrap_or_default();
                return self.push(&ServerMessage::Rooms(rooms));
            }
            Request::Join(target) => self.join(target),
            Request::Leave => {
                self.joining = None;
                self.leave_seat();
            }
            Request::Chat(text) => self.chat(text),
            Request::Ack(count) => {
                if let Some(Err(error)) = self.seat.as_mut().map(|seat| seat.ack(count)) {
                    return ControlFlow::Break(CloseNotice::invalid_ack(error).into());
                }
            }
            Request::Nothing => {}
        }
        ControlFlow::Continue(())
    }

    /// Sends a chat line to the room, and counts a line that is dropped.
    fn chat(&mut self, text: Text<MAX_CHAT_BYTES>) {
        let dropped = &self.services.metrics.chat_dropped;
        let Some(seat) = &self.seat else { return };
        if !self.limit.allow_chat(self.epoch.elapsed()) {
            dropped.rate_limited.inc();
        } else if !seat.chat(text) {
            dropped.room_busy.inc();
        }
    }

    /// Checks the lease, and continues a pending login.
    fn lease_notified(&mut self) -> ControlFlow<SessionEnd> {
        let step = self.login.poll_lease();
        self.log_in(step)?;
        // Messages that arrived while the login was pending were not processed then.
        self.process_messages()
    }

    /// Applies a step of the login.
    fn log_in(&mut self, step: Result<LoginStep<G>, SessionEnd>) -> ControlFlow<SessionEnd> {
        match step {
            Ok(LoginStep::Wait) => ControlFlow::Continue(()),
            Ok(LoginStep::EnterLobby) => self.welcome(false),
            Ok(LoginStep::Resume(returned)) => self.resume(returned),
            Err(end) => ControlFlow::Break(end),
        }
    }

    /// Welcomes the player, and adds the player to the list of connected players.
    fn welcome(&mut self, resumed: bool) -> ControlFlow<SessionEnd> {
        let Some(ticket) = self.login.ticket() else { return ControlFlow::Continue(()) };
        let (player, name) = (self.login.player(), self.login.name().to_string());
        let spec = self.services.lobby.spec();
        let welcome = ServerMessage::Welcome {
            player,
            tick_rate: spec.tick_rate.hz(),
            send_rate: spec.send_rate,
            ticket: ticket.clone(),
            hold_ms: u32::try_from(self.services.registry.hold().as_millis()).unwrap_or(u32::MAX),
            resumed,
        };
        self.span.in_scope(|| debug!(%name, resumed, "session accepted"));
        self.login.entry = Some(self.services.players.add(player, name, self.peer.address()));
        self.push(&welcome)
    }

    /// Sends an event of the room to the peer.
    fn send_event(&mut self, event: RoomEvent<G>) -> ControlFlow<SessionEnd> {
        let message = self.seat.as_mut().and_then(|seat| seat.message(event));
        message.map_or(ControlFlow::Continue(()), |message| self.push_acked(&message))
    }

    /// Sends a snapshot of the seat's newest frame, if one can be sent now.
    fn send_snapshot(&mut self) -> ControlFlow<SessionEnd> {
        let Some(seat) = &mut self.seat else { return ControlFlow::Continue(()) };
        match self.snapshots.send(seat, self.epoch.elapsed(), &self.services.metrics, &self.span) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error.into()),
        }
    }

    /// Processes an input datagram.
    fn input(&mut self, datagram: &[u8]) -> ControlFlow<SessionEnd> {
        let now = self.epoch.elapsed();
        // A client also sends empty datagrams before it has received the welcome, so they do not show that it has its ticket.
        if !datagram.is_empty() {
            self.login.record_activity();
        }
        if !self.limit.allow_datagram(datagram.len(), now) {
            return ControlFlow::Break(CloseReason::RateLimited.into());
        }
        // Not an error: the datagram was on its way when the seat was left.
        let Some(seat) = &mut self.seat else { return ControlFlow::Continue(()) };
        match seat.input(datagram) {
            Ok(0) => {}
            Ok(dropped) => {
                self.services.metrics.inputs.dropped.inc_by(dropped as u64);
            }
            Err(notice) => return ControlFlow::Break(notice.into()),
        }
        ControlFlow::Continue(())
    }

    /// Runs the checks of a second: updates the player's entry, and ends a session without a living peer or without use.
    fn run_housekeeping(&mut self) -> ControlFlow<SessionEnd> {
        self.housekeeping.record_received(&self.peer);
        self.snapshots.update_max_datagram();
        if let Some(entry) = self.entry() {
            entry.set_rtt(self.peer.rtt());
            entry.set_address(self.peer.address());
        }
        let now = self.epoch.elapsed();
        let receiving_for = self.housekeeping.receiving_for(now);
        if self.seat.as_ref().is_some_and(|seat| seat.silence(now).min(receiving_for) > SILENCE_TIMEOUT) {
            return ControlFlow::Break(CloseReason::Unresponsive.into());
        }
        if self.housekeeping.is_idle(self.phase, now) {
            return ControlFlow::Break(CloseReason::Idle.into());
        }
        ControlFlow::Continue(())
    }

    /// Ends the session: gives the seat to the registry, sends the reason to the peer, waits for its acknowledgement for at most
    /// [`CLOSING_ACK_TIMEOUT_MS`], and closes the connection.
    pub(super) async fn end(mut self, end: SessionEnd) {
        // The seat comes first, so that a newer session of the player does not wait until the connection is closed.
        let seat = self.seat.take();
        self.leave_seat();
        self.login.end(seat, &end);
        self.span.in_scope(|| info!(reason = end.name(), name = %self.login.name(), "session ended"));
        if self.login.entry.is_some() {
            self.services.metrics.disconnected(end.name());
        } else {
            self.services.metrics.refused(end.name());
        }
        match end {
            SessionEnd::Closed(CloseNotice { reason, sentence }) => {
                let closing = self.control.send_closing(reason, &sentence);
                // The connection is closed whether or not the peer has acknowledged the reason.
                let _ = timeout(Duration::from_millis(CLOSING_ACK_TIMEOUT_MS), closing).await;
                self.peer.close(reason);
            }
            SessionEnd::Left | SessionEnd::Lost => self.peer.close(CloseReason::Left),
        }
    }

    /// Starts to join a room that `target` selects; [`Self::joined`] processes the result.
    fn join(&mut self, target: JoinTarget) {
        let lobby = Arc::clone(&self.services.lobby);
        let (player, ticket) = (self.login.player(), self.login.shown_ticket());
        let name = self.login.name().clone();
        let joining = async move { lobby.join(target, player, ticket, &name).await };
        self.joining = Some(FlaggedFuture::new(joining));
    }

    /// Processes the result of a join: takes the seat, or sends the peer the reason of the refusal.
    fn joined(&mut self, joined: Result<JoinedSeat<G>, CloseReason>) -> ControlFlow<SessionEnd> {
        self.joining = None;
        self.phase.joined(joined.is_ok());
        let joined = match joined {
            Ok(joined) => joined,
            Err(reason) => {
                self.services.metrics.refused(reason.name());
                let sentence = Text::lossy(reason.sentence());
                return self.push(&ServerMessage::JoinRefused { reason, sentence });
            }
        };
        let mut seat = Seat::new(joined, self.seat_epoch, self.services.lobby.spec().send_rate);
        let roster = seat.take_roster();
        self.set_seat(seat)?;
        self.send_roster(roster)
    }

    /// Resumes a seat that the registry has returned: sends again the messages that the client has not received. A seat of a restored room
    /// has a roster to send as well.
    fn resume(&mut self, returned: ReturnedSeat<G>) -> ControlFlow<SessionEnd> {
        let ReturnedSeat { seat, acked } = returned;
        self.welcome(true)?;
        self.phase.joined(true);
        let mut seat = Seat::resume(seat, self.login.shown_ticket(), self.services.lobby.spec().send_rate);
        let roster = seat.take_roster();
        self.set_seat(seat)?;
        if let Some(seat) = &mut self.seat
            && let Ok((front, back)) = seat.unacked.since(acked)
        {
            self.control.push_encoded(front);
            self.control.push_encoded(back);
            // Cannot fail: the client's number is not below that of its earlier acknowledgements, or `since` would have failed.
            let _ = seat.unacked.ack(acked);
        }
        self.send_roster(roster)
    }

    /// Makes this the session's seat, and sends the peer a message about it.
    fn set_seat(&mut self, seat: Seat<G>) -> ControlFlow<SessionEnd> {
        self.seat_epoch = seat.seat_epoch().next();
        let location = SeatLocation { room: seat.room(), seat: seat.id() };
        if let Some(entry) = self.entry() {
            entry.set_seat(Some(location));
        }
        self.span.in_scope(|| debug!(room = %location.room, seat = %location.seat, "player seated"));
        let message = seat.joined_message();
        self.seat = Some(seat);
        self.push(&message)
    }

    /// Leaves the seat, if there is one. The session continues in the lobby.
    fn leave_seat(&mut self) {
        self.seat = None;
        self.snapshots.cancel_stream();
        if let Some(entry) = self.entry() {
            entry.set_seat(None);
        }
    }

    /// Processes that the room has taken the seat away. A client that is too slow and a stop of the server end the session; after the end
    /// of a room the session continues in the lobby.
    fn unseated(&mut self, reason: CloseReason) -> ControlFlow<SessionEnd> {
        self.leave_seat();
        self.phase.unseated();
        if ends_session(reason) {
            return ControlFlow::Break(reason.into());
        }
        self.push(&ServerMessage::RoomClosed { reason, sentence: Text::lossy(reason.sentence()) })
    }

    fn send_roster(&mut self, roster: Vec<RosterChange>) -> ControlFlow<SessionEnd> {
        roster.into_iter().try_for_each(|change| self.push_acked(&roster_message(change)))
    }

    /// Queues a message to the peer.
    fn push(&mut self, message: &ServerMessage) -> ControlFlow<SessionEnd> {
        match self.control.push(message) {
            Ok(_) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error.into()),
        }
    }

    /// Queues a message to the peer, and keeps it until the peer has acknowledged it.
    fn push_acked(&mut self, message: &ServerMessage) -> ControlFlow<SessionEnd> {
        match (self.control.push(message), &mut self.seat) {
            (Ok(encoded), Some(seat)) => seat.unacked.push(encoded),
            (Ok(_), None) => {}
            (Err(error), _) => return ControlFlow::Break(error.into()),
        }
        ControlFlow::Continue(())
    }

    /// The player's entry in the list of connected players, from the welcome on.
    fn entry(&self) -> Option<&PlayerEntry> {
        self.login.entry.as_ref().map(|guard| &*guard.entry)
    }
}

/// Creates the span of a session's log lines.
fn session_span(player: PlayerId, peer: &Peer) -> Span {
    info_span!("session", %player, address = %peer.address())
}

/// Waits for an optional future; never completes without one.
async fn if_some<F: Future>(future: Option<F>) -> Option<F::Output> {
    match future {
        Some(future) => Some(future.await),
        None => std::future::pending().await,
    }
}
