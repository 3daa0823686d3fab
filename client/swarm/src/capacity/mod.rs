//! How many players a server carries: the load is raised until a rule breaks, and what is found is made sure of.
//!
//! What decides is pure: which load to try next, what limited it, and what to say of it.
//!
//! - [`Search`]: which load to try next.
//! - [`Limit`]: what stood in the way of more.
//! - [`CapacityArguments`]: what is asked for, and the loop that runs one load after the other.
//! - [`Answer`]: what it comes to, for a person and as JSON.

mod answer;
mod limit;
mod search;
mod seek;

pub use self::{
    answer::{Answer, MachinesFor, SCHEMA, Try},
    limit::{Limit, limit},
    search::{Knee, Search},
    seek::{CapacityArguments, Sought},
};
