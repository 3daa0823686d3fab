//! The storage of match results and journals, which outlive their rooms. Rooms submit data without waiting; tasks write the data.
//!
//! - [`journals`]: the storage of journals, the recordings of rooms.
//! - [`records`]: the types of match results.
//! - [`sink`]: the trait of a store for match results, and an implementation in memory.
//! - [`sqlite`]: the store of a real server, the database `matches.db` in the data directory.
//! - [`database_error`]: errors of that database, with advice.
//! - [`history`]: reads match results for the command line.
//! - [`task`]: the queue of match results, and the task that writes them to the sink.

pub mod database_error;
pub mod history;
pub mod journals;
pub mod records;
pub mod sink;
pub mod sqlite;
pub mod task;

pub use self::{
    database_error::{DatabaseError, DatabaseFault},
    history::newest_matches,
    records::{MatchId, MatchRecord, RolledBack, SeatRecord},
    sink::{MemorySink, RecordSink},
    sqlite::SqliteSink,
    task::{RecordQueue, start},
};
