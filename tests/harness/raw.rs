//! A peer that writes protocol messages by hand. It can break the protocol, ignore the server or claim another version.

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
    id::{PlayerId, RoomId, SeatId},
    limits::{MAX_KEYFRAME_BYTES, MAX_SERVER_MESSAGE_BYTES},
    protocol::{
        ALPN, ClientMessage, CloseReason, Hello, JoinTarget, PROTOCOL_VERSION, Resume, SeatEpoch,
        ServerMessage, Ticket,
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

mod first_packet;
pub(crate) mod insecure_tls;
mod null_socket;

pub use self::first_packet::FirstPacket;

/// A QUIC connection with an open control stream.
pub struct RawPeer {
    connection: Connection,
    send: SendStream,
    recv: RecvStream,
    deframer: Deframer,
    /// Kept because its socket closes when it is dropped.
    endpoint: Endpoint,
}

/// The fields of a `Welcome` that concern the player.
#[derive(Clone, Debug)]
pub struct RawWelcome {
    /// The player's id.
    pub player: PlayerId,
    /// The resume ticket.
    pub ticket: Ticket,
    /// The time that the server holds the seat of a lost connection, in milliseconds.
    pub hold_ms: u32,
    /// Whether the player resumed a seat.
    pub resumed: bool,
}

/// A close by the server: its message and its close code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerClose {
    /// The reason and the sentence of the `Closing` message on the control stream, if the server sent one.
    pub closing: Option<(CloseReason, String)>,
    /// The QUIC close code; `None` when the protocol does not define it.
    pub code: Option<CloseReason>,
}

impl RawPeer {
    /// Completes the QUIC handshake and opens the control stream, without sending a message.
    pub async fn connect(server: SocketAddr) -> Self {
        Self::connect_with(server, transport::transport_config()).await
    }

    /// As [`Self::connect`], with these QUIC settings.
    pub async fn connect_with(server: SocketAddr, settings: TransportConfig) -> Self {
        let endpoint = transport::open_endpoint(server).expect("a free UDP port");
        Self::open(endpoint, server, settings).await.expect("the server must complete the handshake")
    }

    /// As [`Self::connect`], from this local address.
    pub async fn connect_from(address: IpAddr, server: SocketAddr) -> Self {
        let endpoint =
            Endpoint::client(SocketAddr::new(address, 0)).expect("a free UDP port at the local address");
        let opened = Self::open(endpoint, server, transport::transport_config()).await;
        opened.expect("the server must complete the handshake")
    }

    /// As [`Self::connect`], through this endpoint, which may belong to a simulated network.
    pub async fn connect_through(endpoint: Endpoint, server: SocketAddr) -> Self {
        let opened = Self::open(endpoint, server, transport::transport_config()).await;
        opened.expect("the server must complete the handshake")
    }

    /// As [`Self::connect`], for servers that may refuse the handshake.
    ///
    /// # Errors
    /// When the server does not complete the handshake.
    pub async fn try_connect(server: SocketAddr) -> Result<Self, ConnectionError> {
        let endpoint = transport::open_endpoint(server).expect("a free UDP port");
        Self::open(endpoint, server, transport::transport_config()).await
    }

    async fn open(
        endpoint: Endpoint,
        server: SocketAddr,
        settings: TransportConfig,
    ) -> Result<Self, ConnectionError> {
        let crypto = QuicClientConfig::try_from(insecure_tls::client_config(ALPN))
            .expect("a cipher suite for initial packets");
        let mut config = ClientConfig::new(Arc::new(crypto));
        config.transport_config(Arc::new(settings));
        let connecting = endpoint.connect_with(config, server, "localhost").expect("a valid address");
        let connection = within("a handshake", connecting).await?;
        let (send, recv) = connection.open_bi().await?;
        Ok(Self { connection, send, recv, deframer: Deframer::new(MAX_SERVER_MESSAGE_BYTES), endpoint })
    }

    /// Connects and exchanges a valid `Hello` for the server's `Welcome`.
    pub async fn connect_and_hello<G: Game>(server: SocketAddr, name: &str) -> Self {
        let mut peer = Self::connect(server).await;
        peer.exchange_hello::<G>(name).await;
        peer
    }

    /// Sends a valid `Hello` and waits for the server's `Welcome`.
    pub async fn exchange_hello<G: Game>(&mut self, name: &str) {
        self.send(&ClientMessage::Hello(hello::<G>(name))).await;
        self.receive_until("a welcome", |message| {
            matches!(message, ServerMessage::Welcome { .. }).then_some(())
        })
        .await;
    }

    /// Connects as a new player and receives the `Welcome`.
    pub async fn connect_new<G: Game>(server: SocketAddr, name: &str) -> (Self, RawWelcome) {
        let mut peer = Self::connect(server).await;
        peer.send(&ClientMessage::Hello(hello::<G>(name))).await;
        let welcome = peer.receive_welcome().await;
        (peer, welcome)
    }

