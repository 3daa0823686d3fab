//! The signals of the process. A thread of its own waits for them, so that no stuck output keeps a signal from its effect.
//!
//! | signal | effect |
//! | --- | --- |
//! | SIGINT (ctrl-C), SIGTERM, SIGHUP | ends the run with a report; a second one later than half a second after the first exits at once |
//! | SIGQUIT | exits at once, as the system does without a handler |
//! | SIGUSR1, SIGUSR2, SIGXFSZ (a file reached the limit of `ulimit -f`) | none; without a handler they would end the process |
//!
//! A SIGHUP that the parent process has set to be ignored, as `nohup` does, stays ignored.

use std::{io, sync::OnceLock, thread, time::Duration};

use tokio::{runtime::Builder, time::Instant};
use tokio_util::sync::CancellationToken;

use super::console::print_status;

/// The time after the first stop signal in which further ones are ignored. `timeout`, `sudo`, npm and terminals can send the same stop to
/// the process twice, as a signal of their own and as one to its group.
const REPEAT_WINDOW: Duration = Duration::from_millis(500);

/// Returns the token that the first stop signal cancels. From the first call on, signals have the effects of the table.
pub(super) fn stop_token() -> &'static CancellationToken {
    static STOP: OnceLock<CancellationToken> = OnceLock::new();
    STOP.get_or_init(|| {
        let stop = CancellationToken::new();
        if let Err(error) = start(stop.clone()) {
            print_status(&format_args!(
                "signals cannot be handled, so they end the program without a report: {error}"
            ));
        }
        stop
    })
}

/// A signal that the process handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StopSignal {
    Interrupt,
    Terminate,
    HangUp,
    User1,
    User2,
    FileSize,
}

/// The effect of a signal on the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StopEffect {
    /// The run ends, with a report.
    Stop,
    /// The process exits with this code.
    Exit(i32),
    Nothing,
}

/// Decides the effect of each signal. Has no I/O and no clock.
#[derive(Debug, Default)]
struct StopState {
    /// The time of the first stop signal.
    since: Option<Instant>,
}

impl StopState {
    fn apply(&mut self, signal: StopSignal, now: Instant) -> StopEffect {
        let Some(code) = signal.exit_code() else { return StopEffect::Nothing };
        match self.since {
            None => {
                self.since = Some(now);
                StopEffect::Stop
            }
            Some(since) if now.duration_since(since) < REPEAT_WINDOW => StopEffect::Nothing,
            Some(_) => StopEffect::Exit(code),
        }
    }
}

impl StopSignal {
    /// Returns the exit code of a process that this signal ended, as shells expect it: 128 plus the signal's number. `None` for a signal
    /// that ends nothing.
    const fn exit_code(self) -> Option<i32> {
        match self {
            Self::HangUp => Some(128 + SIGHUP),
            Self::Interrupt => Some(128 + 2),
            Self::Terminate => Some(128 + 15),
            Self::User1 | Self::User2 | Self::FileSize => None,
        }
    }
}

/// The number of SIGHUP on every Unix.
const SIGHUP: i32 = 1;

/// Installs the handlers, and starts the thread that handles signals until the process ends.
fn start(stop: CancellationToken) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut signals = {
        let _inside = runtime.enter();
        system::Signals::install()?
    };
    let handle = async move {
        let mut state = StopState::default();
        loop {
            match state.apply(signals.next().await, Instant::now()) {
                StopEffect::Stop => stop.cancel(),
                StopEffect::Exit(code) => std::process::exit(code),
                StopEffect::Nothing => {}
            }
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(handle)).map(drop)
}

#[cfg(unix)]
mod system {
    use std::{fs, future::poll_fn, io, task::Poll};

    use tokio::signal::unix::{Signal, SignalKind, signal};

    use super::{SIGHUP, StopSignal};

    /// The handlers of all signals.
    pub(super) struct Signals(Vec<(StopSignal, Signal)>);

