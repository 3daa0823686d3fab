//! Room changes on one connection: views and inputs of the old seat never reach the new one.

use quarrel_client::ClientEvent;
use quarrel_harness::{Player, TestServer, until};
use quarrel_shared::{
    crowd::{Crowd, Steering, Walker},
    id::SeatId,
    protocol::JoinTarget,
    snapshot::View,
};

fn walker(view: &View<Walker>, seat: SeatId) -> Option<&Walker> {
    view.entities.iter().map(|(_, walker)| walker).find(|walker| walker.seat == seat)
}

/// The bend of the other walker in a room of two, which identifies the room.
fn neighbours_bend(view: &View<Walker>, seat: SeatId) -> Option<i8> {
    let neighbour = view.entities.iter().map(|(_, walker)| walker).find(|walker| walker.seat != seat);
    neighbour.map(|walker| walker.bend)
}

#[tokio::test]
async fn after_a_join_only_the_new_room_is_shown() {
    const BENS: i8 = 50;
    const CEMS: i8 = -50;
    // Few snapshots per second, so that a join is answered long before the first view of the new room.
    let server = TestServer::<Crowd>::start(&[("room.seats", "2"), ("room.send_rate", "5")]);
    let (mut ada, first) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let (ben, _) = Player::<Crowd>::connect_and_join(server.address(), "Ben").await;
    let (mut cem, second) = Player::<Crowd>::connect_and_join(server.address(), "Cem").await;
    ben.set_input(Steering { bend: BENS });
    cem.set_input(Steering { bend: CEMS });
    ada.wait_for_view("Ben's bend", |view| neighbours_bend(view, first.seat) == Some(BENS)).await;
    let bends = |view: &View<Walker>| walker(view, second.seat).is_some_and(|walker| walker.bend == CEMS);
    cem.wait_for_view("Cem's bend", bends).await;

    for (room, bend) in [(second.room, CEMS), (first.room, BENS), (second.room, CEMS)] {
        let read = ada.view().map(|view| view.tick);
        until("an unread view", || ada.view().map(|view| view.tick) > read).await;
        ada.leave().await.expect("a live connection");
        let joined = ada.join(JoinTarget::Room(room)).await.expect("a seat");
        let views = |event| if let ClientEvent::View(view) = event { Some(view) } else { None };
        for _ in 0..5 {
            let view = ada.wait_for("a view", views).await;
            let neighbour = neighbours_bend(&view, joined.seat);
            assert_eq!(neighbour, Some(bend), "the view of tick {} must be of room {room}", view.tick);
        }
    }
}

#[tokio::test]
async fn inputs_reach_the_new_seat() {
    let server = TestServer::<Crowd>::start(&[("room.seats", "1")]);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    for bend in [11, -22, 33] {
        ada.leave().await.expect("a live connection");
        let joined = ada.join(JoinTarget::Quick).await.expect("a seat");
        ada.set_input(Steering { bend });
        let bends = |view: &View<Walker>| walker(view, joined.seat).is_some_and(|walker| walker.bend == bend);
        ada.wait_for_view("the new seat's bend", bends).await;
    }
}
