//! The thin part of a session: waits for whatever comes first, then applies it without waiting for anything.

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
    limits::CLOSING_ACK_MS,
    protocol::{
        CloseReason, Hello, JoinTarget, Seating, ServerMessage, Ticket,
        bounded::{List, Text},
        messages::Name,
    },
};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{Span, debug, error, info, info_span};

use super::{
    SessionServices,
    conversation::{Conversation, Request},
    ending::{Ending, Refusal},
    handshake,
    housekeeping::{Housekeeping, update_entry},
    rate_limit::RateLimit,
    replicator::Snapshot,
    seat::{Seat, SeatNews, roster_message},
};
use crate::{
    gate::Gated,
    lobby::{PlayerEntry, directory::Joined, players::PlayerGuard},
    net::{
        Peer,
        peer::PeerError,
        stream::{ControlStream, Driven, StreamError},
    },
    room::RoomEvent,
};

/// For how long somebody may send and acknowledge nothing.
const SILENCE: Duration = Duration::from_secs(10);

/// How long a snapshot on a stream of its own may take.
const LARGE_PATIENCE: Duration = Duration::from_secs(1);

pub(super) struct Session<G: Game> {
    peer: Peer,
    control: ControlStream,
    player: PlayerId,
    conversation: Conversation,
    /// By when the hello must have come.
    deadline: Instant,
    epoch: Instant,
    name: Name,
    entry: Option<PlayerGuard>,
    joining: Option<Gated<Result<Joined<G>, CloseReason>>>,
    seat: Option<Seat<G>>,
    /// A snapshot on its way on a stream of its own.
    large: Option<Gated<()>>,
    limit: RateLimit,
    housekeeping: Housekeeping,
    stop: Gated<()>,
    /// What this session's log lines carry. It is entered where something is logged, not at each of sixty wake-ups a second.
    span: Span,
    /// What the next seat's datagrams are marked with.
    seating: Seating,
    /// The largest datagram, as asked a second ago at most: asking takes the connection's lock.
    datagram_limit: usize,
    services: SessionServices<G>,
}

/// Everything that can happen to a session.
enum Action<G: Game> {
    Stop,
    HelloMissing,
    Control(Result<Driven, StreamError>),
    Joined(Result<Joined<G>, CloseReason>),
    Room(SeatNews<G>),
    Datagram(Result<Bytes, PeerError>),
    LargeSent,
    Housekeeping,
}

impl<G: Game> Session<G> {
    pub(super) fn new(
        peer: Peer,
        control: ControlStream,
        player: PlayerId,
        deadline: Instant,
        services: SessionServices<G>,
    ) -> Self {
        let datagram_limit = peer.datagram_limit();
        let span = info_span!("session", %player, address = %peer.address());
        Self {
            peer,
            control,
            player,
            conversation: Conversation::Greeting,
            deadline,
            epoch: Instant::now(),
            name: Name::default(),
            entry: None,
            joining: None,
            seat: None,
            large: None,
            limit: RateLimit::new(services.lobby.spec().tick_rate, Duration::ZERO),
            housekeeping: Housekeeping::new(),
            stop: Gated::new(services.stop.clone().cancelled_owned()),
            span,
            seating: Seating::FIRST,
            datagram_limit,
            services,
        }
    }

    /// From hello to goodbye.
    pub(super) async fn live(mut self) {
        let ending = loop {
            let action = self.select().await;
            if let ControlFlow::Break(ending) = self.apply(action) {
                break ending;
            }
        };
        self.end(ending).await;
    }

    async fn select(&mut self) -> Action<G> {
        let greeting = self.conversation == Conversation::Greeting;
        tokio::select! {
            biased;
            () = &mut self.stop => Action::Stop,
            Some(news) = if_some(self.seat.as_mut().map(Seat::next)) => Action::Room(news),
            datagram = self.peer.datagram() => Action::Datagram(datagram),
            driven = self.control.drive() => Action::Control(driven),
            Some(joined) = if_some(self.joining.as_mut()) => Action::Joined(joined),
            Some(()) = if_some(self.large.as_mut()) => Action::LargeSent,
            () = self.housekeeping.due() => Action::Housekeeping,
            () = sleep_until(self.deadline), if greeting => Action::HelloMissing,
        }
    }

    fn apply(&mut self, action: Action<G>) -> ControlFlow<Ending> {
        match action {
            Action::Stop => ControlFlow::Break(CloseReason::ServerStopping.into()),
            Action::HelloMissing => ControlFlow::Break(CloseReason::HandshakeTimeout.into()),
            Action::Control(Ok(Driven::Sent)) => ControlFlow::Continue(()),
            Action::Control(Ok(Driven::Received)) => self.hear(),
            Action::Control(Err(error)) => ControlFlow::Break(error.into()),
            Action::Joined(joined) => self.joined(joined),
            Action::Room(SeatNews::Event(event)) => self.guard_against_game(|session| session.tell(event)),
            Action::Room(SeatNews::Frame) => self.guard_against_game(Self::replicate),
            Action::Room(SeatNews::Ended(reason)) => self.unseated(reason),
            Action::Datagram(Ok(datagram)) => self.guard_against_game(|session| session.input(&datagram)),
            Action::Datagram(Err(error)) => ControlFlow::Break(error.into()),
            Action::LargeSent => {
                self.large = None;
                ControlFlow::Continue(())
            }
            Action::Housekeeping => self.keep_house(),
        }
    }

