//! Frames to snapshots: interest, baseline, delta, bytes. Pure; one for each seat that a session holds.
//!
//! A snapshot is a delta against the newest view that the client has acknowledged. Before the first acknowledgement, and when the
//! baseline is too old, it is a keyframe, and those go at most once a second: a peer that does not acknowledge is never fed full
//! views at the send rate.
//!
//! What does not fit a datagram waits by [`Budget`]'s rule. When that cannot hold its bound, the view goes whole on a stream, and
//! until that has arrived no datagram with less in it may overtake it.

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

use super::budget::Budget;

/// How long a keyframe has to be acknowledged before the next one may go.
const KEYFRAME_PATIENCE: Duration = Duration::from_secs(1);

/// What one client is sent.
#[derive(Debug)]
pub struct Replicator<E> {
    seat_epoch: SeatEpoch,
    interest: Interest,
    history: SentHistory<E>,
    budget: Budget,
    out: BitWriter,
    /// How much of `out` is its header.
    head_bits: usize,
    /// The tick of the last view that went on a stream.
    large: Tick,
    /// When the last keyframe went.
    keyframe_at: Option<Duration>,
    /// The newest input that brought an acknowledgement: later ones overtake earlier ones on the way.
    heard: Tick,
    /// When the oldest snapshot was sent that the client could have acknowledged and has not.
    waiting_since: Option<Duration>,
    /// Whether the game was already blamed for a view that fits nowhere.
    blamed: bool,
}

/// A snapshot, and how it is to travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snapshot<'a> {
    /// By datagram.
    Small {
        /// The datagram.
        bytes: &'a [u8],
        /// How many entities' news wait for a later one.
        waiting: u32,
    },
    /// On a stream of its own.
    Large(&'a [u8]),
    /// Not at all: the game shows more than [`MAX_KEYFRAME_BYTES`]. Said once.
    Oversize(usize),
}

impl<E: Entity> Replicator<E> {
    /// For a client that has nothing of this seat yet, in a room of this rate.
    #[must_use]
    pub fn new(seat_epoch: SeatEpoch, rate: TickRate) -> Self {
        Self {
            seat_epoch,
            interest: Interest::new(),
            history: SentHistory::new(rate),
            budget: Budget::new(),
            out: BitWriter::new(),
            head_bits: 0,
            large: Tick(0),
            keyframe_at: None,
            heard: Tick(0),
            waiting_since: None,
            blamed: false,
        }
    }

    /// The client says what it has, in a datagram whose newest input is for `input`.
    pub fn acknowledge(&mut self, input: Tick, ack: Option<SnapshotAck>) {
        let is_overtaken = input < self.heard;
        self.heard = self.heard.max(input);
        match ack {
            // Acknowledgements are in order by what they are of: a clock may be set back, a view never is.
            Some(ack) if self.history.acknowledge(ack.newest) => self.waiting_since = None,
            Some(_) => {}
            // What it had is lost to it. Before its first view it says so too, and then there is nothing to forget.
            None if self.history.is_acknowledged() && !is_overtaken => self.history.forget(),
            None => {}
        }
    }

    /// For how long the client has acknowledged nothing of what it was sent.
    #[must_use]
    pub fn silence(&self, now: Duration) -> Duration {
        self.waiting_since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }

