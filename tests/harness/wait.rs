//! Waiting for a condition, with a bound. Nothing in the scenarios sleeps for a fixed time: it would be too long on most days
//! and too short on the day on which the machine is busy.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// How long anything may take on the busiest of machines. Nobody ever waits for it but a test that fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often a condition is looked at.
const GLANCE: Duration = Duration::from_millis(5);

/// Waits for a future.
///
/// # Panics
/// When it takes longer than [`PATIENCE`]; the message says `what` was waited for.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} in vain for {what}"),
    }
}

/// Waits until a condition holds.
///
/// # Panics
/// As [`within`].
pub async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    within(what, async {
        while !condition() {
            sleep(GLANCE).await;
        }
    })
    .await;
}
