//! Attempts to connect again after a connection broke, for as long as the server holds the seat.

use std::{ops::ControlFlow, time::Duration};

use quarrel_shared::{
    game::Predict,
    limits::MIN_RESTART_HOLD_MS,
    protocol::{CloseReason, Resume},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout_at},
};

use crate::{
    net::{
        connect::{ConnectError, Connector, WelcomedConnection},
        ending::Ending,
    },
    session::controller::ClientCommand,
};

/// The minimum time limit of one attempt. It is short because QUIC retransmits an attempt's first packets at growing intervals, while
/// the link may work again at any moment: a new attempt sends at once.
const MIN_ATTEMPT: Duration = Duration::from_millis(600);

/// The time limit of one attempt, in round trips: a connection needs two, and a lost packet or two doubles that.
const ATTEMPT_ROUND_TRIPS: u32 = 5;

/// The pause after an attempt that failed before its time limit.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// The minimum time for which a restarting server holds seats.
const MIN_RESTART_HOLD: Duration = Duration::from_millis(MIN_RESTART_HOLD_MS as u64);

/// Returns the time after this ending within which an attempt may succeed. `hold` is the time for which the server holds seats.
pub(crate) fn resume_window(ending: &Ending, hold: Duration) -> Duration {
    let is_restart = matches!(ending, Ending::Closed { reason: CloseReason::ServerRestarting, .. });
    if is_restart { hold.max(MIN_RESTART_HOLD) } else { hold }
}

/// Options of [`resume`].
pub(crate) struct ResumeOptions<'a> {
    pub(crate) connector: &'a Connector,
    pub(crate) name: &'a str,
    /// The ticket for the held seat.
    pub(crate) resume: Resume,
    /// The round trip time of the connection that broke.
    pub(crate) rtt: Duration,
    /// The time after which the server no longer holds the seat.
    pub(crate) deadline: Instant,
}

/// Connects again. Returns the new connection and the commands that arrived meanwhile. Breaks with the final ending when the player
/// leaves, the deadline passes or the server refuses the resume.
pub(crate) async fn resume<G: Predict>(
    options: ResumeOptions<'_>,
    commands: &mut mpsc::Receiver<ClientCommand>,
    ending: Ending,
) -> ControlFlow<Ending, (WelcomedConnection, Vec<ClientCommand>)> {
    let mut received = Vec::new();
    let deadline = options.deadline;
    let attempts = timeout_at(deadline, retry::<G>(options));
    tokio::pin!(attempts);
    loop {
        tokio::select! {
            biased;
            // At most as many commands as the channel holds are kept. Callers with further commands wait, as with an open connection.
            command = commands.recv(), if received.len() < commands.max_capacity() => match command {
                // The player leaves while the connection is lost, so the server receives no goodbye.
                None | Some(ClientCommand::Close) => return ControlFlow::Break(ending),
                // A reconnect is in progress already.
                Some(ClientCommand::Reconnect) => {}
                Some(command) => received.push(command),
            },
            result = &mut attempts => return match result {
                Ok(ControlFlow::Continue(connection)) => ControlFlow::Continue((connection, received)),
                Ok(ControlFlow::Break(refused)) => ControlFlow::Break(refused),
                Err(_) => ControlFlow::Break(ending),
            },
        }
    }
}

/// Repeats attempts until the server accepts, or refuses with a reason that another attempt does not change. The caller bounds the
/// time.
async fn retry<G: Predict>(options: ResumeOptions<'_>) -> ControlFlow<Ending, WelcomedConnection> {
    let ResumeOptions { connector, name, resume, rtt, .. } = options;
    let timeout = MIN_ATTEMPT.max(rtt * ATTEMPT_ROUND_TRIPS);
    loop {
        match connector.reconnect::<G>(name, resume.clone(), timeout).await {
            Ok(connection) => return ControlFlow::Continue(connection),
            Err(ConnectError::Refused { reason, sentence }) if !is_retryable(reason) => {
                return ControlFlow::Break(Ending::Closed { reason, sentence });
            }
            Err(ConnectError::Unreachable(_)) => {}
            Err(_) => sleep(RETRY_PAUSE).await,
        }
    }
}

/// Returns true if another attempt may succeed after a refusal for this reason. It may after `TicketUsed`: an earlier attempt whose
/// answer was lost may have used the ticket, and the ticket is valid again once the server has noticed that loss.
const fn is_retryable(reason: CloseReason) -> bool {
    matches!(
        reason,
        CloseReason::ServerFull
            | CloseReason::HandshakeTimeout
            | CloseReason::RateLimited
            | CloseReason::TicketUsed
            | CloseReason::ServerRestarting
    )
}
