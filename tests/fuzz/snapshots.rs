//! Snapshots as a client decodes them: a header, a keyframe, and deltas on the baselines of any earlier bytes.

use bolero::check;
use quarrel_client::view::baseline::Baselines;
use quarrel_shared::{
    arena::Arena,
    bits::{BitReader, BitWriter, Bits},
    crowd::Crowd,
    game::{Game, Occupant, Outbox, Setup},
    id::{EntityId, SeatId},
    journal::{Entries, SeatChange},
    limits::MAX_VIEW_ENTITIES,
    protocol::{SeatEpoch, datagram::SnapshotHeader},
    snapshot::{View, apply, diff},
    tick::{Tick, TickRate},
};

use crate::{damage::Damage, heap};

const SEATS: u16 = 4;
const KEYFRAME: Tick = Tick(20);
const DELTA: Tick = Tick(23);

/// The snapshots of a room at two ticks: a keyframe, and a delta on it.
fn samples<G: Game>() -> [Vec<u8>; 2] {
    let setup =
        Setup { settings: G::Settings::default(), seed: 9, seats: SEATS, tick_rate: TickRate::default() };
    let mut game = G::new(&setup);
    let mut entries = Entries::idle(SEATS);
    entries.changes = (0..SEATS).map(|seat| SeatChange::Taken(SeatId(seat), Occupant::Player)).collect();
    let mut view_at = |to: Tick, from: Tick| {
        for tick in from.0..to.0 {
            entries.apply(&mut game, Tick(tick + 1), TickRate::DEFAULT, &mut Outbox::new());
            entries.changes.clear();
        }
        let entities = game.entities().iter().map(|(id, entity)| (id, entity.clone())).collect();
        View { tick: to, entities }
    };
    let first = view_at(KEYFRAME, Tick(0));
    let second = view_at(DELTA, KEYFRAME);
    [encoded::<G>(None, &first), encoded::<G>(Some(&first), &second)]
}

fn encoded<G: Game>(base: Option<&View<G::Entity>>, view: &View<G::Entity>) -> Vec<u8> {
    let mut out = BitWriter::new();
    let header = SnapshotHeader {
        seat_epoch: SeatEpoch::FIRST,
        tick: view.tick,
        baseline: base.map(|base| base.tick),
        margin: Some(-3),
        used: Some(Tick(2)),
    };
    header.encode(&mut out);
    diff(base, view, &mut out);
    out.finish().to_vec()
}

/// Decodes any keyframe, and then any delta on its view.
fn is_decoded_or_refused<G: Game>(iterations: usize) {
    let [keyframe, delta] = samples::<G>();
    let samples = [[keyframe], [delta]];
    let pair = (Damage::any(), Damage::any());
    check!().with_iterations(iterations).with_generator(pair).for_each(|(first, second)| {
        let Some(base) = view::<G>(None, &first.applied(&samples[0])) else { return };
        if let Some(view) = view::<G>(Some(&base), &second.applied(&samples[1])) {
            assert!(view.entities.len() <= MAX_VIEW_ENTITIES, "a view must keep to its maximum size");
            assert!(
                view.entities.is_sorted_by(|(a, _), (b, _)| a < b),
                "the ids of a view must be unique and in order"
            );
        }
    });
}

fn view<G: Game>(base: Option<&View<G::Entity>>, bytes: &[u8]) -> Option<View<G::Entity>> {
    let mut from = BitReader::new(bytes);
    let header = SnapshotHeader::decode(&mut from).ok()?;
    // One bit can keep a whole entity of the baseline, so the bound covers the baseline's entities and those in the bytes: at
    // least two bytes for each entity, in a list that grows by doubling.
    let entity = size_of::<(EntityId, G::Entity)>();
    let known = base.map_or(0, |base| base.entities.len());
    let max_heap = 4 * entity * (known + bytes.len() / 2) + 4096;
    let mut view = View::default();
    let tick = base.map_or(header.tick, |base| base.tick.after(header.tick.0 % 64 + 1));
    heap::within(max_heap as u64, || apply(base, tick, &mut from, &mut view)).ok()?;
    Some(view)
}

/// Decodes any sequence of snapshots with one client's baselines.
fn a_client_accepts_any_snapshots<G: Game>(iterations: usize) {
    let samples = samples::<G>();
    check!().with_iterations(iterations).with_type::<Vec<Damage>>().for_each(|snapshots| {
        let mut baselines = Baselines::<G::Entity>::new(SeatEpoch::FIRST);
        let mut newest = None;
        for damage in snapshots {
            if let Ok((header, view)) = baselines.apply(&damage.applied(&samples), 1) {
                assert_eq!(header.tick, view.tick, "a view must have the tick of its header");
                assert!(newest.is_none_or(|newest| newest < view.tick), "views must not go back in time");
                newest = Some(view.tick);
            }
            assert!(
                baselines.ack().is_none_or(|ack| Some(ack.newest) == newest),
                "a client must acknowledge only views that it has"
            );
        }
    });
}

#[test]
fn an_arena_snapshot_is_decoded_or_refused() {
    is_decoded_or_refused::<Arena>(10_000);
}

#[test]
fn a_crowd_snapshot_is_decoded_or_refused() {
    is_decoded_or_refused::<Crowd>(10_000);
}

#[test]
fn a_client_of_arena_accepts_any_snapshots() {
    a_client_accepts_any_snapshots::<Arena>(1_000);
}

#[test]
fn a_client_of_crowd_accepts_any_snapshots() {
    a_client_accepts_any_snapshots::<Crowd>(1_000);
}
