//! The replicator: encodes a room's frames as snapshots for one seat. Has no I/O; the caller passes the time.
//!
//! A frame has all entities of a tick, and the seat's *view* has those of them that the seat may see (interest management). A snapshot is
//! the delta between the view and the *baseline*, which is the newest view that the client has acknowledged. Without a baseline (before the
//! first acknowledgement, when the client has lost its views, or when the baseline is too old) the snapshot is a keyframe: the complete
//! view. Keyframes are sent at most once a second, so that a client that does not acknowledge does not receive complete views at the send
//! rate.
//!
//! Keyframes are sent on streams, and other snapshots in datagrams. Entity updates that do not fit into a datagram are deferred by the
//! [`PriorityAccumulator`]. When one that must not be deferred does not fit, the complete view is sent on a stream. Until the client has
//! acknowledged that view or the stream has ended, no updates are deferred: a datagram with a part of them must not overtake the view.

use std::time::Duration;

use quarrel_shared::{
    bits::{BitWriter, Bits},
    game::{Entity, Viewpoint},
    id::SeatId,
    limits::MAX_KEYFRAME_BYTES,
    protocol::{
        SeatEpoch,
        datagram::{SnapshotAck, SnapshotHeader},
    },
    snapshot::{Frame, Interest, SentHistory, View, diff},
    tick::{Tick, TickRate},
};

use super::priority::PriorityAccumulator;

/// The minimum time between two keyframes.
const KEYFRAME_PERIOD: Duration = Duration::from_secs(1);

/// The replication state of one seat.
#[derive(Debug)]
pub struct Replicator<E> {
    seat_epoch: SeatEpoch,
    interest: Interest,
    history: SentHistory<E>,
    priority: PriorityAccumulator,
    out: BitWriter,
    /// The length of the snapshot header in `out`, in bits.
    header_bits: usize,
    /// The tick of the last snapshot that was sent on a stream.
    last_large: Tick,
    /// The time of the last keyframe; `None` before the first.
    keyframe_at: Option<Duration>,
    /// The newest input tick of all received datagrams. A datagram with an older one was most likely reordered by the network.
    newest_input: Tick,
    /// The time of the first snapshot after the last acknowledgement of a newer view; `None` if no snapshot was sent since.
    unacked_since: Option<Duration>,
    /// Whether [`Snapshot::Oversize`] was returned already.
    has_reported_oversize: bool,
}

/// An encoded snapshot, by the way in which to send it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snapshot<'a> {
    /// A snapshot to send as a datagram.
    Small {
        /// The datagram.
        bytes: &'a [u8],
        /// The number of entities whose updates are deferred to a later snapshot.
        deferred: u32,
    },
    /// A keyframe, or a snapshot that does not fit a datagram, to send on a stream of its own.
    Large(&'a [u8]),
    /// No snapshot: it would take this many bytes, more than [`MAX_KEYFRAME_BYTES`]. Returned only the first time.
    Oversize(usize),
}

impl<E: Entity> Replicator<E> {
    /// Creates the state of a client that has no view of this seat yet, in a room with this tick rate.
    #[must_use]
    pub fn new(seat_epoch: SeatEpoch, rate: TickRate) -> Self {
        Self {
            seat_epoch,
            interest: Interest::new(),
            history: SentHistory::new(rate),
            priority: PriorityAccumulator::new(),
            out: BitWriter::new(),
            header_bits: 0,
            last_large: Tick(0),
            keyframe_at: None,
            newest_input: Tick(0),
            unacked_since: None,
            has_reported_oversize: false,
        }
    }

    /// Processes the acknowledgement of an input datagram whose newest input is for the tick `input`. Without an acknowledgement (`None`)
    /// the client reports that it has no view.
    pub fn acknowledge(&mut self, input: Tick, ack: Option<SnapshotAck>) {
        let is_reordered = input < self.newest_input;
        self.newest_input = self.newest_input.max(input);
        match ack {
            // Acknowledgements are ordered by the ticks of the views and not by those of the inputs, because a client may set its clock
            // back.
            Some(ack) if self.history.acknowledge(ack.newest) => self.unacked_since = None,
            Some(_) => {}
            // The client has lost its views. Before its first view it reports none either, but then there is no baseline to drop.
            None if self.history.is_acknowledged() && !is_reordered => self.history.forget(),
            None => {}
        }
    }

    /// The time since the first snapshot that the client should have acknowledged and has not; zero if all are acknowledged.
    #[must_use]
    pub fn silence(&self, now: Duration) -> Duration {
        self.unacked_since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }

