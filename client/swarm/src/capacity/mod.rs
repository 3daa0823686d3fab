//! Capacity search: raises the load (the number of players) until a rule breaks, and confirms the largest load that holds.
//!
//! The choice of the next load, the bottleneck and the report read no clock and do no I/O.
//!
//! - [`LoadSearch`]: chooses the next load to try.
//! - [`Bottleneck`]: the resource that limited the server.
//! - [`CapacityArguments`]: the command line, and the loop that runs one load after the other.
//! - [`CapacityReport`]: the result, as text and as JSON.

mod arguments;
mod bottleneck;
mod report;
mod search;

pub use self::{
    arguments::{CapacityArguments, CapacityOutcome},
    bottleneck::{Bottleneck, bottleneck},
    report::{CapacityReport, LoadResult, MachinesFor, SCHEMA},
    search::{Knee, LoadSearch},
};
