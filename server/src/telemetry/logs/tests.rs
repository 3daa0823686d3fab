//! The log with destinations that fail, block or are slow.

use std::sync::{Condvar, Mutex};

use tracing::{info, subscriber::with_default};

use super::*;

/// A destination of log lines that can fail or block. Clones share it.
#[derive(Clone, Default)]
struct Destination(Arc<(Mutex<DestinationState>, Condvar)>);

#[derive(Default)]
struct DestinationState {
    text: String,
    mode: Mode,
    /// Whether a thread waits in a write.
    has_waiting_writer: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Open,
    /// Every write fails.
    Full,
    /// Every write waits.
    Stuck,
}

impl Destination {
    fn set(&self, mode: Mode) {
        self.0.0.lock().unwrap().mode = mode;
        self.0.1.notify_all();
    }

    fn wait_for_writer(&self) {
        let state = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(state, |state| !state.has_waiting_writer).unwrap());
    }

    fn count(&self, message: &str) -> usize {
        self.0.0.lock().unwrap().text.matches(message).count()
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.0.lock().unwrap();
        state.has_waiting_writer = true;
        self.0.1.notify_all();
        state = self.0.1.wait_while(state, |state| state.mode == Mode::Stuck).unwrap();
        state.has_waiting_writer = false;
        if state.mode == Mode::Full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.text += std::str::from_utf8(bytes).unwrap();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn start(out: &Destination) -> (impl Subscriber + Send + Sync + use<>, LogHandle, DroppedLines) {
    let dropped = DroppedLines::default();
    let style = LineStyle::Text { colours: false };
    let (subscriber, handle) = subscriber("info", style, out.clone(), dropped.clone()).unwrap();
    (subscriber, handle, dropped)
}

#[test]
fn a_terminal_gets_text_and_a_pipe_gets_json_unless_configured() {
    assert_eq!(LineStyle::of(LogFormat::Auto, true), LineStyle::Text { colours: true });
    assert_eq!(LineStyle::of(LogFormat::Auto, false), LineStyle::Json);
    assert_eq!(LineStyle::of(LogFormat::Json, true), LineStyle::Json);
    assert_eq!(LineStyle::of(LogFormat::Text, false), LineStyle::Text { colours: false });
}

#[test]
fn a_line_that_cannot_be_written_is_dropped_and_counted_and_later_lines_appear() {
    let out = Destination::default();
    let (subscriber, handle, dropped) = start(&out);
    with_default(subscriber, || {
        out.set(Mode::Full);
        info!("lost");
        handle.flush();
        out.set(Mode::Open);
        info!("written");
        handle.flush();
    });
    assert_eq!((out.count("lost"), out.count("written")), (0, 1));
    assert_eq!(dropped.unwritable.get(), 1);
}

#[test]
fn logging_never_waits_for_a_destination_that_is_stuck() {
    let out = Destination::default();
    let (subscriber, handle, dropped) = start(&out);
    with_default(subscriber, || {
        out.set(Mode::Stuck);
        info!("first");
        out.wait_for_writer();
        // The queue holds 1,024 of these lines, and the rate limit of this kind of line is far above it.
        for kind in 0..4 {
            for _ in 0..400 {
                match kind {
                    0 => info!("queued 0"),
                    1 => info!("queued 1"),
                    2 => info!("queued 2"),
                    _ => info!("queued 3"),
                }
            }
        }
        assert_eq!(dropped.queue_full.get(), 1600 - 1024);
        out.set(Mode::Open);
        handle.flush();
    });
    assert_eq!((out.count("first"), out.count("queued")), (1, 1024));
}

#[test]
fn one_kind_of_line_is_rate_limited_and_other_kinds_are_not() {
    let out = Destination::default();
    let (subscriber, handle, dropped) = start(&out);
    with_default(subscriber, || {
        for _ in 0..5000 {
            info!("flood");
        }
        info!("other");
        handle.flush();
    });
    let written = out.count("flood") as u64;
    assert!((500..2000).contains(&written), "the burst of 500 and 50 a second: {written}");
    // All lines that did not pass the limit were counted, except those that the queue had no room for.
    assert_eq!(dropped.rate_limited.get() + dropped.queue_full.get() + written, 5000);
    assert_eq!(out.count("other"), 1);
}

#[test]
fn a_filter_is_replaced_at_run_time_and_a_wrong_one_is_refused() {
    let out = Destination::default();
    let (subscriber, handle, _) = start(&out);
    with_default(subscriber, || {
        handle.set_filter("off").unwrap();
        info!("hidden");
        assert!(handle.set_filter("quarrel=loud").is_err());
        info!("hidden");
        handle.set_filter("info").unwrap();
        info!("shown");
        handle.flush();
    });
    assert_eq!((out.count("hidden"), out.count("shown")), (0, 1));
}
