//! What an agent says of itself, a line each.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

/// Something that whoever looks after an agent wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It waits for coordinators.
    Listens {
        /// The real port included.
        address: SocketAddr,
        /// Whether it asks for a key.
        has_key: bool,
    },
    /// A run begins.
    Begins {
        /// Who leads it.
        coordinator: SocketAddr,
        /// How many of its bots come from here.
        bots: u64,
        /// Where they play.
        server: String,
    },
    /// A run is over.
    Ends {
        /// Who led it.
        coordinator: SocketAddr,
        /// How long it took.
        after: Duration,
        /// Why; `None` when it was played to its end.
        why: Option<String>,
    },
    /// Somebody was turned away, or went before the start.
    Refused {
        /// Who.
        coordinator: SocketAddr,
        /// Why.
        why: String,
    },
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listens { address, has_key: true } => write!(f, "swarm agent listens on {address}"),
            Self::Listens { address, has_key: false } => {
                write!(f, "swarm agent listens on {address}, without a key: for this machine alone")
            }
            Self::Begins { coordinator, bots, server } => {
                write!(f, "run of {coordinator} begins: {bots} bots on {server}")
            }
            Self::Ends { coordinator, after, why: None } => {
                write!(f, "run of {coordinator} is over after {:.1} s", after.as_secs_f64())
            }
            Self::Ends { coordinator, after, why: Some(why) } => {
                write!(f, "run of {coordinator} ended after {:.1} s: {why}", after.as_secs_f64())
            }
            Self::Refused { coordinator, why } => write!(f, "no run for {coordinator}: {why}"),
        }
    }
}

/// Who is told.
pub(super) type Listener = Arc<dyn Fn(News) + Send + Sync>;
