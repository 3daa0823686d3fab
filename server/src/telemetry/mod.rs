//! What the server says about itself: log lines for people, numbers for dashboards.
//!
//! - [`logs`]: where lines go and how they look.
//! - [`metrics`]: every number, with its handles.
//! - `longest`: the longest tick of late.
//! - `process`: CPU and memory of this process, read when asked.

mod journals;
pub mod logs;
mod longest;
pub mod metrics;
mod process;

pub use metrics::Metrics;
