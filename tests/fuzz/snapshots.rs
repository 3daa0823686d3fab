//! Snapshots as a client reads them: header, keyframe, and deltas on whatever baseline the bytes before have made.

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

/// What a room shows at two ticks, as a keyframe and as a delta on it.
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
    [coded::<G>(None, &first), coded::<G>(Some(&first), &second)]
}

fn coded<G: Game>(base: Option<&View<G::Entity>>, view: &View<G::Entity>) -> Vec<u8> {
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

/// Any header is followed by any delta on the view that any bytes before have made.
fn is_read_or_refused<G: Game>(iterations: usize) {
    let [keyframe, delta] = samples::<G>();
    let samples = [[keyframe], [delta]];
    let pair = (Damage::any(), Damage::any());
    check!().with_iterations(iterations).with_generator(pair).for_each(|(first, second)| {
        let Some(base) = view::<G>(None, &first.applied(&samples[0])) else { return };
        if let Some(view) = view::<G>(Some(&base), &second.applied(&samples[1])) {
            assert!(view.entities.len() <= MAX_VIEW_ENTITIES, "a view is bounded");
            assert!(view.entities.is_sorted_by(|(a, _), (b, _)| a < b), "a view has each id once, in order");
        }
    });
}

fn view<G: Game>(base: Option<&View<G::Entity>>, bytes: &[u8]) -> Option<View<G::Entity>> {
    let mut from = BitReader::new(bytes);
    let header = SnapshotHeader::decode(&mut from).ok()?;
    // A bit may keep a whole entity of the baseline, so a view is worth what its baseline is and what the bytes bring: two
    // bytes an entity at the very least, in a list that grows by doubling.
    let entity = size_of::<(EntityId, G::Entity)>();
    let known = base.map_or(0, |base| base.entities.len());
    let most = 4 * entity * (known + bytes.len() / 2) + 4096;
    let mut view = View::default();
    let tick = base.map_or(header.tick, |base| base.tick.after(header.tick.0 % 64 + 1));
    heap::within(most as u64, || apply(base, tick, &mut from, &mut view)).ok()?;
    Some(view)
}

/// A client takes any sequence of snapshots, and its views never go back in time.
fn a_client_survives<G: Game>(iterations: usize) {
    let samples = samples::<G>();
    check!().with_iterations(iterations).with_type::<Vec<Damage>>().for_each(|all| {
        let mut baselines = Baselines::<G::Entity>::new(SeatEpoch::FIRST);
        let mut newest = None;
        for damage in all {
            if let Ok((header, view)) = baselines.apply(&damage.applied(&samples), 1) {
                assert_eq!(header.tick, view.tick);
                assert!(newest.is_none_or(|newest| newest < view.tick), "views never go back in time");
                newest = Some(view.tick);
            }
            assert!(
                baselines.ack().is_none_or(|ack| Some(ack.newest) == newest),
                "only what was seen is acknowledged"
            );
        }
    });
}

#[test]
fn an_arena_snapshot_is_read_or_refused() {
    is_read_or_refused::<Arena>(10_000);
}

#[test]
fn a_crowd_snapshot_is_read_or_refused() {
    is_read_or_refused::<Crowd>(10_000);
}

#[test]
fn a_client_of_an_arena_takes_any_snapshots() {
    a_client_survives::<Arena>(1_000);
}

#[test]
fn a_client_of_a_crowd_takes_any_snapshots() {
    a_client_survives::<Crowd>(1_000);
}
