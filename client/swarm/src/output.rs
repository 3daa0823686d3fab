//! The outputs for reports: files, standard output, and streams such as a FIFO.
//!
//! A stream may have no reader, or one that reads nothing. So a stream is not tried before a run, and is written in a thread, while the
//! program waits for progress, for a limited time, and for signals.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};

/// The maximum time without progress of a write to a file or stream, which includes the time until a FIFO has a reader. Standard output and
/// standard error have no limit, because a person may read them page by page.
const MAX_STALL: Duration = Duration::from_secs(30);

/// The number of bytes after which a write counts as progress: what a pipe takes at once (`PIPE_BUF` of Linux).
const CHUNK_BYTES: usize = 4096;

/// The time without progress after which a signal is looked for.
const SIGNAL_PERIOD: Duration = Duration::from_millis(50);

/// The place to which a report is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReportOutput {
    /// Standard output: `-`, or a path of the same file, such as `/dev/stdout`. Opened by its path, the two would overwrite each other.
    Stdout,
    /// A path of the file that is standard error.
    Stderr,
    /// A regular file, which may not exist yet.
    File(PathBuf),
    /// A FIFO, a device or a socket.
    Stream(PathBuf),
}

/// The error of a report that was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum OutputError {
    /// The system's error.
    #[error("{0} cannot be written: {1}")]
    System(ReportOutput, io::Error),
    /// Nothing is read from the stream.
    #[error("{0} cannot be written: nothing was read from it for {seconds} s", seconds = MAX_STALL.as_secs())]
    Stalled(ReportOutput),
    /// A signal ended the wait for a reader.
    #[error("{0} was not written completely: a signal ended the wait for its reader")]
    Interrupted(ReportOutput),
}

impl ReportOutput {
    /// Finds the output at a path, and checks that a file can be written: creates it if it does not exist, and does not change its
    /// content.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn open(path: &Path) -> Result<Self, OutputError> {
        if path == Path::new("-") || is_same_file(path, StandardStream::Output) {
            return Ok(Self::Stdout);
        }
        if is_same_file(path, StandardStream::Error) {
            return Ok(Self::Stderr);
        }
        match fs::metadata(path) {
            Ok(found) if !found.is_file() && !found.is_dir() => Ok(Self::Stream(path.to_owned())),
            _ => {
                let file = Self::File(path.to_owned());
                match OpenOptions::new().create(true).append(true).open(path) {
                    Ok(_) => Ok(file),
                    Err(error) => Err(OutputError::System(file, error)),
                }
            }
        }
    }

    /// Writes the whole content. When `is_interrupted` returns true, the wait for a reader ends, but not the write of a file.
    ///
    /// # Errors
    /// When the content was not written completely.
    pub(super) fn write(
        &self,
        content: Vec<u8>,
        is_interrupted: impl Fn() -> bool,
    ) -> Result<(), OutputError> {
        self.write_within(content, MAX_STALL, is_interrupted)
    }

    fn write_within(
        &self,
        content: Vec<u8>,
        max_stall: Duration,
        is_interrupted: impl Fn() -> bool,
    ) -> Result<(), OutputError> {
        let failed = |error| OutputError::System(self.clone(), error);
        let (sender, states) = sync_channel(1);
        let output = self.clone();
        let write = move || {
            let result = output.write_all(&content, &sender);
            let _ = sender.send(WriteState::Done(result));
        };
        thread::Builder::new().name("output".to_owned()).spawn(write).map_err(failed)?;
        let mut progressed_at = Instant::now();
        loop {
            match states.recv_timeout(SIGNAL_PERIOD) {
                Ok(WriteState::Progress) => {
                    progressed_at = Instant::now();
                    continue;
                }
                Ok(WriteState::Done(result)) => return result.map_err(failed),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(failed(io::Error::other("its thread panicked")));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if is_interrupted() && !matches!(self, Self::File(_)) {
                return Err(OutputError::Interrupted(self.clone()));
            }
            if progressed_at.elapsed() > max_stall && matches!(self, Self::File(_) | Self::Stream(_)) {
                return Err(OutputError::Stalled(self.clone()));
            }
        }
    }

    fn write_all(&self, content: &[u8], sender: &SyncSender<WriteState>) -> io::Result<()> {
        let mut output: Box<dyn Write> = match self {
            Self::Stdout => Box::new(io::stdout()),
            Self::Stderr => Box::new(io::stderr()),
            Self::File(path) => Box::new(File::create(path)?),
            Self::Stream(path) => Box::new(OpenOptions::new().write(true).open(path)?),
        };
        for chunk in content.chunks(CHUNK_BYTES) {
            output.write_all(chunk)?;
            let _ = sender.try_send(WriteState::Progress);
        }
        output.flush()
    }
}