    /// Runs what calls the game's codings. A game that panics there costs its player the seat, and nobody anything else.
    fn guard_against_game(
        &mut self,
        run: impl FnOnce(&mut Self) -> ControlFlow<Ending>,
    ) -> ControlFlow<Ending> {
        match catch_unwind(AssertUnwindSafe(|| run(self))) {
            Ok(flow) => flow,
            Err(_) => {
                self.services.metrics.room_panics.inc();
                self.span.in_scope(|| error!("the game panicked while something was coded for its player"));
                self.unseated(CloseReason::RoomFailed)
            }
        }
    }

    fn hear(&mut self) -> ControlFlow<Ending> {
        loop {
            let message = match self.control.pop() {
                Ok(Some(message)) => message,
                Ok(None) => return ControlFlow::Continue(()),
                Err(error) => return ControlFlow::Break(error.into()),
            };
            if !self.limit.message(self.epoch.elapsed()) {
                return ControlFlow::Break(CloseReason::RateLimited.into());
            }
            match self.conversation.hear(message) {
                Ok(request) => self.answer(request)?,
                Err(refusal) => return ControlFlow::Break(refusal.into()),
            }
        }
    }

    fn answer(&mut self, request: Request) -> ControlFlow<Ending> {
        match request {
            Request::Enter(hello) => self.enter(&hello),
            Request::ListRooms => {
                let rooms = List::new(self.services.lobby.list()).unwrap_or_default();
                self.push(&ServerMessage::Rooms(rooms))
            }
            Request::Join(target) => {
                self.join(target);
                ControlFlow::Continue(())
            }
            Request::Leave => {
                self.joining = None;
                self.stand_up();
                ControlFlow::Continue(())
            }
            Request::Chat(text) => {
                let now = self.epoch.elapsed();
                if let Some(seat) = self.seat.as_ref().filter(|_| self.limit.chat(now)) {
                    seat.chat(text);
                }
                ControlFlow::Continue(())
            }
            Request::Nothing => ControlFlow::Continue(()),
        }
    }

    fn enter(&mut self, hello: &Hello) -> ControlFlow<Ending> {
        self.name = match handshake::check::<G>(hello) {
            Ok(name) => name,
            Err(refusal) => return ControlFlow::Break(refusal.into()),
        };
        let entered = self.services.players.enter(self.player, self.name.to_string(), self.peer.address());
        self.entry = Some(entered);
        self.span.in_scope(|| debug!(name = %self.name, "welcome"));
        let spec = self.services.lobby.spec();
        let welcome = ServerMessage::Welcome {
            player: self.player,
            tick_rate: spec.tick_rate.hz(),
            send_rate: spec.send_rate,
            ticket: Ticket::new([0; Ticket::BYTES]),
            hold_ms: 0,
            resumed: false,
        };
        self.push(&welcome)
    }

    fn join(&mut self, target: JoinTarget) {
        let lobby = Arc::clone(&self.services.lobby);
        let (player, name) = (self.player, self.name.clone());
        self.joining = Some(Gated::new(async move { lobby.join(target, player, &name).await }));
    }

    fn joined(&mut self, joined: Result<Joined<G>, CloseReason>) -> ControlFlow<Ending> {
        self.joining = None;
        self.conversation.joined(joined.is_ok());
        let mut joined = match joined {
            Ok(joined) => joined,
            Err(reason) => {
                self.services.metrics.refused(reason.name());
                let sentence = Text::lossy(reason.sentence());
                return self.push(&ServerMessage::JoinRefused { reason, sentence });
            }
        };
        let roster = std::mem::take(&mut joined.seated.roster);
        let seat = Seat::new(joined, self.seating, self.services.lobby.spec().send_rate);
        self.seating = self.seating.next();
        if let Some(entry) = self.entry() {
            entry.set_seat(Some((seat.room(), seat.id())));
        }
        self.span.in_scope(|| debug!(room = %seat.room(), seat = %seat.id(), "seated"));
        let message = seat.joined_message();
        self.seat = Some(seat);
        self.push(&message)?;
        roster.into_iter().try_for_each(|change| self.push(&roster_message(change)))
    }

    /// A fact of the room goes to the peer.
    fn tell(&mut self, event: RoomEvent<G>) -> ControlFlow<Ending> {
        let message = self.seat.as_mut().and_then(|seat| seat.message(event));
        message.map_or(ControlFlow::Continue(()), |message| self.push(&message))
    }

