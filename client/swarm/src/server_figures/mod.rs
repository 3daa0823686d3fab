//! The server's own figures during a run, from the metrics of its admin HTTP server.
//!
//! - `metrics`: one scrape; `delta`: the change between two scrapes; `history`: the changes of a whole run.

mod delta;
mod history;
mod metrics;

pub(crate) use self::history::{MetricsPoller, ServerHistory};
pub use self::metrics::{HttpAddress, MetricsError, MetricsSample, scrape};
