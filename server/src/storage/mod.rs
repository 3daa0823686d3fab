//! The storage: match results and journals, which outlive their rooms. Rooms submit data without waiting; tasks write it.
//!
//! - [`journals`]: the journals of rooms.
//! - [`records`]: the types of match results.
//! - [`sink`]: the trait of a place for results, and its implementation in memory.
//! - [`sqlite`]: the database of a real server, `matches.db` in the data directory.
//! - [`history`]: reads results back.
//! - [`task`]: the queue of results and its task.

pub mod history;
pub mod journals;
pub mod records;
pub mod sink;
pub mod sqlite;
pub mod task;

pub use self::{
    history::newest_matches,
    records::{MatchRecord, RolledBack, SeatRecord},
    sink::{MemorySink, RecordSink},
    sqlite::{DatabaseError, SqliteSink},
    task::{RecordQueue, start},
};
