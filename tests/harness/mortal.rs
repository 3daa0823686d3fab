//! A server with threads of its own, so that it can die: at once and without a word, as by SIGKILL, or as one that says that it
//! starts again. The next one may have its port; it has the same keys in any case.

use std::{
    net::SocketAddr,
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

use quarrel_server::{
    net::{UdpSeam, endpoint, keys::EndpointKeys, tls::ServerTls},
    server::{Seams, Server},
    session::kept::KeptSeat,
    storage::MemorySink,
};
use quarrel_shared::{
    game::Game,
    id::PlayerId,
    protocol::{JoinTarget, TicketNumber, messages::Name},
};
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

use crate::server::config;

/// A player whose seat a server brings back when it starts, in a new room: whoever they are to be, and their newest ticket.
pub type Returner = (PlayerId, TicketNumber);

/// A server that can die.
pub struct MortalServer {
    address: SocketAddr,
    fate: oneshot::Sender<Fate>,
    thread: JoinHandle<()>,
}

enum Fate {
    Killed,
    Restarted,
}

impl MortalServer {
    /// Starts on this address. `returners` have seats before anybody is let in.
    ///
    /// # Panics
    /// When it cannot start.
    #[must_use]
    pub fn start<G: Game>(listen: SocketAddr, run: u32, returners: &[Returner]) -> Self {
        let (fate, fate_out) = oneshot::channel();
        let (address_in, address) = mpsc::channel();
        let returners = returners.to_vec();
        let thread = thread::spawn(move || live::<G>(listen, run, &returners, &address_in, fate_out));
        let address = address.recv().expect("a server that starts");
        Self { address, fate, thread }
    }

    /// Where players connect to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Nothing of it is left, and nobody was told.
    ///
    /// # Panics
    /// When it was dead already.
    pub fn kill(self) {
        self.end(Fate::Killed);
    }

    /// It stops in order to start again, and tells its players so.
    ///
    /// # Panics
    /// When it was dead already.
    pub fn restart(self) {
        self.end(Fate::Restarted);
    }

    fn end(self, fate: Fate) {
        assert!(self.fate.send(fate).is_ok(), "the server lives");
        self.thread.join().expect("a server that does not panic");
    }
}

fn live<G: Game>(
    listen: SocketAddr,
    run: u32,
    returners: &[Returner],
    address: &mpsc::Sender<SocketAddr>,
    fate: oneshot::Receiver<Fate>,
) {
    let network = Builder::new_current_thread().enable_all().build().expect("a runtime for the network");
    let rooms = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let rooms = rooms.expect("a runtime for rooms");
    network.block_on(async {
        let server = start::<G>(listen, run, rooms.handle());
        // The network has one thread, which is held up here: nobody comes in before the seats are back.
        thread::scope(|scope| {
            let seat = || rooms.block_on(bring_back(&server, returners));
            scope.spawn(seat).join().expect("seats for all who return");
        });
        address.send(server.address()).expect("somebody waits for it");
        if matches!(fate.await, Ok(Fate::Restarted)) {
            server.shutdown_and_save().await;
        }
    });
    // Whatever still runs is dropped where it stands, and so says nothing any more.
    network.shutdown_background();
    rooms.shutdown_background();
}

fn start<G: Game>(listen: SocketAddr, run: u32, rooms: &Handle) -> Server<G> {
    let socket = endpoint::bind(listen).expect("the port is free");
    let seams = Seams {
        udp: UdpSeam::real(socket).expect("a tokio runtime for the socket"),
        tls: Arc::new(ServerTls::in_memory().expect("a certificate in memory")),
        keys: EndpointKeys::in_memory(b"a server that can die"),
        http: None,
        records: MemorySink::default(),
        seed: u64::from(run),
        run,
        journals: None,
        crashed: None,
        rooms: rooms.clone(),
        storage: rooms.clone(),
    };
    Server::start(&config::<G>(&[], &[]), seams).expect("a server that starts")
}

/// A seat for each in a room that is new: what matters to a client is that it is the same seat, and that ticks go back.
async fn bring_back<G: Game>(server: &Server<G>, returners: &[Returner]) {
    for (player, ticket) in returners {
        let name = Name::lossy("back");
        let joined = server.lobby().join(JoinTarget::Quick, *player, *ticket, &name).await;
        let joined = joined.unwrap_or_else(|reason| panic!("{player} gets no seat: {reason}"));
        server.keeper().restore(*player, *ticket, KeptSeat::restored(joined, name));
    }
}
