//! A room that is slow to step, to save or to open slows down alone: the other rooms on its thread keep their rate.

use std::net::SocketAddr;

use quarrel_harness::{
    Player, TestServer,
    games::{Lever, Levers, Throng},
    http::get,
    within,
};
use quarrel_shared::id::RoomId;
use serde_json::Value;

/// Rooms of one seat at ten ticks a second, so that a slow step of 250 ms takes two and a half periods.
const ROOMS: [(&str, &str); 4] =
    [("room.seats", "1"), ("room.tick_rate", "10"), ("room.sync_test", "off"), ("journal.write", "off")];

/// One worker thread, which the slow room would block.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_slow_room_slips_alone_and_its_neighbour_keeps_its_rate() {
    let server = TestServer::<Levers>::start_with_http(&ROOMS);
    let (ada, slow) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    let (mut ben, fast) = Player::<Levers>::connect_and_join(server.address(), "Ben").await;
    assert_ne!(slow.room, fast.room);
    ada.set_input(Lever::Slow);
    let http = server.http_address();
    // Only a room that is known to be slow moves its steps away from its neighbours, so the first steps do not count.
    within("the slow room's first slips", async {
        while listing(http, &slow.room.to_string()).await["slips"].as_u64() < Some(5) {}
    })
    .await;

    must_keep_its_rate(http, &mut ben, fast.room).await;
    let slow = listing(http, &slow.room.to_string()).await;
    assert!(slow["step_ms"].as_f64() > Some(100.0), "the step time must show in the list of rooms: {slow}");
    let metrics = get(http, "/metrics").await.body;
    let slowest =
        metrics.lines().find_map(|line| line.strip_prefix("quarrel_room_step_seconds{rank=\"1\"} "));
    let slowest: f64 = slowest.expect("the slowest room's metric").parse().expect("a number");
    assert!(slowest > 0.1, "the slowest room must show in the metrics: {slowest}");
}

/// One worker thread, which the encoding of a checkpoint would block.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_room_that_saves_slowly_delays_no_neighbour() {
    let settings = [
        ("room.seats", "1"),
        ("room.tick_rate", "10"),
        ("room.sync_test", "off"),
        ("journal.checkpoint_ms", "1000"),
        ("journal.checksum_ms", "60000"),
    ];
    let server = TestServer::<Levers>::start_with_http(&settings);
    let (ada, slow) = Player::<Levers>::connect_and_join(server.address(), "Ada").await;
    let (mut ben, fast) = Player::<Levers>::connect_and_join(server.address(), "Ben").await;
    ada.set_input(Lever::SlowSaves);
    let http = server.http_address();
    // Only a room whose saves are known to be slow moves them away from its neighbours, so the first save does not count.
    within("the first slow saves", async {
        while listing(http, &slow.room.to_string()).await["overruns"].as_u64() < Some(2) {}
    })
    .await;
    must_keep_its_rate(http, &mut ben, fast.room).await;
}

/// One worker thread, which the creation of a world would block.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_room_that_opens_slowly_delays_no_neighbour() {
    let settings = [
        ("room.seats", "1"),
        ("room.tick_rate", "10"),
        ("room.sync_test", "off"),
        ("journal.write", "off"),
        ("game.settings.opening_ms", "2000"),
    ];
    let server = TestServer::<Throng>::start_with_http(&settings);
    let (mut ada, open) = Player::<Throng>::connect_and_join(server.address(), "Ada").await;
    ada.wait_for_ticks(1).await;
    let (http, address) = (server.http_address(), server.address());
    let before = listing(http, &open.room.to_string()).await;
    let (_ben, opened) = Player::<Throng>::connect_and_join(address, "Ben").await;
    assert_ne!(open.room, opened.room);
    let after = listing(http, &open.room.to_string()).await;
    let ticks = |room: &Value| room["tick"].as_u64().expect("a tick");
    assert!(ticks(&after) - ticks(&before) >= 15, "20 ticks were due while the room opened: {after}");
    assert_eq!(after["slips"], before["slips"], "the neighbour must not slip: {after}");
}

/// Checks over 51 ticks that a room does not slip, and that its player receives most of its frames.
async fn must_keep_its_rate(http: SocketAddr, player: &mut Player<Levers>, room: RoomId) {
    let room = room.to_string();
    let before = listing(http, &room).await;
    let first = player.wait_for_view("a view", |_| true).await.tick;
    let mut views = 1;
    loop {
        let tick = player.wait_for_view("a view", |_| true).await.tick;
        views += 1;
        if tick.since(first) >= 50 {
            break;
        }
    }
    assert!(views >= 40, "of 51 ticks, the neighbour's player received {views}");
    let after = listing(http, &room).await;
    assert_eq!(after["slips"], before["slips"], "the neighbour must not slip: {after}");
}

/// The list's entry of one room.
async fn listing(http: SocketAddr, room: &str) -> Value {
    let rooms = get(http, "/v1/rooms").await.json();
    let entry = rooms["rooms"].as_array().and_then(|rooms| rooms.iter().find(|entry| entry["id"] == room));
    entry.unwrap_or_else(|| panic!("room {room} must be listed: {rooms}")).clone()
}
