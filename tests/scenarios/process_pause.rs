//! A pause of the whole process, as SIGSTOP, a debugger or a suspended machine makes it.

use std::time::Duration;

use quarrel_harness::{Player, ProcessConfig, ServerProcess, http::get};
use quarrel_shared::crowd::Crowd;
use tokio::time::sleep;

const SERVER: &str = env!("CARGO_BIN_EXE_test-server");

/// Longer than the five seconds after which threads without a heartbeat are stalled.
const PAUSE: Duration = Duration::from_secs(6);

#[tokio::test]
async fn a_server_is_live_right_after_a_pause_and_play_continues() {
    let mut server = ServerProcess::start(SERVER, ProcessConfig::default());
    let http = server.http_address().await;
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address().await, "Ada").await;
    ada.wait_for_ticks(1).await;
    assert_eq!(get(http, "/livez").await.status, 200);
    server.signal("STOP");
    sleep(PAUSE).await;
    server.signal("CONT");
    let answer = get(http, "/livez").await;
    assert_eq!(answer.status, 200, "nothing is stuck after a pause: {}", answer.body);
    ada.wait_for_ticks(1).await;
    server.signal("TERM");
    assert_eq!(server.wait_for_exit().await.code(), Some(0));
}
