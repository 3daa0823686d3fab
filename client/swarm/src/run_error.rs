//! The error of a run that could not be made.

use std::io;

use super::plan::PlanError;
use quarrel_client::net::tls::TrustError;

/// A run that could not be made. What a server does to a run is not an error but part of the report.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The system provides no thread, timer or socket.
    #[error("the run cannot start: {0}")]
    System(#[from] io::Error),
    /// The server cannot be found or trusted.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The server's certificate cannot be verified.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A bug in the swarm.
    #[error("a thread of the swarm panicked")]
    Panicked,
}