    /// The snapshot of this frame for this seat, in at most `limit` bytes or else on a stream, if one may be used. `None`: nothing
    /// can be sent this time. `now` is a duration since an epoch of the caller's.
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
        let baseline = self.history.baseline(tick);
        let is_keyframe = baseline.is_none();
        if is_keyframe && !(stream_is_free && self.may_send_keyframe(now)) {
            return None;
        }
        let baseline_tick = baseline.map(|view| view.tick);
        let mut view = self.history.spare();
        self.interest.pick(frame, seat, &mut view);
        let header = SnapshotHeader {
            seat_epoch: self.seat_epoch,
            tick,
            baseline: baseline_tick,
            margin: seat_frame.margin,
            used: seat_frame.used,
        };
        let mut waiting = 0;
        let mut bytes = self.write(&header, &view);
        let overtakes = !stream_is_free && baseline_tick.is_some_and(|baseline| baseline < self.large);
        if bytes > limit && !is_keyframe && !overtakes {
            waiting = self.hold_back(&mut view, seat, &seat_frame.viewpoint, limit);
            if waiting > 0 {
                bytes = self.write(&header, &view);
            }
        }
        if is_keyframe {
            self.keyframe_at = Some(now);
        }
        if bytes > MAX_KEYFRAME_BYTES {
            self.history.recycle(view);
            let first = !std::mem::replace(&mut self.blamed, true);
            return first.then_some(Snapshot::Oversize(bytes));
        }
        let large = is_keyframe || bytes > limit;
        if large && !stream_is_free {
            self.history.recycle(view);
            return None;
        }
        if large {
            self.large = tick;
        }
        if waiting == 0 {
            self.budget.whole(tick);
        }
        self.history.push(view);
        self.waiting_since.get_or_insert(now);
        let bytes = self.out.finish();
        Some(if large { Snapshot::Large(bytes) } else { Snapshot::Small { bytes, waiting } })
    }

    /// Writes the snapshot of this view and says how many bytes it takes.
    fn write(&mut self, header: &SnapshotHeader, view: &View<E>) -> usize {
        self.out.clear();
        header.encode(&mut self.out);
        self.head_bits = self.out.len_bits();
        diff(self.history.baseline(header.tick), view, &mut self.out);
        self.out.finish().len()
    }

    /// Leaves in `view` what fits `limit` bytes and says how many entities wait; 0 when it must go whole.
    fn hold_back(&mut self, view: &mut View<E>, seat: SeatId, viewpoint: &Viewpoint, limit: usize) -> u32 {
        let Some(base) = self.history.baseline(view.tick) else { return 0 };
        let bits = (limit * 8).saturating_sub(self.head_bits);
        self.budget.fit(base, view, seat, viewpoint, bits).unwrap_or(0)
    }

    fn may_send_keyframe(&self, now: Duration) -> bool {
        self.keyframe_at.is_none_or(|at| now.saturating_sub(at) >= KEYFRAME_PATIENCE)
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

    /// A crowd that walks, and a client that hears what the test lets through.
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

        /// Steps, and sends seat 0 its snapshot; gives its size and whether it was a keyframe.
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
                assert_eq!(view.entities, frame.entities(), "everybody is among the nearest 64");
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
    fn what_is_acknowledged_becomes_the_baseline_and_snapshots_shrink() {
        let mut link = Link::new();
        let (full, keyframe) = link.step(true).unwrap();
        assert!(keyframe);
        link.acknowledge(link.tick);
        let (small, keyframe) = link.step(true).unwrap();
        assert!(!keyframe && small * 5 < full, "{small} bytes after {full}");
    }

    #[test]
    fn lost_snapshots_are_made_up_for_by_the_next_one() {
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
    fn a_client_that_never_acknowledges_gets_one_full_view_a_second() {
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
        assert!(next.is_some_and(|(_, keyframe)| keyframe), "it said that it has nothing");
    }

    #[test]
    fn a_client_that_loses_its_baseline_again_and_again_gets_one_full_view_a_second() {
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
    fn an_acknowledgement_that_was_overtaken_is_old_news() {
        let mut link = Link::new();
        link.step(true);
        link.acknowledge(link.tick);
        link.replicator.acknowledge(Tick(link.tick - 1), None);
        assert!(!link.step(true).unwrap().1, "the newer datagram had said that it has a view");
    }

    #[test]
    fn whoever_sets_their_clock_back_is_still_heard() {
        let mut link = Link::new();
        link.step(true);
        // Three seconds ahead, as after a stall of this server; then it is set right.
        let ack = Some(SnapshotAck { newest: Tick(link.tick), history: 0 });
        link.replicator.acknowledge(Tick(link.tick + 90), ack);
        for _ in 0..85 {
            assert!(link.step(true).is_some_and(|(_, keyframe)| !keyframe), "every frame goes, as a delta");
            link.acknowledge(link.tick);
        }
    }
}
