//! Decodes snapshots into views, and selects the view to acknowledge.
//!
//! A snapshot is a delta against a baseline: a view that this client has acknowledged. Datagrams are lost, duplicated and reordered, so
//! each snapshot is either applied, or dropped and counted by reason. None can move the view back in time.

use std::{ops::AddAssign, sync::Arc};

use quarrel_shared::{
    bits::{BitReader, Bits, BitsError},
    game::Entity,
    protocol::{
        SeatEpoch,
        datagram::{SnapshotAck, SnapshotHeader},
    },
    snapshot::{ReceivedHistory, View, apply},
};

/// The number of snapshots in a row with an unknown baseline after which the client requests a keyframe. A few may have been on the way
/// already when the newest acknowledgement reached the server.
const MAX_UNKNOWN_BASELINES: u32 = 4;

/// The views that one seat has applied, as baselines of later snapshots.
#[derive(Debug)]
pub struct Baselines<E> {
    seat_epoch: SeatEpoch,
    received: ReceivedHistory<E>,
    /// True if the newest view came as a delta. Before that, the server waits for an acknowledgement between sends.
    is_streaming: bool,
    /// The current number of snapshots in a row with an unknown baseline.
    unknown_baselines: u32,
    counts: SnapshotCounts,
}

/// Snapshots by result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotCounts {
    /// Snapshots that became a view.
    pub applied: u64,
    /// Snapshots that never arrived, or only after a newer one: the sends between two applied snapshots, at the server's send rate.
    pub lost: u64,
    /// Snapshots that arrived after a newer one, or twice.
    pub stale: u64,
    /// Snapshots whose baseline is unknown.
    pub without_baseline: u64,
    /// Snapshots that cannot be decoded.
    pub undecodable: u64,
}

impl AddAssign for SnapshotCounts {
    fn add_assign(&mut self, other: Self) {
        self.applied += other.applied;
        self.lost += other.lost;
        self.stale += other.stale;
        self.without_baseline += other.without_baseline;
        self.undecodable += other.undecodable;
    }
}

/// A snapshot that did not become a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// A newer snapshot was applied already, or the snapshot is for an earlier seat.
    #[error("a newer snapshot was applied already, or the snapshot is for an earlier seat")]
    Stale,
    /// The snapshot's baseline is unknown.
    #[error("the snapshot's baseline is unknown")]
    NoBaseline,
    /// The bits are not a snapshot.
    #[error("the bits are not a snapshot: {0}")]
    Undecodable(#[from] BitsError),
}

impl<E: Entity> Baselines<E> {
    /// No views yet, for a seat with this epoch.
    #[must_use]
    pub fn new(seat_epoch: SeatEpoch) -> Self {
        Self {
            seat_epoch,
            received: ReceivedHistory::new(),
            is_streaming: false,
            unknown_baselines: 0,
            counts: SnapshotCounts::default(),
        }
    }

    /// Applies a snapshot. `send_interval` is the number of ticks between two of the server's sends.
    ///
    /// # Errors
    /// When it does not become a view. Only the counts change then.
    pub fn apply(
        &mut self,
        bytes: &[u8],
        send_interval: u32,
    ) -> Result<(SnapshotHeader, Arc<View<E>>), SnapshotError> {
        let decoded = self.decode(bytes);
        match &decoded {
            Ok((header, view)) => {
                let passed = self.newest().map_or(0, |newest| header.tick.since(newest.tick));
                if self.is_streaming {
                    self.counts.lost += u64::from((passed / send_interval.max(1)).saturating_sub(1));
                }
                self.is_streaming = header.baseline.is_some();
                self.counts.applied += 1;
                self.unknown_baselines = 0;
                self.received.push(Arc::clone(view), header.baseline);
            }
            Err(SnapshotError::Stale) => self.counts.stale += 1,
            Err(SnapshotError::Undecodable(_)) => self.counts.undecodable += 1,
            Err(SnapshotError::NoBaseline) => {
                self.counts.without_baseline += 1;
                self.unknown_baselines += 1;
            }
        }
        decoded
    }

    /// The acknowledgement to send. `None` requests a keyframe.
    #[must_use]
    pub fn ack(&self) -> Option<SnapshotAck> {
        let newest = self.newest().filter(|_| self.unknown_baselines < MAX_UNKNOWN_BASELINES)?;
        Some(SnapshotAck { newest: newest.tick, history: self.received.history() })
    }

    /// The newest view.
    #[must_use]
    pub fn newest(&self) -> Option<&Arc<View<E>>> {
        self.received.newest()
    }

    /// Snapshots by result, so far.
    #[must_use]
    pub const fn counts(&self) -> SnapshotCounts {
        self.counts
    }

