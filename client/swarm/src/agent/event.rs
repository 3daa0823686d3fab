//! The events that an agent reports to its operator, one line each.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

/// An event of an agent; its `Display` text is the line that `swarm agent` prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentEvent {
    /// The agent accepts coordinators.
    Listening {
        /// The bound address, with the port that the system chose for port 0.
        address: SocketAddr,
        /// Whether coordinators must prove a key.
        has_key: bool,
    },
    /// A run starts.
    RunStarted {
        /// The coordinator of the run.
        coordinator: SocketAddr,
        /// The number of the run's bots that this agent runs.
        bots: u64,
        /// The server that the bots play on.
        server: String,
    },
    /// A run is over.
    RunEnded {
        /// The coordinator of the run.
        coordinator: SocketAddr,
        /// The time from the run's start to its end.
        after: Duration,
        /// The reason of an early end; `None` for a completed run.
        reason: Option<String>,
    },
    /// A coordinator was refused, or was lost before the start.
    Refused {
        /// The coordinator's address.
        coordinator: SocketAddr,
        /// The reason, as a sentence.
        reason: String,
    },
}

impl fmt::Display for AgentEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listening { address, has_key: true } => write!(f, "swarm agent listens on {address}"),
            Self::Listening { address, has_key: false } => {
                write!(f, "swarm agent listens on {address}, without a key: only for this machine")
            }
            Self::RunStarted { coordinator, bots, server } => {
                write!(f, "run of {coordinator} started: {bots} bots on {server}")
            }
            Self::RunEnded { coordinator, after, reason: None } => {
                write!(f, "run of {coordinator} completed after {:.1} s", after.as_secs_f64())
            }
            Self::RunEnded { coordinator, after, reason: Some(reason) } => {
                write!(f, "run of {coordinator} ended early after {:.1} s: {reason}", after.as_secs_f64())
            }
            Self::Refused { coordinator, reason } => write!(f, "coordinator {coordinator} refused: {reason}"),
        }
    }
}

/// The callback that receives an agent's events.
pub(super) type EventListener = Arc<dyn Fn(AgentEvent) + Send + Sync>;
