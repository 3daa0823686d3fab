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
    protocol::{
        CloseReason, JoinTarget, SeatEpoch, ServerMessage,
        bounded::{List, Text},
        messages::Name,
    },
};
use tokio::time::{Instant, sleep_until};
use tracing::{Span, debug, error, info_span};

use super::{
    SessionServices,
    conversation::{Conversation, Request},
    ending::{Ending, Refusal, ends_session},
    housekeeping::{Housekeeping, update_entry},
    kept::KeptSeat,
    rate_limit::RateLimit,
    replicator::Snapshot,
    seat::{Seat, SeatNews},
};
use crate::{
    gate::Gated,
    lobby::{PlayerEntry, directory::Joined, keeper::Stay, players::PlayerGuard},
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
    pub(super) peer: Peer,
    pub(super) control: ControlStream,
    pub(super) player: PlayerId,
    pub(super) conversation: Conversation,
    /// By when the hello must have come.
    deadline: Instant,
    epoch: Instant,
    pub(super) name: Name,
    /// The player's place with the keeper, from the hello on.
    pub(super) stay: Option<Stay<KeptSeat<G>>>,
    /// Rings when another session of the same player begins, or leaves what this one waits for.
    pub(super) bell: Option<Gated<()>>,
    /// How many messages were heard of a seat that another session is yet to leave; nothing is said or heard meanwhile.
    pub(super) returning: Option<u32>,
    /// Whether the peer has said something since its welcome, and so has heard it.
    pub(super) is_proven: bool,
    pub(super) entry: Option<PlayerGuard>,
    joining: Option<Gated<Result<Joined<G>, CloseReason>>>,
    pub(super) seat: Option<Seat<G>>,
    /// A snapshot on its way on a stream of its own.
    pub(super) large: Option<Gated<()>>,
    limit: RateLimit,
    pub(super) housekeeping: Housekeeping,
    stop: Gated<()>,
    /// What this session's log lines carry. It is entered where something is logged, not at each of sixty wake-ups a second.
    pub(super) span: Span,
    /// What the next seat's datagrams are marked with.
    pub(super) seat_epoch: SeatEpoch,
    /// The largest datagram, as asked a second ago at most: asking takes the connection's lock.
    datagram_limit: usize,
    pub(super) services: SessionServices<G>,
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
    Rung,
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
        let span = span_of(player, &peer);
        Self {
            peer,
            control,
            player,
            conversation: Conversation::Greeting,
            deadline,
            epoch: Instant::now(),
            name: Name::default(),
            stay: None,
            bell: None,
            returning: None,
            is_proven: false,
            entry: None,
            joining: None,
            seat: None,
            large: None,
            limit: RateLimit::new(services.lobby.spec().tick_rate, Duration::ZERO),
            housekeeping: Housekeeping::new(),
            stop: Gated::new(services.stop.clone().cancelled_owned()),
            span,
            seat_epoch: SeatEpoch::FIRST,
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
        // Facts can wait with the room: what a peer missed while it was away is more than its stream may be stuffed with at once.
        let (takes_facts, listens) = (self.control.is_flowing(), self.returning.is_none());
        tokio::select! {
            biased;
            () = &mut self.stop => Action::Stop,
            Some(()) = if_some(self.bell.as_mut()) => Action::Rung,
            Some(news) = if_some(self.seat.as_mut().map(|seat| seat.next(takes_facts))) => Action::Room(news),
            datagram = self.peer.datagram() => Action::Datagram(datagram),
            driven = self.control.drive(), if listens => Action::Control(driven),
            Some(joined) = if_some(self.joining.as_mut()) => Action::Joined(joined),
            Some(()) = if_some(self.large.as_mut()) => Action::LargeSent,
            () = self.housekeeping.due() => Action::Housekeeping,
            () = sleep_until(self.deadline), if greeting => Action::HelloMissing,
        }
    }

    fn apply(&mut self, action: Action<G>) -> ControlFlow<Ending> {
        match action {
            Action::Stop => ControlFlow::Break(self.services.stop_reason.get().into()),
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
            Action::Rung => self.rung(),
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

    pub(super) fn hear(&mut self) -> ControlFlow<Ending> {
        while self.returning.is_none() {
            let message = match self.control.pop() {
                Ok(Some(message)) => message,
                Ok(None) => return ControlFlow::Continue(()),
                Err(error) => return ControlFlow::Break(error.into()),
            };
            if !self.limit.message(self.epoch.elapsed()) {
                return ControlFlow::Break(CloseReason::RateLimited.into());
            }
            self.is_proven |= self.stay.is_some();
            match self.conversation.hear(message) {
                Ok(request) => self.answer(request)?,
                Err(refusal) => return ControlFlow::Break(refusal.into()),
            }
        }
        ControlFlow::Continue(())
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
            Request::Heard(count) => match self.seat.as_mut().map(|seat| seat.hear(count)) {
                Some(Err(error)) => ControlFlow::Break(Refusal::unheard(error).into()),
                _ => ControlFlow::Continue(()),
            },
            Request::Nothing => ControlFlow::Continue(()),
        }
    }

    fn join(&mut self, target: JoinTarget) {
        let lobby = Arc::clone(&self.services.lobby);
        let (player, name) = (self.player, self.name.clone());
        let ticket = self.stay.as_ref().map(Stay::shown).unwrap_or_default();
        let joining = async move { lobby.join(target, player, ticket, &name).await };
        self.joining = Some(Gated::new(joining));
    }

    fn joined(&mut self, joined: Result<Joined<G>, CloseReason>) -> ControlFlow<Ending> {
        self.joining = None;
        self.conversation.joined(joined.is_ok());
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
        self.sit_down(seat)?;
        self.tell_roster(roster)
    }

    /// The seat is this session's from now on.
    pub(super) fn sit_down(&mut self, seat: Seat<G>) -> ControlFlow<Ending> {
        self.seat_epoch = seat.seat_epoch().next();
        if let Some(entry) = self.entry() {
            entry.set_seat(Some((seat.room(), seat.id())));
        }
        self.span.in_scope(|| debug!(room = %seat.room(), seat = %seat.id(), "seated"));
        let message = seat.joined_message();
        self.seat = Some(seat);
        self.push(&message)
    }

    /// A fact of the room goes to the peer.
    fn tell(&mut self, event: RoomEvent<G>) -> ControlFlow<Ending> {
        let message = self.seat.as_mut().and_then(|seat| seat.message(event));
        message.map_or(ControlFlow::Continue(()), |message| self.push_news(&message))
    }

    /// The room took the seat away. Being too slow or told to stop ends the session; the end of a room does not.
    fn unseated(&mut self, reason: CloseReason) -> ControlFlow<Ending> {
        self.stand_up();
        self.conversation.unseated();
        if ends_session(reason) {
            return ControlFlow::Break(reason.into());
        }
        self.push(&ServerMessage::RoomClosed { reason, sentence: Text::lossy(reason.sentence()) })
    }

    /// The newest frame goes to the peer, as much of it as this seat may see.
    fn replicate(&mut self) -> ControlFlow<Ending> {
        let Some(seat) = &mut self.seat else { return ControlFlow::Continue(()) };
        let fates = &self.services.metrics.snapshots;
        let waiting = self.peer.waiting_bytes();
        match seat.snapshot(self.datagram_limit, waiting, self.large.is_none(), self.epoch.elapsed()) {
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
        // Empty ones are sent by who still waits for the welcome.
        self.is_proven |= self.stay.is_some() && !datagram.is_empty();
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
        let heard_for = self.housekeeping.heard_for(now);
        if self.seat.as_ref().is_some_and(|seat| seat.silence(now).min(heard_for) > SILENCE) {
            return ControlFlow::Break(CloseReason::Unresponsive.into());
        }
        if self.housekeeping.overstays(self.conversation, now) {
            return ControlFlow::Break(CloseReason::Idle.into());
        }
        ControlFlow::Continue(())
    }

    pub(super) fn push(&mut self, message: &ServerMessage) -> ControlFlow<Ending> {
        match self.control.push(message) {
            Ok(_) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error.into()),
        }
    }

    /// The same, and what is said is kept until the peer says that it has heard it.
    pub(super) fn push_news(&mut self, message: &ServerMessage) -> ControlFlow<Ending> {
        match (self.control.push(message), &mut self.seat) {
            (Ok(coded), Some(seat)) => seat.news.push(coded),
            (Ok(_), None) => {}
            (Err(error), _) => return ControlFlow::Break(error.into()),
        }
        ControlFlow::Continue(())
    }

    pub(super) fn entry(&self) -> Option<&PlayerEntry> {
        self.entry.as_ref().map(|guard| &*guard.entry)
    }
}

/// What the log lines of a player's session carry.
pub(super) fn span_of(player: PlayerId, peer: &Peer) -> Span {
    info_span!("session", %player, address = %peer.address())
}

/// Waits for a future that may not be there; never ready when it is not.
async fn if_some<F: Future>(future: Option<F>) -> Option<F::Output> {
    match future {
        Some(future) => Some(future.await),
        None => std::future::pending().await,
    }
}
