//! Bots fill empty seats and make room for players.

use std::time::Duration;

use quarrel_client::ClientEvent;
use quarrel_harness::{Player, TestServer, within};
use quarrel_shared::arena::Arena;
use tokio::time::sleep;

/// Waits until the only room has this number of players and bots.
async fn wait_for_counts(observer: &mut Player<Arena>, people: u16, bots: u16) {
    within(&format!("{people} people and {bots} bots"), async {
        loop {
            let rooms = observer.list_rooms().await.expect("the observer must stay connected");
            if rooms.first().is_some_and(|room| (room.players, room.bots) == (people, bots)) {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_arena_with_default_settings_has_six_bots() {
    let server = TestServer::<Arena>::start(&[]);
    let (mut ada, joined) = Player::<Arena>::connect_and_join(server.address(), "Ada").await;
    assert_eq!(joined.seats, 16, "an Arena must have sixteen seats by default");
    wait_for_counts(&mut ada, 1, 6).await;
    let mut bots = 0;
    let six = |event| {
        bots += i32::from(matches!(event, ClientEvent::SeatTaken { bot: true, .. }));
        bots -= i32::from(matches!(event, ClientEvent::SeatLeft { .. }));
        (bots == 6).then_some(())
    };
    ada.wait_for("six bots on the roster", six).await;
}

#[tokio::test]
async fn bots_leave_when_players_join_and_return_when_players_leave() {
    let server = TestServer::<Arena>::start(&[("room.seats", "4"), ("room.bots", "3"), ("room.rooms", "1")]);
    let mut observer = Player::<Arena>::connect(server.address(), "observer").await;
    let mut people = Vec::new();
    for (seated, bots) in [(1, 3), (2, 2), (3, 1), (4, 0)] {
        people.push(Player::<Arena>::connect_and_join(server.address(), "player").await);
        wait_for_counts(&mut observer, seated, bots).await;
    }
    for (left, bots) in [(3, 1), (2, 2), (1, 3)] {
        let (player, _) = people.pop().expect("a seated player");
        player.disconnect().await;
        wait_for_counts(&mut observer, left, bots).await;
    }
}
