//! A server in a process of its own, for what a process has apart from its threads: signals, a log, an environment and an exit code.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use tempfile::TempDir;

use crate::wait::until;

/// The prefix of the environment variables that a server reads.
const VARIABLE_PREFIX: &str = "QUARREL_";

/// The configuration of a server process.
pub struct ProcessConfig {
    /// A command whose last arguments are the program and the program's arguments. It must replace itself with the program, so that the
    /// process stays the same. Empty for the program alone.
    pub wrapper: Vec<String>,
    /// The address for players; `None` for the program's default.
    pub listen: Option<String>,
    /// The address of the admin HTTP server; `None` for the program's default.
    pub http: Option<String>,
    /// Arguments after `serve`, in addition to the addresses and the data directory.
    pub arguments: Vec<String>,
    /// Environment variables. Those of the test's own environment that a server reads are removed.
    pub environment: Vec<(&'static str, String)>,
    /// Standard output.
    pub output: Stdio,
    /// Standard error, which receives the log.
    pub log: Stdio,
    /// The data directory; `None` for a new one.
    pub data_dir: Option<PathBuf>,
}

impl Default for ProcessConfig {
    fn default() -> Self {
        let loopback = || Some("127.0.0.1:0".to_owned());
        Self {
            wrapper: Vec::new(),
            listen: loopback(),
            http: loopback(),
            arguments: Vec::new(),
            environment: Vec::new(),
            output: Stdio::null(),
            log: Stdio::null(),
            data_dir: None,
        }
    }
}

/// A running server process. Dropping it kills the process.
pub struct ServerProcess {
    child: Child,
    data_dir: PathBuf,
    /// Removes the data directory, if it is the process's own.
    _temporary: Option<TempDir>,
}

impl ServerProcess {
    /// Starts `program`, which is `env!("CARGO_BIN_EXE_test-server")`.
    ///
    /// # Panics
    /// When the program cannot be started.
    #[must_use]
    pub fn start(program: &str, config: ProcessConfig) -> Self {
        let temporary = config.data_dir.is_none().then(|| tempfile::tempdir().expect("a folder for data"));
        let own = temporary.as_ref().map(|folder| folder.path().join("data"));
        let data_dir = config.data_dir.or(own).expect("a data directory");
        let mut command = config.wrapper;
        command.extend([program, "serve"].map(str::to_owned));
        for (flag, address) in [("--listen", config.listen), ("--http", config.http)] {
            command.extend(address.map(|address| [flag.to_owned(), address]).into_iter().flatten());
        }
        let child = clean_command(&command[0])
            .args(&command[1..])
            .arg("--data-dir")
            .arg(&data_dir)
            .args(config.arguments)
            .envs(config.environment)
            .stdin(Stdio::null())
            .stdout(config.output)
            .stderr(config.log)
            .spawn()
            .expect("the server program must start");
        Self { child, data_dir, _temporary: temporary }
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The process.
    pub const fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits until the server listens for players, and returns that address.
    ///
    /// # Panics
    /// When the server ends or does not listen in time.
    pub async fn address(&mut self) -> SocketAddr {
        self.wait_for_port("udp", "07").await
    }

    /// Waits until the admin HTTP server listens, and returns its address.
    ///
    /// # Panics
    /// As for [`Self::address`].
    pub async fn http_address(&mut self) -> SocketAddr {
        self.wait_for_port("tcp", "0A").await
    }

    /// Sends a signal, such as `TERM`.
    ///
    /// # Panics
    /// When the signal cannot be sent.
    pub fn signal(&self, signal: &str) {
        self.signals(&[signal]);
    }

    /// Sends signals one after the other.
    ///
    /// # Panics
    /// When one cannot be sent.
    pub fn signals(&self, signals: &[&str]) {
        send_signals(self.child.id(), signals);
    }

    /// Waits until the process has ended.
    ///
    /// # Panics
    /// When it does not end in time.
    pub async fn wait_for_exit(&mut self) -> ExitStatus {
        let mut status = None;
        until("the end of the server process", || {
            status = self.child.try_wait().expect("the process must be known");
            status.is_some()
        })
        .await;
        status.expect("the wait ends with a status")
    }

    /// Waits until the process has a socket of this protocol in this state, as `/proc/net` names both, and returns its address. The log
    /// cannot be asked for the port, because a test may block or close it.
    async fn wait_for_port(&mut self, protocol: &str, state: &str) -> SocketAddr {
        let mut port = None;
        until("the server's port", || {
            let ended = self.child.try_wait().expect("the process must be known");
            assert!(ended.is_none(), "the server must not end at its start: {ended:?}");
            port = find_port(self.child.id(), protocol, state);
            port.is_some()
        })
        .await;
        SocketAddr::from((Ipv4Addr::LOCALHOST, port.expect("the wait ends with a port")))
    }
}

/// Creates a command without those environment variables of the test's own environment that a server or a load test reads.
#[must_use]
pub fn clean_command(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        if name.as_encoded_bytes().starts_with(VARIABLE_PREFIX.as_bytes()) {
            command.env_remove(name);
        }
    }
    command
}

/// Sends signals to a process, one after the other and from one shell: a process for each would take too long for a test about signals within
/// half a second.
///
/// # Panics
/// When one cannot be sent.
pub fn send_signals(process: u32, signals: &[&str]) {
    let send = "for signal; do kill -s \"$signal\" \"$0\" || exit; done";
    let sent = Command::new("sh").args(["-c", send, &process.to_string()]).args(signals).status();
    assert!(sent.is_ok_and(|status| status.success()), "{signals:?} must be sent");
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Fails when the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the local port of the first socket of a process with this protocol and state.
fn find_port(process: u32, protocol: &str, state: &str) -> Option<u16> {
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).ok()?;
    let sockets: Vec<_> = descriptors
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|target| Some(target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let table = fs::read_to_string(format!("/proc/{process}/net/{protocol}")).ok()?;
    table.lines().skip(1).find_map(|line| {
        // Columns: number, local address, remote address, state, queues, timer, retransmits, user, timeout, inode.
        let columns: Vec<_> = line.split_whitespace().collect();
        let is_searched = columns.get(3) == Some(&state) && sockets.iter().any(|socket| socket == columns[9]);
        let port = columns.get(1)?.rsplit_once(':')?.1;
        is_searched.then(|| u16::from_str_radix(port, 16).ok())?
    })
}
