//! A peer that speaks the wire by hand. It keeps to the protocol only as far as a scenario wants, so it can be hostile,
//! broken, deaf, or of another version.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use bytes::Bytes;
use quarrel_client::{
    net::transport,
    view::baseline::{Baselines, SnapshotError},
};
use quarrel_shared::{
    bits::{BitWriter, Bits},
    game::Game,
    id::{RoomId, SeatId},
    limits::{MAX_KEYFRAME_BYTES, MAX_SERVER_MESSAGE_BYTES},
    protocol::{
        ALPN, ClientMessage, CloseReason, Hello, JoinTarget, PROTOCOL_VERSION, SeatEpoch, ServerMessage,
        bounded::Text,
        codec,
        datagram::{InputBatch, InputDatagram, SnapshotAck, SnapshotHeader, StampedInput},
        fingerprint,
        framing::Deframer,
    },
    snapshot::View,
};
use quinn::{
    ClientConfig, Connection, ConnectionError, Endpoint, RecvStream, SendStream, TransportConfig,
    crypto::rustls::QuicClientConfig,
};

use crate::wait::within;

mod comeback;
mod first_packet;
pub(crate) mod trust;
mod vanish;

pub use self::{comeback::Welcomed, first_packet::FirstPacket};

/// A QUIC connection with an open control stream on which nothing was said.
pub struct RawPeer {
    connection: Connection,
    send: SendStream,
    recv: RecvStream,
    deframer: Deframer,
    /// Its socket lives as long as the peer does.
    endpoint: Endpoint,
}

/// How a server took leave of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goodbye {
    /// What it said on the control stream, if it said anything.
    pub said: Option<(CloseReason, String)>,
    /// The QUIC close code.
    pub code: Option<CloseReason>,
}

impl RawPeer {
    /// Shakes hands; says nothing.
    pub async fn connect(server: SocketAddr) -> Self {
        Self::connect_with(server, transport::transport_config()).await
    }

    /// The same with QUIC settings of the test's own.
    pub async fn connect_with(server: SocketAddr, settings: TransportConfig) -> Self {
        let endpoint = transport::open_endpoint(server).expect("a UDP port for a peer");
        Self::open(endpoint, server, settings).await.expect("a server that shakes hands")
    }

    /// The same from an address of the test's own.
    pub async fn connect_from(address: IpAddr, server: SocketAddr) -> Self {
        let endpoint = Endpoint::client(SocketAddr::new(address, 0)).expect("a UDP port at that address");
        let opened = Self::open(endpoint, server, transport::transport_config()).await;
        opened.expect("a server that shakes hands")
    }

    /// The same through an endpoint of the test's own, as in a simulated network.
    pub async fn connect_through(endpoint: Endpoint, server: SocketAddr) -> Self {
        let opened = Self::open(endpoint, server, transport::transport_config()).await;
        opened.expect("a server that shakes hands")
    }

    /// Shakes hands if the server does.
    ///
    /// # Errors
    /// When it does not.
    pub async fn try_connect(server: SocketAddr) -> Result<Self, ConnectionError> {
        let endpoint = transport::open_endpoint(server).expect("a UDP port for a peer");
        Self::open(endpoint, server, transport::transport_config()).await
    }

    async fn open(
        endpoint: Endpoint,
        server: SocketAddr,
        settings: TransportConfig,
    ) -> Result<Self, ConnectionError> {
        let crypto = QuicClientConfig::try_from(trust::anybody(ALPN)).expect("a suite for initial packets");
        let mut config = ClientConfig::new(Arc::new(crypto));
        config.transport_config(Arc::new(settings));
        let connecting = endpoint.connect_with(config, server, "localhost").expect("a good address");
        let connection = within("a handshake", connecting).await?;
        let (send, recv) = connection.open_bi().await?;
        Ok(Self { connection, send, recv, deframer: Deframer::new(MAX_SERVER_MESSAGE_BYTES), endpoint })
    }

    /// Connects and is welcomed.
    pub async fn greet<G: Game>(server: SocketAddr, name: &str) -> Self {
        let mut peer = Self::connect(server).await;
        peer.exchange_hello::<G>(name).await;
        peer
    }

