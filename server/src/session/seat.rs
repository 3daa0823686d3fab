//! A session's seat in a room: turns the room's events and frames into messages and snapshots for the peer, and the peer's datagrams into
//! inputs for the room.

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

/// A player's seat in a room, with the state of its replication. Dropping it frees the seat in the room.
pub(super) struct Seat<G: Game> {
    joined: JoinedSeat<G>,
    seat_epoch: SeatEpoch,
    replicator: Replicator<G::Entity>,
    clamp: RewindClamp,
    backlog: Backlog,
    /// The maximum number of input datagrams that the seat passes to the room between two frames. A link that recovers from a stall
    /// delivers many at once, of which the newest repeat the inputs of the others; and a flooding peer must not fill the room's inbox,
    /// which all seats share.
    max_inputs_per_frame: u32,
    /// The number of input datagrams that the seat may still pass to the room before the next frame.
    inputs_left: u32,
    /// The number of the newest frame that the session has taken.
    frame: Option<u32>,
    /// The number of frames that the session has skipped since the last [`Self::update_metrics`].
    skipped: u64,
    /// The sequence number of the next game event.
    next_sequence: u32,
    /// The messages that the peer has not acknowledged.
    pub(super) unacked: UnackedMessages,
    /// The tick at which the room was restored; `None` once the peer has shown that it knows of it, or if the room was not restored.
    restored: Option<Tick>,
    events_flag: WakeFlag,
}

/// An update of a seat by its room.
pub(super) enum SeatUpdate<G: Game> {
    /// An event of the room.
    Event(RoomEvent<G>),
    /// A newer frame is available.
    Frame,
    /// The room has taken the seat away, for this reason.
    Ended(CloseReason),
}

impl<G: Game> Seat<G> {
    /// Creates the session's end of a seat that was just taken. `send_rate` is the server's number of snapshots per second.
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

    /// Resumes a detached seat for its player, who has shown this ticket. The message sequence continues, and the snapshots start with a
    /// keyframe.
    pub(super) fn resume(detached: DetachedSeat<G>, ticket: TicketNumber, send_rate: u16) -> Self {
        let DetachedSeat { mut joined, seat_epoch, next_sequence, unacked, restored, .. } = detached;
        joined.handle.tick = joined.room.status().tick().max(joined.handle.tick);
        joined.handle.presence.set_returned(ticket);
        Self { next_sequence, unacked, restored, ..Self::new(joined, seat_epoch.next(), send_rate) }
    }

    /// Detaches the seat from its session, so that it can be held for the player with this name.
    pub(super) fn detach(self, name: Name) -> DetachedSeat<G> {
        let Self { joined, seat_epoch, next_sequence, unacked, restored, .. } = self;
        DetachedSeat { joined, name, seat_epoch, next_sequence, unacked, restored }
    }

    /// Takes the roster of the time when the seat was taken; empty after the first call, because the roster is sent once.
    pub(super) fn take_roster(&mut self) -> Vec<RosterChange> {
        std::mem::take(&mut self.joined.handle.roster)
    }

