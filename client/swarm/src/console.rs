//! The program's two outputs: results on standard output, status on standard error.
//!
//! A failed write is ignored: a run must still write its reports to files when the pipe on its output is closed.

use std::{
    fmt,
    io::{self, Write as _},
};

/// Prints a result and a line end on standard output.
pub(super) fn print_result(result: &dyn fmt::Display) {
    let _ = writeln!(io::stdout(), "{result}");
}

/// Prints a status line on standard error.
pub(super) fn print_status(status: &dyn fmt::Display) {
    let _ = writeln!(io::stderr(), "{status}");
}
