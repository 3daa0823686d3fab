//! From signals to a request to stop.
//!
//! The first SIGTERM or ctrl-C asks: a token is cancelled, and everything that hangs from it ends in its order.
//! The second one does not ask: whoever sends it has waited long enough.

use std::{
    io,
    sync::{Arc, OnceLock},
};

use quarrel_shared::protocol::CloseReason;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Why a server stops, as its players are told: set before they are, by whoever knows whether it comes back.
#[derive(Clone, Debug, Default)]
pub struct StopReason(Arc<OnceLock<CloseReason>>);

impl StopReason {
    /// The server stops in order to start again, with its rooms and seats.
    pub fn restart(&self) {
        // It cannot have been another one: nothing else is ever set.
        let _ = self.0.set(CloseReason::ServerRestarting);
    }

    /// [`CloseReason::ServerStopping`], unless it is known that it starts again.
    #[must_use]
    pub fn get(&self) -> CloseReason {
        self.0.get().copied().unwrap_or(CloseReason::ServerStopping)
    }
}

/// A signal that means stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StopSignal {
    /// SIGINT: ctrl-C.
    Interrupt,
    /// SIGTERM: what a service manager sends.
    Terminate,
}

impl StopSignal {
    /// What shells expect of a process that a signal ended: 128 and the signal's number.
    fn exit_code(self) -> i32 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Listens for signals from now on; the token is cancelled at the first one, and the process ends at the second.
///
/// Needs a tokio runtime around it.
pub fn listen() -> io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // Two signals are all that ever matter; more of them change nothing and are dropped.
    let (sender, signals) = mpsc::channel(2);
    tokio::spawn(async move {
        loop {
            let signal = tokio::select! {
                Some(()) = interrupt.recv() => StopSignal::Interrupt,
                Some(()) = terminate.recv() => StopSignal::Terminate,
                else => break,
            };
            if sender.send(signal).await.is_err() {
                break;
            }
        }
    });
    let stopping = CancellationToken::new();
    tokio::spawn(follow(signals, stopping.clone(), |code| std::process::exit(code)));
    Ok(stopping)
}

/// Cancels at the first signal and exits at the second.
async fn follow(
    mut signals: mpsc::Receiver<StopSignal>,
    stopping: CancellationToken,
    exit: impl FnOnce(i32),
) {
    if let Some(signal) = signals.recv().await {
        tracing::info!(?signal, "stopping; a second signal exits at once");
        stopping.cancel();
    }
    if let Some(signal) = signals.recv().await {
        tracing::warn!(?signal, "second signal: exiting with work unfinished");
        exit(signal.exit_code());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI32, Ordering};

    use super::*;

    /// What became of the process after these signals: asked to stop, and the exit code if it was made to.
    async fn after(signals: &[StopSignal]) -> (bool, Option<i32>) {
        let (sender, receiver) = mpsc::channel(2);
        for signal in signals {
            sender.send(*signal).await.unwrap();
        }
        drop(sender);
        let stopping = CancellationToken::new();
        let code = AtomicI32::new(-1);
        follow(receiver, stopping.clone(), |exit| code.store(exit, Ordering::Relaxed)).await;
        let code = code.into_inner();
        (stopping.is_cancelled(), (code >= 0).then_some(code))
    }

    #[tokio::test]
    async fn the_first_signal_asks_and_the_second_does_not() {
        assert_eq!(after(&[]).await, (false, None));
        assert_eq!(after(&[StopSignal::Terminate]).await, (true, None));
        assert_eq!(after(&[StopSignal::Terminate, StopSignal::Interrupt]).await, (true, Some(130)));
        assert_eq!(after(&[StopSignal::Interrupt, StopSignal::Terminate]).await, (true, Some(143)));
    }
}
