//! A server and its clients in one simulated network, in one thread, on a clock that only simulated events advance.

use std::{
    cell::Cell,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use quarrel_client::{Client, ConnectConfig, Connector, Joined, Trust, net::transport};
use quarrel_server::{
    admin::access::AccessPolicy,
    net::{UdpResources, keys::EndpointKeys, tls::ServerTls},
    reloadable::Reloadable,
    server::{NetworkResources, ProcessResources, Server, ServerResources, StorageResources},
    storage::{MatchRecord, MemorySink, journals::MemoryStore},
};
use quarrel_shared::{game::Predict, protocol::JoinTarget};
use quinn::{Endpoint, TokioRuntime};
use tokio::{runtime::Builder, time::timeout};

use super::{Link, SimNetwork, network::PathId, seeded, socket::SimSocket, trace::Trace};
use crate::{RawPeer, replay_check::ReplayCheck, server::config};

/// The server's address.
pub const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 7777);

/// The longest simulated time of a scenario. A scenario that hangs reaches it after some seconds of real time.
pub const TIME_LIMIT: Duration = Duration::from_secs(2 * 60 * 60);

/// The setting for hours of play: one checksum per second instead of one per tick, so that verifying the journals makes a run less
/// than 10 % longer.
pub const LONG_PLAY: (&str, &str) = ("journal.checksum_ms", "1000");

/// The number of clients in one network of 256 addresses, below the server's limit on new connections of one network.
const CLIENTS_PER_NETWORK: u32 = 16;

/// A server, a network and its clients.
pub struct SimWorld<G: Predict> {
    seed: u64,
    network: Arc<SimNetwork>,
    server: Server<G>,
    certificate: [u8; 32],
    records: MemorySink,
    replay_check: ReplayCheck<G>,
    /// The number of endpoints, which gives the next one its address.
    clients: Cell<u32>,
    /// The number of changes of networks, which gives the next one its address.
    rebinds: Cell<u32>,
}

