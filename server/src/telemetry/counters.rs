//! Groups of counters: one metric each, with one counter for each value of its label.

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue},
    metrics::{counter::Counter, family::Family},
};

/// One counter per outcome of a seat's input.
pub struct InputCounters {
    /// Inputs applied at their tick. Each was counted as `early` when it arrived.
    pub used: Counter,
    /// Inputs that arrived after their tick had run.
    pub late: Counter,
    /// Inputs that arrived before their tick and were buffered.
    pub early: Counter,
    /// Inputs discarded because their tick was too far ahead to buffer them.
    pub future: Counter,
    /// Inputs that had been received before.
    pub duplicate: Counter,
    /// Inputs discarded before they reached the seat: the room's inbox was full, the room had ended, or the seat had sent too many datagrams
    /// since the last frame.
    pub dropped: Counter,
}

/// One counter per reason for which a held seat was freed before its hold ended.
pub struct FreedSeatCounters {
    /// The limit of held players was reached, and this player was held the longest.
    pub evicted: Counter,
    /// The seat's queue of events was full, so the room took the seat away.
    pub queue_full: Counter,
    /// The player returned, and messages that the client had not received were no longer kept.
    pub messages_lost: Counter,
}

/// One counter per reason for which a chat line was dropped.
pub struct DroppedChatCounters {
    /// Lines above the sender's rate.
    pub rate_limited: Counter,
    /// Lines that the room's inbox had no room for.
    pub room_busy: Counter,
    /// Too many lines of the room waited for their delivery.
    pub room_limit: Counter,
    /// Chat is off.
    pub off: Counter,
    /// Lines that were not delivered to one seat because its queue was too full, counted for each such seat.
    pub seat_queue_full: Counter,
}

/// One counter per outcome of a frame for one player.
pub struct SnapshotCounters {
    /// Frames sent completely, as one datagram.
    pub datagram: Counter,
    /// Frames sent as a datagram with some of the entity updates; the others are deferred.
    pub part: Counter,
    /// Frames sent on a stream of their own.
    pub stream: Counter,
    /// Frames not sent: the player has acknowledged no baseline yet, the last large snapshot is still on its way, two datagrams are still
    /// queued, or the snapshot is too large for the path or for a stream.
    pub held: Counter,
    /// Frames not encoded because a newer frame had replaced them before the session was ready.
    pub skipped: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReasonLabel {
    pub(super) reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct DirectionLabel {
    pub(super) direction: TrafficDirection,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the names are the label values that Prometheus shows")]
pub(super) enum TrafficDirection {
    received,
    sent,
}

/// The label of input and snapshot outcomes. Prometheus shows the field's name, so it must not be renamed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct OutcomeLabel {
    fate: &'static str,
}

impl InputCounters {
    pub(super) fn new(family: &Family<OutcomeLabel, Counter>) -> Self {
        let handle = |fate| family.get_or_create_owned(&OutcomeLabel { fate });
        Self {
            used: handle("used"),
            late: handle("late"),
            early: handle("early"),
            future: handle("future"),
            duplicate: handle("duplicate"),
            dropped: handle("dropped"),
        }
    }
}

impl FreedSeatCounters {
    pub(super) fn new(family: &Family<ReasonLabel, Counter>) -> Self {
        let handle = |reason| family.get_or_create_owned(&ReasonLabel { reason });
        Self {
            evicted: handle("evicted"),
            queue_full: handle("queue_full"),
            messages_lost: handle("messages_lost"),
        }
    }
}

impl DroppedChatCounters {
    pub(super) fn new(family: &Family<ReasonLabel, Counter>) -> Self {
        let handle = |reason| family.get_or_create_owned(&ReasonLabel { reason });
        Self {
            rate_limited: handle("rate_limited"),
            room_busy: handle("room_busy"),
            room_limit: handle("room_limit"),
            off: handle("off"),
            seat_queue_full: handle("seat_queue_full"),
        }
    }
}

impl SnapshotCounters {
    pub(super) fn new(family: &Family<OutcomeLabel, Counter>) -> Self {
        let handle = |fate| family.get_or_create_owned(&OutcomeLabel { fate });
        Self {
            datagram: handle("datagram"),
            part: handle("part"),
            stream: handle("stream"),
            held: handle("held"),
            skipped: handle("skipped"),
        }
    }
}
