//! The task of a session: waits for the next action, then applies it without waiting for anything.

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
    limits::CLOSING_ACK_TIMEOUT_MS,
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
        stream::{ControlStream, StreamError},
    },
    room::{RoomEvent, state::RosterChange},
};
use quarrel_transport::{control::DriveOutcome, wake::FlaggedFuture};

/// The time after which a peer that acknowledges nothing is closed.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(10);

/// One session: the peer, its login and its seat.
pub(super) struct Session<G: Game> {
    peer: Peer,
    control: ControlStream,
    phase: SessionPhase,
    /// The deadline of the hello.
    hello_deadline: Instant,
    epoch: Instant,
    login: Login<G>,
    joining: Option<FlaggedFuture<Result<JoinedSeat<G>, CloseReason>>>,
    seat: Option<Seat<G>>,
    snapshots: SnapshotSender,
    limit: RateLimit,
    housekeeping: Housekeeping,
    stop: FlaggedFuture<()>,
    /// The span of this session's log lines. It is entered only for a log line, not at each of sixty wake-ups a second.
    span: Span,
    /// The epoch of the next seat's datagrams.
    seat_epoch: SeatEpoch,
    services: SessionServices<G>,
}

/// The events that a session waits for.
enum Action<G: Game> {
    Stop,
    HelloTimeout,
    Control(Result<DriveOutcome, StreamError>),
    Joined(Result<JoinedSeat<G>, CloseReason>),
    Seat(SeatUpdate<G>),
    Datagram(Result<Bytes, PeerError>),
    StreamDone,
    LeaseNotified,
    Housekeeping,
}

