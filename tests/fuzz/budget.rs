//! The snapshot budget, for any view, datagram limit and acknowledgement: a datagram never exceeds the limit, the client's view
//! always equals the server's baseline, and no entity update is deferred for too long.

use std::{collections::BTreeMap, time::Duration};

use bolero::{check, generator::produce};
use quarrel_server::session::{
    priority::MAX_DEFERRED_SENDS,
    replicator::{Replicator, Snapshot},
};
use quarrel_shared::{
    bits::{BitReader, BitWriter, Bits, BitsError},
    game::{Entities, Entity, GameRng, Place, Point, Viewpoint},
    id::{EntityId, SeatId},
    protocol::{
        SeatEpoch,
        datagram::{SnapshotAck, SnapshotHeader},
    },
    snapshot::{Frame, SeatFrame, View, apply},
    tick::{Tick, TickRate},
};

const SEAT: SeatId = SeatId(1);
const PERIOD: Duration = Duration::from_millis(33);

/// An entity that moves at a constant speed and is pushed at random. Its weight modulo 8 is the number of padding bytes.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
struct Drifter {
    place: Place,
    weight: u8,
}

impl Entity for Drifter {
    fn place(&self) -> Place {
        self.place
    }

    fn encode(&self, out: &mut BitWriter) {
        match self.place {
            Place::At(at) => {
                out.write_bits(0, 2);
                out.write_signed(at.x, 10);
                out.write_signed(at.y, 10);
            }
            Place::Everywhere => out.write_bits(1, 2),
            Place::Only(seat) => {
                out.write_bits(2, 2);
                seat.encode(out);
            }
        }
        out.write_bits(self.weight.into(), 8);
        (0..self.weight % 8).for_each(|_| out.write_bits(0, 8));
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        let place = match from.read_bits(2)? {
            0 => Place::At(Point::new(from.read_signed(10)?, from.read_signed(10)?)),
            1 => Place::Everywhere,
            _ => Place::Only(SeatId::decode(from)?),
        };
        let weight = from.read_bits(8)? as u8;
        (0..weight % 8).try_for_each(|_| from.read_bits(8).map(drop))?;
        Ok(Self { place, weight })
    }

    fn extrapolate(&self, ticks: u32) -> Self {
        match self.place {
            Place::At(at) => {
                Self { place: Place::At(Point::new(at.x.wrapping_add(ticks as i32), at.y)), ..self.clone() }
            }
            _ => self.clone(),
        }
    }
}

/// A world that changes at every tick: a share of the entities is pushed, some are removed, and others are added.
struct DrifterWorld {
    rng: GameRng,
    entities: Entities<Drifter>,
    count: u32,
    pushed_percent: u32,
}

impl DrifterWorld {
    fn new(seed: u64, count: u32, pushed_percent: u32) -> Self {
        let mut world = Self { rng: GameRng::new(seed, 0), entities: Entities::new(), count, pushed_percent };
        (0..count).for_each(|_| world.add());
        world
    }

    fn add(&mut self) {
        let at = Point::new(self.rng.below(9000) as i32, self.rng.below(9000) as i32);
        let place = match self.rng.below(40) {
            0 => Place::Everywhere,
            1 => Place::Only(SeatId(self.rng.below(3) as u16)),
            _ => Place::At(at),
        };
        let weight = self.rng.below(256) as u8;
        self.entities.insert(Drifter { place, weight }).expect("the entities must fit");
    }

    fn step(&mut self) {
        let ids: Vec<_> = self.entities.iter().map(|(id, _)| id).collect();
        for id in ids {
            let is_pushed = self.rng.below(100) < self.pushed_percent;
            let push = Point::new(self.rng.below(60) as i32 - 30, self.rng.below(60) as i32 - 30);
            let weight = self.rng.below(256) as u8;
            if self.rng.below(200) == 0 {
                self.entities.remove(id);
            } else if let Some(entity) = self.entities.get_mut(id) {
                *entity = entity.extrapolate(1);
                if is_pushed {
                    entity.weight = weight;
                    if let Place::At(at) = &mut entity.place {
                        *at = *at + push;
                    }
                }
            }
        }
        while (self.entities.len() as u32) < self.count {
            self.add();
        }
    }

    fn frame(&mut self, tick: Tick) -> Frame<Drifter> {
        let focus = self.entities.iter().map(|(id, _)| id).filter(|id| id.slot % 50 == 7).collect();
        let eye = Point::new(self.rng.below(9000) as i32, 4500);
        let viewpoint = Viewpoint { eye, range: 6000, max_entities: 400, focus, ..Viewpoint::default() };
        Frame::new(
            tick,
            &self.entities,
            vec![None, Some(SeatFrame { viewpoint, ..SeatFrame::default() }), None],
        )
    }
}

/// The view of a frame without a budget.
fn whole_view(frame: &Frame<Drifter>) -> View<Drifter> {
    let mut view = View::default();
    quarrel_shared::snapshot::Interest::new().pick(frame, SEAT, &mut view);
    view
}

/// A client that keeps every view, and so can decode every snapshot, even those that it did not acknowledge.
struct DecodingClient {
    views: BTreeMap<Tick, View<Drifter>>,
    /// The number of successive sends in which each entity's update was deferred.
    deferred: BTreeMap<EntityId, u32>,
}

