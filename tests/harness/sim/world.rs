//! A whole server and its clients in one simulated network, in one thread, on a clock that only simulated events move.

use std::{
    cell::Cell,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use quarrel_client::{Client, ConnectConfig, Connector, Joined, Trust, net::transport};
use quarrel_server::{
    net::{UdpResources, keys::EndpointKeys, tls::ServerTls},
    server::{Server, ServerResources},
    storage::{
        MatchRecord, MemorySink,
        journals::{IncompleteRead, MemoryStore},
    },
};
use quarrel_shared::{game::Predict, protocol::JoinTarget};
use quinn::{Endpoint, TokioRuntime};
use tokio::{
    runtime::{Builder, Handle},
    time::timeout,
};

use super::{Link, Network, network::PathId, seams, trace::Trace};
use crate::{RawPeer, replay_check::Proof, server::config};

/// Where the server is.
pub const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 7777);

/// How long a scenario may take, in simulated time: one that hangs costs seconds until it says so.
pub const LIMIT: Duration = Duration::from_secs(2 * 60 * 60);

/// For hours of play: a checksum in every second of it, where other scenarios have one in every tick. A run that verifies its
/// journals takes less than a tenth longer so.
pub const LONG_PLAY: (&str, &str) = ("journal.checksum_ms", "1000");

/// Clients in one network of 256 addresses: few enough for what the server allows newcomers of one network.
const NEIGHBOURS: u32 = 16;

/// A server, a network and its clients.
pub struct SimWorld<G: Predict> {
    seed: u64,
    network: Arc<Network>,
    server: Server<G>,
    certificate: [u8; 32],
    records: MemorySink,
    proof: Proof<G>,
    clients: Cell<u32>,
    moves: Cell<u32>,
}

