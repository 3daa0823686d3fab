//! The snapshot budget against any view, any path and any acknowledgement: a datagram never passes the path's limit, the client
//! always has what the server thinks it has, and nobody's news wait past the bound.

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

/// Something that drifts, and is pushed now and then. Odd weights make it long.
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

/// A world that changes at every tick: a share of it is pushed, something comes, something goes.
struct World {
    rng: GameRng,
    things: Entities<Drifter>,
    most: u32,
    pushed: u32,
}

impl World {
    fn new(seed: u64, most: u32, pushed: u32) -> Self {
        let mut world = Self { rng: GameRng::new(seed, 0), things: Entities::new(), most, pushed };
        (0..most).for_each(|_| world.add());
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
        self.things.insert(Drifter { place, weight }).expect("there are few");
    }

    fn step(&mut self) {
        let ids: Vec<_> = self.things.iter().map(|(id, _)| id).collect();
        for id in ids {
            let is_pushed = self.rng.below(100) < self.pushed;
            let push = Point::new(self.rng.below(60) as i32 - 30, self.rng.below(60) as i32 - 30);
            let weight = self.rng.below(256) as u8;
            if self.rng.below(200) == 0 {
                self.things.remove(id);
            } else if let Some(thing) = self.things.get_mut(id) {
                *thing = thing.extrapolate(1);
                if is_pushed {
                    thing.weight = weight;
                    if let Place::At(at) = &mut thing.place {
                        *at = *at + push;
                    }
                }
            }
        }
        while (self.things.len() as u32) < self.most {
            self.add();
        }
    }

    fn frame(&mut self, tick: Tick) -> Frame<Drifter> {
        let focus = self.things.iter().map(|(id, _)| id).filter(|id| id.slot % 50 == 7).collect();
        let eye = Point::new(self.rng.below(9000) as i32, 4500);
        let viewpoint = Viewpoint { eye, range: 6000, max_entities: 400, focus, ..Viewpoint::default() };
        Frame::new(
            tick,
            &self.things,
            vec![None, Some(SeatFrame { viewpoint, ..SeatFrame::default() }), None],
        )
    }
}

/// What a client would see of a frame if there were no limit at all.
fn whole_view(frame: &Frame<Drifter>) -> View<Drifter> {
    let mut view = View::default();
    quarrel_shared::snapshot::Interest::new().pick(frame, SEAT, &mut view);
    view
}

/// A client that can make a view of any snapshot, whatever it says of it.
struct Client {
    views: BTreeMap<Tick, View<Drifter>>,
    /// In how many sends in a row each entity was not as it is.
    waited: BTreeMap<EntityId, u32>,
}

impl Client {
    fn take(&mut self, bytes: &[u8], frame: &Frame<Drifter>) {
        let mut from = BitReader::new(bytes);
        let header = SnapshotHeader::decode(&mut from).expect("a server's own header");
        let base = header.baseline.map(|tick| &self.views[&tick]);
        let mut got = View::default();
        apply(base, header.tick, &mut from, &mut got).expect("a server's own snapshot");
        from.finish().expect("no byte too many");
        let truth = whole_view(frame);
        let focus = &frame.seat(SEAT).expect("it is taken").viewpoint.focus;
        let elapsed = header.baseline.map_or(0, |base| header.tick.since(base));
        let mut waited = BTreeMap::new();
        for (id, entity) in &truth.entities {
            let expected = base.and_then(|base| base.get(*id)).map(|old| old.extrapolate(elapsed));
            let shown = got.get(*id);
            if shown == Some(entity) {
                continue;
            }
            assert_eq!(shown, expected.as_ref(), "{id} is as it is, or as both ends expect it");
            assert_ne!(entity.place, Place::Only(SEAT), "its own things never wait");
            assert!(!focus.contains(id), "what is in focus never waits");
            let sends = self.waited.get(id).unwrap_or(&0) + 1;
            assert!(sends <= MAX_DEFERRED_SENDS, "{id} has waited in {sends} sends");
            waited.insert(*id, sends);
        }
        assert!(
            got.entities.iter().all(|(id, _)| truth.get(*id).is_some()),
            "what is out of sight goes at once"
        );
        self.waited = waited;
        self.views.insert(header.tick, got);
    }
}

/// What a client says before a tick: nothing, that it has nothing, or that it has the view of so many ticks ago; and whether the
/// last stream has come through.
type Said = (u8, Option<u8>, bool);

#[test]
fn a_snapshot_keeps_to_the_path_and_nobody_waits_past_the_bound_whatever_is_acknowledged() {
    let worlds = (produce::<u64>(), 1..300u32, 0..=100u32, 200..=1100usize, produce::<Vec<Said>>());
    check!().with_iterations(300).with_generator(worlds).for_each(
        |(seed, most, pushed, limit, said): &(u64, u32, u32, usize, Vec<Said>)| {
            let mut world = World::new(*seed, *most, *pushed);
            let mut replicator = Replicator::<Drifter>::new(SeatEpoch::FIRST, TickRate::default());
            let mut client = Client { views: BTreeMap::new(), waited: BTreeMap::new() };
            for (tick, (mood, age, is_free)) in (1..).map(Tick).zip(said) {
                world.step();
                let frame = world.frame(tick);
                // Mostly a good client three ticks away, sometimes one that says anything.
                let ack = match mood {
                    0..20 => age.map(|age| tick.before(age.into())),
                    20..40 => continue,
                    _ => Some(tick.before(3)),
                };
                replicator.acknowledge(tick, ack.map(|newest| SnapshotAck { newest, history: 0 }));
                match replicator.encode(&frame, SEAT, *limit, *is_free, PERIOD * tick.0) {
                    Some(Snapshot::Small { bytes, .. }) => {
                        assert!(bytes.len() <= *limit, "{} bytes over a path of {limit}", bytes.len());
                        client.take(bytes, &frame);
                    }
                    Some(Snapshot::Large(bytes)) => {
                        assert!(is_free, "one large snapshot at a time");
                        client.take(bytes, &frame);
                        assert!(client.waited.is_empty(), "on a stream goes the whole view");
                    }
                    Some(Snapshot::Oversize(_)) => panic!("three hundred things fit a keyframe"),
                    None => {}
                }
            }
        },
    );
}

#[test]
fn a_good_client_of_a_busy_world_over_a_small_path_gets_one_datagram_a_send() {
    let mut world = World::new(9, 200, 60);
    let mut replicator = Replicator::<Drifter>::new(SeatEpoch::FIRST, TickRate::default());
    let mut client = Client { views: BTreeMap::new(), waited: BTreeMap::new() };
    let (mut parts, mut large) = (0, 0);
    for tick in (1..600).map(Tick) {
        world.step();
        let frame = world.frame(tick);
        let newest = client.views.keys().rev().find(|has| tick.since(**has) >= 3).copied();
        replicator.acknowledge(tick, newest.map(|newest| SnapshotAck { newest, history: 0 }));
        match replicator.encode(&frame, SEAT, 600, true, PERIOD * tick.0) {
            Some(Snapshot::Small { bytes, deferred }) => {
                client.take(bytes, &frame);
                parts += u32::from(deferred > 0);
            }
            Some(Snapshot::Large(bytes)) => {
                client.take(bytes, &frame);
                large += 1;
            }
            Some(Snapshot::Oversize(_)) => panic!("two hundred things fit a keyframe"),
            None => {}
        }
    }
    assert!(parts > 300, "most were too much for one datagram: {parts}");
    assert_eq!(large, 1, "but for the first view, none had to go whole");
}
