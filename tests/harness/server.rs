//! A whole server of any game, in this process: a real socket on port 0, and everything else in memory.

use std::{net::TcpListener, sync::Arc};

use quarrel_server::{
    config::{self, Config, FlagValue, GameDefaults, Sources},
    net::{UdpSeam, endpoint, keys::EndpointKeys, tls::ServerTls},
    server::{Seams, Server},
    storage::{MatchRecord, MemorySink, journals::MemoryStore},
    telemetry::Metrics,
};
use quarrel_shared::game::Game;
use tokio::runtime::Handle;

/// Where a test's server listens, for either plane.
const ANY_PORT: &str = "127.0.0.1:0";

/// Every room's randomness follows from this.
const SEED: u64 = 2_718_281_828;

/// A running server.
pub struct TestServer<G: Game> {
    server: Server<G>,
    records: MemorySink,
    journals: MemoryStore,
}

impl<G: Game> TestServer<G> {
    /// A server with these settings over the defaults, each a full name as in `room.seats` and its value as text.
    /// Needs a tokio runtime around it.
    #[must_use]
    pub fn start(settings: &[(&'static str, &str)]) -> Self {
        Self::launch(settings, None)
    }

    /// The same with an operator's plane.
    #[must_use]
    pub fn start_with_http(settings: &[(&'static str, &str)]) -> Self {
        Self::launch(
            settings,
            Some(TcpListener::bind(ANY_PORT).expect("a TCP port for the operator's plane")),
        )
    }

    /// Where players connect to.
    #[must_use]
    pub const fn address(&self) -> std::net::SocketAddr {
        self.server.address()
    }

    /// Where the operator's plane answers.
    #[must_use]
    pub fn http_address(&self) -> std::net::SocketAddr {
        self.server.http_address().expect("this server was started without an operator's plane")
    }

    /// The value of one line of the metrics, named with its labels as Prometheus has it; 0 when there is no such line yet.
    #[must_use]
    pub fn metric(&self, name: &str) -> f64 {
        metric(&self.server, name)
    }

    /// Where match records go; it outlives the server.
    pub fn records(&self) -> impl Fn() -> Vec<MatchRecord> + use<G> {
        let records = self.records.clone();
        move || records.records()
    }

    /// Stops it; false when its grace period ran out first.
    pub async fn shutdown(self) -> bool {
        self.server.shutdown().await
    }

    fn launch(settings: &[(&'static str, &str)], http: Option<TcpListener>) -> Self {
        // A scenario whose game is not deterministic ends with its room, whatever the build's default is.
        let config = config::<G>(&[("room.sync_test", "on")], settings);
        let socket = endpoint::bind(config.net.listen).expect("a UDP port for players");
        let (records, journals) = (MemorySink::default(), MemoryStore::default());
        let seams = Seams {
            udp: UdpSeam::real(socket).expect("a tokio runtime for the socket"),
            tls: Arc::new(ServerTls::in_memory().expect("a certificate in memory")),
            keys: EndpointKeys::in_memory(b"scenarios"),
            http,
            records: records.clone(),
            seed: SEED,
            run: 1,
            journals: Some(Arc::new(journals.clone())),
            crashed: None,
            rooms: Handle::current(),
            storage: Handle::current(),
        };
        let server = Server::start(&config, seams).expect("a server on port 0 starts");
        Self { server, records, journals }
    }
}

/// The value of one line of a server's metrics; 0 when there is no such line yet.
pub(crate) fn metric<G: Game>(server: &Server<G>, name: &str) -> f64 {
    value_of(server.metrics(), name)
}

/// The value of one line of these metrics; 0 when there is no such line yet.
pub(crate) fn value_of(metrics: &Metrics, name: &str) -> f64 {
    let text = metrics.render().expect("metrics render");
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
    text.lines().find_map(value).unwrap_or(0.0)
}

/// The configuration that a file or flags with these settings would give, over those of a kind of test.
pub(crate) fn config<G: Game>(kind: &[(&'static str, &str)], settings: &[(&'static str, &str)]) -> Config {
    let flag = |(key, value): (&'static str, &str)| FlagValue { key, value: value.to_owned(), flag: key };
    let listen = [("net.listen", ANY_PORT)];
    let flags = listen.iter().chain(kind).chain(settings).copied().map(flag).collect();
    let sources = Sources { flags, ..Sources::default() };
    config::load(&sources, &[defaults::<G>()]).expect("the test's settings are right")
}

fn defaults<G: Game>() -> GameDefaults {
    GameDefaults {
        name: G::NAME,
        seats: G::ROOM.seats,
        bots: G::ROOM.bots,
        bot_skill: G::SKILLS.first().copied().unwrap_or_default(),
        skills: G::SKILLS,
        settings: toml::Table::try_from(G::Settings::default()).expect("settings are a table"),
    }
}
