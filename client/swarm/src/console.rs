//! The program's two outputs: results on standard output, status on standard error.
//!
//! A write that fails is ignored: a closed pipe must not cost the reports that a run writes to files.

use std::{
    fmt,
    io::{self, Write as _},
};

/// Prints a result, with a line end, on standard output.
pub(super) fn print_result(result: &dyn fmt::Display) {
    let _ = writeln!(io::stdout(), "{result}");
}

/// Prints a line of status on standard error.
pub(super) fn print_status(status: &dyn fmt::Display) {
    let _ = writeln!(io::stderr(), "{status}");
}
