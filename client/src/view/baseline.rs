//! Snapshot bytes to views, and which of them to acknowledge.
//!
//! A snapshot is a delta against a view that this client acknowledged. Datagrams are lost, doubled and overtaken, so each
//! is either applied, or dropped for a reason that is counted; none can make a view go back in time.

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

/// After this many snapshots in a row against a baseline that is not held, the client says that it has nothing. A few may
/// have been on their way already when the server heard the newest acknowledgement.
const GIVE_UP_AFTER: u32 = 4;

/// What one seat has applied.
#[derive(Debug)]
pub struct Baselines<E> {
    seat_epoch: SeatEpoch,
    received: ReceivedHistory<E>,
    /// Whether the newest view came as a delta: until then the server waits for an acknowledgement between sends.
    flowing: bool,
    /// How many snapshots in a row were against a baseline that is not held.
    missed: u32,
    counts: SnapshotCounts,
}

/// What became of snapshots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotCounts {
    /// Became a view.
    pub applied: u64,
    /// Never seen, or only after a newer one: sends between two applied ones, at the server's send rate.
    pub lost: u64,
    /// Came after a newer one, or twice.
    pub stale: u64,
    /// Were against a baseline that is not held.
    pub without_baseline: u64,
    /// Were no snapshots.
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

/// Why a snapshot did not become a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// A newer one was applied already, or it is for a seat that was given up.
    #[error("a newer snapshot was applied already, or a newer seat taken")]
    Stale,
    /// Its baseline is not held.
    #[error("the snapshot's baseline is not held")]
    NoBaseline,
    /// Its bits are no snapshot.
    #[error("the bits are no snapshot: {0}")]
    Undecodable(#[from] BitsError),
}

impl<E: Entity> Baselines<E> {
    /// Nothing applied yet, on this seat.
    #[must_use]
    pub fn new(seat_epoch: SeatEpoch) -> Self {
        Self {
            seat_epoch,
            received: ReceivedHistory::new(),
            flowing: false,
            missed: 0,
            counts: SnapshotCounts::default(),
        }
    }

    /// Applies one snapshot. `send_interval` is how many ticks lie between two of the server's sends.
    ///
    /// # Errors
    /// When it does not become a view. That is counted, and nothing else has changed.
    pub fn apply(
        &mut self,
        bytes: &[u8],
        send_interval: u32,
    ) -> Result<(SnapshotHeader, Arc<View<E>>), Unusable> {
        let decoded = self.decode(bytes);
        match &decoded {
            Ok((header, view)) => {
                let passed = self.newest().map_or(0, |newest| header.tick.since(newest.tick));
                if self.flowing {
                    self.counts.lost += u64::from((passed / send_interval.max(1)).saturating_sub(1));
                }
                self.flowing = header.baseline.is_some();
                self.counts.applied += 1;
                self.missed = 0;
                self.received.push(Arc::clone(view), header.baseline);
            }
            Err(Unusable::Stale) => self.counts.stale += 1,
            Err(Unusable::Undecodable(_)) => self.counts.undecodable += 1,
            Err(Unusable::NoBaseline) => {
                self.counts.without_baseline += 1;
                self.missed += 1;
            }
        }
        decoded
    }

    /// What to acknowledge; `None` asks the server for a keyframe.
    #[must_use]
    pub fn ack(&self) -> Option<SnapshotAck> {
        let newest = self.newest().filter(|_| self.missed < GIVE_UP_AFTER)?;
        Some(SnapshotAck { newest: newest.tick, history: self.received.history() })
    }

    /// The newest view.
    #[must_use]
    pub fn newest(&self) -> Option<&Arc<View<E>>> {
        self.received.newest()
    }

    /// What became of the snapshots so far.
    #[must_use]
    pub const fn counts(&self) -> SnapshotCounts {
        self.counts
    }

    fn decode(&self, bytes: &[u8]) -> Result<(SnapshotHeader, Arc<View<E>>), Unusable> {
        let mut from = BitReader::new(bytes);
        let header = SnapshotHeader::decode(&mut from)?;
        let overtaken = self.newest().is_some_and(|newest| newest.tick >= header.tick);
        if header.seat_epoch != self.seat_epoch || overtaken {
            return Err(Unusable::Stale);
        }
        let base = match header.baseline {
            None => None,
            Some(tick) => Some(self.received.get(tick).ok_or(Unusable::NoBaseline)?),
        };
        let mut view = View::new(header.tick);
        // Views change slowly: as much as the baseline holds, and a little, is allocated once.
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
        assert_eq!(baselines.counts().lost, 1, "12 never came");
    }

    #[test]
    fn an_overtaken_or_doubled_snapshot_changes_nothing() {
        let mut baselines = Baselines::<Walker>::new(SEATING);
        baselines.apply(&snapshot(10, None), 1).unwrap();
        baselines.apply(&snapshot(12, Some(10)), 1).unwrap();
        for tick in [11, 12] {
            assert_eq!(baselines.apply(&snapshot(tick, Some(10)), 1), Err(Unusable::Stale));
        }
        assert_eq!(baselines.newest().unwrap().tick, Tick(12));
    }

    #[test]
    fn a_lost_baseline_asks_for_a_keyframe_and_recovers_with_it() {
        let mut baselines = Baselines::<Walker>::new(SEATING);
        baselines.apply(&snapshot(10, None), 1).unwrap();
        for tick in 20..20 + GIVE_UP_AFTER {
            assert!(baselines.ack().is_some(), "a few may have been on their way");
            assert_eq!(baselines.apply(&snapshot(tick, Some(15)), 1), Err(Unusable::NoBaseline));
        }
        assert_eq!(baselines.ack(), None);
        baselines.apply(&snapshot(30, None), 1).unwrap();
        assert_eq!(baselines.ack().map(|ack| ack.newest), Some(Tick(30)));
    }

    #[test]
    fn a_keyframe_of_the_seat_before_is_not_taken_for_one_of_this() {
        let mut baselines = Baselines::<Walker>::new(SEATING.next());
        assert_eq!(baselines.apply(&snapshot(900, None), 1), Err(Unusable::Stale));
        assert!(baselines.newest().is_none());
    }

    #[test]
    fn bytes_left_over_behind_a_snapshot_make_it_none() {
        let mut baselines = Baselines::<Walker>::new(SEATING);
        let mut bytes = snapshot(10, None);
        bytes.push(0);
        assert_eq!(baselines.apply(&bytes, 1), Err(Unusable::Undecodable(BitsError::Trailing)));
        assert!(baselines.newest().is_none());
    }
}
