//! The error of a run that cannot start or be completed.

use std::io;

use crate::plan::PlanError;
use quarrel_client::{FindError, net::tls::TrustError};

/// The error of a run that cannot start or be completed. The failure of a server is not an error, but part of the report.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The system provides no thread, timer or socket.
    #[error("the run cannot start: {0}")]
    System(#[from] io::Error),
    /// The server's address cannot be resolved, or the plan names no trust in its certificate.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The plan's trust in the server's certificate cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The server's host has several addresses, and no server answers at any of them.
    #[error(transparent)]
    Find(#[from] FindError),
    /// A bug in the swarm.
    #[error("a thread of the swarm panicked")]
    Panicked,
}
