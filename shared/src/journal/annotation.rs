//! Annotations: records between the ticks of a journal. They are JSON, because they are rare and people read them.

use serde::{Deserialize, Serialize};

/// An event of a room or of its journal that is not part of the game.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Annotation {
    /// An operator marked this tick.
    Mark {
        /// The operator's reason.
        reason: String,
    },
    /// Ticks are missing because they could not be written. A checkpoint follows, unless the room ended or the server crashed before
    /// one was written.
    Lost {
        /// The first missing tick.
        from: u32,
        /// The last missing tick.
        to: u32,
        /// The cause, such as a full disk.
        why: String,
    },
    /// A match ended.
    Outcome {
        /// The record that the storage received, in the storage's own format.
        record: serde_json::Value,
    },
    /// The server stopped and will restore this room when it starts again.
    Saved,
    /// The room was restored, and continues from the next checkpoint.
    Resumed {
        /// The run of the server that restored it.
        run: u32,
        /// The version of that server.
        build: String,
        /// The time of the restore, in milliseconds since 1970.
        unix_ms: u64,
    },
    /// This journal was cut out of a longer one.
    Sliced {
        /// The first requested tick.
        from: u32,
        /// The last requested tick.
        to: u32,
    },
}
