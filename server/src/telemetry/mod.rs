//! What the server says about itself: log lines for people, numbers for dashboards.
//!
//! - [`logs`]: where lines go and how they look.
//! - [`metrics`]: every number, with its handles.
//! - [`results`]: match results on their way to the disk.
//! - `longest`: the longest tick of late.
//! - `process`: CPU and memory of this process, read when asked.

mod journals;
pub mod logs;
mod longest;
pub mod metrics;
mod process;
pub mod results;

pub use metrics::Metrics;
pub use results::ResultCounts;