    /// Processes an acknowledgement of the seat's first `count` messages. It also shows that the peer knows at which tick the room was
    /// restored.
    ///
    /// # Errors
    /// When `count` is more than the number of messages sent, or less than in an earlier acknowledgement.
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
        self.joined.handle.occupation.seat
    }

    /// The message by which the peer learns of its seat.
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

    /// Waits for the next update. Events come before frames; if `takes_events` is false, they stay in the room's queue. Cancel-safe.
    pub(super) async fn next(&mut self, takes_events: bool) -> SeatUpdate<G> {
        let JoinedSeat { handle, .. } = &mut self.joined;
        let (events, flag) = (&mut handle.events, &mut self.events_flag);
        tokio::select! {
            biased;
            event = poll_fn(|cx| flag.poll(cx, |cx| events.poll_recv(cx))), if takes_events => match event {
                Some(event) => SeatUpdate::Event(event),
                // The reason is unset if the room's task ended without one.
                None => SeatUpdate::Ended(handle.ended.get().copied().unwrap_or(CloseReason::RoomClosed)),
            },
            // A seat whose event queue overflowed ends at once: the events that are still queued are followed by a gap.
            Ok(()) = handle.frames.changed() => match handle.ended.get() {
                Some(CloseReason::TooSlow) => SeatUpdate::Ended(CloseReason::TooSlow),
                _ => SeatUpdate::Frame,
            },
            // The room has ended, and its last events stay queued until the control stream has capacity for them.
            else => pending().await,
        }
    }

    /// Returns the message for an event of the room; `None` for a game event longer than `MAX_EVENT_BYTES`.
    pub(super) fn message(&mut self, event: RoomEvent<G>) -> Option<ServerMessage> {
        match event {
            RoomEvent::Game { tick, event } => {
                let Some(payload) = event.payload().cloned() else {
                    error!(event = ?event.get(), "game event exceeds MAX_EVENT_BYTES, not sent; the game has a defect");
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

    /// Encodes a snapshot of the newest frame; see [`Replicator::encode`]. Returns `None` as well before the room's first frame, and while
    /// two datagrams are queued. Allows the peer [`Self::max_inputs_per_frame`] more input datagrams. `now` is the time since the session's
    /// epoch.
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
        let seat = self.id();
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
    pub(super) fn update_metrics(&mut self, metrics: &Metrics) {
        metrics.snapshots.skipped.inc_by(std::mem::take(&mut self.skipped));
        metrics.snapshots_lost.inc_by(self.clamp.take_lost());
    }

    /// Passes an input datagram to the room. Returns the number of inputs that were dropped with it: all of them when the room's inbox was
    /// full, the room has ended, or the seat has used up its number of datagrams between two frames.
    ///
    /// # Errors
    /// When the datagram cannot be decoded.
    pub(super) fn input(&mut self, datagram: &[u8]) -> Result<usize, CloseNotice> {
        // A client sends empty datagrams while it waits for a seat, so that QUIC detects the loss of earlier packets sooner.
        if datagram.is_empty() {
            return Ok(0);
        }
        let mut from = BitReader::new(datagram);
        let read = InputDatagram::<G::Input>::decode(&mut from).and_then(|read| from.finish().map(|()| read));
        let InputDatagram { seat_epoch, ack, mut batch } = read.map_err(|error| CloseNotice {
            reason: CloseReason::Malformed,
            sentence: format!("The server could not read an input: {error}. Update the older of the two."),
        })?;
        // The client sent the datagram for its previous seat, before the message about this seat arrived.
        if seat_epoch != self.seat_epoch {
            return Ok(0);
        }
        // The client knows this epoch from the message that also contains the restored tick.
        self.restored = None;
        self.replicator.acknowledge(batch.newest(), ack);
        self.clamp.clamp(ack, &mut batch);
        let inputs = batch.iter().count();
        let Some(left) = self.inputs_left.checked_sub(1) else { return Ok(inputs) };
        self.inputs_left = left;
        let command =
            RoomCommand::Input { occupation: self.joined.handle.occupation, arrived: Instant::now(), batch };
        Ok(if self.joined.room.try_send(command) { 0 } else { inputs })
    }

    /// Sends a chat line to the room; a line without a visible character is not sent. Returns false if the line was dropped, because the
    /// room's inbox was full or the room has ended.
    #[must_use]
    pub(super) fn chat(&self, text: Text<MAX_CHAT_BYTES>) -> bool {
        let JoinedSeat { room, handle, .. } = &self.joined;
        text.is_empty() || room.try_send(RoomCommand::Chat { occupation: handle.occupation, text })
    }

    /// The time for which the peer has owed an acknowledgement of a snapshot; see [`Replicator::silence`].
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
