//! Bounded waits for a condition. Scenarios do not sleep for a fixed time, because it would usually be too long, and too short
//! on a busy machine.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// The longest wait, enough for the busiest machine. Only a failing test waits this long.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// The time between two checks of a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Waits for a future.
///
/// # Panics
/// When the future takes longer than [`TIMEOUT`]; the message names `what` was awaited.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(TIMEOUT, future).await {
        Ok(value) => value,
        Err(_) => panic!("timed out after {TIMEOUT:?} waiting for {what}"),
    }
}

/// Waits until a condition holds.
///
/// # Panics
/// As in [`within`].
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    within(what, async {
        while !condition() {
            sleep(POLL_INTERVAL).await;
        }
    })
    .await;
}