    /// Says a good hello and is welcomed.
    pub async fn greet_as<G: Game>(&mut self, name: &str) {
        self.say(&ClientMessage::Hello(hello::<G>(name))).await;
        self.hear_where("a welcome", |message| {
            matches!(message, ServerMessage::Welcome { .. }).then_some(())
        })
        .await;
    }

    /// Says a message.
    pub async fn say(&mut self, message: &ClientMessage) {
        let mut bytes = Vec::new();
        codec::encode(message, &mut bytes);
        self.write(&bytes).await;
    }

    /// Writes anything on the control stream. A server that has gone by then is no fault of the writer's.
    pub async fn write(&mut self, bytes: &[u8]) {
        let _ = within("room on the control stream", self.send.write_all(bytes)).await;
    }

    /// Writes the same again and again until the server wants no more of it; says how many bytes it let this peer write.
    pub async fn flood(&mut self, bytes: &[u8]) -> usize {
        within("the end of a flood", async {
            let mut written = 0;
            while self.send.write_all(bytes).await.is_ok() {
                written += bytes.len();
            }
            written
        })
        .await
    }

    /// Sends any datagram. A server that has gone by then is no fault of the sender's.
    pub fn datagram(&self, bytes: &[u8]) {
        let _ = self.connection.send_datagram(Bytes::copy_from_slice(bytes));
    }

    /// Sends any datagram once there is room for it, so that none is dropped on this side; false: the connection has ended.
    pub async fn datagram_wait(&self, bytes: &[u8]) -> bool {
        let sent = self.connection.send_datagram_wait(Bytes::copy_from_slice(bytes));
        within("room for a datagram", sent).await.is_ok()
    }

    /// The next message; `None` when the server has closed the stream or the connection.
    ///
    /// # Panics
    /// When the server's bytes are no messages.
    pub async fn hear(&mut self) -> Option<ServerMessage> {
        within("a message", async {
            loop {
                if let Some(message) = self.deframer.pop().expect("a server keeps its messages short") {
                    return Some(codec::decode_server(message).expect("a server speaks the protocol"));
                }
                let chunk = self.recv.read_chunk(MAX_SERVER_MESSAGE_BYTES, true).await.ok()??;
                self.deframer.push(&chunk.bytes);
            }
        })
        .await
    }

    /// The first message from now on that `wanted` takes.
    ///
    /// # Panics
    /// When the connection ends before, or nothing comes in time.
    pub async fn hear_where<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(ServerMessage) -> Option<T>,
    ) -> T {
        loop {
            let Some(message) = self.hear().await else {
                panic!("closed while waiting for {what}: {:?}", self.connection.close_reason())
            };
            if let Some(found) = wanted(message) {
                return found;
            }
        }
    }

    /// The bytes of the next snapshot, whichever way it travels; `None` when the connection has ended.
    pub async fn snapshot(&mut self) -> Option<Bytes> {
        within("a snapshot", async {
            tokio::select! {
                datagram = self.connection.read_datagram() => datagram.ok(),
                stream = self.connection.accept_uni() => {
                    stream.ok()?.read_to_end(MAX_KEYFRAME_BYTES).await.ok().map(Bytes::from)
                }
            }
        })
        .await
    }

    /// Hears the server out, says that its reason arrived, and waits for it to close.
    pub async fn goodbye(mut self) -> Goodbye {
        let mut said = None;
        while let Some(message) = self.hear().await {
            if let ServerMessage::Closing { reason, sentence } = message {
                said = Some((reason, sentence.to_string()));
                self.say(&ClientMessage::ClosingAck).await;
            }
        }
        Goodbye { said, code: self.closed().await }
    }

    /// Reads nothing and waits for the close code; `None` when it is none of ours.
    pub async fn closed(&self) -> Option<CloseReason> {
        match within("the connection's end", self.connection.closed()).await {
            ConnectionError::ApplicationClosed(close) => {
                CloseReason::from_code(close.error_code.into_inner())
            }
            _ => None,
        }
    }

    /// Whether the connection still lives.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connection.close_reason().is_none()
    }
}

