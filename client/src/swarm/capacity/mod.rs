//! How many players a server carries: the load is raised until a rule breaks, and what is found is made sure of.
//!
//! Pure: which load to try next, what limited it, and what to say of it. Whoever runs the loads hands over a report of each.
//!
//! - [`Search`]: which load to try next.
//! - [`Limit`]: what stood in the way of more.
//! - [`Answer`]: what it comes to, for a person and as JSON.

mod answer;
mod limit;
mod search;

pub use self::{
    answer::{Answer, MachinesFor, Try},
    limit::{Limit, limit},
    search::{Knee, Search},
};
