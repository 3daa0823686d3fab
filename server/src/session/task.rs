//! The thin part of a session: waits for whatever comes first, then applies it without waiting for anything.

use std::{ops::ControlFlow, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use quarrel_shared::{
    bits::{BitReader, BitWriter, Bits},
    game::Game,
    id::{PlayerId, SeatId},
    limits::CLOSING_ACK_MS,
    protocol::{
        ClientMessage, CloseReason, Hello, JoinTarget, ServerMessage,
        bounded::{List, Text},
        datagram::InputDatagram,
        messages::Name,
    },
    snapshot::{Frame, Interest},
};
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior, interval, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, debug, error, info, info_span};

use super::{
    conversation::{Conversation, Request},
    ending::{Ending, Refusal},
    handshake,
    rate_limit::RateLimit,
    replicator::{Replicator, Snapshot},
};
use crate::{
    lobby::{Directory, PlayerEntry, Players, directory::Joined},
    net::{
        Newcomer, Peer,
        peer::{PeerError, Traffic},
        stream::{ControlStream, Driven, StreamError},
    },
    room::{RoomCommand, RoomEvent, state::RosterChange},
    telemetry::Metrics,
};

/// What every session is handed by the server.
pub struct SessionServices<G: Game> {
    /// Where rooms are.
    pub lobby: Arc<Directory<G>>,
    /// Who is connected.
    pub players: Arc<Players>,
    /// Where the numbers go.
    pub metrics: Arc<Metrics>,
    /// Ends the session.
    pub stop: CancellationToken,
}

impl<G: Game> Clone for SessionServices<G> {
    fn clone(&self) -> Self {
        Self {
            lobby: Arc::clone(&self.lobby),
            players: Arc::clone(&self.players),
            metrics: Arc::clone(&self.metrics),
            stop: self.stop.clone(),
        }
    }
}

/// A newcomer's whole life.
pub async fn run<G: Game>(newcomer: Newcomer, services: SessionServices<G>) {
    let Newcomer { peer, deadline, place } = newcomer;
    let player = services.lobby.next_player();
    let span = info_span!("session", %player, address = %peer.address());
    let metrics = Arc::clone(&services.metrics);
    metrics.sessions.inc();
    async {
        let opened = services.stop.run_until_cancelled(timeout_control(&peer, deadline)).await;
        let Some(Ok(Ok(control))) = opened else {
            let reason =
                if opened.is_none() { CloseReason::ServerStopping } else { CloseReason::HandshakeTimeout };
            // There is no stream to say it on.
            peer.close(reason);
            metrics.refused(reason.name());
            return;
        };
        let session = Session::new(peer, control, player, deadline, services);
        match place {
            Some(_held) => session.live().await,
            None => session.end(CloseReason::ServerFull.into()).await,
        }
    }
    .instrument(span)
    .await;
    metrics.sessions.dec();
}

async fn timeout_control(
    peer: &Peer,
    deadline: Instant,
) -> Result<Result<ControlStream, PeerError>, tokio::time::error::Elapsed> {
    tokio::time::timeout_at(deadline, peer.control()).await
}

/// How often a session looks at what no message brings.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// For how long somebody may send and acknowledge nothing.
const SILENCE: Duration = Duration::from_secs(10);

/// How long a snapshot on a stream of its own may take.
const LARGE_PATIENCE: Duration = Duration::from_secs(1);

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

struct Session<G: Game> {
    peer: Peer,
    control: ControlStream,
    player: PlayerId,
    conversation: Conversation,
    /// By when the hello must have come.
    deadline: Instant,
    epoch: Instant,
    name: Name,
    entry: Option<crate::lobby::players::PlayerGuard>,
    joining: Option<Boxed<Result<Joined<G>, CloseReason>>>,
    seat: Option<Seat<G>>,
    /// A snapshot on its way on a stream of its own.
    large: Option<Boxed<()>>,
    limit: RateLimit,
    housekeeping: Interval,
    /// The largest datagram, as asked a second ago at most: asking takes the connection's lock.
    datagram_limit: usize,
    traffic: Traffic,
    services: SessionServices<G>,
}

/// What a session holds while it sits in a room. Dropping it stands up.
struct Seat<G: Game> {
    joined: Joined<G>,
    replicator: Replicator<G::Entity>,
    /// The next event's number.
    sequence: u32,
    scratch: BitWriter,
}

/// Everything that can happen to a session.
enum Action<G: Game> {
    Stop,
    HelloMissing,
    Control(Result<Driven, StreamError>),
    Joined(Result<Joined<G>, CloseReason>),
    Event(Option<RoomEvent<G>>),
    Frame(Result<(), watch::error::RecvError>),
    Datagram(Result<Bytes, PeerError>),
    LargeSent,
    Housekeeping,
}