impl DecodingClient {
    fn new() -> Self {
        Self { views: BTreeMap::new(), deferred: BTreeMap::new() }
    }

    fn receive(&mut self, bytes: &[u8], frame: &Frame<Drifter>) {
        let mut from = BitReader::new(bytes);
        let header = SnapshotHeader::decode(&mut from).expect("the server's header must be decodable");
        let base = header.baseline.map(|tick| &self.views[&tick]);
        let mut view = View::default();
        apply(base, header.tick, &mut from, &mut view).expect("the server's snapshot must be decodable");
        from.finish().expect("no byte may be left");
        let whole = whole_view(frame);
        let focus = &frame.seat(SEAT).expect("the seat is taken").viewpoint.focus;
        let elapsed = header.baseline.map_or(0, |base| header.tick.since(base));
        let mut deferred = BTreeMap::new();
        for (id, entity) in &whole.entities {
            let expected = base.and_then(|base| base.get(*id)).map(|old| old.extrapolate(elapsed));
            let shown = view.get(*id);
            if shown == Some(entity) {
                continue;
            }
            assert_eq!(shown, expected.as_ref(), "{id} must equal the server's state or its extrapolation");
            assert_ne!(entity.place, Place::Only(SEAT), "the seat's own entities must not be deferred");
            assert!(!focus.contains(id), "entities in focus must not be deferred");
            let sends = self.deferred.get(id).unwrap_or(&0) + 1;
            assert!(
                sends <= MAX_DEFERRED_SENDS,
                "{id} must be deferred in at most {MAX_DEFERRED_SENDS} sends, not {sends}"
            );
            deferred.insert(*id, sends);
        }
        assert!(
            view.entities.iter().all(|(id, _)| whole.get(*id).is_some()),
            "entities that leave the view must be removed at once"
        );
        self.deferred = deferred;
        self.views.insert(header.tick, view);
    }
}

/// The client's data before one tick: the kind of its acknowledgement, the age in ticks of the acknowledged view, and whether the
/// stream of the last large snapshot has finished.
type SnapshotStep = (u8, Option<u8>, bool);

#[test]
fn a_snapshot_keeps_its_limit_and_defers_no_entity_too_long_for_any_acknowledgement() {
    let worlds = (produce::<u64>(), 1..300u32, 0..=100u32, 200..=1100usize, produce::<Vec<SnapshotStep>>());
    check!().with_iterations(300).with_generator(worlds).for_each(
        |(seed, count, pushed_percent, limit, steps): &(u64, u32, u32, usize, Vec<SnapshotStep>)| {
            let mut world = DrifterWorld::new(*seed, *count, *pushed_percent);
            let mut replicator = Replicator::<Drifter>::new(SeatEpoch::FIRST, TickRate::default());
            let mut client = DecodingClient::new();
            for (tick, (kind, age, is_free)) in (1..).map(Tick).zip(steps) {
                world.step();
                let frame = world.frame(tick);
                // Mostly an honest client three ticks away, sometimes one with any acknowledgement.
                let ack = match kind {
                    0..20 => age.map(|age| tick.before(age.into())),
                    20..40 => continue,
                    _ => Some(tick.before(3)),
                };
                replicator.acknowledge(tick, ack.map(|newest| SnapshotAck { newest, history: 0 }));
                match replicator.encode(&frame, SEAT, *limit, *is_free, PERIOD * tick.0) {
                    Some(Snapshot::Small { bytes, .. }) => {
                        assert!(
                            bytes.len() <= *limit,
                            "a datagram must have at most {limit} bytes, not {}",
                            bytes.len()
                        );
                        client.receive(bytes, &frame);
                    }
                    Some(Snapshot::Large(bytes)) => {
                        assert!(is_free, "only one large snapshot may be in flight");
                        client.receive(bytes, &frame);
                        assert!(client.deferred.is_empty(), "a snapshot on a stream must be complete");
                    }
                    Some(Snapshot::Oversize(_)) => panic!("300 entities must fit a keyframe"),
                    None => {}
                }
            }
        },
    );
}

#[test]
fn an_honest_client_of_a_busy_world_gets_one_datagram_per_send_within_a_small_limit() {
    let mut world = DrifterWorld::new(9, 200, 60);
    let mut replicator = Replicator::<Drifter>::new(SeatEpoch::FIRST, TickRate::default());
    let mut client = DecodingClient::new();
    let (mut partial, mut large) = (0, 0);
    for tick in (1..600).map(Tick) {
        world.step();
        let frame = world.frame(tick);
        let newest = client.views.keys().rev().find(|held| tick.since(**held) >= 3).copied();
        replicator.acknowledge(tick, newest.map(|newest| SnapshotAck { newest, history: 0 }));
        match replicator.encode(&frame, SEAT, 600, true, PERIOD * tick.0) {
            Some(Snapshot::Small { bytes, deferred }) => {
                client.receive(bytes, &frame);
                partial += u32::from(deferred > 0);
            }
            Some(Snapshot::Large(bytes)) => {
                client.receive(bytes, &frame);
                large += 1;
            }
            Some(Snapshot::Oversize(_)) => panic!("200 entities must fit a keyframe"),
            None => {}
        }
    }
    assert!(partial > 300, "more than half of the snapshots must exceed one datagram: {partial}");
    assert_eq!(large, 1, "only the first view may be sent on a stream");
}
