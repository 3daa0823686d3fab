//! The signals of the process. A thread of its own waits for them, so that no log line, packet or game keeps a signal from its effect.
//!
//! | signal | effect |
//! | --- | --- |
//! | SIGTERM, SIGINT (ctrl-C) | graceful stop; a second one later than half a second after the first exits at once |
//! | SIGQUIT | exits at once |
//! | SIGHUP | reads the configuration, the certificate and its key again |
//! | SIGUSR1, SIGUSR2, SIGXFSZ (a file reached the limit of `ulimit -f`) | none; without a handler they would end the process |

use std::{
    future::poll_fn,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::Poll,
    thread,
    time::Duration,
};

use tokio::{
    runtime::Builder,
    signal::unix::{Signal as SignalStream, SignalKind, signal},
    sync::Notify,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// The time after the first stop signal in which further ones are ignored. `timeout`, `sudo`, npm and terminals can send the same stop to
/// the process twice, as a signal of their own and as one to its group.
const REPEAT_WINDOW: Duration = Duration::from_millis(500);

/// The requests of signals since the start. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct SignalRequests {
    /// Cancelled by the first stop signal.
    pub stop: CancellationToken,
    /// Notified by SIGHUP. Several signals before the reload starts make one reload.
    pub reload: Arc<Notify>,
}

/// The number of SIGXFSZ on Linux. With a handler, the write that exceeds the limit fails with an error instead.
const SIGXFSZ: i32 = 25;

/// A signal that the process handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    Interrupt,
    Terminate,
    Quit,
    HangUp,
    User1,
    User2,
    FileSize,
}

impl Signal {
    const ALL: [Self; 7] = [
        Self::Interrupt,
        Self::Terminate,
        Self::Quit,
        Self::HangUp,
        Self::User1,
        Self::User2,
        Self::FileSize,
    ];

    fn kind(self) -> SignalKind {
        match self {
            Self::Interrupt => SignalKind::interrupt(),
            Self::Terminate => SignalKind::terminate(),
            Self::Quit => SignalKind::quit(),
            Self::HangUp => SignalKind::hangup(),
            Self::User1 => SignalKind::user_defined1(),
            Self::User2 => SignalKind::user_defined2(),
            Self::FileSize => SignalKind::from_raw(SIGXFSZ),
        }
    }

    /// Returns the exit code of a process that this signal ended, as shells expect it: 128 plus the signal's number.
    fn exit_code(self) -> i32 {
        128 + self.kind().as_raw_value()
    }
}

/// The effect of a signal on the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// The server stops gracefully.
    Stop,
    /// The process exits with this code.
    Exit(i32),
    /// The configuration and the certificate are read again.
    Reload,
    Nothing,
}

/// Decides the effect of each signal. Has no I/O and no clock.
#[derive(Debug, Default)]
struct SignalState {
    /// The time of the first stop signal.
    stopping_since: Option<Instant>,
}

impl SignalState {
    fn apply(&mut self, signal: Signal, now: Instant) -> Effect {
        match signal {
            Signal::Interrupt | Signal::Terminate => match self.stopping_since {
                None => {
                    self.stopping_since = Some(now);
                    Effect::Stop
                }
                Some(since) if now.duration_since(since) < REPEAT_WINDOW => Effect::Nothing,
                Some(_) => Effect::Exit(signal.exit_code()),
            },
            Signal::Quit => Effect::Exit(signal.exit_code()),
            Signal::HangUp if self.stopping_since.is_none() => Effect::Reload,
            Signal::HangUp | Signal::User1 | Signal::User2 | Signal::FileSize => Effect::Nothing,
        }
    }
}