impl<G: Predict> SimWorld<G> {
    /// Runs a scenario in a world of this seed, and [verifies](crate::replay_check) its journals. `settings` are the server's, as in
    /// [`crate::TestServer::start`].
    ///
    /// # Panics
    /// When the scenario panics, or takes longer than [`TIME_LIMIT`].
    pub fn run<T>(seed: u64, settings: &[(&'static str, &str)], scenario: impl AsyncFnOnce(&Self) -> T) -> T {
        Self::run_within(TIME_LIMIT, seed, settings, scenario)
    }

    /// As [`Self::run`], with this limit of the simulated time.
    ///
    /// # Panics
    /// As for [`Self::run`].
    pub fn run_within<T>(
        limit: Duration,
        seed: u64,
        settings: &[(&'static str, &str)],
        scenario: impl AsyncFnOnce(&Self) -> T,
    ) -> T {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime without sockets").block_on(async {
            let world = Self::start(seed, settings);
            // On the heap, because the future of a scenario contains its clients.
            let ended = timeout(limit, Box::pin(scenario(&world))).await;
            ended.unwrap_or_else(|_| {
                panic!("a scenario of seed {seed} must end within {limit:?} of simulated time")
            })
        })
    }

    /// The network between the server and its clients.
    #[must_use]
    pub const fn network(&self) -> &Arc<SimNetwork> {
        &self.network
    }

    /// The server under test.
    #[must_use]
    pub const fn server(&self) -> &Server<G> {
        &self.server
    }

    /// The value of one of the server's metric lines, as in [`crate::TestServer::metric`].
    #[must_use]
    pub fn metric(&self, name: &str) -> f64 {
        crate::server::metric(&self.server, name)
    }

    /// The records of the finished matches.
    #[must_use]
    pub fn records(&self) -> Vec<MatchRecord> {
        self.records.records()
    }

    /// The rooms' journals.
    #[must_use]
    pub const fn journals(&self) -> &MemoryStore {
        self.replay_check.journals()
    }

    /// The simulated time since the start of the world.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.network.now()
    }

    /// The trace of the sent packets.
    #[must_use]
    pub fn trace(&self) -> Trace {
        self.network.trace()
    }

    /// Binds an endpoint for a new player, with its own address and its own path over this link.
    #[must_use]
    pub fn endpoint(&self, link: &Link) -> Endpoint {
        let client = self.clients.replace(self.clients.get() + 1);
        let socket = SimSocket::bind(&self.network, address(10, client), Some(self.network.path(*link)));
        let socket = transport::wrap_abstract(socket);
        let config = seeded::client_endpoint_config(self.seed, u64::from(client) + FIRST_CLIENT_SEED);
        Endpoint::new_with_abstract_socket(config, None, socket, Arc::new(TokioRuntime))
            .expect("a simulated socket must be accepted")
    }

    /// A connector for a new player, on a new endpoint over this link.
    #[must_use]
    pub fn connector(&self, link: &Link) -> Connector {
        let trust = Trust::CertificateHash(self.certificate);
        let config = ConnectConfig { trust, ..ConnectConfig::new(SERVER) };
        Connector::new(self.endpoint(link), &config)
            .expect("a certificate hash must be valid for any address")
    }

    /// Connects a new player and joins the first room with a free seat.
    ///
    /// # Panics
    /// When the connection or the join fails.
    pub async fn join(&self, link: &Link, name: &str) -> (Client<G>, Joined) {
        let client = Client::connect_and_join(&self.connector(link), name, JoinTarget::Quick).await;
        let mut client = client.unwrap_or_else(|error| panic!("{name} cannot connect: {error}"));
        let joined = client.wait_for_seat().await;
        let joined = joined.unwrap_or_else(|error| panic!("{name} cannot join: {error}"));
        (client, joined)
    }

    /// Connects a raw peer over this link.
    pub async fn raw_peer(&self, link: &Link) -> RawPeer {
        RawPeer::connect_through(self.endpoint(link), SERVER).await
    }

    /// The path of a player's endpoint, by which a test changes its link or adds a black-out.
    ///
    /// # Panics
    /// When the endpoint does not belong to this world.
    #[must_use]
    pub fn path(&self, endpoint: &Endpoint) -> PathId {
        let address = endpoint.local_addr().expect("an endpoint must have a socket");
        self.network.path_of(address).expect("the endpoint must belong to a player")
    }

    /// Changes a player's network: rebinds its endpoint to another address and another link, and returns the new path.
    ///
    /// The old address is unbound, as when a phone leaves the range of its Wi-Fi: packets in flight to it are lost, and packets in
    /// flight from it still arrive.
    ///
    /// # Panics
    /// When the endpoint is closed.
    pub fn rebind(&self, endpoint: &Endpoint, link: &Link) -> PathId {
        let rebind = self.rebinds.replace(self.rebinds.get() + 1);
        self.network.unbind(endpoint.local_addr().expect("an endpoint must have a socket"));
        let path = self.network.path(*link);
        let socket = SimSocket::bind(&self.network, address(11, rebind), Some(path));
        endpoint.rebind_abstract(transport::wrap_abstract(socket)).expect("the endpoint must be open");
        path
    }

    fn start(seed: u64, settings: &[(&'static str, &str)]) -> Self {
        // Without the sync test, which repeats every step and would make the hundred hours of play take a third longer.
        let config = config::<G>(&[("room.sync_test", "off"), ("journal.checksum_ms", "1")], settings);
        let network = SimNetwork::new(seed);
        let (records, journals) = (MemorySink::default(), MemoryStore::default());
        let tls = Arc::new(ServerTls::in_memory().expect("a certificate in memory"));
        let certificate = hash_bytes(&tls.certificate_sha256());
        let sockets = NetworkResources {
            udp: UdpResources {
                socket: SimSocket::bind(&network, SERVER, None),
                runtime: Arc::new(TokioRuntime),
                seed: Some(seeded::seed_bytes(seed, SERVER_SEED)),
                time: Some(Arc::new(seeded::SimTime::start())),
            },
            tls,
            keys: EndpointKeys::in_memory(&seed.to_le_bytes()),
            http: None,
            access: Reloadable::new(AccessPolicy::LocalHost),
        };
        let storage = StorageResources::clean(records.clone(), Some(Arc::new(journals.clone())), 1);
        let process = ProcessResources::current();
        let resources = ServerResources { network: sockets, storage, process, seed };
        let server = Server::start(&config, resources).expect("a server in memory must start");
        Self {
            seed,
            network,
            server,
            certificate,
            records,
            replay_check: ReplayCheck::new(journals),
            clients: Cell::new(0),
            rebinds: Cell::new(0),
        }
    }
}

/// The purposes of derived seeds: the server's, and the first client's.
const SERVER_SEED: u64 = 1;
const FIRST_CLIENT_SEED: u64 = 1 << 32;

/// The address of a player; `first_octet` separates the first addresses from those after a change of networks.
fn address(first_octet: u8, player: u32) -> SocketAddr {
    let [_, _, high, low] = (1 + player / CLIENTS_PER_NETWORK).to_be_bytes();
    let host = (1 + player % CLIENTS_PER_NETWORK) as u8;
    SocketAddr::from((Ipv4Addr::new(first_octet, high, low, host), 50_000))
}

/// Parses the certificate hash that a client pins.
fn hash_bytes(hex: &str) -> [u8; 32] {
    assert_eq!(hex.len(), 64, "a SHA-256 must have 64 hexadecimal digits");
    std::array::from_fn(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).expect("hexadecimal"))
}

#[cfg(test)]
mod tests {
    use quarrel_shared::crowd::Crowd;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    #[should_panic(expected = "a scenario of seed 1 must end within 60s of simulated time")]
    fn a_scenario_that_hangs_fails_at_its_time_limit() {
        SimWorld::<Crowd>::run_within(MINUTE, 1, &[], async |_| std::future::pending::<()>().await);
    }

    #[test]
    fn a_change_of_a_link_and_a_blackout_affect_one_player() {
        SimWorld::<Crowd>::run(2, &[], async |world| {
            let connectors = [0, 1].map(|_| world.connector(&Link::round_trip("near", 20.0)));
            let [path, other] = [0, 1].map(|at: usize| world.path(connectors[at].endpoint()));
            world.network().set_link(path, Link::round_trip("dead", 20.0).loss(1.0, 0.0));
            world.network().add_blackout(other, MINUTE..2 * MINUTE);
            let lost = Client::<Crowd>::connect_with(&connectors[0], "Ada").await;
            assert!(lost.is_err(), "a client must not connect over a link that loses every packet");
            let _ben = Client::<Crowd>::connect_with(&connectors[1], "Ben").await.expect("a connection");
            assert_eq!(world.network().traffic(other).up.lost, 0, "another player's link must not change");
            tokio::time::sleep(MINUTE).await;
            assert!(world.network().traffic(other).up.lost > 0, "a black-out must lose packets");
        });
    }

    #[test]
    fn every_client_has_an_address_of_its_own() {
        let mut addresses: Vec<_> = (0..10_000).map(|player| address(10, player)).collect();
        assert!(!addresses.contains(&SERVER), "no client may have the server's address");
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!(addresses.len(), 10_000, "addresses must be unique");
    }
}
