//! What is written between ticks, as JSON: rare, and read by people.

use serde::{Deserialize, Serialize};

/// Something that happened to a room or its journal, and not in its game.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    /// An operator marked this moment.
    Mark {
        /// Why.
        reason: String,
    },
    /// Ticks are missing: the disk was full or too slow. What follows begins with a checkpoint, unless the
    /// room ended before there was one.
    Lost {
        /// The first that is missing.
        from: u32,
        /// The last.
        to: u32,
        /// Why.
        why: String,
    },
    /// A match ended, and this is what the storage was handed.
    Outcome {
        /// The record, in the form in which the server's storage has it.
        record: serde_json::Value,
    },
    /// The server was told to stop, and to go on with this room when it starts again.
    Saved,
    /// The room was brought back, and goes on from the checkpoint that follows.
    Resumed {
        /// By which run of the server.
        run: u32,
        /// By which version.
        build: String,
        /// When, in milliseconds since 1970.
        unix_ms: u64,
    },
    /// The file was cut out of a longer journal.
    Sliced {
        /// The first tick that was asked for.
        from: u32,
        /// The last.
        to: u32,
    },
}
