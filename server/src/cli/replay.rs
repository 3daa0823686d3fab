//! `quarrel replay`: its verbs and flags.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::tick_or_time::TickOrTime;

/// What is asked of a journal.
#[derive(Clone, Debug, Subcommand)]
pub enum ReplayVerb {
    /// Say what a journal holds: the room, who sat where and when, marks, how it ends
    Info {
        /// The journal
        file: PathBuf,
        /// One JSON object, for programs
        #[arg(long)]
        json: bool,
    },
    /// Play journals again at full speed and compare every checksum; exit 1 at the first difference, or
    /// when a journal is damaged
    Verify {
        /// The journals
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// A JSON object a line, for programs
        #[arg(long)]
        json: bool,
    },
    /// Print the whole room as it was after a tick, and what went into that tick
    Dump {
        /// The journal
        file: PathBuf,
        /// Which: a tick's number, or a time since the room opened, such as 90s or 2m10s
        #[arg(long, value_name = "TICK")]
        tick: TickOrTime,
        /// One JSON object, for programs
        #[arg(long)]
        json: bool,
    },
    /// Cut a part out of a journal, as a journal of its own
    Slice {
        /// The journal
        file: PathBuf,
        /// Which part
        #[command(flatten)]
        part: Part,
        /// Where it goes; nothing is overwritten [default: FILE's name with the two ticks, in the current folder]
        #[arg(short, long, value_name = "OUT")]
        output: Option<PathBuf>,
    },
    /// Find the first tick at which two journals part, or a journal and this build; exit 1 when there is one,
    /// or when a journal is damaged
    Bisect {
        /// The journal
        file: PathBuf,
        /// Another of the same beginning; without it the journal is held against its own checksums
        other: Option<PathBuf>,
        /// One JSON object, for programs
        #[arg(long)]
        json: bool,
    },
}

/// Which part of a journal.
#[derive(Args, Clone, Debug)]
pub struct Part {
    /// The tick after which it begins, or a time since the room opened
    #[arg(long, value_name = "TICK", required_unless_present = "around", requires = "to")]
    pub from: Option<TickOrTime>,
    /// Its last tick, or a time since the room opened
    #[arg(long, value_name = "TICK", requires = "from")]
    pub to: Option<TickOrTime>,
    /// Around an operator's mark, as `replay info` numbers them
    #[arg(long, value_name = "MARK", conflicts_with_all = ["from", "to"])]
    pub around: Option<usize>,
    /// How far to either side of the mark
    #[arg(long, value_name = "TIME", default_value = "10s", requires = "around")]
    pub margin: TickOrTime,
}
