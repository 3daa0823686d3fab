//! The verbs and flags of `quarrel replay`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::tick_or_time::TickOrTime;

/// The verbs of `quarrel replay`.
#[derive(Clone, Debug, Subcommand)]
pub enum ReplayVerb {
    /// Print a summary of a journal, the recording of a room: its header, its marks and who was on each seat
    Info {
        /// Journal file
        file: PathBuf,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Replay journals at full speed and compare every checksum of the room's state; exit 1 on a difference or a damaged journal
    Verify {
        /// Journal files
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Print the complete state of a room after a tick, and the inputs of that tick
    Dump {
        /// Journal file
        file: PathBuf,
        /// Tick number, or time since the room opened, such as 90s or 2m10s
        #[arg(long, value_name = "TICK")]
        tick: TickOrTime,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Copy a part of a journal into a new journal
    Slice {
        /// Journal file
        file: PathBuf,
        /// The part to copy
        #[command(flatten)]
        part: SliceRange,
        /// New file, which must not exist [default: FILE's name with the first and last tick, in the current folder]
        #[arg(short, long, value_name = "OUT")]
        output: Option<PathBuf>,
    },
    /// Find the first tick at which two journals differ, or a journal and its replay; exit 1 on a difference or a
    /// damaged journal
    Bisect {
        /// Journal file
        file: PathBuf,
        /// Second journal with the same beginning [default: compare the journal with its own replay]
        other: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// The part of a journal that `quarrel replay slice` copies.
#[derive(Args, Clone, Debug)]
pub struct SliceRange {
    /// Tick after which the part begins: a tick number, or a time since the room opened
    #[arg(long, value_name = "TICK", required_unless_present = "around", requires = "to")]
    pub from: Option<TickOrTime>,
    /// Last tick of the part: a tick number, or a time since the room opened
    #[arg(long, value_name = "TICK", requires = "from")]
    pub to: Option<TickOrTime>,
    /// Number of an operator's mark in the middle of the part, as `replay info` prints it
    #[arg(long, value_name = "MARK", conflicts_with_all = ["from", "to"])]
    pub around: Option<usize>,
    /// Time before and after the mark: a number of ticks, or a time such as 10s
    #[arg(long, value_name = "TIME", default_value = "10s", requires = "around")]
    pub margin: TickOrTime,
}