impl<G: Game> Session<G> {
    fn new(
        peer: Peer,
        control: ControlStream,
        player: PlayerId,
        deadline: Instant,
        services: SessionServices<G>,
    ) -> Self {
        let mut housekeeping = interval(HOUSEKEEPING);
        housekeeping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let datagram_limit = peer.datagram_limit();
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
            housekeeping,
            datagram_limit,
            traffic: Traffic::default(),
            services,
        }
    }

    async fn live(mut self) {
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
        let (events, frames) = match &mut self.seat {
            Some(seat) => (Some(&mut seat.joined.seated.events), Some(&mut seat.joined.seated.frames)),
            None => (None, None),
        };
        tokio::select! {
            biased;
            () = self.services.stop.cancelled() => Action::Stop,
            Some(event) = if_some(events.map(|events| events.recv())) => Action::Event(event),
            Some(frame) = if_some(frames.map(watch::Receiver::changed)) => Action::Frame(frame),
            driven = self.control.drive() => Action::Control(driven),
            datagram = self.peer.datagram() => Action::Datagram(datagram),
            Some(joined) = if_some(self.joining.as_mut()) => Action::Joined(joined),
            Some(()) = if_some(self.large.as_mut()) => Action::LargeSent,
            _ = self.housekeeping.tick() => Action::Housekeeping,
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
            Action::Event(Some(event)) => self.tell(event),
            Action::Event(None) => self.unseated(),
            Action::Frame(Ok(())) => self.replicate(),
            // The facts' channel closes at the same moment and says why.
            Action::Frame(Err(_)) => ControlFlow::Continue(()),
            Action::Datagram(Ok(datagram)) => self.input(&datagram),
            Action::Datagram(Err(error)) => ControlFlow::Break(error.into()),
            Action::LargeSent => {
                self.large = None;
                ControlFlow::Continue(())
            }
            Action::Housekeeping => self.keep_house(),
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
                self.stand_up();
                ControlFlow::Continue(())
            }
            Request::Chat(text) => {
                if let Some(seat) = &self.seat {
                    let said = RoomCommand::Chat { seat: seat.id(), text };
                    // A room too busy to hear a joke has its reasons.
                    let _ = seat.joined.room.say(said);
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
        debug!(name = %self.name, "welcome");
        let spec = self.services.lobby.spec();
        let welcome = ServerMessage::Welcome {
            player: self.player,
            tick_rate: spec.tick_rate.hz(),
            send_rate: spec.send_rate,
        };
        self.push(&welcome)
    }

    fn join(&mut self, target: JoinTarget) {
        let lobby = Arc::clone(&self.services.lobby);
        let (player, name) = (self.player, self.name.clone());
        self.joining = Some(Box::pin(async move { lobby.join(target, player, &name).await }));
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
        let message = ServerMessage::Joined {
            room: joined.room.id(),
            seat: joined.seated.seat,
            seats: joined.room.status().seats,
            tick: joined.seated.tick,
        };
        if let Some(entry) = self.entry() {
            entry.set_seat(Some((joined.room.id(), joined.seated.seat)));
        }
        debug!(room = %joined.room.id(), seat = %joined.seated.seat, "seated");
        let replicator = Replicator::new(Interest::new(), BitWriter::new(), self.epoch.elapsed());
        let roster = std::mem::take(&mut joined.seated.roster);
        self.seat = Some(Seat { joined, replicator, sequence: 0, scratch: BitWriter::new() });
        self.push(&message)?;
        roster.into_iter().try_for_each(|change| self.push(&roster_message(change)))
    }

    /// A fact of the room goes to the peer.
    fn tell(&mut self, event: RoomEvent<G>) -> ControlFlow<Ending> {
        let Some(seat) = &mut self.seat else { return ControlFlow::Continue(()) };
        let message = match event {
            RoomEvent::Game { tick, event } => {
                let Some(payload) = seat.code(&event) else {
                    error!(
                        ?event,
                        "an event is longer than EVENT_BYTES and was not sent; the game has a fault"
                    );
                    return ControlFlow::Continue(());
                };
                let sequence = seat.sequence;
                seat.sequence += 1;
                ServerMessage::Event { sequence, tick, payload }
            }
            RoomEvent::Roster(change) => roster_message(change),
            RoomEvent::Chat { seat, text } => ServerMessage::Chat { seat, text },
        };
        self.push(&message)
    }

    /// The room took the seat away. Being too slow or told to stop ends the session; the end of a room does not.
    fn unseated(&mut self) -> ControlFlow<Ending> {
        let ended = self.seat.as_ref().and_then(|seat| seat.joined.seated.ended.get().copied());
        let reason = ended.unwrap_or(CloseReason::RoomClosed);
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
        let Some(frame) = seat.newest_frame() else { return ControlFlow::Continue(()) };
        let (id, limit) = (seat.id(), self.datagram_limit);
        let snapshot = seat.replicator.encode(&frame, id, limit, self.large.is_none(), self.epoch.elapsed());
        match snapshot {
            Some(Snapshot::Small(bytes)) => {
                if let Err(error) = self.peer.send(Bytes::copy_from_slice(bytes)) {
                    return ControlFlow::Break(error.into());
                }
            }
            Some(Snapshot::Large(bytes)) => {
                let (peer, bytes) = (self.peer.clone(), Bytes::copy_from_slice(bytes));
                self.large = Some(Box::pin(async move { peer.send_large(bytes, LARGE_PATIENCE).await }));
            }
            None => {}
        }
        ControlFlow::Continue(())
    }

    fn input(&mut self, datagram: &[u8]) -> ControlFlow<Ending> {
        let now = self.epoch.elapsed();
        if !self.limit.datagram(datagram.len(), now) {
            return ControlFlow::Break(CloseReason::RateLimited.into());
        }
        // Those on their way when a seat was left are no fault of the client's.
        let Some(seat) = &mut self.seat else { return ControlFlow::Continue(()) };
        let mut from = BitReader::new(datagram);
        let read = InputDatagram::<G::Input>::decode(&mut from).and_then(|read| from.finish().map(|()| read));
        let InputDatagram { ack, run } = match read {
            Ok(read) => read,
            Err(error) => {
                let sentence =
                    format!("The server could not read an input: {error}. Update the older of the two.");
                return ControlFlow::Break(Refusal { reason: CloseReason::Malformed, sentence }.into());
            }
        };
        seat.replicator.acknowledge(run.newest(), ack, now);
        let input = RoomCommand::Input { seat: seat.id(), arrived: Instant::now(), run };
        if !seat.joined.room.say(input) {
            self.services.metrics.inputs.dropped.inc();
        }
        ControlFlow::Continue(())
    }

    fn keep_house(&mut self) -> ControlFlow<Ending> {
        self.count_traffic();
        self.datagram_limit = self.peer.datagram_limit();
        if let Some(entry) = self.entry() {
            entry.set_rtt(self.peer.rtt());
        }
        let now = self.epoch.elapsed();
        if self.seat.as_ref().is_some_and(|seat| seat.replicator.silence(now) > SILENCE) {
            return ControlFlow::Break(CloseReason::Unresponsive.into());
        }
        ControlFlow::Continue(())
    }

    fn count_traffic(&mut self) {
        let now = self.peer.traffic();
        let before = std::mem::replace(&mut self.traffic, now);
        let metrics = &self.services.metrics;
        metrics.bytes.received.inc_by(now.bytes_received - before.bytes_received);
        metrics.bytes.sent.inc_by(now.bytes_sent - before.bytes_sent);
        metrics.datagrams.received.inc_by(now.datagrams_received - before.datagrams_received);
        metrics.datagrams.sent.inc_by(now.datagrams_sent - before.datagrams_sent);
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
    async fn end(mut self, ending: Ending) {
        self.stand_up();
        let was_welcome = self.entry.is_some();
        info!(reason = ending.name(), name = %self.name, "session ended");
        if was_welcome {
            self.services.metrics.disconnected(ending.name());
        } else {
            self.services.metrics.refused(ending.name());
        }
        match ending {
            Ending::Refused(refusal) => {
                let heard = timeout(Duration::from_millis(CLOSING_ACK_MS), self.say_why(&refusal)).await;
                debug!(heard = heard.is_ok(), "said why");
                self.peer.close(refusal.reason);
            }
            Ending::Left | Ending::Lost => self.peer.close(CloseReason::Left),
        }
        self.count_traffic();
    }

    /// quinn may not send the close code while its window is full, so the reason goes ahead on the control stream and is
    /// acknowledged there.
    async fn say_why(&mut self, refusal: &Refusal) {
        let sentence = Text::lossy(&refusal.sentence);
        if self.control.push(&ServerMessage::Closing { reason: refusal.reason, sentence }).is_err() {
            return;
        }
        loop {
            match self.control.drive().await {
                Ok(Driven::Sent) => {}
                Ok(Driven::Received) => {
                    while let Ok(Some(message)) = self.control.pop() {
                        if message == ClientMessage::ClosingSeen {
                            return;
                        }
                    }
                }
                Err(_) => return,
            }
        }
    }
}

impl<G: Game> Seat<G> {
    const fn id(&self) -> SeatId {
        self.joined.seated.seat
    }

    fn newest_frame(&mut self) -> Option<Arc<Frame<G::Entity>>> {
        self.joined.seated.frames.borrow_and_update().clone()
    }

    fn code<const MOST: usize>(&mut self, event: &G::Event) -> Option<List<u8, MOST>> {
        self.scratch.clear();
        event.encode(&mut self.scratch);
        List::new(self.scratch.finish().to_vec())
    }
}

fn roster_message(change: RosterChange) -> ServerMessage {
    match change {
        RosterChange::Taken { seat, name, bot } => ServerMessage::SeatTaken { seat, name, bot },
        RosterChange::Left { seat } => ServerMessage::SeatLeft { seat },
    }
}

/// Waits for a future that may not be there; never ready when it is not.
async fn if_some<F: Future>(future: Option<F>) -> Option<F::Output> {
    match future {
        Some(future) => Some(future.await),
        None => std::future::pending().await,
    }
}
