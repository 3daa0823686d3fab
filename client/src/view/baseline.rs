//! Decodes snapshots into views, and selects the views to acknowledge.
//!
//! A snapshot is a delta against a baseline: a view that this client has acknowledged; a keyframe needs none. Datagrams are lost,
//! duplicated and reordered, so each snapshot is either applied, or dropped and counted by reason. No snapshot moves the view back in
//! time.

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

/// The number of snapshots with an unknown baseline since the last applied snapshot at which the client requests a keyframe. A few such
/// snapshots may have been on the way already when the newest acknowledgement reached the server.
const MAX_UNKNOWN_BASELINES: u32 = 4;

/// The views that one seat has applied, as baselines of later snapshots.
#[derive(Debug)]
pub struct Baselines<E> {
    seat_epoch: SeatEpoch,
    received: ReceivedHistory<E>,
    /// True if the newest view came as a delta. After a keyframe the server waits for an acknowledgement before it sends at its send
    /// rate, so the sends between a keyframe and the next view do not count as lost.
    is_streaming: bool,
    /// The number of snapshots with an unknown baseline since the last applied snapshot.
    unknown_baselines: u32,
    counts: SnapshotCounts,
}

/// Counts of snapshots by result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotCounts {
    /// Snapshots that became a view.
    pub applied: u64,
    /// Snapshots that were not applied although the server sent them: its sends between two applied snapshots, at its send rate.
    pub lost: u64,
    /// Snapshots that arrived after a newer one, twice, or for an earlier seat.
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

/// Reasons why a snapshot was not applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// A newer snapshot was applied already, or the snapshot is for an earlier seat.
    #[error("a newer snapshot was applied already, or the snapshot is for an earlier seat")]
    Stale,
    /// The snapshot's baseline is unknown.
    #[error("the snapshot's baseline is unknown")]
    NoBaseline,
    /// The bits are not a snapshot of this game.
    #[error("the bits are not a snapshot: {0}")]
    Undecodable(#[from] BitsError),
}

impl<E: Entity> Baselines<E> {
    /// Creates an empty set of baselines, for a seat with this epoch.
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

    /// Applies a snapshot and returns its view. `send_interval` is the number of ticks between two of the server's sends.
    ///
    /// # Errors
    /// The reason why the snapshot was not applied. Only counts change then.
    pub fn apply(
        &mut self,
        bytes: &[u8],
        send_interval: u32,
    ) -> Result<(SnapshotHeader, Arc<View<E>>), SnapshotError> {
        let decoded = self.decode(bytes);
        match &decoded {
            Ok((header, view)) => {
                let new_ticks = self.newest().map_or(0, |newest| header.tick.since(newest.tick));
                if self.is_streaming {
                    self.counts.lost += u64::from((new_ticks / send_interval.max(1)).saturating_sub(1));
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

    /// Returns the acknowledgement to send. `None`, before the first view and after too many unknown baselines, requests a keyframe.
    #[must_use]
    pub fn ack(&self) -> Option<SnapshotAck> {
        let newest = self.newest().filter(|_| self.unknown_baselines < MAX_UNKNOWN_BASELINES)?;
        Some(SnapshotAck { newest: newest.tick, history: self.received.history() })
    }

    /// Returns the newest view, if any.
    #[must_use]
    pub fn newest(&self) -> Option<&Arc<View<E>>> {
        self.received.newest()
    }

    /// Returns the counts of snapshots since the start.
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
        // A view has about as many entities as its baseline, so one allocation with four more usually suffices.
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

    const SEAT_EPOCH: SeatEpoch = SeatEpoch::FIRST;

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
            seat_epoch: SEAT_EPOCH,
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
        let mut baselines = Baselines::new(SEAT_EPOCH);
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
        let mut baselines = Baselines::<Walker>::new(SEAT_EPOCH);
        baselines.apply(&snapshot(10, None), 1).unwrap();
        baselines.apply(&snapshot(12, Some(10)), 1).unwrap();
        for tick in [11, 12] {
            assert_eq!(baselines.apply(&snapshot(tick, Some(10)), 1), Err(SnapshotError::Stale));
        }
        assert_eq!(baselines.newest().unwrap().tick, Tick(12));
    }

    #[test]
    fn unknown_baselines_request_a_keyframe_which_recovers_the_view() {
        let mut baselines = Baselines::<Walker>::new(SEAT_EPOCH);
        baselines.apply(&snapshot(10, None), 1).unwrap();
        for tick in 20..20 + MAX_UNKNOWN_BASELINES {
            assert!(baselines.ack().is_some(), "a few such snapshots may have been on the way already");
            assert_eq!(baselines.apply(&snapshot(tick, Some(15)), 1), Err(SnapshotError::NoBaseline));
        }
        assert_eq!(baselines.ack(), None);
        baselines.apply(&snapshot(30, None), 1).unwrap();
        assert_eq!(baselines.ack().map(|ack| ack.newest), Some(Tick(30)));
    }

    #[test]
    fn a_keyframe_of_an_earlier_seat_is_stale() {
        let mut baselines = Baselines::<Walker>::new(SEAT_EPOCH.next());
        assert_eq!(baselines.apply(&snapshot(900, None), 1), Err(SnapshotError::Stale));
        assert!(baselines.newest().is_none());
    }

    #[test]
    fn a_snapshot_with_trailing_bytes_is_an_error() {
        let mut baselines = Baselines::<Walker>::new(SEAT_EPOCH);
        let mut bytes = snapshot(10, None);
        bytes.push(0);
        assert_eq!(baselines.apply(&bytes, 1), Err(SnapshotError::Undecodable(BitsError::Trailing)));
        assert!(baselines.newest().is_none());
    }
}
