//! What outlives a match. Rooms hand results in and never wait; one task writes them.
//!
//! - [`journals`]: where rooms' journals go.
//! - [`records`]: what is remembered.
//! - [`sink`]: where it goes, and memory as the simplest such place.
//! - [`sqlite`]: the place of a real server, `matches.db` in the data directory.
//! - [`history`]: what is there, read back.
//! - [`task`]: the queue between.

pub mod history;
pub mod journals;
pub mod records;
pub mod sink;
pub mod sqlite;
pub mod task;

pub use self::{
    history::newest,
    records::{MatchRecord, SeatRecord, Undone},
    sink::{MemorySink, RecordSink},
    sqlite::{DatabaseError, SqliteSink},
    task::{Records, start},
};