    /// Encodes the snapshot of this frame for this seat: in at most `limit` bytes for a datagram, or for a stream if `stream_is_free`.
    /// Returns `None` when there is nothing to send: the seat is empty, a keyframe is not due yet, the snapshot needs a stream and none is
    /// free, or it is too large and was reported before. `now` is a duration since the caller's epoch.
    pub fn encode(
        &mut self,
        frame: &Frame<E>,
        seat: SeatId,
        limit: usize,
        stream_is_free: bool,
        now: Duration,
    ) -> Option<Snapshot<'_>> {
        let seat_frame = frame.seat(seat)?;
        let tick = frame.tick();
        let baseline = self.history.baseline(tick).map(|view| view.tick);
        if baseline.is_none() && !(stream_is_free && self.may_send_keyframe(now)) {
            return None;
        }
        let mut view = self.history.spare();
        self.interest.pick(frame, seat, &mut view);
        let header = SnapshotHeader {
            seat_epoch: self.seat_epoch,
            tick,
            baseline,
            margin: seat_frame.margin,
            used: seat_frame.used,
        };
        let mut deferred = 0;
        let mut bytes = self.write(&header, &view);
        if bytes > limit && self.may_defer(baseline, stream_is_free) {
            deferred = self.defer(&mut view, seat, &seat_frame.viewpoint, limit);
            if deferred > 0 {
                bytes = self.write(&header, &view);
            }
        }
        let is_keyframe = baseline.is_none();
        if is_keyframe {
            self.keyframe_at = Some(now);
        }
        if bytes > MAX_KEYFRAME_BYTES {
            self.history.recycle(view);
            return self.report_oversize(bytes);
        }
        let is_large = is_keyframe || bytes > limit;
        if is_large && !stream_is_free {
            self.history.recycle(view);
            return None;
        }
        self.record(view, is_large, deferred, now);
        let bytes = self.out.finish();
        Some(if is_large { Snapshot::Large(bytes) } else { Snapshot::Small { bytes, deferred } })
    }

    /// Writes the snapshot of this view to `out`, and returns its length in bytes.
    fn write(&mut self, header: &SnapshotHeader, view: &View<E>) -> usize {
        self.out.clear();
        header.encode(&mut self.out);
        self.header_bits = self.out.len_bits();
        diff(self.history.baseline(header.tick), view, &mut self.out);
        self.out.finish().len()
    }

    /// Whether updates may be deferred: never from a keyframe, and not while a snapshot on a stream, which is not the baseline yet, is on
    /// its way.
    fn may_defer(&self, baseline: Option<Tick>, stream_is_free: bool) -> bool {
        baseline.is_some_and(|baseline| stream_is_free || baseline >= self.last_large)
    }

    /// Records that the snapshot of this view is sent.
    fn record(&mut self, view: View<E>, is_large: bool, deferred: u32, now: Duration) {
        if is_large {
            self.last_large = view.tick;
        }
        if deferred == 0 {
            self.priority.record_complete(view.tick);
        }
        self.history.push(view);
        self.unacked_since.get_or_insert(now);
    }

    /// Returns the size of a snapshot that is too large for a stream, the first time.
    fn report_oversize(&mut self, bytes: usize) -> Option<Snapshot<'_>> {
        let is_first = !std::mem::replace(&mut self.has_reported_oversize, true);
        is_first.then_some(Snapshot::Oversize(bytes))
    }

    /// Removes updates from `view` until its snapshot fits `limit` bytes, and returns the number of deferred entities. Returns 0 and leaves
    /// the view unchanged when the complete view must be sent.
    fn defer(&mut self, view: &mut View<E>, seat: SeatId, viewpoint: &Viewpoint, limit: usize) -> u32 {
        let Some(base) = self.history.baseline(view.tick) else { return 0 };
        let bits = (limit * 8).saturating_sub(self.header_bits);
        self.priority.fit(base, view, seat, viewpoint, bits).unwrap_or(0)
    }

    /// Returns true if [`KEYFRAME_PERIOD`] has passed since the last keyframe.
    fn may_send_keyframe(&self, now: Duration) -> bool {
        self.keyframe_at.is_none_or(|at| now.saturating_sub(at) >= KEYFRAME_PERIOD)
    }
}

#[cfg(test)]
mod tests {
    use quarrel_shared::{
        bits::BitReader,
        crowd::{Crowd, CrowdSettings, Walker},
        game::{Game as _, Occupant, Outbox, Setup},
        journal::{Entries, SeatChange},
        snapshot::{SeatFrame, apply},
    };

    use super::*;

    const SEATS: u16 = 40;
    const PERIOD: Duration = Duration::from_millis(33);

    /// A crowd of walkers, the replicator of seat 0, and the views of a client that receives the snapshots that a test delivers.
    struct Link {
        crowd: Crowd,
        tick: u32,
        replicator: Replicator<Walker>,
        views: Vec<View<Walker>>,
    }

    impl Link {
        fn new() -> Self {
            let setup =
                Setup { settings: CrowdSettings {}, seed: 3, seats: SEATS, tick_rate: TickRate::default() };
            let mut entries = Entries::idle(SEATS);
            entries.changes =
                (0..SEATS).map(|seat| SeatChange::Taken(SeatId(seat), Occupant::Player)).collect();
            let mut crowd = Crowd::new(&setup);
            entries.apply(&mut crowd, Tick(1), TickRate::DEFAULT, &mut Outbox::new());
            let replicator = Replicator::new(SeatEpoch::FIRST, TickRate::default());
            Self { crowd, tick: 1, replicator, views: Vec::new() }
        }

