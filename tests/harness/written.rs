//! A server with an operator's plane whose journals are where a test says: for what operators see and keep of them.

use std::{net::TcpListener, sync::Arc};

use quarrel_server::{
    net::{UdpResources, endpoint, keys::EndpointKeys, tls::ServerTls},
    server::{Server, ServerResources},
    storage::{
        MemorySink,
        journals::{IncompleteRead, JournalStore},
    },
};
use quarrel_shared::game::Game;
use tokio::runtime::Handle;

use crate::server::config;

/// A server of this run with these journals, or none. Needs a tokio runtime around it.
///
/// # Panics
/// When it cannot start.
#[must_use]
pub fn start_written<G: Game>(
    run: u32,
    journals: Option<Arc<dyn JournalStore>>,
    settings: &[(&'static str, &str)],
) -> Server<G> {
    let config = config::<G>(&[], settings);
    let socket = endpoint::bind(config.net.listen).expect("a UDP port for players");
    let resources = ServerResources {
        udp: UdpResources::from_socket(socket).expect("a tokio runtime for the socket"),
        tls: Arc::new(ServerTls::in_memory().expect("a certificate in memory")),
        keys: EndpointKeys::in_memory(b"journals"),
        http: Some(TcpListener::bind("127.0.0.1:0").expect("a TCP port for the operator's plane")),
        records: MemorySink::default(),
        seed: u64::from(run),
        run,
        journals,
        unclean_shutdown: None,
        incomplete_read: IncompleteRead::default(),
        room_runtime: Handle::current(),
        storage_runtime: Handle::current(),
    };
    Server::start(&config, resources).expect("a server on port 0 starts")
}
