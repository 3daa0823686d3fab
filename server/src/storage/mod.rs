//! What outlives a match. Rooms hand records in and never wait; one task writes them.
//!
//! - [`journals`]: where rooms' journals go.
//! - [`records`]: what is remembered.
//! - [`sink`]: where it goes: a file of JSON lines, or memory.
//! - [`task`]: the queue between.

pub mod journals;
pub mod records;
pub mod sink;
pub mod task;

pub use self::{
    records::{MatchRecord, SeatRecord},
    sink::{JsonLines, MemorySink, RecordSink},
    task::{Records, start},
};