impl<G: Game> Session<G> {
    pub(super) fn new(
        peer: Peer,
        control: ControlStream,
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
            let action = self.select().await;
            if let ControlFlow::Break(end) = self.apply(action) {
                break end;
            }
        };
        self.end(end).await;
    }

    async fn select(&mut self) -> Action<G> {
        let awaits_hello = self.phase == SessionPhase::AwaitingHello;
        // Room events can wait in the room's queue: after an absence there are more than the control stream may queue at once.
        let takes_events = self.control.has_capacity();
        let reads_control = !self.login.is_pending();
        tokio::select! {
            biased;
            () = &mut self.stop => Action::Stop,
            Some(()) = if_some(self.login.lease_notified.as_mut()) => Action::LeaseNotified,
            Some(update) = if_some(self.seat.as_mut().map(|seat| seat.next(takes_events))) => Action::Seat(update),
            datagram = self.peer.read_datagram() => Action::Datagram(datagram),
            driven = self.control.drive(), if reads_control => Action::Control(driven),
            Some(joined) = if_some(self.joining.as_mut()) => Action::Joined(joined),
            () = self.snapshots.stream_done() => Action::StreamDone,
            () = self.housekeeping.due() => Action::Housekeeping,
            () = sleep_until(self.hello_deadline), if awaits_hello => Action::HelloTimeout,
        }
    }

    fn apply(&mut self, action: Action<G>) -> ControlFlow<SessionEnd> {
        match action {
            Action::Stop => ControlFlow::Break(self.services.stop_reason.get().into()),
            Action::HelloTimeout => ControlFlow::Break(CloseReason::HandshakeTimeout.into()),
            Action::Control(Ok(DriveOutcome::Sent)) | Action::StreamDone => ControlFlow::Continue(()),
            Action::Control(Ok(DriveOutcome::Received)) => self.process_messages(),
            Action::Control(Err(error)) => ControlFlow::Break(error.into()),
            Action::Joined(joined) => self.joined(joined),
            Action::Seat(SeatUpdate::Event(event)) => self.catch_panic(|session| session.send_event(event)),
            Action::Seat(SeatUpdate::Frame) => self.catch_panic(Self::send_snapshot),
            Action::Seat(SeatUpdate::Ended(reason)) => self.unseated(reason),
            Action::Datagram(Ok(datagram)) => self.catch_panic(|session| session.input(&datagram)),
            Action::Datagram(Err(error)) => ControlFlow::Break(error.into()),
            Action::LeaseNotified => self.lease_notified(),
            Action::Housekeeping => self.keep_house(),
        }
    }

    /// Runs code that calls the game's encodings. A panic there costs the player the seat, and affects no other player.
    fn catch_panic(
        &mut self,
        run: impl FnOnce(&mut Self) -> ControlFlow<SessionEnd>,
    ) -> ControlFlow<SessionEnd> {
        match catch_unwind(AssertUnwindSafe(|| run(self))) {
            Ok(flow) => flow,
            Err(_) => {
                self.services.metrics.room_panics.inc();
                self.span.in_scope(|| {
                    error!(
                        "game panicked while encoding or decoding for a player, player removed from the room"
                    )
                });
                self.unseated(CloseReason::RoomFailed)
            }
        }
    }

    /// Processes the control messages that have arrived.
    fn process_messages(&mut self) -> ControlFlow<SessionEnd> {
        while !self.login.is_pending() {
            let message = match self.control.pop() {
                Ok(Some(message)) => message,
                Ok(None) => return ControlFlow::Continue(()),
                Err(error) => return ControlFlow::Break(error.into()),
            };
            if !self.limit.message(self.epoch.elapsed()) {
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
            Request::Chat(text) => {
                let now = self.epoch.elapsed();
                if let Some(seat) = self.seat.as_ref().filter(|_| self.limit.chat(now)) {
                    seat.chat(text);
                }
            }
            Request::Ack(count) => {
                if let Some(Err(error)) = self.seat.as_mut().map(|seat| seat.ack(count)) {
                    return ControlFlow::Break(CloseNotice::invalid_ack(error).into());
                }
            }
            Request::Nothing => {}
        }
        ControlFlow::Continue(())
    }

    fn lease_notified(&mut self) -> ControlFlow<SessionEnd> {
        let step = self.login.poll_lease();
        self.log_in(step)?;
        // Messages that arrived while the login was pending have not been processed.
        self.process_messages()
    }

    fn log_in(&mut self, step: Result<LoginStep<G>, SessionEnd>) -> ControlFlow<SessionEnd> {
        match step {
            Ok(LoginStep::Wait) => ControlFlow::Continue(()),
            Ok(LoginStep::EnterLobby) => self.welcome(false),
            Ok(LoginStep::Resume(returned)) => self.resume(returned),
            Err(end) => ControlFlow::Break(end),
        }
    }

    /// Resumes a seat: retransmits the messages that the client has not received, and continues from there. The roster of a restored
    /// seat has not been sent yet.
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
            // Valid, because `since` has just accepted the same number.
            let _ = seat.unacked.ack(acked);
        }
        self.send_roster(roster)
    }

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

    fn join(&mut self, target: JoinTarget) {
        let lobby = Arc::clone(&self.services.lobby);
        let (player, ticket) = (self.login.player(), self.login.shown_ticket());
        let name = self.login.name().clone();
        let joining = async move { lobby.join(target, player, ticket, &name).await };
        self.joining = Some(FlaggedFuture::new(joining));
    }

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

    /// Leaves the seat, if there is one, and stays connected.
    fn leave_seat(&mut self) {
        self.seat = None;
        self.snapshots.cancel_stream();
        if let Some(entry) = self.entry() {
            entry.set_seat(None);
        }
    }

    /// The room took the seat away. A slow client or a stop of the server ends the session; the end of a room does not.
    fn unseated(&mut self, reason: CloseReason) -> ControlFlow<SessionEnd> {
        self.leave_seat();
        self.phase.unseated();
        if ends_session(reason) {
            return ControlFlow::Break(reason.into());
        }
        self.push(&ServerMessage::RoomClosed { reason, sentence: Text::lossy(reason.sentence()) })
    }

    fn send_event(&mut self, event: RoomEvent<G>) -> ControlFlow<SessionEnd> {
        let message = self.seat.as_mut().and_then(|seat| seat.message(event));
        message.map_or(ControlFlow::Continue(()), |message| self.push_acked(&message))
    }

    fn send_roster(&mut self, roster: Vec<RosterChange>) -> ControlFlow<SessionEnd> {
        roster.into_iter().try_for_each(|change| self.push_acked(&roster_message(change)))
    }

    fn send_snapshot(&mut self) -> ControlFlow<SessionEnd> {
        let Some(seat) = &mut self.seat else { return ControlFlow::Continue(()) };
        match self.snapshots.send(seat, self.epoch.elapsed(), &self.services.metrics, &self.span) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error.into()),
        }
    }

    fn input(&mut self, datagram: &[u8]) -> ControlFlow<SessionEnd> {
        let now = self.epoch.elapsed();
        // A client also sends empty datagrams while it waits for the welcome.
        if !datagram.is_empty() {
            self.login.record_activity();
        }
        if !self.limit.datagram(datagram.len(), now) {
            return ControlFlow::Break(CloseReason::RateLimited.into());
        }
        // Datagrams under way when a seat is left are no fault of the client.
        let Some(seat) = &mut self.seat else { return ControlFlow::Continue(()) };
        match seat.input(datagram) {
            Ok(true) => {}
            Ok(false) => {
                self.services.metrics.inputs.dropped.inc();
            }
            Err(notice) => return ControlFlow::Break(notice.into()),
        }
        ControlFlow::Continue(())
    }

    fn keep_house(&mut self) -> ControlFlow<SessionEnd> {
        self.housekeeping.count_traffic(&self.peer, &self.services.metrics);
        self.snapshots.update_limit();
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

    /// Ends the session: gives back the seat, sends the reason to the peer, waits a short time for its acknowledgement, and closes.
    pub(super) async fn end(mut self, end: SessionEnd) {
        // First the seat, so that a newer session does not wait for the close.
        let seat = self.seat.take();
        self.leave_seat();
        self.login.end(seat, &end);
        self.span.in_scope(|| info!(reason = end.name(), name = %self.login.name(), "session ended"));
        if self.login.entry.is_some() {
            self.services.metrics.disconnected(end.name());
        } else if let SessionEnd::Closed(notice) = &end {
            self.services.metrics.refused(notice.reason.name());
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
        self.housekeeping.count_traffic(&self.peer, &self.services.metrics);
    }

    fn push(&mut self, message: &ServerMessage) -> ControlFlow<SessionEnd> {
        match self.control.push(message) {
            Ok(_) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error.into()),
        }
    }

    /// Sends a message, and keeps it until the peer has acknowledged it.
    fn push_acked(&mut self, message: &ServerMessage) -> ControlFlow<SessionEnd> {
        match (self.control.push(message), &mut self.seat) {
            (Ok(encoded), Some(seat)) => seat.unacked.push(encoded),
            (Ok(_), None) => {}
            (Err(error), _) => return ControlFlow::Break(error.into()),
        }
        ControlFlow::Continue(())
    }

    fn entry(&self) -> Option<&PlayerEntry> {
        self.login.entry.as_ref().map(|guard| &*guard.entry)
    }
}

/// The span of a session's log lines.
fn session_span(player: PlayerId, peer: &Peer) -> Span {
    info_span!("session", %player, address = %peer.address())
}

/// Waits for a future that may not exist; never ready when it does not.
async fn if_some<F: Future>(future: Option<F>) -> Option<F::Output> {
    match future {
        Some(future) => Some(future.await),
        None => std::future::pending().await,
    }
}
