//! One player's movement is visible to the other players.

use quarrel_harness::{Player, TestServer, ViewChecker};
use quarrel_shared::{
    arena::{Arena, ArenaEntity, Fighter, Input, Map},
    crowd::{Crowd, Steering, Walker},
    game::{Point, UNIT},
    id::SeatId,
    snapshot::View,
};

fn walker(view: &View<Walker>, seat: SeatId) -> Option<&Walker> {
    view.entities.iter().map(|(_, walker)| walker).find(|walker| walker.seat == seat)
}

fn fighter(view: &View<ArenaEntity>, seat: SeatId) -> Option<&Fighter> {
    view.entities.iter().find_map(|(_, entity)| match entity {
        ArenaEntity::Fighter(fighter) if fighter.seat == seat => Some(fighter),
        _ => None,
    })
}

#[tokio::test]
async fn a_walkers_bend_is_visible_to_every_player() {
    let server = TestServer::<Crowd>::start(&[]);
    let (ada, joined) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let (mut ben, _) = Player::<Crowd>::connect_and_join(server.address(), "Ben").await;
    let (mut cem, _) = Player::<Crowd>::connect_and_join(server.address(), "Cem").await;
    for bend in [40, -40] {
        ada.set_input(Steering { bend });
        let bends = |view: &View<Walker>| walker(view, joined.seat).is_some_and(|walker| walker.bend == bend);
        ben.wait_for_view("Ada's bend", bends).await;
        cem.wait_for_view("Ada's bend", bends).await;
    }
}

#[tokio::test]
async fn two_players_see_the_same_view_of_a_tick() {
    let server = TestServer::<Crowd>::start(&[("room.bots", "20"), ("room.bot_skill", "stroll")]);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let (mut ben, _) = Player::<Crowd>::connect_and_join(server.address(), "Ben").await;
    let mut checker = ViewChecker::new();
    for _ in 0..60 {
        checker.check(&*ada.wait_for_view("a view", |_| true).await);
        checker.check(&*ben.wait_for_view("a view", |_| true).await);
    }
    assert!(checker.compared >= 10, "both must have received many of the same ticks: {}", checker.compared);
}

#[tokio::test]
async fn a_fighter_runs_in_the_direction_of_its_input() {
    let server = TestServer::<Arena>::start(&[("room.bots", "0")]);
    let (mut ada, joined) = Player::<Arena>::connect_and_join(server.address(), "Ada").await;
    let place = |view: &View<ArenaEntity>| fighter(view, joined.seat).map(|fighter| fighter.body.at);
    let first = ada.wait_for_view("a view of the own fighter", |view| place(view).is_some()).await;
    let from = place(&first).expect("the own fighter");
    let direction = free_direction(&first, from);
    ada.set_input(Input::default().walking(direction));
    let has_run = |at: Point| at.distance(from + direction) < from.distance(from + direction);
    ada.wait_for_view("a step in that direction", |view| place(view).is_some_and(has_run)).await;
}

/// A direction in which three units from here are free of walls.
fn free_direction(view: &View<ArenaEntity>, from: Point) -> Point {
    let seed = view.entities.iter().find_map(|(_, entity)| match entity {
        ArenaEntity::Match(bout) => Some(bout.seed),
        _ => None,
    });
    let map = Map::from_seed(seed.expect("every view has the match"));
    let far = 3 * UNIT;
    [Point::new(far, 0), Point::new(-far, 0), Point::new(0, far), Point::new(0, -far)]
        .into_iter()
        .find(|direction| map.is_free(from, from + *direction))
        .expect("a free direction")
}