    /// Connects with a ticket, having acknowledged `acked` messages on its seat.
    pub async fn connect_with_ticket<G: Game>(server: SocketAddr, ticket: &Ticket, acked: u32) -> Self {
        let mut peer = Self::connect(server).await;
        let resume = Some(Resume { ticket: ticket.clone(), acked });
        peer.send(&ClientMessage::Hello(Hello { resume, ..hello::<G>("back") })).await;
        peer
    }

    /// Connects with a ticket and receives the `Welcome`.
    pub async fn resume<G: Game>(server: SocketAddr, ticket: &Ticket, acked: u32) -> (Self, RawWelcome) {
        let mut peer = Self::connect_with_ticket::<G>(server, ticket, acked).await;
        let welcome = peer.receive_welcome().await;
        (peer, welcome)
    }

    /// Connects with a ticket and waits for the server to refuse it.
    pub async fn resume_refused<G: Game>(server: SocketAddr, ticket: &Ticket, acked: u32) -> ServerClose {
        Self::connect_with_ticket::<G>(server, ticket, acked).await.wait_for_close().await
    }

    /// Receives the `Welcome`, which must be the server's first message.
    ///
    /// # Panics
    /// When the next message is another one.
    pub async fn receive_welcome(&mut self) -> RawWelcome {
        match self.receive().await {
            Some(ServerMessage::Welcome { player, ticket, hold_ms, resumed, .. }) => {
                RawWelcome { player, ticket, hold_ms, resumed }
            }
            other => panic!("the first message must be a welcome: {other:?}"),
        }
    }

    /// Receives `Joined`, which must be the next message, and returns the seat.
    ///
    /// # Panics
    /// When the next message is another one.
    pub async fn receive_joined(&mut self) -> (RoomId, SeatId) {
        match self.receive().await {
            Some(ServerMessage::Joined { room, seat, .. }) => (room, seat),
            other => panic!("the next message must be the answer to the join: {other:?}"),
        }
    }

    /// Receives all messages up to and including the first for which `is_last` is true.
    ///
    /// # Panics
    /// When the connection ends before.
    pub async fn receive_all_until(
        &mut self,
        mut is_last: impl FnMut(&ServerMessage) -> bool,
    ) -> Vec<ServerMessage> {
        let mut messages = Vec::new();
        loop {
            let message = self.receive().await.expect("the connection must stay open");
            let last = is_last(&message);
            messages.push(message);
            if last {
                return messages;
            }
        }
    }

    /// Sends a message on the control stream.
    pub async fn send(&mut self, message: &ClientMessage) {
        let mut bytes = Vec::new();
        codec::encode(message, &mut bytes);
        self.write(&bytes).await;
    }

    /// Writes any bytes on the control stream. Ignores an error, because the server may have closed the connection.
    pub async fn write(&mut self, bytes: &[u8]) {
        let _ = within("room on the control stream", self.send.write_all(bytes)).await;
    }

    /// Writes the same bytes repeatedly until the server stops the stream, and returns the number of bytes written.
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

    /// Sends any bytes as a datagram. Ignores an error, because the server may have closed the connection.
    pub fn send_datagram(&self, bytes: &[u8]) {
        let _ = self.connection.send_datagram(Bytes::copy_from_slice(bytes));
    }

    /// Sends a datagram once the send buffer has room, so that none is dropped locally; false when the connection has ended.
    pub async fn send_datagram_wait(&self, bytes: &[u8]) -> bool {
        let sent = self.connection.send_datagram_wait(Bytes::copy_from_slice(bytes));
        within("room for a datagram", sent).await.is_ok()
    }

    /// Receives the next message; `None` when the server has closed the stream or the connection.
    ///
    /// # Panics
    /// When the server's bytes are not valid messages.
    pub async fn receive(&mut self) -> Option<ServerMessage> {
        within("a message", async {
            loop {
                if let Some(message) =
                    self.deframer.pop().expect("a server message must keep to its maximum size")
                {
                    return Some(codec::decode_server(message).expect("a server message must be decodable"));
                }
                let chunk = self.recv.read_chunk(MAX_SERVER_MESSAGE_BYTES, true).await.ok()??;
                self.deframer.push(&chunk.bytes);
            }
        })
        .await
    }

    /// Receives messages until `accept` maps one to a value, and discards the messages before it.
    ///
    /// # Panics
    /// When the connection ends before, or no such message arrives in time.
    pub async fn receive_until<T>(
        &mut self,
        what: &str,
        mut accept: impl FnMut(ServerMessage) -> Option<T>,
    ) -> T {
        loop {
            let Some(message) = self.receive().await else {
                panic!("closed while waiting for {what}: {:?}", self.connection.close_reason())
            };
            if let Some(found) = accept(message) {
                return found;
            }
        }
    }

