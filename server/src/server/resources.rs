//! Everything that a server takes from its environment. These are arguments, so that a complete server can run inside a simulation, and
//! several servers in one test.

use std::{net::TcpListener, sync::Arc};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::{
    admin::access::AccessPolicy,
    data_dir::UncleanShutdown,
    net::{UdpResources, keys::EndpointKeys, tls::ServerTls},
    reloadable::Reloadable,
    storage::journals::{IncompleteRead, JournalStore},
    telemetry::Metrics,
};

/// The environment of a server.
pub struct ServerResources<S> {
    /// Sockets and secrets.
    pub network: NetworkResources,
    /// Match results and journals.
    pub storage: StorageResources<S>,
    /// The process around the server.
    pub process: ProcessResources,
    /// The seed of all rooms' randomness.
    pub seed: u64,
}

/// The sockets and secrets of a server.
pub struct NetworkResources {
    /// The players' socket.
    pub udp: UdpResources,
    /// The certificate and its key.
    pub tls: Arc<ServerTls>,
    /// The endpoint's secrets.
    pub keys: EndpointKeys,
    /// The socket of the admin HTTP server; `None` starts no admin HTTP server.
    pub http: Option<TcpListener>,
    /// The access rules of the admin HTTP server.
    pub access: Reloadable<AccessPolicy>,
}

/// The storage of a server.
pub struct StorageResources<S> {
    /// The database of match results.
    pub records: S,
    /// The store of journals; `None` writes and restores no journals.
    pub journals: Option<Arc<dyn JournalStore>>,
    /// The number of this run of the server, higher than that of any earlier run. It is part of the names of journals, and distinguishes
    /// this run's resume tickets from earlier ones.
    pub run: u32,
    /// The first of the preceding runs whose match results may not all be stored; `None` when the last run stopped cleanly.
    pub unclean_shutdown: Option<UncleanShutdown>,
    /// A flag that the server sets when it cannot read a journal that may contain such results.
    pub incomplete_read: IncompleteRead,
    /// The runtime of storage tasks, so that a slow disk does not delay a tick.
    pub runtime: Handle,
}

/// The process around a server.
pub struct ProcessResources {
    /// The metrics. The process creates them before the server, because its log counts into them.
    pub metrics: Arc<Metrics>,
    /// Cancelled when the process should stop. A start then ends after its current stage with
    /// [`StartError::Stopped`](super::StartError::Stopped); a running server is stopped by its caller.
    pub stop: CancellationToken,
    /// The runtime of rooms, so that a slow game does not delay the network.
    pub room_runtime: Handle,
}

impl<S> StorageResources<S> {
    /// Creates the storage of the first run, or of a run after a clean stop, which uses the current tokio runtime.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn clean(records: S, journals: Option<Arc<dyn JournalStore>>, run: u32) -> Self {
        let incomplete_read = IncompleteRead::default();
        Self { records, journals, run, unclean_shutdown: None, incomplete_read, runtime: Handle::current() }
    }
}

impl ProcessResources {
    /// Creates a process with metrics at zero and without a stop, whose rooms use the current tokio runtime.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn current() -> Self {
        Self { metrics: Metrics::new(), stop: CancellationToken::new(), room_runtime: Handle::current() }
    }
}