    impl Signals {
        pub(super) fn install() -> io::Result<Self> {
            let all = [
                (StopSignal::Interrupt, SignalKind::interrupt()),
                (StopSignal::Terminate, SignalKind::terminate()),
                (StopSignal::HangUp, SignalKind::hangup()),
                (StopSignal::User1, SignalKind::user_defined1()),
                (StopSignal::User2, SignalKind::user_defined2()),
                // SIGXFSZ on Linux. With a handler, the write that exceeds the limit fails with an error instead.
                (StopSignal::FileSize, SignalKind::from_raw(25)),
            ];
            let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
            let is_wanted = |(kind, _): &(StopSignal, SignalKind)| {
                *kind != StopSignal::HangUp || !is_ignored(&status, SIGHUP)
            };
            let install = |(kind, number)| Ok((kind, signal(number)?));
            Ok(Self(all.into_iter().filter(is_wanted).map(install).collect::<io::Result<_>>()?))
        }

        /// Waits for the next signal of any kind.
        pub(super) async fn next(&mut self) -> StopSignal {
            poll_fn(|context| {
                for (kind, signal) in &mut self.0 {
                    if signal.poll_recv(context).is_ready() {
                        return Poll::Ready(*kind);
                    }
                }
                Poll::Pending
            })
            .await
        }
    }

    /// Returns true if the process ignores the signal with this number, from the text of `/proc/self/status`: the field `SigIgn` is a set
    /// in hexadecimal, whose lowest bit is signal 1. Another system without that file handles the signal.
    pub(super) fn is_ignored(status: &str, number: i32) -> bool {
        let field = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let set = field.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0);
        set >> (number - 1) & 1 == 1
    }
}

#[cfg(not(unix))]
mod system {
    use std::{future::pending, io};

    use super::StopSignal;

    /// Ctrl-C, the only signal of other systems.
    pub(super) struct Signals;

    impl Signals {
        pub(super) fn install() -> io::Result<Self> {
            Ok(Self)
        }

        pub(super) async fn next(&mut self) -> StopSignal {
            match tokio::signal::ctrl_c().await {
                Ok(()) => StopSignal::Interrupt,
                Err(_) => pending().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Returns the effects of these signals, each at a number of milliseconds.
    fn effects(signals: &[(u32, StopSignal)]) -> Vec<StopEffect> {
        let (mut state, start) = (StopState::default(), Instant::now());
        signals.iter().map(|&(at, signal)| state.apply(signal, start + at * MS)).collect()
    }

    #[test]
    fn the_first_stop_signal_ends_the_run_and_a_later_one_exits() {
        use StopEffect::{Exit, Stop};
        use StopSignal::{HangUp, Interrupt, Terminate};
        assert_eq!(effects(&[(0, HangUp), (500, HangUp)]), [Stop, Exit(129)]);
        assert_eq!(effects(&[(0, Terminate), (9000, Interrupt)]), [Stop, Exit(130)]);
        assert_eq!(effects(&[(0, Interrupt), (700, Terminate)]), [Stop, Exit(143)]);
    }

    #[test]
    fn stop_signals_within_half_a_second_are_one_request() {
        use StopEffect::{Exit, Nothing, Stop};
        use StopSignal::{HangUp, Terminate};
        let signals = [(0, Terminate), (1, Terminate), (499, HangUp), (500, Terminate)];
        assert_eq!(effects(&signals), [Stop, Nothing, Nothing, Exit(143)]);
    }

    #[test]
    fn user_signals_have_no_effect() {
        use StopEffect::{Nothing, Stop};
        use StopSignal::{HangUp, User1, User2};
        assert_eq!(
            effects(&[(0, User1), (900, User2), (901, HangUp), (9000, User1)]),
            [Nothing, Nothing, Stop, Nothing]
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_hang_up_that_nohup_ignores_is_recognised() {
        let is_ignored =
            |set: &str| system::is_ignored(&format!("SigBlk:\t1\nSigIgn:\t{set}\nSigCgt:\t1\n"), SIGHUP);
        assert!(is_ignored("0000000000001001") && !is_ignored("0000000000001000") && !is_ignored("none"));
        assert!(!system::is_ignored("", SIGHUP));
    }
}