    fn decode(&self, bytes: &[u8]) -> Result<(SnapshotHeader, Arc<View<E>>), SnapshotError> {
        let mut from = BitReader::new(bytes);
        let header = SnapshotHeader::decode(&mut from)?;
        let is_overtaken = self.newest().is_some_and(|newest| newest.tick >= header.tick);
        if header.seat_epoch != self.seat_epoch || is_overtaken {
            return Err(SnapshotError::Stale);
        }
        let base = match header.baseline {
            None => None,
            Some(tick) => Some(self.received.get(tick).ok_or(SnapshotError::NoBaseline)?),
        };
        let mut view = View::new(header.tick);
        // Views change slowly, so one allocation a little larger than the baseline suffices.
        view.entities.reserve(base.map_or(0, |base| base.entities.len() + 4));
        apply(base.map(|base| &**base), header.tick, &mut from, &mut view)?;
        from.finish()?;
        Ok((header, Arc::new(view)))
    }
}

#[cfg(test)]
mod tests {
    use quarrel_shared::{
        bits::BitWriter, crowd::Walker, game::Angle, game::Point, id::EntityId, id::SeatId, snapshot::diff,
        tick::Tick,
    };

    use super::*;

    const SEATING: SeatEpoch = SeatEpoch::FIRST;

    fn view(tick: u32) -> View<Walker> {
        let walker = |slot: u16| Walker {
            seat: SeatId(slot),
            at: Point::new(tick as i32, 5),
            heading: Angle(0),
            bend: 0,
            pace: 1,
            health: 100,
        };
        let entities = (0..3).map(|slot| (EntityId { slot, generation: 0 }, walker(slot))).collect();
        View { tick: Tick(tick), entities }
    }

    fn snapshot(tick: u32, baseline: Option<u32>) -> Vec<u8> {
        let mut out = BitWriter::new();
        let baseline_tick = baseline.map(Tick);
        let header = SnapshotHeader {
            seat_epoch: SEATING,
            tick: Tick(tick),
            baseline: baseline_tick,
            margin: None,
            used: None,
        };
        header.encode(&mut out);
        diff(baseline.map(view).as_ref(), &view(tick), &mut out);
        out.finish().to_vec()
    }

    #[test]
    fn a_keyframe_and_deltas_on_it_become_views() {
        let mut baselines = Baselines::new(SEATING);
        assert_eq!(baselines.ack(), None);
        for (tick, baseline) in [(10, None), (11, Some(10)), (13, Some(11))] {
            let (_, got) = baselines.apply(&snapshot(tick, baseline), 1).unwrap();
            assert_eq!(*got, view(tick));
        }
        assert_eq!(baselines.ack(), Some(SnapshotAck { newest: Tick(13), history: 0b110 }));
        assert_eq!(baselines.counts().lost, 1, "the snapshot of tick 12 never arrived");
    }

    #[test]
    fn a_reordered_or_duplicate_snapshot_changes_nothing() {
        let mut baselines = Baselines::<Walker>::new(SEATING);
        baselines.apply(&snapshot(10, None), 1).unwrap();
        baselines.apply(&snapshot(12, Some(10)), 1).unwrap();
        for tick in [11, 12] {
            assert_eq!(baselines.apply(&snapshot(tick, Some(10)), 1), Err(SnapshotError::Stale));
        }
        assert_eq!(baselines.newest().unwrap().tick, Tick(12));
    }

    #[test]
    fn an_unknown_baseline_requests_a_keyframe_which_recovers_the_view() {
        let mut baselines = Baselines::<Walker>::new(SEATING);
        baselines.apply(&snapshot(10, None), 1).unwrap();
        for tick in 20..20 + MAX_UNKNOWN_BASELINES {
            assert!(baselines.ack().is_some(), "a few may have been on the way already");
            assert_eq!(baselines.apply(&snapshot(tick, Some(15)), 1), Err(SnapshotError::NoBaseline));
        }
        assert_eq!(baselines.ack(), None);
        baselines.apply(&snapshot(30, None), 1).unwrap();
        assert_eq!(baselines.ack().map(|ack| ack.newest), Some(Tick(30)));
    }

    #[test]
    fn a_keyframe_of_an_earlier_seat_is_stale() {
        let mut baselines = Baselines::<Walker>::new(SEATING.next());
        assert_eq!(baselines.apply(&snapshot(900, None), 1), Err(SnapshotError::Stale));
        assert!(baselines.newest().is_none());
    }

    #[test]
    fn a_snapshot_with_trailing_bytes_is_an_error() {
        let mut baselines = Baselines::<Walker>::new(SEATING);
        let mut bytes = snapshot(10, None);
        bytes.push(0);
        assert_eq!(baselines.apply(&bytes, 1), Err(SnapshotError::Undecodable(BitsError::Trailing)));
        assert!(baselines.newest().is_none());
    }
}
