//! Interest management: a seat receives only the entities that it may see. A raw seat, which decodes snapshots and does not interpret them,
//! checks each view.

use quarrel_harness::{RawSeat, TestServer};
use quarrel_shared::{
    arena::{Arena, ArenaEntity, Input, Map},
    crowd::{Crowd, Steering},
    game::{Entity as _, Place, Point, UNIT},
    id::SeatId,
    snapshot::View,
};

#[tokio::test]
async fn a_view_of_a_room_of_two_hundred_holds_at_most_sixty_four_walkers_and_the_own_one() {
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
        assert!(walkers <= 64, "a view holds {walkers} walkers at tick {}, more than 64", seen.view.tick);
        let own = seen.view.entities.iter().any(|(_, walker)| walker.seat == seat.seat);
        assert!(own, "a view must hold the viewer's own walker");
        full += usize::from(walkers == 64);
    }
    // The first views may be incomplete, because a datagram has a limited size.
    assert!(full > 0, "some view must reach the limit, otherwise it was not tested");
}

#[tokio::test]
async fn an_arena_view_holds_nothing_hidden_by_walls_or_distance_and_no_private_entity_of_another_seat() {
    let server = TestServer::<Arena>::start(&[("room.bots", "15"), ("room.bot_skill", "hunt")]);
    let mut seat = RawSeat::<Arena>::connect_and_join(server.address(), "Ada").await;
    let mut hidden = 0;
    for _ in 0..150 {
        let seen = seat.receive_view().await;
        seat.send_input(Input::default(), seat.ack());
        hidden += assert_visible_and_count_left_out(&seen.view, seat.seat);
    }
    // Otherwise the views show nothing about the rule.
    assert!(
        hidden > 150,
        "on average more than one fighter must be left out of a view: {hidden} in 150 views"
    );
}

/// Checks that the seat may see every entity of the view; returns the number of fighters that the view leaves out.
fn assert_visible_and_count_left_out(view: &View<ArenaEntity>, seat: SeatId) -> usize {
    let entities = || view.entities.iter().map(|(_, entity)| entity);
    let map = entities().find_map(|entity| match entity {
        ArenaEntity::Match(state) => Some(Map::from_seed(state.seed)),
        _ => None,
    });
    let map = map.expect("every view has the match");
    // The position of the seat's own fighter, which stays in the room when it is eliminated.
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
    // Every fighter has one score, and scores are visible to all seats.
    scores - fighters
}

/// The distance that a fighter runs in 200 ms: 1.2 units at 6 units a second.
const RUN_200_MS: i32 = 6 * UNIT / 5;

/// An upper bound of the server's visibility rule, written independently of it: the distance is at most 24 units, and a free line joins the
/// eye or a point beside it with the target or a point beside it on the same side. Those points are as far away as a fighter runs in 100 or
/// 200 ms. In the game a seat also sees its own bolts; this seat does not shoot.
fn may_see(map: &Map, eye: Point, at: Point) -> bool {
    let is_near = eye.distance(at) <= 24 * UNIT as u32;
    let line = at - eye;
    let length = (line.length() as i32).max(1);
    let step = Point::new(-line.y, line.x).scaled(RUN_200_MS, length);
    let free = |from: Point, to: Point| from == to || map.is_free(from, to);
    let is_free_beside = |side: Point| {
        let steps = [Point::default(), side.scaled(1, 2), side];
        steps.iter().any(|a| steps.iter().any(|b| free(eye + *a, at + *b)))
    };
    is_near && (is_free_beside(step) || is_free_beside(-step))
}
