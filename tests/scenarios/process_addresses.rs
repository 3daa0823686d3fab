//! Addresses of a server that are in use by another process, or that a machine without IPv6 does not have.

use std::{
    net::{TcpListener, UdpSocket},
    path::Path,
    process::Output,
};

use quarrel_harness::{
    LogFile, Player, ProcessConfig, ServerProcess, namespace::Namespace, server_process::clean_command,
};
use quarrel_shared::crowd::Crowd;

const SERVER: &str = env!("CARGO_BIN_EXE_test-server");
const SWARM: &str = env!("CARGO_BIN_EXE_test-swarm");

/// The arguments that run a program as on a machine whose kernel has no IPv6, when they are put before it.
fn without_ipv6() -> [String; 2] {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("harness/wrappers/without_ipv6.py");
    ["python3".to_owned(), path.display().to_string()]
}

/// Lets two bots play on the default port of a server in this namespace.
fn play(network: &Namespace) -> Output {
    let wrapper = network.wrapper();
    clean_command(&wrapper[0])
        .args(&wrapper[1..])
        .args([SWARM, "run", "--bots", "2", "--ramp", "100ms", "--duration", "1s", "--max-lag-ms", "10000"])
        .args(["--server", "127.0.0.1:7777"])
        .output()
        .expect("the program must start")
}

/// Starts a server that must end with this code. Returns its log.
async fn refused(config: ProcessConfig, code: i32) -> String {
    let log = LogFile::new();
    let mut server = ServerProcess::start(SERVER, ProcessConfig { log: log.writer(), ..config });
    assert_eq!(server.wait_for_exit().await.code(), Some(code), "{}", log.text());
    log.text()
}

#[tokio::test]
async fn an_address_in_use_stops_a_start_with_its_remedy_and_a_later_start_succeeds() {
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let [players, http] =
        [udp.local_addr(), tcp.local_addr()].map(|address| address.expect("bound").to_string());
    let with_players = || ProcessConfig { listen: Some(players.clone()), ..ProcessConfig::default() };
    let with_http = || ProcessConfig { http: Some(http.clone()), ..ProcessConfig::default() };
    for (config, address, setting) in
        [(with_players(), &players, "net.listen (--listen)"), (with_http(), &http, "http.listen (--http)")]
    {
        let log = refused(config, 69).await;
        let sentence =
            format!("{address} is in use by another process; stop that process, or change {setting}");
        assert!(log.contains(&sentence), "`{sentence}` must be in:\n{log}");
    }
    drop((udp, tcp));
    let config = ProcessConfig { http: Some(http.clone()), ..with_players() };
    let mut server = ServerProcess::start(SERVER, config);
    assert_eq!(server.address().await.to_string(), players);
    let (mut ada, _) = Player::<Crowd>::connect_and_join(server.address().await, "Ada").await;
    ada.wait_for_ticks(1).await;
}

#[tokio::test]
async fn without_ipv6_in_the_kernel_the_default_address_is_replaced_and_players_connect_over_ipv4() {
    let Some(network) = Namespace::without_ipv6_addresses() else { return };
    let log = LogFile::new();
    let config = ProcessConfig {
        wrapper: [&network.wrapper()[..], &without_ipv6()].concat(),
        listen: None,
        http: None,
        log: log.writer(),
        ..ProcessConfig::default()
    };
    let mut server = ServerProcess::start(SERVER, config);
    assert_eq!(server.address().await.port(), 7777);
    log.wait_for("\"serving\"").await;
    log.must_contain("this machine has no IPv6, players connect over IPv4 only");
    log.must_contain("0.0.0.0:7777");
    let played = play(&network);
    assert!(played.status.success(), "{played:?}\n{}", log.text());
}

#[tokio::test]
async fn without_ipv6_addresses_the_default_address_serves_players_over_ipv4() {
    let Some(network) = Namespace::without_ipv6_addresses() else { return };
    let log = LogFile::new();
    let config = ProcessConfig {
        wrapper: network.wrapper(),
        listen: None,
        http: None,
        log: log.writer(),
        ..ProcessConfig::default()
    };
    let _server = ServerProcess::start(SERVER, config);
    log.wait_for("\"serving\"").await;
    let played = play(&network);
    assert!(played.status.success(), "{played:?}\n{}", log.text());
}

#[tokio::test]
async fn a_configured_ipv6_address_that_the_machine_lacks_stops_a_start_with_its_remedy() {
    let remedy =
        "change net.listen (--listen), for example to 0.0.0.0:7777 if this machine has no IPv6".to_owned();
    let config = |wrapper, listen: &str| ProcessConfig {
        wrapper,
        listen: Some(listen.to_owned()),
        ..ProcessConfig::default()
    };
    let log = refused(config(without_ipv6().to_vec(), "[::]:7777"), 78).await;
    assert!(log.contains("cannot listen on [::]:7777") && log.contains(&remedy), "{log}");

    let Some(network) = Namespace::without_ipv6_addresses() else { return };
    // The machine may get the address later, so another try may succeed.
    let log = refused(config(network.wrapper(), "[::1]:7777"), 75).await;
    assert!(log.contains("cannot listen on [::1]:7777") && log.contains(&remedy), "{log}");
}