    /// The room took the seat away. Being too slow or told to stop ends the session; the end of a room does not.
    fn unseated(&mut self, reason: CloseReason) -> ControlFlow<Ending> {
        self.stand_up();
        self.conversation.unseated();
        if matches!(reason, CloseReason::TooSlow | CloseReason::ServerStopping) {
            return ControlFlow::Break(reason.into());
        }
        self.push(&ServerMessage::RoomClosed { reason, sentence: Text::lossy(reason.sentence()) })
    }

    /// The newest frame goes to the peer, as much of it as this seat may see.
    fn replicate(&mut self) -> ControlFlow<Ending> {
        let Some(seat) = &mut self.seat else { return ControlFlow::Continue(()) };
        let fates = &self.services.metrics.snapshots;
        match seat.snapshot(self.datagram_limit, self.large.is_none(), self.epoch.elapsed()) {
            Some(Snapshot::Small { bytes, waiting }) => {
                if let Err(error) = self.peer.send(Bytes::copy_from_slice(bytes)) {
                    return ControlFlow::Break(error.into());
                }
                self.services.metrics.datagram_sent(waiting);
            }
            Some(Snapshot::Large(bytes)) => {
                let (peer, bytes) = (self.peer.clone(), Bytes::copy_from_slice(bytes));
                self.large = Some(Gated::new(async move { peer.send_large(bytes, LARGE_PATIENCE).await }));
                fates.stream.inc();
            }
            Some(Snapshot::Oversize(bytes)) => {
                self.span.in_scope(|| error!(bytes, "a view fits no snapshot; the game shows too much"));
            }
            None => {
                fates.held.inc();
            }
        }
        seat.count_unseen(&self.services.metrics);
        ControlFlow::Continue(())
    }

    fn input(&mut self, datagram: &[u8]) -> ControlFlow<Ending> {
        let now = self.epoch.elapsed();
        if !self.limit.datagram(datagram.len(), now) {
            return ControlFlow::Break(CloseReason::RateLimited.into());
        }
        // Those on their way when a seat was left are no fault of the client's.
        let Some(seat) = &mut self.seat else { return ControlFlow::Continue(()) };
        match seat.input(datagram) {
            Ok(true) => {}
            Ok(false) => {
                self.services.metrics.inputs.dropped.inc();
            }
            Err(refusal) => return ControlFlow::Break(refusal.into()),
        }
        ControlFlow::Continue(())
    }

    fn keep_house(&mut self) -> ControlFlow<Ending> {
        self.housekeeping.count_traffic(&self.peer, &self.services.metrics);
        self.datagram_limit = self.peer.datagram_limit();
        if let Some(entry) = self.entry() {
            update_entry(entry, &self.peer);
        }
        let now = self.epoch.elapsed();
        if self.seat.as_ref().is_some_and(|seat| seat.silence(now) > SILENCE) {
            return ControlFlow::Break(CloseReason::Unresponsive.into());
        }
        if self.housekeeping.overstays(self.conversation, now) {
            return ControlFlow::Break(CloseReason::Idle.into());
        }
        ControlFlow::Continue(())
    }

    fn push(&mut self, message: &ServerMessage) -> ControlFlow<Ending> {
        match self.control.push(message) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error.into()),
        }
    }

    fn stand_up(&mut self) {
        self.seat = None;
        self.large = None;
        if let Some(entry) = self.entry() {
            entry.set_seat(None);
        }
    }

    fn entry(&self) -> Option<&PlayerEntry> {
        self.entry.as_ref().map(|guard| &*guard.entry)
    }

    /// Says goodbye, waits a little until it was heard, and closes.
    pub(super) async fn end(mut self, ending: Ending) {
        self.stand_up();
        self.span.in_scope(|| info!(reason = ending.name(), name = %self.name, "session ended"));
        if self.entry.is_some() {
            self.services.metrics.disconnected(ending.name());
        } else if let Ending::Refused(refusal) = &ending {
            self.services.metrics.refused(refusal.reason.name());
        }
        match ending {
            Ending::Refused(Refusal { reason, sentence }) => {
                let said = self.control.say_closing(reason, &sentence);
                // Whether it was heard or not, this is the end.
                let _ = timeout(Duration::from_millis(CLOSING_ACK_MS), said).await;
                self.peer.close(reason);
            }
            Ending::Left | Ending::Lost => self.peer.close(CloseReason::Left),
        }
        self.housekeeping.count_traffic(&self.peer, &self.services.metrics);
    }
}

/// Waits for a future that may not be there; never ready when it is not.
async fn if_some<F: Future>(future: Option<F>) -> Option<F::Output> {
    match future {
        Some(future) => Some(future.await),
        None => std::future::pending().await,
    }
}
