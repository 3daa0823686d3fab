//! Interest management: a snapshot holds only what its seat may see. Every snapshot that a raw peer receives is decoded and
//! checked against the rule.

use quarrel_harness::{RawSeat, TestServer};
use quarrel_shared::{
    arena::{Arena, ArenaEntity, Input, Map},
    crowd::{Crowd, Steering},
    game::{Entity as _, Place, Point, UNIT},
    id::SeatId,
    snapshot::View,
};

#[tokio::test]
async fn a_view_of_a_room_of_two_hundred_holds_at_most_the_nearest_sixty_four_walkers() {
    let server = TestServer::<Crowd>::start(&[
        ("room.seats", "200"),
        ("room.bots", "199"),
        ("room.bot_skill", "stroll"),
        ("room.tick_rate", "10"),
    ]);
    let mut seat = RawSeat::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let mut full = 0;
    for _ in 0..20 {
        let seen = seat.receive_view().await;
        seat.send_input(Steering::default(), seat.ack());
        let walkers = seen.view.entities.len();
        assert!(walkers <= 64, "a view may hold at most 64 walkers, has {walkers} at {}", seen.view.tick);
        let own = seen.view.entities.iter().any(|(_, walker)| walker.seat == seat.seat);
        assert!(own, "a view must hold the viewer's own walker");
        full += usize::from(walkers == 64);
    }
    assert!(full > 0, "some view must reach the limit");
}

#[tokio::test]
async fn an_arena_view_holds_nothing_hidden_by_walls_or_distance_and_no_other_seats_kit() {
    let server = TestServer::<Arena>::start(&[("room.bots", "15"), ("room.bot_skill", "hunt")]);
    let mut seat = RawSeat::<Arena>::connect_and_join(server.address(), "Ada").await;
    let mut hidden = 0;
    for _ in 0..150 {
        let seen = seat.receive_view().await;
        seat.send_input(Input::default(), seat.ack());
        hidden += check(&seen.view, seat.seat);
    }
    assert!(hidden > 150, "the walls of this map must hide some fighters most of the time: {hidden}");
}

/// Checks a view against the rule; returns the number of fighters that it leaves out.
fn check(view: &View<ArenaEntity>, seat: SeatId) -> usize {
    let entities = || view.entities.iter().map(|(_, entity)| entity);
    let map = entities().find_map(|entity| match entity {
        ArenaEntity::Match(bout) => Some(Map::from_seed(bout.seed)),
        _ => None,
    });
    let map = map.expect("every view has the match");
    let eye = entities().find_map(|entity| match entity {
        ArenaEntity::Fighter(fighter) if fighter.seat == seat => Some(fighter.body.at),
        _ => None,
    });
    let eye = eye.expect("every view has the seat's own fighter");
    for entity in entities() {
        match entity.place() {
            Place::Everywhere => {}
            Place::Only(owner) => {
                assert_eq!(owner, seat, "a private entity may be sent to its owner only: {entity:?}")
            }
            Place::At(at) => assert!(
                may_see(&map, eye, at),
                "an entity must be visible from {eye:?} at {}: {entity:?}",
                view.tick
            ),
        }
    }
    let fighters = entities().filter(|entity| matches!(entity, ArenaEntity::Fighter(_))).count();
    let scores = entities().filter(|entity| matches!(entity, ArenaEntity::Score(_))).count();
    scores - fighters
}

/// The visibility rule: the distance is at most 24 units, and a free line joins the two, from their places or from places
/// beside them at 200 ms or 100 ms of running to either side.
fn may_see(map: &Map, eye: Point, at: Point) -> bool {
    let is_near = eye.distance(at) <= 24 * UNIT as u32;
    let way = at - eye;
    let length = (way.length() as i32).max(1);
    let step = Point::new(-way.y, way.x).scaled(6 * UNIT / 5, length);
    let free = |from: Point, to: Point| from == to || map.is_free(from, to);
    let is_free_beside = |side: Point| {
        let steps = [Point::default(), side.scaled(1, 2), side];
        steps.iter().any(|a| steps.iter().any(|b| free(eye + *a, at + *b)))
    };
    is_near && (is_free_beside(step) || is_free_beside(-step))
}
