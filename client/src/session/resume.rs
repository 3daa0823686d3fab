//! After a connection broke: attempts at another one, for as long as the seat is held.

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
    net::connect::{ConnectError, Connector, Link},
    session::{driver::Command, controller::Ending},
};

/// How long one attempt takes at least. Short: the first packets of an attempt come ever more rarely, and the link may return any
/// moment.
const ATTEMPT_LEAST: Duration = Duration::from_millis(600);

/// How many round trips an attempt may take: two are needed, and a lost packet or two doubles them.
const ATTEMPT_ROUND_TRIPS: u32 = 5;

/// How long to wait after an attempt that failed at once.
const PAUSE: Duration = Duration::from_millis(200);

/// A server that starts again brings seats back for so long.
const RESTART: Duration = Duration::from_millis(MIN_RESTART_HOLD_MS as u64);

/// For how long the way back is sought after this ending, from a server that holds seats for so long.
pub(crate) fn patience(ending: &Ending, hold: Duration) -> Duration {
    let is_restart = matches!(ending, Ending::Closed { reason: CloseReason::ServerRestarting, .. });
    if is_restart { hold.max(RESTART) } else { hold }
}

/// What an attempt needs.
pub(crate) struct Resumption<'a> {
    pub(crate) connector: &'a Connector,
    pub(crate) name: &'a str,
    pub(crate) resume: Resume,
    /// The round trip of the connection that broke.
    pub(crate) rtt: Duration,
    /// When the seat is held no longer.
    pub(crate) until: Instant,
}

/// Another connection, and what the player asked for meanwhile; breaks with how it all ended when there is none.
pub(crate) async fn resume<G: Predict>(
    resumption: Resumption<'_>,
    commands: &mut mpsc::Receiver<Command>,
    ending: Ending,
) -> ControlFlow<Ending, (Link, Vec<Command>)> {
    let mut asked = Vec::new();
    let until = resumption.until;
    let trying = timeout_at(until, try_until_it_works::<G>(resumption));
    tokio::pin!(trying);
    loop {
        tokio::select! {
            biased;
            // As many as the channel holds are kept; whoever asks for more waits, as with a living connection.
            command = commands.recv(), if asked.len() < commands.max_capacity() => match command {
                // Whoever goes now goes from a connection that is lost: nobody heard a goodbye.
                None | Some(Command::Close) => return ControlFlow::Break(ending),
                // It is on its way back already.
                Some(Command::Reconnect) => {}
                Some(command) => asked.push(command),
            },
            tried = &mut trying => return match tried {
                Ok(ControlFlow::Continue(link)) => ControlFlow::Continue((link, asked)),
                Ok(ControlFlow::Break(refused)) => ControlFlow::Break(refused),
                Err(_) => ControlFlow::Break(ending),
            },
        }
    }
}

async fn try_until_it_works<G: Predict>(resumption: Resumption<'_>) -> ControlFlow<Ending, Link> {
    let Resumption { connector, name, resume, rtt, .. } = resumption;
    let patience = ATTEMPT_LEAST.max(rtt * ATTEMPT_ROUND_TRIPS);
    loop {
        match connector.reconnect::<G>(name, resume.clone(), patience).await {
            Ok(link) => return ControlFlow::Continue(link),
            Err(ConnectError::Refused { reason, sentence }) if !is_passing(reason) => {
                return ControlFlow::Break(Ending::Closed { reason, sentence });
            }
            Err(ConnectError::Unreachable(_)) => {}
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Whether to ask again makes sense. A ticket may have been used by an attempt of ours whose answer was lost; it is good again once
/// the server has noticed.
const fn is_passing(reason: CloseReason) -> bool {
    matches!(
        reason,
        CloseReason::ServerFull
            | CloseReason::HandshakeTimeout
            | CloseReason::RateLimited
            | CloseReason::TicketUsed
            | CloseReason::ServerRestarting
    )
}
