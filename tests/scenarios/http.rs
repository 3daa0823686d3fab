//! The admin HTTP server of a server with a player: listings, metrics, health checks and the certificate hash.

use quarrel_harness::{Player, TestServer, http::get, server::INPUTS_USED, until, within};
use quarrel_shared::crowd::Crowd;
use serde_json::json;

#[tokio::test]
async fn the_listings_show_rooms_and_the_players_on_their_seats() {
    let server = TestServer::<Crowd>::start_with_http(&[("room.seats", "5")]);
    let http = server.http_address();
    assert_eq!(
        get(http, "/v1/rooms").await.json(),
        json!({"rooms": []}),
        "there must be no room before the first player"
    );
    let (_ada, joined) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    until("the player in the room's counts", || server.metric("quarrel_players") == 1.0).await;

    let rooms = get(http, "/v1/rooms").await.json();
    let room = &rooms["rooms"][0];
    assert_eq!((&room["id"], &room["game"]), (&json!(joined.room.to_string()), &json!("crowd")), "{rooms}");
    assert_eq!(
        (&room["seats"], &room["players"], &room["bots"]),
        (&json!(5), &json!(1), &json!(0)),
        "{rooms}"
    );
    assert!(room["tick"].as_u64() > Some(0), "the room's tick must advance: {rooms}");

    let players = get(http, "/v1/players").await.json();
    let player = &players["players"][0];
    assert_eq!((&player["name"], &player["room"]), (&json!("Ada"), &room["id"]), "{players}");
    assert_eq!(player["seat"], json!(joined.seat.0), "{players}");
}

#[tokio::test]
async fn the_metrics_count_a_player() {
    let server = TestServer::<Crowd>::start_with_http(&[]);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    ada.wait_for_ticks(5).await;
    let metrics = get(server.http_address(), "/metrics").await;
    assert_eq!(metrics.status, 200);
    for line in ["quarrel_sessions 1", "quarrel_rooms 1", "quarrel_players 1", "quarrel_joins_total 1"] {
        assert!(
            metrics.body.lines().any(|rendered| rendered == line),
            "`{line}` must be in\n{}",
            metrics.body
        );
    }
    let has_some = |name: &str| {
        let line = metrics.body.lines().find(|line| line.starts_with(name));
        line.is_some_and(|line| !line.ends_with(" 0"))
    };
    assert!(has_some("quarrel_tick_duration_seconds_count"), "ticks must be measured:\n{}", metrics.body);
    assert!(has_some(INPUTS_USED), "inputs must be counted:\n{}", metrics.body);
}

#[tokio::test]
async fn a_server_is_live_while_its_rooms_tick_and_ready_while_sessions_are_free() {
    let server = TestServer::<Crowd>::start_with_http(&[("net.max_sessions", "1")]);
    let http = server.http_address();
    assert_eq!(get(http, "/readyz").await.status, 200, "an empty server must be ready");
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address(), "Ada").await;
    ada.wait_for_ticks(5).await;
    assert_eq!(get(http, "/livez").await.status, 200, "a server whose room ticks must be live");
    let full = get(http, "/readyz").await;
    assert_eq!(full.status, 503, "a full server must not be ready");
    assert!(full.body.contains("full"), "the answer must give the reason: {}", full.body);
    ada.disconnect().await;
    within("a ready server", async { while get(http, "/readyz").await.status != 200 {} }).await;
}

#[tokio::test]
async fn the_certificate_endpoint_returns_its_sha256_hash() {
    let server = TestServer::<Crowd>::start_with_http(&[]);
    let answer = get(server.http_address(), "/v1/certificate").await.json();
    let hash = answer["sha256"].as_str().expect("a hash");
    assert!(hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
}
