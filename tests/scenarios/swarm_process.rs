//! The process of a load test keeps its report: through signals, with outputs that are not files, and with a name that has several
//! addresses.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use quarrel_client::{Client, ConnectConfig, find_answering};
use quarrel_harness::{
    TestServer,
    server_process::{clean_command, send_signals},
    until,
};
use quarrel_shared::crowd::Crowd;
use serde_json::Value;
use tempfile::TempDir;

const SWARM: &str = env!("CARGO_BIN_EXE_test-swarm");

/// A running `swarm run` in a folder of its own. Dropping it kills the process.
struct SwarmProcess {
    child: Child,
    folder: TempDir,
}

impl SwarmProcess {
    /// Starts two bots that play for some seconds. `stdout` and `stderr` are files of the folder.
    fn start(server: &str, seconds: u32, arguments: &[&str]) -> Self {
        Self::start_with(server, seconds, arguments, |folder, name| {
            Stdio::from(File::create(folder.join(name)).expect("a file"))
        })
    }

    /// Starts as [`Self::start`] does, with other outputs.
    fn start_with(
        server: &str,
        seconds: u32,
        arguments: &[&str],
        output: impl Fn(&Path, &str) -> Stdio,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(
            Command::new("mkfifo")
                .arg(folder.path().join("fifo"))
                .status()
                .is_ok_and(|status| status.success()),
            "mkfifo must create a FIFO"
        );
        // With the system's effect of SIGHUP, also when the tests run under `nohup`.
        let child = clean_command("env")
            .args(["--default-signal=HUP", SWARM])
            .args(["run", "--bots", "2", "--ramp", "100ms", "--max-lag-ms", "10000", "--server", server])
            .args(["--duration", &format!("{seconds}s")])
            .args(arguments)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(output(folder.path(), "stdout"))
            .stderr(output(folder.path(), "stderr"))
            .spawn()
            .expect("the swarm program must start");
        Self { child, folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }

    fn signal(&self, signal: &str) {
        send_signals(self.child.id(), &[signal]);
    }

    async fn wait_for_exit(&mut self) -> ExitStatus {
        let mut status = None;
        until("the end of the swarm", || {
            status = self.child.try_wait().expect("the process must be known");
            status.is_some()
        })
        .await;
        status.expect("the wait ends with a status")
    }
}

impl Drop for SwarmProcess {
    fn drop(&mut self) {
        // Fails when the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start_server() -> TestServer<Crowd> {
    TestServer::<Crowd>::start(&[("room.bots", "0")])
}

async fn wait_for_play(server: &TestServer<Crowd>) {
    until("two bots that play", || server.metric("quarrel_players") == 2.0).await;
}

#[tokio::test]
async fn a_hang_up_and_signals_at_the_same_moment_end_a_run_with_its_report() {
    for signals in [&["HUP"][..], &["TERM", "TERM", "HUP"], &["USR1", "USR2", "INT"]] {
        let server = start_server();
        let address = server.address().to_string();
        let mut swarm = SwarmProcess::start(&address, 60, &["--report", "report.json"]);
        wait_for_play(&server).await;
        send_signals(swarm.child.id(), signals);
        let status = swarm.wait_for_exit().await;
        assert_eq!(status.code(), Some(105), "{signals:?}: {}", swarm.read("stderr"));
        let report: Value = serde_json::from_str(&swarm.read("report.json")).expect("a report");
        assert_eq!((&report["verdict"], &report["joined"]), (&"aborted".into(), &2.into()), "{signals:?}");
    }
}

#[tokio::test]
async fn a_hang_up_that_the_parent_ignores_does_not_end_a_run() {
    let server = start_server();
    let folder = tempfile::tempdir().expect("a folder");
    let (report, server_address) = (folder.path().join("report.json"), server.address().to_string());
    let run = "trap '' HUP; exec \"$0\" run --bots 2 --ramp 100ms --duration 3s --max-lag-ms 10000 --server \"$1\" --report \"$2\"";
    let child = clean_command("sh")
        .args(["-c", run, SWARM, &server_address])
        .arg(&report)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell");
    let mut swarm = SwarmProcess { child, folder };
    wait_for_play(&server).await;
    swarm.signal("HUP");
    assert_eq!(swarm.wait_for_exit().await.code(), Some(0));
    assert!(swarm.read("report.json").contains("\"pass\""), "the run must be complete");
}

#[tokio::test]
async fn a_fifo_without_a_reader_keeps_no_file_and_no_signal_from_its_effect() {
    for (signal, code) in [("TERM", Some(105)), ("QUIT", None)] {
        let server = start_server();
        let address = server.address().to_string();
        let mut swarm = SwarmProcess::start(&address, 1, &["--report", "fifo", "--junit", "report.xml"]);
        until("the file beside the FIFO", || swarm.read("report.xml").ends_with("</testsuites>\n")).await;
        swarm.signal(signal);
        assert_eq!(swarm.wait_for_exit().await.code(), code, "{}", swarm.read("stderr"));
    }
}

#[tokio::test]
async fn outputs_that_are_stuck_delay_no_run_and_no_signal() {
    let server = start_server();
    let address = server.address().to_string();
    let (_reader, mut writer) = io::pipe().expect("a pipe");
    // The capacity of a pipe of Linux.
    writer.write_all(&[b'x'; 64 * 1024]).expect("a full pipe");
    let stuck = |_: &Path, _: &str| Stdio::from(writer.try_clone().expect("a pipe"));
    let mut swarm = SwarmProcess::start_with(&address, 1, &["--report", "report.json"], stuck);
    until("the report", || swarm.read("report.json").ends_with("}\n")).await;
    // The swarm waits for the reader of its summary.
    swarm.signal("HUP");
    assert_eq!(swarm.wait_for_exit().await.code(), Some(105));
    assert!(swarm.read("report.json").contains("\"pass\""), "the run was complete before the signal");
}

#[tokio::test]
async fn the_reader_of_a_fifo_gets_the_report() {
    let server = start_server();
    let address = server.address().to_string();
    let mut swarm = SwarmProcess::start(&address, 1, &["--report", "fifo"]);
    let fifo = swarm.path().join("fifo");
    let read = tokio::task::spawn_blocking(move || fs::read(fifo).expect("a readable FIFO"));
    assert_eq!(swarm.wait_for_exit().await.code(), Some(0), "{}", swarm.read("stderr"));
    let report: Value = serde_json::from_slice(&read.await.expect("no panic")).expect("a report");
    assert_eq!(report["joined"], 2);
}

#[tokio::test]
async fn a_report_on_standard_output_is_alone_there() {
    for output in ["-", "/dev/stdout", "stdout"] {
        let server = start_server();
        let address = server.address().to_string();
        let mut swarm = SwarmProcess::start(&address, 1, &["--report", output]);
        assert_eq!(swarm.wait_for_exit().await.code(), Some(0), "{output}: {}", swarm.read("stderr"));
        let report: Value = serde_json::from_str(&swarm.read("stdout")).expect("a report and nothing more");
        assert_eq!(report["joined"], 2, "{output}");
        assert!(swarm.read("stderr").contains("pass"), "{output}: the summary must be on standard error");
        assert!(!swarm.path().join("-").exists(), "no file may be named \"-\"");
    }
}

#[tokio::test]
async fn two_reports_for_standard_output_are_refused_before_the_run() {
    let mut swarm = SwarmProcess::start("127.0.0.1:9", 60, &["--report", "-", "--html", "/dev/stdout"]);
    assert_eq!(swarm.wait_for_exit().await.code(), Some(2));
    let error = swarm.read("stderr");
    assert!(error.contains("--html: standard output receives another report already"), "{error}");
}

#[tokio::test]
async fn the_first_address_with_a_server_is_used_and_an_error_lists_all() {
    let server = start_server();
    let port = server.address().port();
    let configs = |addresses: [&str; 2]| {
        addresses.map(|ip| ConnectConfig::new(format!("{ip}:{port}").parse().expect("an address"))).to_vec()
    };
    // The server listens on 127.0.0.1 only.
    let config = find_answering(configs(["127.0.0.2", "127.0.0.1"])).await.expect("an address with a server");
    assert_eq!(config.server, server.address());
    Client::<Crowd>::connect(&config).await.expect("a connection");
    let error = find_answering(configs(["127.0.0.2", "127.0.0.3"])).await.expect_err("no server").to_string();
    for ip in ["127.0.0.2", "127.0.0.3"] {
        assert!(error.contains(&format!("{ip}:{port} (no answer)")), "{error}");
    }
    let mut swarm = SwarmProcess::start(&format!("localhost:{port}"), 1, &["--slo", "joined == 2"]);
    assert_eq!(swarm.wait_for_exit().await.code(), Some(0), "{}", swarm.read("stderr"));
}
