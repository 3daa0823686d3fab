//! Telemetry: log lines, and metrics for dashboards and alerts.
//!
//! - [`logs`]: destination and format of log lines.
//! - [`metrics`]: every metric of the server, and their text for Prometheus.
//! - [`results`]: metrics of match results on their way to the database.
//! - [`counters`]: groups of counters, one for each value of a label.
//! - `journals`: metrics of the rooms' journals.
//! - `longest`: the longest tick of the last three seconds.
//! - `process`: CPU time and memory of this process, read at each scrape.
//! - `text_format`: the older text format of Prometheus.
//! - [`traffic`]: traffic of the players' socket.
//! - `udp_drops`: packets that the kernel dropped.
//! - `registration`: registers one metric; the other files share it.

pub mod counters;
mod journals;
pub mod logs;
mod longest;
pub mod metrics;
mod process;
mod registration;
pub mod results;
mod text_format;
pub mod traffic;
mod udp_drops;

pub use metrics::Metrics;
pub use results::MatchResultMetrics;
