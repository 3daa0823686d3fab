//! A server is live while a room creates a large world, and not live while a step hangs.

use quarrel_harness::{Player, ProcessConfig, ServerProcess, games::Throng, http::get, within};
use serde_json::json;

const SERVER: &str = env!("CARGO_BIN_EXE_test-server");

/// Starts a server of Throng with one thread for rooms and these settings of the game.
fn serve(settings: &[(&'static str, &str)]) -> ServerProcess {
    let arguments = ["--game", "throng", "--sync-test=off"].map(str::to_owned).to_vec();
    let mut environment = vec![("QUARREL_ROOM__WORKERS", "1".to_owned())];
    environment.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
    ServerProcess::start(SERVER, ProcessConfig { arguments, environment, ..ProcessConfig::default() })
}

/// The room opens for longer than the second after which a room that does not tick is stuck.
#[tokio::test]
async fn a_server_is_live_while_a_room_creates_its_world() {
    let mut server = serve(&[("QUARREL_GAME__SETTINGS__OPENING_MS", "2500")]);
    let (address, http) = (server.address().await, server.http_address().await);
    let joining = tokio::spawn(async move { Player::<Throng>::connect_and_join(address, "Ada").await });
    let mut has_opened_slowly = false;
    while !joining.is_finished() {
        let live = get(http, "/livez").await;
        assert_eq!(live.status, 200, "{}", live.body);
        let rooms = get(http, "/v1/rooms").await.json();
        has_opened_slowly |= rooms["rooms"][0]["age_s"].as_u64() >= Some(2) && rooms["rooms"][0]["tick"] == 0;
    }
    assert!(has_opened_slowly, "the room must open for longer than a room may stand still");
    let (mut ada, _) = joining.await.expect("a seat in the room");
    ada.wait_for_ticks(1).await;
}

/// The step hangs for longer than the five seconds after which threads that do not run are stalled.
#[tokio::test]
async fn a_server_is_not_live_while_a_step_hangs_and_names_the_room_and_the_threads() {
    let mut server =
        serve(&[("QUARREL_GAME__SETTINGS__SLOW_EVERY", "90"), ("QUARREL_GAME__SETTINGS__SLOW_MS", "8000")]);
    let (address, http) = (server.address().await, server.http_address().await);
    let (_ada, joined) = Player::<Throng>::connect_and_join(address, "Ada").await;
    let room = json!([joined.room.to_string()]);
    let not_live = async |has_cause: &dyn Fn(&serde_json::Value) -> bool| {
        within("a server that is not live", async {
            loop {
                let answer = get(http, "/livez").await;
                if answer.status == 503 && has_cause(&answer.json()) {
                    break;
                }
            }
        })
        .await;
    };
    not_live(&|body| body["rooms"] == room).await;
    not_live(&|body| body["threads"][0].as_str().is_some_and(|name| name.starts_with("rooms"))).await;
    within("a live server", async { while get(http, "/livez").await.status != 200 {} }).await;
}