impl fmt::Display for ReportOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("standard output"),
            Self::Stderr => f.write_str("standard error"),
            Self::File(path) | Self::Stream(path) => path.display().fmt(f),
        }
    }
}

/// The state of a write, sent by its thread.
enum WriteState {
    Progress,
    Done(io::Result<()>),
}

/// An output that the program has from its start.
#[derive(Clone, Copy)]
enum StandardStream {
    Output,
    Error,
}

/// Returns true if a path leads to the file, pipe or device of a standard stream. `/dev/null` takes everything and mixes nothing.
#[cfg(unix)]
fn is_same_file(path: &Path, stream: StandardStream) -> bool {
    use std::os::{fd::AsFd as _, unix::fs::MetadataExt as _};

    let descriptor = match stream {
        StandardStream::Output => io::stdout().as_fd().try_clone_to_owned(),
        StandardStream::Error => io::stderr().as_fd().try_clone_to_owned(),
    };
    let own = descriptor.and_then(|descriptor| File::from(descriptor).metadata());
    let (Ok(own), Ok(found)) = (own, fs::metadata(path)) else { return false };
    path != Path::new("/dev/null") && (own.dev(), own.ino()) == (found.dev(), found.ino())
}

#[cfg(not(unix))]
fn is_same_file(_path: &Path, _stream: StandardStream) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::*;

    fn fifo(folder: &Path) -> PathBuf {
        let path = folder.join("fifo");
        assert!(Command::new("mkfifo").arg(&path).status().is_ok_and(|status| status.success()));
        path
    }

    #[test]
    fn a_dash_is_standard_output_and_a_path_is_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new.json");
        assert_eq!(ReportOutput::open(Path::new("-")).unwrap(), ReportOutput::Stdout);
        assert_eq!(ReportOutput::open(&file).unwrap(), ReportOutput::File(file.clone()));
        assert!(file.exists(), "a file is tried in advance");
        let fifo = fifo(folder.path());
        assert_eq!(ReportOutput::open(&fifo).unwrap(), ReportOutput::Stream(fifo));
        let null = PathBuf::from("/dev/null");
        assert_eq!(ReportOutput::open(&null).unwrap(), ReportOutput::Stream(null));
        let error = ReportOutput::open(&folder.path().join("no/new.json")).unwrap_err().to_string();
        assert!(error.contains("no/new.json cannot be written: "), "{error}");
        assert!(ReportOutput::open(folder.path()).is_err(), "a folder is not a file");
    }

    #[test]
    fn a_stream_without_a_reader_ends_with_a_signal_or_after_the_time_limit() {
        let folder = tempfile::tempdir().unwrap();
        let stream = ReportOutput::Stream(fifo(folder.path()));
        let stalled = stream.write_within(vec![1], Duration::from_millis(100), || false).unwrap_err();
        assert!(matches!(stalled, OutputError::Stalled(_)), "{stalled}");
        let interrupted = stream.write_within(vec![1], MAX_STALL, || true).unwrap_err();
        assert!(matches!(interrupted, OutputError::Interrupted(_)), "{interrupted}");
    }

    #[test]
    fn a_reader_gets_everything() {
        let folder = tempfile::tempdir().unwrap();
        let path = fifo(folder.path());
        let content: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
        let reader = thread::spawn({
            let path = path.clone();
            move || fs::read(path).unwrap()
        });
        ReportOutput::Stream(path).write(content.clone(), || false).unwrap();
        assert_eq!(reader.join().unwrap(), content);
    }

    #[test]
    fn a_full_device_is_an_error() {
        let full = ReportOutput::Stream(PathBuf::from("/dev/full"));
        let error = full.write(vec![1; 10], || false).unwrap_err().to_string();
        assert!(error.starts_with("/dev/full cannot be written: "), "{error}");
    }
}
