//! `swarm`: many bots on one server, and a report of how it went for them.
//!
//! Every bot is a whole client: it acknowledges, keeps a clock and repeats its inputs as a player's would. Bots that spare
//! themselves that work make a server look better, or worse, than it is.

pub mod compare;
mod duration;
pub mod hostile;
pub mod junit;
pub mod measure;
mod moment;
pub mod report;
pub mod server_metrics;
pub mod slo;

pub use self::report::Report;
