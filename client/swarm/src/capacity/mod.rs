//! Capacity search: raises the load until a rule breaks, and confirms the largest load that holds.
//!
//! The decisions are pure: the next load to try, the bottleneck, and the text of the result.
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
