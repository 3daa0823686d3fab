//! Room isolation: players receive views and chat of their own room only. A join that cannot succeed is refused with a reason,
//! and the connection stays open.

use quarrel_client::{ClientEvent, RequestError};
use quarrel_harness::{Player, TestServer};
use quarrel_shared::{
    crowd::Crowd,
    id::RoomId,
    protocol::{CloseReason, JoinTarget},
};

/// Two rooms of two seats.
const TWO_BY_TWO: [(&str, &str); 2] = [("room.rooms", "2"), ("room.seats", "2")];

/// A full first room, and a second one with one player.
async fn three_players(server: &TestServer<Crowd>) -> [Player<Crowd>; 3] {
    let (ada, first) = Player::connect_and_join(server.address(), "Ada").await;
    let (ben, second) = Player::connect_and_join(server.address(), "Ben").await;
    let (cem, third) = Player::connect_and_join(server.address(), "Cem").await;
    assert_eq!(first.room, second.room, "the first room must fill before another opens");
    assert_ne!(first.room, third.room, "a join without a free seat must open a room");
    [ada, ben, cem]
}

fn refusal(result: Result<quarrel_client::Joined, RequestError>) -> (CloseReason, String) {
    match result {
        Err(RequestError::Refused { reason, sentence }) => (reason, sentence),
        other => panic!("the join must be refused, got {other:?}"),
    }
}

#[tokio::test]
async fn views_and_chat_stay_in_their_room() {
    let server = TestServer::<Crowd>::start(&TWO_BY_TWO);
    let [ada, mut ben, mut cem] = three_players(&server).await;
    let line = |event| if let ClientEvent::Chat { text, .. } = event { Some(text) } else { None };
    ada.chat("to the first room").await.expect("a live connection");
    assert_eq!(ben.wait_for("Ada's line", line).await, "to the first room");
    // By now the line would have reached the second room as well.
    cem.chat("to the second room").await.expect("a live connection");
    assert_eq!(
        cem.wait_for("a line", line).await,
        "to the second room",
        "a room must not receive another room's chat"
    );
    ben.wait_for_view("both walkers of the first room", |view| view.entities.len() == 2).await;
    for _ in 0..10 {
        let view = cem.wait_for_view("a view", |_| true).await;
        assert_eq!(view.entities.len(), 1, "the second room must show one walker");
    }
}

#[tokio::test]
async fn the_list_of_rooms_has_player_counts_and_an_id_joins_its_room() {
    let server = TestServer::<Crowd>::start(&TWO_BY_TWO);
    let [_ada, ben, cem] = three_players(&server).await;
    ben.disconnect().await;
    let mut dee = Player::<Crowd>::connect(server.address(), "Dee").await;
    let joined = quarrel_harness::within("the seat that Ben left", async {
        loop {
            let rooms = dee.list_rooms().await.expect("a list");
            assert_eq!(rooms.iter().map(|room| room.id).collect::<Vec<_>>(), [RoomId(1), RoomId(2)]);
            if rooms[0].players == 1 {
                assert_eq!((rooms[0].seats, rooms[1].players), (2, 1), "{rooms:?}");
                return dee.join(JoinTarget::Room(RoomId(2))).await;
            }
        }
    });
    assert_eq!(
        joined.await.map(|joined| joined.room),
        Ok(RoomId(2)),
        "an id must join its room, not the first"
    );
    cem.disconnect().await;
}

#[tokio::test]
async fn a_join_of_a_missing_room_is_refused_and_the_connection_stays_open() {
    let server = TestServer::<Crowd>::start(&[]);
    let mut ada = Player::<Crowd>::connect(server.address(), "Ada").await;
    let (reason, sentence) = refusal(ada.join(JoinTarget::Room(RoomId(99))).await);
    assert_eq!(reason, CloseReason::NoSuchRoom);
    assert!(sentence.contains("list the rooms"), "a refusal must advise what to do: {sentence}");
    assert!(ada.join(JoinTarget::Quick).await.is_ok(), "another room must be joinable");
}

#[tokio::test]
async fn a_join_of_a_full_room_is_refused_until_a_seat_is_free() {
    let server = TestServer::<Crowd>::start(&[("room.rooms", "1"), ("room.seats", "1")]);
    let (ada, joined) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    let mut ben = Player::<Crowd>::connect(server.address(), "Ben").await;
    let (reason, _) = refusal(ben.join(JoinTarget::Room(joined.room)).await);
    assert_eq!(reason, CloseReason::RoomFull, "a full room must be refused");
    let (reason, sentence) = refusal(ben.join(JoinTarget::Quick).await);
    assert_eq!(reason, CloseReason::RoomsFull, "a new room past the limit must be refused");
    assert!(sentence.contains("try again later"), "a refusal must advise what to do: {sentence}");
    ada.disconnect().await;
    quarrel_harness::within("the seat that Ada left", async {
        // Each attempt is a message, and messages are rate limited, so pause between attempts.
        while ben.join(JoinTarget::Quick).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    })
    .await;
}