    /// Receives the bytes of the next snapshot, from a datagram or a stream; `None` when the connection has ended.
    pub async fn receive_snapshot(&mut self) -> Option<Bytes> {
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

    /// Reads all messages, acknowledges `Closing`, and waits until the server closes the connection.
    pub async fn wait_for_close(mut self) -> ServerClose {
        let mut closing = None;
        while let Some(message) = self.receive().await {
            if let ServerMessage::Closing { reason, sentence } = message {
                closing = Some((reason, sentence.to_string()));
                self.send(&ClientMessage::ClosingAck).await;
            }
        }
        ServerClose { closing, code: self.wait_for_close_code().await }
    }

    /// Waits for the close code without reading any message; `None` when the protocol does not define the code.
    pub async fn wait_for_close_code(&self) -> Option<CloseReason> {
        match within("the end of the connection", self.connection.closed()).await {
            ConnectionError::ApplicationClosed(close) => {
                CloseReason::from_code(close.error_code.into_inner())
            }
            _ => None,
        }
    }

    /// Whether the connection is open.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connection.close_reason().is_none()
    }
}

/// A raw peer on a seat, whose acknowledgements the scenario chooses.
pub struct RawSeat<G: Game> {
    /// The peer's connection.
    pub peer: RawPeer,
    /// The joined room.
    pub room: RoomId,
    /// The seat in the room.
    pub seat: SeatId,
    seat_epoch: SeatEpoch,
    baselines: Baselines<G::Entity>,
}

/// A view decoded from a snapshot.
pub struct ReceivedView<G: Game> {
    /// The snapshot's header.
    pub header: SnapshotHeader,
    /// The decoded view.
    pub view: Arc<View<G::Entity>>,
    /// The size of the snapshot, in bytes.
    pub bytes: usize,
}

impl<G: Game> RawSeat<G> {
    /// Connects and joins the first room with a free seat.
    pub async fn connect_and_join(server: SocketAddr, name: &str) -> Self {
        Self::join(RawPeer::connect_and_hello::<G>(server, name).await).await
    }

    /// Joins the first room with a free seat, with a peer that has received its `Welcome`.
    pub async fn join(mut peer: RawPeer) -> Self {
        peer.send(&ClientMessage::Join(JoinTarget::Quick)).await;
        let joined = |message| match message {
            ServerMessage::Joined { room, seat, seat_epoch, .. } => Some((room, seat, seat_epoch)),
            _ => None,
        };
        let (room, seat, seat_epoch) = peer.receive_until("a seat", joined).await;
        Self { peer, room, seat, seat_epoch, baselines: Baselines::new(seat_epoch) }
    }

    /// Receives snapshots until one decodes to a view.
    ///
    /// # Panics
    /// When the connection ends, or a snapshot cannot be decoded: this peer keeps every view that it acknowledged.
    pub async fn receive_view(&mut self) -> ReceivedView<G> {
        loop {
            let Some(bytes) = self.peer.receive_snapshot().await else {
                panic!("closed while waiting for a view: {:?}", self.peer.connection.close_reason())
            };
            match self.baselines.apply(&bytes, 1) {
                Ok((header, view)) => return ReceivedView { header, view, bytes: bytes.len() },
                // Datagrams may overtake a keyframe's stream.
                Err(SnapshotError::Stale) => {}
                Err(error) => panic!("a snapshot must be decodable: {error}"),
            }
        }
    }

    /// The acknowledgement that an honest client would send now.
    #[must_use]
    pub fn ack(&self) -> Option<SnapshotAck> {
        self.baselines.ack()
    }

    /// Sends one input for a future tick, with this acknowledgement.
    pub fn send_input(&self, input: G::Input, ack: Option<SnapshotAck>) {
        self.peer.send_datagram(&self.input_datagram(input, ack));
    }

    /// Sends a batch of inputs for any ticks, with any claimed view times.
    pub fn send_batch(&self, batch: InputBatch<G::Input>, ack: Option<SnapshotAck>) {
        self.peer.send_datagram(&self.batch_datagram(batch, ack));
    }

    /// The datagram that [`Self::send_input`] would send.
    #[must_use]
    pub fn input_datagram(&self, input: G::Input, ack: Option<SnapshotAck>) -> Vec<u8> {
        let newest = self.baselines.newest().map_or_else(Default::default, |view| view.tick);
        let tick = newest.after(INPUT_LEAD_TICKS);
        self.batch_datagram(InputBatch::new(tick, StampedInput::at(tick, input)), ack)
    }

    fn batch_datagram(&self, batch: InputBatch<G::Input>, ack: Option<SnapshotAck>) -> Vec<u8> {
        let datagram = InputDatagram { seat_epoch: self.seat_epoch, ack, batch };
        let mut out = BitWriter::new();
        datagram.encode(&mut out);
        out.finish().to_vec()
    }
}

/// The ticks from the newest view to the tick of an input, enough on loopback.
const INPUT_LEAD_TICKS: u32 = 3;

/// A `Hello` that a server of this build and game accepts.
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
