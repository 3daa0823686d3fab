//! The seat that a session holds: news of the room on their way to the peer, inputs on their way to the room.

use std::{
    future::{pending, poll_fn},
    time::Duration,
};

use quarrel_shared::{
    bits::{BitReader, BitWriter, Bits},
    game::Game,
    id::{RoomId, SeatId},
    limits::MAX_CHAT_BYTES,
    protocol::{
        CloseReason, SeatEpoch, ServerMessage, TicketNumber,
        bounded::{List, Text},
        datagram::InputDatagram,
        messages::Name,
    },
    tick::Tick,
};
use tokio::time::Instant;
use tracing::error;

use super::{
    backlog::Backlog,
    ending::Refusal,
    kept::KeptSeat,
    news::{News, NewsError},
    replicator::{Replicator, Snapshot},
    sight::Sight,
};
use crate::{
    gate::Gate,
    lobby::directory::Joined,
    room::{RoomCommand, RoomEvent, state::RosterChange},
    telemetry::Metrics,
};

/// A seat in a room. Dropping it stands up.
pub(super) struct Seat<G: Game> {
    joined: Joined<G>,
    seat_epoch: SeatEpoch,
    replicator: Replicator<G::Entity>,
    sight: Sight,
    backlog: Backlog,
    /// How many input datagrams one seat may put into the room's inbox between two frames. A link that stalled delivers many at once,
    /// and the newest of them repeat the others; a peer that floods must not fill the inbox that all seats share.
    inputs_per_frame: u32,
    inputs_left: u32,
    /// The newest frame that was looked at, and how many were missed since [`Self::count_unseen`].
    frame: Option<u32>,
    missed: u64,
    /// The next event's number.
    sequence: u32,
    /// What the peer was told and may not have heard.
    pub(super) news: News,
    /// At which tick its room was brought back, until the peer has shown that it knows of it.
    restored: Option<Tick>,
    scratch: BitWriter,
    events: Gate,
}

/// What a seat hears.
pub(super) enum SeatNews<G: Game> {
    /// A fact.
    Event(RoomEvent<G>),
    /// There is a newer frame.
    Frame,
    /// The seat is gone.
    Ended(CloseReason),
}

impl<G: Game> Seat<G> {
    pub(super) fn new(joined: Joined<G>, seat_epoch: SeatEpoch, send_rate: u16) -> Self {
        let rate = joined.room.status().rate;
        let ticks_per_frame = rate.ticks_per_send(send_rate);
        Self {
            joined,
            seat_epoch,
            replicator: Replicator::new(seat_epoch, rate),
            backlog: Backlog::default(),
            sight: Sight::new(rate, ticks_per_frame),
            inputs_per_frame: 4 * ticks_per_frame + 4,
            inputs_left: 4 * ticks_per_frame + 4,
            frame: None,
            missed: 0,
            sequence: 0,
            news: News::default(),
            restored: None,
            scratch: BitWriter::new(),
            events: Gate::new(),
        }
    }

    /// A seat that another session had: its story goes on, its snapshots begin anew. Its player has shown this ticket.
    pub(super) fn back(kept: KeptSeat<G>, ticket: TicketNumber, send_rate: u16) -> Self {
        let KeptSeat { mut joined, seat_epoch, sequence, news, restored, .. } = kept;
        joined.seated.tick = joined.room.status().tick().max(joined.seated.tick);
        joined.seated.presence.come_back(ticket);
        Self { sequence, news, restored, ..Self::new(joined, seat_epoch.next(), send_rate) }
    }

    /// What another session needs to go on with it.
    pub(super) fn keep(self, name: Name) -> KeptSeat<G> {
        let Self { joined, seat_epoch, sequence, news, restored, .. } = self;
        KeptSeat { joined, name, seat_epoch, sequence, news, restored }
    }

    /// Who sat there when the seat was given, which is told once.
    pub(super) fn take_roster(&mut self) -> Vec<RosterChange> {
        std::mem::take(&mut self.joined.seated.roster)
    }

    /// The peer has heard so many messages, and so knows where the story began.
    ///
    /// # Errors
    /// When that cannot be.
    pub(super) fn hear(&mut self, count: u32) -> Result<(), NewsError> {
        self.news.hear(count)?;
        self.restored = None;
        Ok(())
    }

    /// What this seat's datagrams are marked with.
    pub(super) const fn seat_epoch(&self) -> SeatEpoch {
        self.seat_epoch
    }

    pub(super) fn room(&self) -> RoomId {
        self.joined.room.id()
    }

    pub(super) const fn id(&self) -> SeatId {
        self.joined.seated.seat
    }

    /// What the peer is told of its new seat.
    pub(super) fn joined_message(&self) -> ServerMessage {
        ServerMessage::Joined {
            room: self.room(),
            seat: self.id(),
            seats: self.joined.room.status().seats,
            tick: self.joined.seated.tick,
            seat_epoch: self.seat_epoch,
            restored: self.restored,
        }
    }

