//! Log lines on standard error: text on a terminal, JSON otherwise.
//!
//! A thread that moves packets or steps rooms never waits for the log: it formats a line and puts it into a bounded queue, and a thread of
//! its own writes the queue. Lines that cannot be queued or written are dropped and counted, and so are lines of one kind beyond a rate.
//!
//! - `dropped`: counters of dropped lines.
//! - `long_line`: shortens lines that are too long.
//! - `writer`: the queue and its thread.
//! - `rate_limit`: the rate of lines of one kind.

mod dropped;
mod long_line;
mod rate_limit;
mod writer;

use std::{
    io::{self, IsTerminal, Write},
    sync::Arc,
    time::{Duration, Instant},
};

use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer as _, Registry, filter::ParseError, fmt, layer::SubscriberExt, reload,
    util::SubscriberInitExt,
};

pub use self::dropped::DroppedLines;
use self::{
    rate_limit::LineRateLimit,
    writer::{LogQueue, start_writer},
};
use crate::config::{LogConfig, LogFormat};

/// The maximum time for queued lines to be written when the process ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Errors of starting the log.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// The filter cannot be parsed. A loaded configuration never contains such a filter.
    #[error("log.filter: {0}")]
    Filter(#[from] ParseError),
    /// The thread that writes lines cannot start.
    #[error("cannot start the log thread: {0}")]
    Thread(#[from] io::Error),
    /// The process has a log subscriber already, which stays in place.
    #[error("logging has been started already: {0}")]
    AlreadyStarted(#[from] tracing_subscriber::util::TryInitError),
}

/// The log of the process.
pub struct LogHandle {
    queue: Arc<LogQueue>,
    filter: reload::Handle<EnvFilter, Registry>,
}

impl LogHandle {
    /// Replaces the filter of log lines.
    ///
    /// # Errors
    /// When the filter cannot be parsed; the old filter then stays.
    pub fn set_filter(&self, filter: &str) -> Result<(), ParseError> {
        let filter: EnvFilter = filter.parse()?;
        // The only error of a reload is that the subscriber is gone, and then no line is filtered.
        let _ = self.filter.reload(filter);
        Ok(())
    }

    /// Reports dropped lines, and waits until all queued lines are written, for a second at most.
    pub fn flush(&self) {
        self.queue.flush(FLUSH_TIMEOUT);
    }
}

/// Starts logging for the process, to standard error.
///
/// # Errors
/// When the filter cannot be parsed, the log thread cannot start, or logging was started before.
pub fn init(config: &LogConfig, dropped: DroppedLines) -> Result<LogHandle, LogsError> {
    let style = LineStyle::of(config.format, io::stderr().is_terminal());
    let (subscriber, handle) = subscriber(&config.filter, style, io::stderr(), dropped)?;
    subscriber.try_init()?;
    Ok(handle)
}

/// Creates the subscriber of the process's log lines, and starts the thread that writes them to `out`.
fn subscriber(
    filter: &str,
    style: LineStyle,
    out: impl Write + Send + 'static,
    dropped: DroppedLines,
) -> Result<(impl Subscriber + Send + Sync, LogHandle), LogsError> {
    let (filter, filter_handle) = reload::Layer::new(filter.parse::<EnvFilter>()?);
    let rate_limit = LineRateLimit::new(Instant::now(), dropped.rate_limited.clone());
    let queue = start_writer(out, dropped, rate_limit.clone())?;
    // Without `log_internal_errors(false)`, an error would be printed to standard error, which panics when that is the error's cause.
    let lines = fmt::layer().with_writer(Arc::clone(&queue)).log_internal_errors(false);
    let lines = match style {
        LineStyle::Json => lines.json().flatten_event(true).boxed(),
        LineStyle::Text { colours } => lines.with_ansi(colours).boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(filter).with(rate_limit).with(lines);
    Ok((subscriber, LogHandle { queue, filter: filter_handle }))
}

/// The appearance of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LineStyle {
    Json,
    Text { colours: bool },
}

impl LineStyle {
    fn of(format: LogFormat, is_terminal: bool) -> Self {
        match format {
            LogFormat::Auto if !is_terminal => Self::Json,
            LogFormat::Auto | LogFormat::Text => Self::Text { colours: is_terminal },
            LogFormat::Json => Self::Json,
        }
    }
}

#[cfg(test)]
mod tests;
