//! Stop signals, and the reason of a stop.
//!
//! The first SIGTERM or SIGINT (ctrl-C) cancels a token, and the server stops gracefully. The second signal exits the process at once.

use std::{
    io,
    sync::{Arc, OnceLock},
};

use quarrel_shared::protocol::CloseReason;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The reason that a stopping server sends to its players. It must be set before the sessions stop. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct StopReason(Arc<OnceLock<CloseReason>>);

impl StopReason {
    /// Sets the reason to [`CloseReason::ServerRestarting`]: the next run restores rooms and seats.
    pub fn restart(&self) {
        // No other reason is ever set.
        let _ = self.0.set(CloseReason::ServerRestarting);
    }

    /// Returns [`CloseReason::ServerStopping`], unless a restart is set.
    #[must_use]
    pub fn get(&self) -> CloseReason {
        self.0.get().copied().unwrap_or(CloseReason::ServerStopping)
    }
}

/// A signal that stops the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StopSignal {
    /// SIGINT: ctrl-C.
    Interrupt,
    /// SIGTERM, which service managers send.
    Terminate,
}

impl StopSignal {
    /// Returns the exit code of a process that this signal ended, as shells expect it: 128 plus the signal's number.
    fn exit_code(self) -> i32 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

/// Starts to listen for SIGINT and SIGTERM. The first signal cancels the returned token; the second exits the process.
///
/// # Errors
/// When a signal handler cannot be installed.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn listen() -> io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // Only two signals have an effect, so a capacity of two suffices.
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
    tokio::spawn(handle_signals(signals, stopping.clone(), |code| std::process::exit(code)));
    Ok(stopping)
}

/// Cancels `stopping` at the first signal and calls `exit` with the exit code of the second.
async fn handle_signals(
    mut signals: mpsc::Receiver<StopSignal>,
    stopping: CancellationToken,
    exit: impl FnOnce(i32),
) {
    if let Some(signal) = signals.recv().await {
        tracing::info!(?signal, "signal received, shutting down; a second signal exits at once");
        stopping.cancel();
    }
    if let Some(signal) = signals.recv().await {
        tracing::warn!(?signal, "second signal received, exiting with unfinished work");
        exit(signal.exit_code());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI32, Ordering};

    use super::*;

    /// Handles these signals. Returns whether a graceful stop began, and the exit code of an immediate exit.
    async fn effect_of(signals: &[StopSignal]) -> (bool, Option<i32>) {
        let (sender, receiver) = mpsc::channel(2);
        for signal in signals {
            sender.send(*signal).await.unwrap();
        }
        drop(sender);
        let stopping = CancellationToken::new();
        let code = AtomicI32::new(-1);
        handle_signals(receiver, stopping.clone(), |exit| code.store(exit, Ordering::Relaxed)).await;
        let code = code.into_inner();
        (stopping.is_cancelled(), (code >= 0).then_some(code))
    }

    #[tokio::test]
    async fn the_first_signal_stops_gracefully_and_the_second_exits() {
        assert_eq!(effect_of(&[]).await, (false, None));
        assert_eq!(effect_of(&[StopSignal::Terminate]).await, (true, None));
        assert_eq!(effect_of(&[StopSignal::Terminate, StopSignal::Interrupt]).await, (true, Some(130)));
        assert_eq!(effect_of(&[StopSignal::Interrupt, StopSignal::Terminate]).await, (true, Some(143)));
    }
}