        fn now(&self) -> Duration {
            PERIOD * self.tick
        }

        /// Steps the crowd and sends a snapshot to seat 0, which the client receives if `arrives`. Returns the snapshot's size and whether
        /// it is a keyframe.
        fn step(&mut self, arrives: bool) -> Option<(usize, bool)> {
            self.tick += 1;
            Entries::idle(SEATS).apply(
                &mut self.crowd,
                Tick(self.tick),
                TickRate::DEFAULT,
                &mut Outbox::new(),
            );
            let seats = (0..SEATS)
                .map(|seat| {
                    Some(SeatFrame { viewpoint: self.crowd.view(SeatId(seat)), ..SeatFrame::default() })
                })
                .collect();
            let frame = Frame::new(Tick(self.tick), self.crowd.entities(), seats);
            let now = self.now();
            let (Snapshot::Small { bytes, .. } | Snapshot::Large(bytes)) =
                self.replicator.encode(&frame, SeatId(0), 1100, true, now)?
            else {
                panic!("forty walkers fit a keyframe");
            };
            let mut from = BitReader::new(bytes);
            let header = SnapshotHeader::decode(&mut from).unwrap();
            let sent = (bytes.len(), header.baseline.is_none());
            if arrives {
                let base =
                    header.baseline.map(|tick| self.views.iter().find(|view| view.tick == tick).unwrap());
                let mut view = View::default();
                apply(base, header.tick, &mut from, &mut view).unwrap();
                from.finish().unwrap();
                assert_eq!(view.entities, frame.entities(), "all walkers are among the nearest 64");
                self.views.push(view);
            }
            Some(sent)
        }

        fn acknowledge(&mut self, tick: u32) {
            let ack = Some(SnapshotAck { newest: Tick(tick), history: 0 });
            self.replicator.acknowledge(Tick(self.tick), ack);
        }
    }

    #[test]
    fn an_acknowledged_view_becomes_the_baseline_and_snapshots_shrink() {
        let mut link = Link::new();
        let (full, keyframe) = link.step(true).unwrap();
        assert!(keyframe);
        link.acknowledge(link.tick);
        let (small, keyframe) = link.step(true).unwrap();
        assert!(!keyframe && small * 5 < full, "{small} bytes after {full}");
    }

    #[test]
    fn a_snapshot_after_lost_ones_yields_the_complete_view() {
        let mut link = Link::new();
        link.step(true);
        link.acknowledge(link.tick);
        for round in 0..100 {
            link.step(round % 3 == 0);
            if round % 9 == 0 {
                link.acknowledge(link.views.last().unwrap().tick.0);
            }
        }
    }

    #[test]
    fn a_client_that_never_acknowledges_gets_one_keyframe_a_second() {
        let mut link = Link::new();
        let sent: Vec<_> = (0..300).filter_map(|_| link.step(false)).collect();
        assert!(sent.iter().all(|(_, keyframe)| *keyframe));
        assert!((9..=11).contains(&sent.len()), "{} in ten seconds", sent.len());
        assert!(link.replicator.silence(link.now()) >= Duration::from_secs(9));
    }

    #[test]
    fn a_client_that_lost_its_baseline_gets_a_keyframe() {
        let mut link = Link::new();
        link.step(true);
        link.acknowledge(link.tick);
        link.step(true);
        link.replicator.acknowledge(Tick(link.tick), None);
        let next = (0..31).find_map(|_| link.step(true));
        assert!(next.is_some_and(|(_, keyframe)| keyframe), "the client reported that it has no view");
    }

    #[test]
    fn a_client_that_repeatedly_loses_its_baseline_gets_at_most_one_keyframe_a_second() {
        let mut link = Link::new();
        let mut keyframes = 0;
        for _ in 0..300 {
            if let Some((_, true)) = link.step(true) {
                keyframes += 1;
                link.acknowledge(link.tick);
            }
            link.replicator.acknowledge(Tick(link.tick), None);
        }
        assert!((9..=11).contains(&keyframes), "{keyframes} in ten seconds");
    }

    #[test]
    fn a_reordered_datagram_without_an_acknowledgement_is_ignored() {
        let mut link = Link::new();
        link.step(true);
        link.acknowledge(link.tick);
        link.replicator.acknowledge(Tick(link.tick - 1), None);
        assert!(!link.step(true).unwrap().1, "a newer datagram had acknowledged a view");
    }

    #[test]
    fn acknowledgements_are_used_after_the_client_has_set_its_clock_back() {
        let mut link = Link::new();
        link.step(true);
        // The client's clock is three seconds ahead, as after a stall of this server; then the client corrects it.
        let ack = Some(SnapshotAck { newest: Tick(link.tick), history: 0 });
        link.replicator.acknowledge(Tick(link.tick + 90), ack);
        for _ in 0..85 {
            assert!(link.step(true).is_some_and(|(_, keyframe)| !keyframe), "every frame is sent as a delta");
            link.acknowledge(link.tick);
        }
    }
}
