//! The session's seat in a room: turns events and frames into messages and snapshots for the peer, and datagrams into inputs for the room.

use std::{
    future::{pending, poll_fn},
    time::Duration,
};

use quarrel_shared::{
    bits::{BitReader, Bits},
    game::Game,
    id::{RoomId, SeatId},
    limits::MAX_CHAT_BYTES,
    protocol::{
        CloseReason, SeatEpoch, ServerMessage, TicketNumber, bounded::Text, datagram::InputDatagram,
        messages::Name,
    },
    tick::Tick,
};
use tokio::time::Instant;
use tracing::error;

use super::{
    backlog::Backlog,
    detached_seat::DetachedSeat,
    end::CloseNotice,
    replicator::{Replicator, Snapshot},
    rewind_clamp::RewindClamp,
    unacked::{AckError, UnackedMessages},
};
use crate::{
    lobby::directory::JoinedSeat,
    room::{RoomCommand, RoomEvent, state::RosterChange},
    telemetry::Metrics,
};
use quarrel_transport::wake::WakeFlag;

/// A seat in a room. Dropping it leaves the seat.
pub(super) struct Seat<G: Game> {
    joined: JoinedSeat<G>,
    seat_epoch: SeatEpoch,
    replicator: Replicator<G::Entity>,
    clamp: RewindClamp,
    backlog: Backlog,
    /// The maximum number of input datagrams that the seat passes to the room between two frames. A link that recovers from a stall
    /// delivers many at once, of which the newest repeat the others; and a flooding peer must not fill the inbox that all seats share.
    max_inputs_per_frame: u32,
    inputs_left: u32,
    /// The number of the newest frame taken.
    frame: Option<u32>,
    /// The number of frames skipped since the last [`Self::count_unseen`].
    skipped: u64,
    /// The number of the next event.
    next_sequence: u32,
    /// Messages that the peer has not acknowledged.
    pub(super) unacked: UnackedMessages,
    /// The tick at which the room was restored, until the peer has shown that it knows of it.
    restored: Option<Tick>,
    events_flag: WakeFlag,
}

/// An update of a seat by its room.
pub(super) enum SeatUpdate<G: Game> {
    /// An event.
    Event(RoomEvent<G>),
    /// A newer frame is available.
    Frame,
    /// The seat was taken away.
    Ended(CloseReason),
}

impl<G: Game> Seat<G> {
    pub(super) fn new(joined: JoinedSeat<G>, seat_epoch: SeatEpoch, send_rate: u16) -> Self {
        let rate = joined.room.status().rate;
        let ticks_per_frame = rate.ticks_per_send(send_rate);
        Self {
            joined,
            seat_epoch,
            replicator: Replicator::new(seat_epoch, rate),
            backlog: Backlog::default(),
            clamp: RewindClamp::new(rate, ticks_per_frame),
            max_inputs_per_frame: 4 * ticks_per_frame + 4,
            inputs_left: 4 * ticks_per_frame + 4,
            frame: None,
            skipped: 0,
            next_sequence: 0,
            unacked: UnackedMessages::default(),
            restored: None,
            events_flag: WakeFlag::new(),
        }
    }

    /// Resumes a detached seat for its player, who has shown this ticket: the messages continue, the snapshots start with a keyframe.
    pub(super) fn resume(detached: DetachedSeat<G>, ticket: TicketNumber, send_rate: u16) -> Self {
        let DetachedSeat { mut joined, seat_epoch, next_sequence, unacked, restored, .. } = detached;
        joined.handle.tick = joined.room.status().tick().max(joined.handle.tick);
        joined.handle.presence.set_returned(ticket);
        Self { next_sequence, unacked, restored, ..Self::new(joined, seat_epoch.next(), send_rate) }
    }

    /// Detaches the seat from its session.
    pub(super) fn detach(self, name: Name) -> DetachedSeat<G> {
        let Self { joined, seat_epoch, next_sequence, unacked, restored, .. } = self;
        DetachedSeat { joined, name, seat_epoch, next_sequence, unacked, restored }
    }

    /// Takes the roster at the time when the seat was taken, which is sent once.
    pub(super) fn take_roster(&mut self) -> Vec<RosterChange> {
        std::mem::take(&mut self.joined.handle.roster)
    }

    /// Processes an acknowledgement, which also shows that the peer knows at which tick the room was restored.
    ///
    /// # Errors
    /// When the number of messages is impossible.
    pub(super) fn ack(&mut self, count: u32) -> Result<(), AckError> {
        self.unacked.ack(count)?;
        self.restored = None;
        Ok(())
    }

    /// The epoch of this seat's datagrams.
    pub(super) const fn seat_epoch(&self) -> SeatEpoch {
        self.seat_epoch
    }

    pub(super) fn room(&self) -> RoomId {
        self.joined.room.id()
    }

    pub(super) const fn id(&self) -> SeatId {
        self.joined.handle.seat
    }

    /// The message that gives the peer its seat.
    pub(super) fn joined_message(&self) -> ServerMessage {
        ServerMessage::Joined {
            room: self.room(),
            seat: self.id(),
            seats: self.joined.room.status().seats,
            tick: self.joined.handle.tick,
            seat_epoch: self.seat_epoch,
            restored: self.restored,
        }
    }

