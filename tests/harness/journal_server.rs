//! A server with an admin HTTP server and a journal store of the test's choice: for tests of journal retention and marks.

use std::{net::TcpListener, sync::Arc};

use quarrel_server::{
    admin::access::AccessPolicy,
    net::{UdpResources, endpoint, keys::EndpointKeys, tls::ServerTls},
    reloadable::Reloadable,
    server::{NetworkResources, ProcessResources, Server, ServerResources, StorageResources},
    storage::{MemorySink, journals::JournalStore},
};
use quarrel_shared::game::Game;

use crate::server::config;

/// Starts a server with this run number and this journal store; without a store it writes no journals. Needs a tokio runtime.
///
/// # Panics
/// When the server cannot start.
#[must_use]
pub fn start_with_journals<G: Game>(
    run: u32,
    journals: Option<Arc<dyn JournalStore>>,
    settings: &[(&'static str, &str)],
) -> Server<G> {
    let config = config::<G>(&[], settings);
    let socket = endpoint::bind(config.net.listen).expect("a free UDP port");
    let network = NetworkResources {
        udp: UdpResources::from_socket(socket).expect("a tokio runtime for the socket"),
        tls: Arc::new(ServerTls::in_memory().expect("a certificate in memory")),
        keys: EndpointKeys::in_memory(b"journals"),
        http: Some(TcpListener::bind("127.0.0.1:0").expect("a free TCP port for the admin HTTP server")),
        access: Reloadable::new(AccessPolicy::LocalHost),
    };
    let storage = StorageResources::clean(MemorySink::default(), journals, run);
    let process = ProcessResources::current();
    let resources = ServerResources { network, storage, process, seed: u64::from(run) };
    Server::start(&config, resources).expect("a server on port 0 must start")
}