    /// The next news, facts before frames; no facts when there is no room for them. Cancel-safe.
    pub(super) async fn next(&mut self, takes_facts: bool) -> SeatNews<G> {
        let Joined { seated, .. } = &mut self.joined;
        let (events, gate) = (&mut seated.events, &self.events);
        tokio::select! {
            biased;
            event = poll_fn(|cx| gate.poll(cx, |cx| events.poll_recv(cx))), if takes_facts => match event {
                Some(event) => SeatNews::Event(event),
                // Unset when the room vanished without a word.
                None => SeatNews::Ended(seated.ended.get().copied().unwrap_or(CloseReason::RoomClosed)),
            },
            // A seat that was given up for facts that piled up is gone, though some of those still wait here.
            Ok(()) = seated.frames.changed() => match seated.ended.get() {
                Some(CloseReason::TooSlow) => SeatNews::Ended(CloseReason::TooSlow),
                _ => SeatNews::Frame,
            },
            // The room is gone, and what it said last waits until there is room for it.
            else => pending().await,
        }
    }

    /// A fact of the room as the peer is told it.
    pub(super) fn message(&mut self, event: RoomEvent<G>) -> Option<ServerMessage> {
        match event {
            RoomEvent::Game { tick, event } => {
                self.scratch.clear();
                event.encode(&mut self.scratch);
                let Some(payload) = List::new(self.scratch.finish().to_vec()) else {
                    error!(
                        ?event,
                        "an event is longer than MAX_EVENT_BYTES and was not sent; the game has a fault"
                    );
                    return None;
                };
                let sequence = self.sequence;
                self.sequence += 1;
                Some(ServerMessage::Event { sequence, tick, payload })
            }
            RoomEvent::Roster(change) => Some(roster_message(change)),
            RoomEvent::Chat { seat, text } => Some(ServerMessage::Chat { seat, text }),
        }
    }

    /// The newest frame as this seat is shown it; see [`Replicator::encode`]. Nothing while two ticks of datagrams wait to be sent.
    pub(super) fn snapshot(
        &mut self,
        limit: usize,
        waiting_bytes: usize,
        stream_is_free: bool,
        now: Duration,
    ) -> Option<Snapshot<'_>> {
        self.inputs_left = self.inputs_per_frame;
        let frame = self.joined.seated.frames.borrow_and_update().clone()?;
        let passed = self.frame.map_or(1, |last| frame.number().wrapping_sub(last));
        self.missed += u64::from(passed.saturating_sub(1));
        self.frame = Some(frame.number());
        if self.backlog.is_full(waiting_bytes) {
            return None;
        }
        let seat = self.joined.seated.seat;
        let snapshot = self.replicator.encode(&frame, seat, limit, stream_is_free, now);
        if matches!(snapshot, Some(Snapshot::Small { .. } | Snapshot::Large(_))) {
            self.sight.sent(frame.tick());
        }
        if let Some(Snapshot::Small { bytes, .. }) = &snapshot {
            self.backlog.sent(bytes.len());
        }
        snapshot
    }

    /// Counts the frames that came and went unlooked at, and the snapshots that were sent and never seen, since the last time.
    pub(super) fn count_unseen(&mut self, metrics: &Metrics) {
        metrics.snapshots.skipped.inc_by(std::mem::replace(&mut self.missed, 0));
        metrics.snapshots_lost.inc_by(self.sight.take_lost());
    }

    /// An input datagram goes to the room; false when it was dropped: the room's inbox or this seat's share of it was full.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn input(&mut self, datagram: &[u8]) -> Result<bool, Refusal> {
        // Sent while the seat was awaited, so that losses are found: it has done its work by coming.
        if datagram.is_empty() {
            return Ok(true);
        }
        let mut from = BitReader::new(datagram);
        let read = InputDatagram::<G::Input>::decode(&mut from).and_then(|read| from.finish().map(|()| read));
        let InputDatagram { seat_epoch, ack, batch: mut run } = read.map_err(|error| Refusal {
            reason: CloseReason::Malformed,
            sentence: format!("The server could not read an input: {error}. Update the older of the two."),
        })?;
        // It was meant for the seat before this one, and crossed the message that gave this one.
        if seat_epoch != self.seat_epoch {
            return Ok(true);
        }
        // It has its marks from the message that tells where the story begins.
        self.restored = None;
        self.replicator.acknowledge(run.newest(), ack);
        self.sight.clamp(ack, &mut run);
        let Some(left) = self.inputs_left.checked_sub(1) else { return Ok(false) };
        self.inputs_left = left;
        Ok(self.joined.room.say(RoomCommand::Input { seat: self.id(), arrived: Instant::now(), run }))
    }

    /// Says something to the room, which may be too busy to hear a joke.
    pub(super) fn chat(&self, text: Text<MAX_CHAT_BYTES>) {
        let _ = self.joined.room.say(RoomCommand::Chat { seat: self.id(), text });
    }

    /// For how long the peer has acknowledged nothing new.
    pub(super) fn silence(&self, now: Duration) -> Duration {
        self.replicator.silence(now)
    }
}

/// A change of the roster as the peer is told it.
pub(super) fn roster_message(change: RosterChange) -> ServerMessage {
    match change {
        RosterChange::Taken { seat, name, bot } => ServerMessage::SeatTaken { seat, name, bot },
        RosterChange::Left { seat } => ServerMessage::SeatLeft { seat },
    }
}
