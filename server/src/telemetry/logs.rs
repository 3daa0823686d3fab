//! Log lines on standard error: text on a terminal, JSON otherwise.

use std::io::{self, IsTerminal};

use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogConfig, LogFormat};

/// Errors of starting the log.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// The filter cannot be parsed. A loaded configuration never contains such a filter.
    #[error("log.filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The process has a log subscriber already, which stays in place.
    #[error("logging has been started already: {0}")]
    AlreadyStarted(#[from] tracing_subscriber::util::TryInitError),
}

/// Starts logging for the process, to standard error.
///
/// # Errors
/// When the filter cannot be parsed, or when logging was started before.
pub fn init(config: &LogConfig) -> Result<(), LogsError> {
    let filter: EnvFilter = config.filter.parse()?;
    let is_terminal = io::stderr().is_terminal();
    let lines = fmt().with_env_filter(filter).with_writer(io::stderr);
    if is_json(config.format, is_terminal) {
        lines.json().flatten_event(true).finish().try_init()?;
    } else {
        lines.with_ansi(is_terminal).finish().try_init()?;
    }
    Ok(())
}

fn is_json(format: LogFormat, is_terminal: bool) -> bool {
    match format {
        LogFormat::Auto => !is_terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_gets_text_and_a_pipe_gets_json_unless_configured() {
        assert!(!is_json(LogFormat::Auto, true));
        assert!(is_json(LogFormat::Auto, false));
        assert!(is_json(LogFormat::Json, true));
        assert!(!is_json(LogFormat::Text, false));
    }
}