/// A seat of a peer that acknowledges what a scenario wants.
pub struct RawSeat<G: Game> {
    /// The connection.
    pub peer: RawPeer,
    /// The room.
    pub room: RoomId,
    /// The place in it.
    pub seat: SeatId,
    seat_epoch: SeatEpoch,
    baselines: Baselines<G::Entity>,
}

/// A snapshot that became a view.
pub struct Seen<G: Game> {
    /// Its head.
    pub header: SnapshotHeader,
    /// What it shows.
    pub view: Arc<View<G::Entity>>,
    /// How many bytes it took.
    pub bytes: usize,
}

impl<G: Game> RawSeat<G> {
    /// Connects and sits down in the first room with a seat.
    pub async fn sit(server: SocketAddr, name: &str) -> Self {
        Self::sit_down(RawPeer::connect_and_hello::<G>(server, name).await).await
    }

    /// Seats a peer that was welcomed.
    pub async fn sit_down(mut peer: RawPeer) -> Self {
        peer.say(&ClientMessage::Join(JoinTarget::Quick)).await;
        let joined = |message| match message {
            ServerMessage::Joined { room, seat, seat_epoch, .. } => Some((room, seat, seat_epoch)),
            _ => None,
        };
        let (room, seat, seat_epoch) = peer.hear_where("a seat", joined).await;
        Self { peer, room, seat, seat_epoch, baselines: Baselines::new(seat_epoch) }
    }

    /// The next snapshot that becomes a view.
    ///
    /// # Panics
    /// When the connection ends, or a snapshot cannot be read: this peer loses nothing that it acknowledged.
    pub async fn see(&mut self) -> Seen<G> {
        loop {
            let Some(bytes) = self.peer.snapshot().await else {
                panic!("closed while waiting for a view: {:?}", self.peer.connection.close_reason())
            };
            match self.baselines.apply(&bytes, 1) {
                Ok((header, view)) => return Seen { header, view, bytes: bytes.len() },
                // Datagrams may overtake a keyframe's stream.
                Err(SnapshotError::Stale) => {}
                Err(error) => panic!("a snapshot cannot be read: {error}"),
            }
        }
    }

    /// What an honest client would acknowledge now.
    #[must_use]
    pub fn ack(&self) -> Option<SnapshotAck> {
        self.baselines.ack()
    }

    /// Sends one input, for a tick that is yet to come, with this acknowledgement.
    pub fn send(&self, input: G::Input, ack: Option<SnapshotAck>) {
        self.peer.datagram(&self.input_datagram(input, ack));
    }

    /// Sends inputs for any ticks, with any claim of what was seen.
    pub fn send_run(&self, run: InputBatch<G::Input>, ack: Option<SnapshotAck>) {
        self.peer.datagram(&self.run_datagram(run, ack));
    }

    /// The datagram that [`Self::send`] would send.
    #[must_use]
    pub fn input_datagram(&self, input: G::Input, ack: Option<SnapshotAck>) -> Vec<u8> {
        let newest = self.baselines.newest().map_or_else(Default::default, |view| view.tick);
        let tick = newest.after(INPUT_LEAD_TICKS);
        self.run_datagram(InputBatch::new(tick, StampedInput::at(tick, input)), ack)
    }

    fn run_datagram(&self, run: InputBatch<G::Input>, ack: Option<SnapshotAck>) -> Vec<u8> {
        let datagram = InputDatagram { seat_epoch: self.seat_epoch, ack, batch: run };
        let mut out = BitWriter::new();
        datagram.encode(&mut out);
        out.finish().to_vec()
    }
}

/// How far ahead of the newest view an input is: far enough on loopback.
const INPUT_LEAD_TICKS: u32 = 3;

/// A hello that fits a server of this build and game.
#[must_use]
pub fn hello<G: Game>(name: &str) -> Hello {
    Hello {
        protocol: PROTOCOL_VERSION,
        game: Text::lossy(G::NAME),
        revision: G::REVISION,
        fingerprint: fingerprint::<G>(),
        name: Text::lossy(name),
        resume: None,
    }
}
