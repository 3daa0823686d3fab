//! Bots keep a room warm and make way for people.

use std::time::Duration;

use quarrel_client::ClientEvent;
use quarrel_harness::{Player, TestServer, within};
use quarrel_shared::arena::Arena;
use tokio::time::sleep;

/// Waits until the only room has so many people and bots.
async fn settles(asker: &mut Player<Arena>, people: u16, bots: u16) {
    within(&format!("{people} people and {bots} bots"), async {
        loop {
            let rooms = asker.list_rooms().await.expect("the connection lives");
            if rooms.first().is_some_and(|room| (room.players, room.bots) == (people, bots)) {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_arena_as_it_comes_keeps_six_bots() {
    let server = TestServer::<Arena>::start(&[]);
    let (mut ada, joined) = Player::<Arena>::connect_and_join(server.address(), "Ada").await;
    assert_eq!(joined.seats, 16, "an Arena as it comes has sixteen seats");
    settles(&mut ada, 1, 6).await;
    let mut bots = 0;
    let six = |event| {
        bots += i32::from(matches!(event, ClientEvent::SeatTaken { bot: true, .. }));
        bots -= i32::from(matches!(event, ClientEvent::SeatLeft { .. }));
        (bots == 6).then_some(())
    };
    ada.wait_for("six bots on the roster", six).await;
}

#[tokio::test]
async fn bots_leave_as_people_come_and_come_back_as_people_leave() {
    let server = TestServer::<Arena>::start(&[("room.seats", "4"), ("room.bots", "3"), ("room.rooms", "1")]);
    let mut asker = Player::<Arena>::connect(server.address(), "asker").await;
    let mut people = Vec::new();
    for (seated, bots) in [(1, 3), (2, 2), (3, 1), (4, 0)] {
        people.push(Player::<Arena>::connect_and_join(server.address(), "somebody").await);
        settles(&mut asker, seated, bots).await;
    }
    for (left, bots) in [(3, 1), (2, 2), (1, 3)] {
        let (player, _) = people.pop().expect("somebody is left");
        player.disconnect().await;
        settles(&mut asker, left, bots).await;
    }
}
