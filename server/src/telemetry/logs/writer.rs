//! The queue of log lines, and the thread that writes them.

use std::{
    io::{self, ErrorKind, Write},
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    },
    thread,
    time::{Duration, Instant},
};

use prometheus_client::metrics::counter::Counter;
use tracing::warn;

use super::{dropped::DroppedLines, long_line::shorten, rate_limit::LineRateLimit};

/// The maximum number of queued lines. With lines of [`MAX_LINE_BYTES`], the queue takes 16 MiB; with usual ones of 300 bytes, 300 kB.
const MAX_QUEUED_LINES: usize = 1024;

/// The maximum length of a line. A longer one is shortened.
const MAX_LINE_BYTES: usize = 16 * 1024;

/// The interval of reports about dropped lines.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// The time between two attempts to write to a destination in non-blocking mode that is full.
const RETRY_INTERVAL: Duration = Duration::from_millis(10);

/// The queue of lines. Writing to it never waits.
pub(super) struct LogQueue {
    messages: SyncSender<Message>,
    queue_full: Counter,
}

enum Message {
    Line(Vec<u8>),
    /// A request to report dropped lines, and to reply when all queued lines are written.
    Flush(SyncSender<()>),
}

impl LogQueue {
    /// Waits until the queued lines are written or `timeout` has passed.
    pub(super) fn flush(&self, timeout: Duration) {
        let (done, flushed) = mpsc::sync_channel(1);
        let deadline = Instant::now() + timeout;
        let mut message = Message::Flush(done);
        while let Err(mpsc::TrySendError::Full(unsent)) = self.messages.try_send(message) {
            if Instant::now() >= deadline {
                return;
            }
            message = unsent;
            thread::sleep(RETRY_INTERVAL);
        }
        let _ = flushed.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }
}

/// Queues one complete line per call, as the formatter of log lines writes them.
impl Write for &LogQueue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let message = if line.len() > MAX_LINE_BYTES { shorten(line, MAX_LINE_BYTES) } else { line.to_vec() };
        if self.messages.try_send(Message::Line(message)).is_err() {
            self.queue_full.inc();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts the thread that writes lines to `out`. It ends when the queue is dropped.
///
/// # Errors
/// When the thread cannot start.
pub(super) fn start_writer(
    out: impl Write + Send + 'static,
    dropped: DroppedLines,
    rate_limit: LineRateLimit,
) -> io::Result<Arc<LogQueue>> {
    let (messages, queued) = mpsc::sync_channel(MAX_QUEUED_LINES);
    let queue_full = dropped.queue_full.clone();
    let writer = LineWriter { out, has_partial_line: false };
    thread::Builder::new().name("log".into()).spawn(move || run(&queued, writer, &dropped, &rate_limit))?;
    Ok(Arc::new(LogQueue { messages, queue_full }))
}

fn run(
    queued: &Receiver<Message>,
    mut writer: LineWriter<impl Write>,
    dropped: &DroppedLines,
    rate_limit: &LineRateLimit,
) {
    let (mut reported, mut next_report) = (0, Instant::now() + REPORT_INTERVAL);
    let mut write = |line: &[u8]| {
        if writer.write(line).is_err() {
            dropped.unwritable.inc();
        }
    };
    loop {
        match queued.recv_timeout(next_report.saturating_duration_since(Instant::now())) {
            Ok(Message::Line(line)) => write(&line),
            Ok(Message::Flush(done)) => {
                report_dropped(dropped, rate_limit, &mut reported);
                // The lines of the report are queued. New lines of other threads must not keep this loop running.
                for message in queued.try_iter().take(MAX_QUEUED_LINES) {
                    if let Message::Line(line) = message {
                        write(&line);
                    }
                }
                let _ = done.send(());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if Instant::now() >= next_report {
            report_dropped(dropped, rate_limit, &mut reported);
            next_report = Instant::now() + REPORT_INTERVAL;
        }
    }
}

/// Logs how many lines were dropped since the last report. These lines are queued like all others.
fn report_dropped(dropped: &DroppedLines, rate_limit: &LineRateLimit, reported: &mut u64) {
    for (place, lines) in rate_limit.take_limited() {
        warn!(place, lines, "log lines of one kind dropped, they exceeded the rate limit");
    }
    let lost = dropped.queue_full.get() + dropped.unwritable.get();
    if lost > *reported {
        warn!(lines = lost - *reported, "log lines dropped, their destination was full or failed");
        *reported = lost;
    }
}

/// Writes complete lines to a destination that may fail in the middle of a line.
struct LineWriter<W> {
    out: W,
    /// Whether the last line failed after some of its bytes, so that the next line must start with a newline.
    has_partial_line: bool,
}

impl<W: Write> LineWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.has_partial_line {
            self.write_bytes(b"\n")?;
        }
        self.write_bytes(line)?;
        self.out.flush()
    }

    fn write_bytes(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.out.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = &bytes[written..];
                    self.has_partial_line = !bytes.is_empty();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // A parent process can leave standard error in non-blocking mode.
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(RETRY_INTERVAL),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