/// Starts the thread that handles signals until the process ends. A signal that exits the process calls `before_exit` first.
///
/// # Errors
/// When a handler cannot be installed or the thread cannot start.
pub fn start(before_exit: impl Fn() + Send + 'static) -> io::Result<SignalRequests> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    // The handlers are installed before this function returns, so that no signal kills the process from here on.
    let mut streams = {
        let _inside = runtime.enter();
        Signal::ALL
            .into_iter()
            .map(|kind| Ok((kind, signal(kind.kind())?)))
            .collect::<io::Result<Vec<_>>>()?
    };
    let requests = SignalRequests::default();
    let handled = requests.clone();
    let run = move || {
        let mut state = SignalState::default();
        let mut handle = || runtime.block_on(handle(&mut streams, &mut state, &handled, &before_exit));
        // A panic must not leave a server that no signal can stop.
        while catch_unwind(AssertUnwindSafe(&mut handle)).is_err() {
            tracing::error!("signals thread panicked, it continues with the next signal");
        }
    };
    thread::Builder::new().name("signals".into()).spawn(run)?;
    Ok(requests)
}

/// Handles signals until the process ends.
async fn handle(
    streams: &mut [(Signal, SignalStream)],
    state: &mut SignalState,
    requests: &SignalRequests,
    before_exit: &impl Fn(),
) {
    loop {
        let signal = next(streams).await;
        match state.apply(signal, Instant::now()) {
            Effect::Stop => {
                tracing::info!(?signal, "signal received, shutting down; a second signal exits at once");
                requests.stop.cancel();
            }
            Effect::Exit(code) => {
                tracing::warn!(?signal, "signal received, exiting with unfinished work");
                before_exit();
                std::process::exit(code);
            }
            Effect::Reload => {
                tracing::info!(?signal, "signal received, reloading");
                requests.reload.notify_one();
            }
            Effect::Nothing => tracing::info!(?signal, "signal received, ignored"),
        }
    }
}

/// Waits for the next signal of any kind.
async fn next(streams: &mut [(Signal, SignalStream)]) -> Signal {
    poll_fn(|context| {
        for (kind, stream) in streams.iter_mut() {
            if let Poll::Ready(Some(())) = stream.poll_recv(context) {
                return Poll::Ready(*kind);
            }
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Returns the effects of these signals, each at a number of milliseconds.
    fn effects(signals: &[(u32, Signal)]) -> Vec<Effect> {
        let (mut state, start) = (SignalState::default(), Instant::now());
        signals.iter().map(|&(at, signal)| state.apply(signal, start + at * MS)).collect()
    }

    #[test]
    fn the_first_stop_signal_stops_gracefully_and_a_later_one_exits() {
        use Effect::{Exit, Stop};
        use Signal::{Interrupt, Terminate};
        assert_eq!(effects(&[(0, Terminate), (500, Interrupt)]), [Stop, Exit(130)]);
        assert_eq!(effects(&[(0, Interrupt), (9000, Terminate)]), [Stop, Exit(143)]);
    }

    #[test]
    fn stop_signals_within_half_a_second_are_one_request() {
        use Effect::{Exit, Nothing, Stop};
        use Signal::{Interrupt, Terminate};
        let signals = [(0, Terminate), (1, Terminate), (50, Interrupt), (499, Terminate), (500, Terminate)];
        assert_eq!(effects(&signals), [Stop, Nothing, Nothing, Nothing, Exit(143)]);
    }

    #[test]
    fn quit_exits_at_once_also_during_a_graceful_stop() {
        assert_eq!(effects(&[(0, Signal::Quit)]), [Effect::Exit(131)]);
        assert_eq!(effects(&[(0, Signal::Terminate), (1, Signal::Quit)])[1], Effect::Exit(131));
    }

    #[test]
    fn a_hang_up_reloads_unless_the_server_stops_and_user_signals_have_no_effect() {
        use Effect::{Nothing, Reload, Stop};
        use Signal::{FileSize, HangUp, Terminate, User1, User2};
        let signals =
            [(0, User1), (0, User2), (0, FileSize), (1, HangUp), (2, HangUp), (3, Terminate), (4, HangUp)];
        assert_eq!(effects(&signals), [Nothing, Nothing, Nothing, Reload, Reload, Stop, Nothing]);
    }
}
