//! Status lines on standard error. A thread of its own writes them, so that a run does not wait for a terminal or a pipe that takes
//! nothing.
//!
//! A failed write is ignored: a run must still write its reports to files when the pipe on its output is closed.

use std::{
    fmt,
    io::{self, Write as _},
    sync::{
        OnceLock,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

/// The capacity of the queue, in lines. A stuck output drops the lines of a full queue; a run prints one in five seconds, and an agent up
/// to 16 in one.
const MAX_QUEUED: usize = 256;

/// The maximum time for which the end of the program waits for the last lines.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

type WriteJob = Box<dyn FnOnce() + Send>;

/// Prints a status line on standard error, soon. The line is dropped while the output is stuck.
pub(super) fn print_status(status: &dyn fmt::Display) {
    let line = format!("{status}\n");
    write_later(move || {
        let _ = io::stderr().write_all(line.as_bytes());
    });
}

/// Runs a write to standard error on the writer thread, after earlier ones. The write is dropped while the output is stuck.
pub(super) fn write_later(write: impl FnOnce() + Send + 'static) {
    match writer() {
        Some(queue) => drop(queue.try_send(Box::new(write))),
        None => write(),
    }
}

/// Waits until all status lines are written, at most [`FLUSH_TIMEOUT`].
pub(super) fn flush() {
    let (written, done) = sync_channel(1);
    write_later(move || {
        let _ = written.send(());
    });
    let _ = done.recv_timeout(FLUSH_TIMEOUT);
}

/// The queue of the writer thread, which starts at the first call; `None` if the system provides no thread.
fn writer() -> Option<&'static SyncSender<WriteJob>> {
    static WRITER: OnceLock<Option<SyncSender<WriteJob>>> = OnceLock::new();
    let start = || {
        let (queue, jobs): (_, Receiver<WriteJob>) = sync_channel(MAX_QUEUED);
        let thread = thread::Builder::new().name("console".to_owned());
        thread.spawn(move || jobs.into_iter().for_each(|write| write())).ok().map(|_| queue)
    };
    WRITER.get_or_init(start).as_ref()
}