impl<G: Predict> SimWorld<G> {
    /// Runs a scenario in a world that follows from the seed, and [verifies](crate::proof) its journals. `settings` are the server's,
    /// as in [`crate::TestServer::start`].
    ///
    /// # Panics
    /// When the scenario does, or takes longer than [`LIMIT`].
    pub fn run<T>(seed: u64, settings: &[(&'static str, &str)], scenario: impl AsyncFnOnce(&Self) -> T) -> T {
        Self::run_within(LIMIT, seed, settings, scenario)
    }

    /// The same with a limit of the scenario's own, in simulated time.
    ///
    /// # Panics
    /// As [`Self::run`].
    pub fn run_within<T>(
        limit: Duration,
        seed: u64,
        settings: &[(&'static str, &str)],
        scenario: impl AsyncFnOnce(&Self) -> T,
    ) -> T {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime without sockets").block_on(async {
            let world = Self::start(seed, settings);
            // On the heap: a scenario holds whole clients.
            let ended = timeout(limit, Box::pin(scenario(&world))).await;
            ended.unwrap_or_else(|_| panic!("a scenario of seed {seed} hung for {limit:?} of its own time"))
        })
    }

    /// The network, for whatever is not said of one client.
    #[must_use]
    pub const fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// The server.
    #[must_use]
    pub const fn server(&self) -> &Server<G> {
        &self.server
    }

    /// The value of one line of the server's metrics, as in [`crate::TestServer::metric`].
    #[must_use]
    pub fn metric(&self, name: &str) -> f64 {
        crate::server::metric(&self.server, name)
    }

    /// The matches that were recorded.
    #[must_use]
    pub fn records(&self) -> Vec<MatchRecord> {
        self.records.records()
    }

    /// Where its rooms' journals go.
    #[must_use]
    pub const fn journals(&self) -> &MemoryStore {
        self.proof.journals()
    }

    /// Since when the world is.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.network.now()
    }

    /// What was sent so far.
    #[must_use]
    pub fn trace(&self) -> Trace {
        self.network.trace()
    }

    /// A new player's endpoint, at an address and with a link of its own.
    #[must_use]
    pub fn endpoint(&self, link: &Link) -> Endpoint {
        let client = self.clients.replace(self.clients.get() + 1);
        let socket = self.network.bind(address(10, client), Some(self.network.path(*link)));
        let socket = transport::wrap_abstract(socket);
        let config = seams::client_endpoint(self.seed, u64::from(client) + CLIENTS);
        Endpoint::new_with_abstract_socket(config, None, socket, Arc::new(TokioRuntime))
            .expect("a socket that needs no system")
    }

    /// What connects a new player to the server.
    #[must_use]
    pub fn connector(&self, link: &Link) -> Connector {
        let trust = Trust::CertificateHash(self.certificate);
        let config = ConnectConfig { trust, ..ConnectConfig::new(SERVER) };
        Connector::new(self.endpoint(link), &config).expect("a hash does for any address")
    }

    /// A new player in the first room with a seat.
    ///
    /// # Panics
    /// When there is none.
    pub async fn join(&self, link: &Link, name: &str) -> (Client<G>, Joined) {
        let client = Client::connect_and_join(&self.connector(link), name, JoinTarget::Quick).await;
        let mut client = client.unwrap_or_else(|error| panic!("{name} cannot connect: {error}"));
        let joined = client.wait_for_seat().await;
        let joined = joined.unwrap_or_else(|error| panic!("{name} gets no seat: {error}"));
        (client, joined)
    }

    /// A peer that speaks the wire by hand, over this link.
    pub async fn raw_peer(&self, link: &Link) -> RawPeer {
        RawPeer::connect_through(self.endpoint(link), SERVER).await
    }

    /// The path of a player, by which its link is changed and blacked out.
    ///
    /// # Panics
    /// When it is no endpoint of this world.
    #[must_use]
    pub fn path(&self, endpoint: &Endpoint) -> PathId {
        let address = endpoint.local_addr().expect("an endpoint with a socket");
        self.network.path_of(address).expect("a player's endpoint")
    }

    /// Lets a player change networks: the same endpoint, from another address and over another link. The new path.
    ///
    /// The old address is nobody's from now on, as when a telephone leaves the house: what flies there is lost, what comes from there
    /// still arrives.
    ///
    /// # Panics
    /// When the endpoint has ended.
    pub fn rebind(&self, endpoint: &Endpoint, link: &Link) -> PathId {
        let moved = self.moves.replace(self.moves.get() + 1);
        self.network.unbind(endpoint.local_addr().expect("an endpoint with a socket"));
        let path = self.network.path(*link);
        let socket = self.network.bind(address(11, moved), Some(path));
        endpoint.rebind_abstract(transport::wrap_abstract(socket)).expect("an endpoint that lives");
        path
    }

    fn start(seed: u64, settings: &[(&'static str, &str)]) -> Self {
        // Each step made twice would cost a third more of a run's time, and a hundred hours are to be played.
        let config = config::<G>(&[("room.sync_test", "off"), ("journal.checksum_ms", "1")], settings);
        let network = Network::new(seed);
        let (records, journals) = (MemorySink::default(), MemoryStore::default());
        let tls = Arc::new(ServerTls::in_memory().expect("a certificate in memory"));
        let certificate = hash_bytes(&tls.certificate_sha256());
        let resources = ServerResources {
            udp: UdpResources {
                socket: network.bind(SERVER, None),
                runtime: Arc::new(TokioRuntime),
                seed: Some(seams::seed_bytes(seed, SERVERS)),
                time: Some(Arc::new(seams::SimTime::begin())),
            },
            tls,
            keys: EndpointKeys::in_memory(&seed.to_le_bytes()),
            http: None,
            records: records.clone(),
            seed,
            run: 1,
            journals: Some(Arc::new(journals.clone())),
            unclean_shutdown: None,
            incomplete_read: IncompleteRead::default(),
            room_runtime: Handle::current(),
            storage_runtime: Handle::current(),
        };
        let server = Server::start(&config, resources).expect("a server in memory starts");
        Self {
            seed,
            network,
            server,
            certificate,
            records,
            proof: Proof::of(journals),
            clients: Cell::new(0),
            moves: Cell::new(0),
        }
    }
}

/// Streams of randomness: the server's, and the first client's.
const SERVERS: u64 = 1;
const CLIENTS: u64 = 1 << 32;

/// The address of a player in a family of addresses.
fn address(family: u8, player: u32) -> SocketAddr {
    let [_, _, high, low] = (1 + player / NEIGHBOURS).to_be_bytes();
    let host = (1 + player % NEIGHBOURS) as u8;
    SocketAddr::from((Ipv4Addr::new(family, high, low, host), 50_000))
}

/// The hash that a client pins, from hexadecimal.
fn hash_bytes(hex: &str) -> [u8; 32] {
    assert_eq!(hex.len(), 64, "a SHA-256 in hexadecimal");
    std::array::from_fn(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).expect("hexadecimal"))
}

#[cfg(test)]
mod tests {
    use quarrel_shared::crowd::Crowd;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    #[should_panic(expected = "a scenario of seed 1 hung for 60s of its own time")]
    fn a_scenario_that_hangs_says_so() {
        SimWorld::<Crowd>::run_within(MINUTE, 1, &[], async |_| std::future::pending::<()>().await);
    }

    #[test]
    fn a_link_and_a_blackout_are_one_players_own() {
        SimWorld::<Crowd>::run(2, &[], async |world| {
            let connectors = [0, 1].map(|_| world.connector(&Link::round_trip("near", 20.0)));
            let [path, other] = [0, 1].map(|at: usize| world.path(connectors[at].endpoint()));
            world.network().set_link(path, Link::round_trip("gone", 20.0).loss(1.0, 0.0));
            world.network().black_out(other, MINUTE..2 * MINUTE);
            let lost = Client::<Crowd>::connect_with(&connectors[0], "Ada").await;
            assert!(lost.is_err(), "nobody connects over a link that loses everything");
            let _ben = Client::<Crowd>::connect_with(&connectors[1], "Ben").await.expect("a connection");
            assert_eq!(world.network().traffic(other).up.lost, 0, "another player's link is as it was");
            tokio::time::sleep(MINUTE).await;
            assert!(world.network().traffic(other).up.lost > 0, "until it is black");
        });
    }

    #[test]
    fn every_client_has_an_address_of_its_own_and_few_neighbours() {
        let mut addresses: Vec<_> = (0..10_000).map(|player| address(10, player)).collect();
        assert!(!addresses.contains(&SERVER));
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!(addresses.len(), 10_000);
    }
}