    /// Waits for the next update, events before frames; without events if `takes_events` is false. Cancel-safe.
    pub(super) async fn next(&mut self, takes_events: bool) -> SeatUpdate<G> {
        let JoinedSeat { handle, .. } = &mut self.joined;
        let (events, flag) = (&mut handle.events, &mut self.events_flag);
        tokio::select! {
            biased;
            event = poll_fn(|cx| flag.poll(cx, |cx| events.poll_recv(cx))), if takes_events => match event {
                Some(event) => SeatUpdate::Event(event),
                // Unset if the room ended without a reason.
                None => SeatUpdate::Ended(handle.ended.get().copied().unwrap_or(CloseReason::RoomClosed)),
            },
            // A seat that was taken away because its event queue was full is gone, although events are still queued.
            Ok(()) = handle.frames.changed() => match handle.ended.get() {
                Some(CloseReason::TooSlow) => SeatUpdate::Ended(CloseReason::TooSlow),
                _ => SeatUpdate::Frame,
            },
            // The room has ended, and its last events wait until the control stream has capacity.
            else => pending().await,
        }
    }

    /// The message for an event of the room; `None` for a game event that is too long.
    pub(super) fn message(&mut self, event: RoomEvent<G>) -> Option<ServerMessage> {
        match event {
            RoomEvent::Game { tick, event } => {
                let Some(payload) = event.payload().cloned() else {
                    error!(event = ?event.get(), "event exceeds MAX_EVENT_BYTES, not sent; the game has a defect");
                    return None;
                };
                let sequence = self.next_sequence;
                self.next_sequence += 1;
                Some(ServerMessage::Event { sequence, tick, payload })
            }
            RoomEvent::Roster(change) => Some(roster_message(change)),
            RoomEvent::Chat { seat, text } => Some(ServerMessage::Chat { seat, text }),
        }
    }

    /// Encodes a snapshot of the newest frame; see [`Replicator::encode`]. `None` as well while two datagrams are queued.
    pub(super) fn snapshot(
        &mut self,
        limit: usize,
        queued_bytes: usize,
        stream_is_free: bool,
        now: Duration,
    ) -> Option<Snapshot<'_>> {
        self.inputs_left = self.max_inputs_per_frame;
        let frame = self.joined.handle.frames.borrow_and_update().clone()?;
        let advanced = self.frame.map_or(1, |last| frame.number().wrapping_sub(last));
        self.skipped += u64::from(advanced.saturating_sub(1));
        self.frame = Some(frame.number());
        if self.backlog.is_full(queued_bytes) {
            return None;
        }
        let seat = self.joined.handle.seat;
        let snapshot = self.replicator.encode(&frame, seat, limit, stream_is_free, now);
        if matches!(snapshot, Some(Snapshot::Small { .. } | Snapshot::Large(_))) {
            self.clamp.record_sent(frame.tick());
        }
        if let Some(Snapshot::Small { bytes, .. }) = &snapshot {
            self.backlog.record_sent(bytes.len());
        }
        snapshot
    }

    /// Adds the skipped frames and the lost snapshots since the last call to the metrics.
    pub(super) fn count_unseen(&mut self, metrics: &Metrics) {
        metrics.snapshots.skipped.inc_by(std::mem::take(&mut self.skipped));
        metrics.snapshots_lost.inc_by(self.clamp.take_lost());
    }

    /// Passes an input datagram to the room. Returns false when it was dropped, because the room's inbox or this seat's share of it was
    /// full.
    ///
    /// # Errors
    /// When the datagram cannot be decoded.
    pub(super) fn input(&mut self, datagram: &[u8]) -> Result<bool, CloseNotice> {
        // A client sends empty datagrams while it waits for a seat, so that losses are detected.
        if datagram.is_empty() {
            return Ok(true);
        }
        let mut from = BitReader::new(datagram);
        let read = InputDatagram::<G::Input>::decode(&mut from).and_then(|read| from.finish().map(|()| read));
        let InputDatagram { seat_epoch, ack, batch: mut run } = read.map_err(|error| CloseNotice {
            reason: CloseReason::Malformed,
            sentence: format!("The server could not read an input: {error}. Update the older of the two."),
        })?;
        // The datagram was sent for the previous seat, before the message about this one arrived.
        if seat_epoch != self.seat_epoch {
            return Ok(true);
        }
        // The client has this epoch from the message that also carries the restored tick.
        self.restored = None;
        self.replicator.acknowledge(run.newest(), ack);
        self.clamp.clamp(ack, &mut run);
        let Some(left) = self.inputs_left.checked_sub(1) else { return Ok(false) };
        self.inputs_left = left;
        Ok(self.joined.room.try_send(RoomCommand::Input {
            seat: self.id(),
            arrived: Instant::now(),
            batch: run,
        }))
    }

    /// Sends a chat line to the room; dropped when the room's inbox is full.
    pub(super) fn chat(&self, text: Text<MAX_CHAT_BYTES>) {
        let _ = self.joined.room.try_send(RoomCommand::Chat { seat: self.id(), text });
    }

    /// The time for which the peer has acknowledged no snapshot although some were sent.
    pub(super) fn silence(&self, now: Duration) -> Duration {
        self.replicator.silence(now)
    }
}

/// The message for a change of the roster.
pub(super) fn roster_message(change: RosterChange) -> ServerMessage {
    match change {
        RosterChange::Taken { seat, name, bot } => ServerMessage::SeatTaken { seat, name, bot },
        RosterChange::Left { seat } => ServerMessage::SeatLeft { seat },
    }
}
