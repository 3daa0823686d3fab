//! An open connection to a server: `ServerConnection::next` waits for control messages and snapshots, and sends nudges meanwhile.
//!
//! Snapshots arrive some thirty times a second, everything else rarely. The rare sources share a wake flag, so that they are not
//! polled for every snapshot.

use bytes::Bytes;
use quarrel_shared::protocol::{ClientMessage, ServerMessage};
use quinn::{Connection, ConnectionError, RecvStream};
use tokio_util::sync::ReusableBoxFuture;

use crate::net::{
    connect::{Welcome, WelcomedConnection},
    keyframes::Keyframes,
    nudge::{Nudge, send_nudge},
};
use quarrel_transport::{
    control::{ClientSide, ControlError, ControlStream},
    wake::WakeFlag,
};

/// A future of a connection's next datagram or stream. The future returns the connection as well, for the future after it. The
/// future is kept while other sources are handled, because quinn forgets the waker when such a future is dropped.
type NextItem<T> = ReusableBoxFuture<'static, (Connection, Result<T, ConnectionError>)>;

/// A connection on which the server has sent its welcome.
pub(crate) struct ServerConnection {
    connection: Connection,
    control: ControlStream<ClientSide>,
    datagram: NextItem<Bytes>,
    stream: NextItem<RecvStream>,
    keyframes: Keyframes,
    nudge: Nudge,
    /// The flag of the rare sources: opened streams, keyframes and nudges.
    rare_flag: WakeFlag,
}

/// The next thing received on a connection.
pub(crate) enum Incoming {
    /// A control message, or the end of the control stream.
    Message(Result<ServerMessage, ControlError>),
    /// A snapshot, from a datagram or a stream.
    Snapshot(Bytes),
    /// The connection has ended.
    Closed(ConnectionError),
}

/// An event of the rare sources.
enum RareEvent {
    Stream(Connection, Result<RecvStream, ConnectionError>),
    Keyframe(Vec<u8>),
    Nudge,
}

impl ServerConnection {
    /// Takes over a connection after its handshake. Returns the server's welcome separately.
    pub(crate) fn new(welcomed: WelcomedConnection) -> (Self, Welcome) {
        let WelcomedConnection { connection, control, welcome, nudge } = welcomed;
        let this = Self {
            control,
            datagram: ReusableBoxFuture::new(next_datagram(connection.clone())),
            stream: ReusableBoxFuture::new(next_stream(connection.clone())),
            keyframes: Keyframes::default(),
            nudge,
            rare_flag: WakeFlag::new(),
            connection,
        };
        (this, welcome)
    }

    /// Returns the QUIC connection.
    pub(crate) const fn quic(&self) -> &Connection {
        &self.connection
    }

    /// Queues a control message, which is sent while [`Self::next`] is awaited.
    pub(crate) fn send(&mut self, message: &ClientMessage) {
        self.control.push(message);
    }

    /// Starts or stops nudges, which are needed while this client waits for a seat.
    pub(crate) fn set_nudging(&mut self, is_active: bool) {
        self.nudge.set_active(is_active);
        self.rare_flag.set();
    }

    /// Waits for the next message, snapshot or the end of the connection. Messages come first, because a message assigns the seat
    /// that snapshots belong to. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Incoming {
        loop {
            tokio::select! {
                biased;
                message = self.control.next() => return Incoming::Message(message),
                // Datagrams need no flag: nearly every wake-up of the task is for one.
                (connection, received) = &mut self.datagram => {
                    self.datagram.set(next_datagram(connection));
                    return received.map_or_else(Incoming::Closed, Incoming::Snapshot);
                }
                event = self.rare_flag.until(rare_event(&mut self.stream, &mut self.keyframes, &mut self.nudge)) => {
                    if let Some(incoming) = self.apply(event) {
                        return incoming;
                    }
                }
            }
        }
    }

    fn apply(&mut self, event: RareEvent) -> Option<Incoming> {
        match event {
            RareEvent::Stream(connection, stream) => {
                self.stream.set(next_stream(connection));
                match stream {
                    Ok(stream) => self.keyframes.push(stream),
                    Err(error) => return Some(Incoming::Closed(error)),
                }
            }
            RareEvent::Keyframe(bytes) => return Some(Incoming::Snapshot(bytes.into())),
            RareEvent::Nudge => send_nudge(&self.connection),
        }
        None
    }
}

async fn rare_event(
    stream: &mut NextItem<RecvStream>,
    keyframes: &mut Keyframes,
    nudge: &mut Nudge,
) -> RareEvent {
    tokio::select! {
        biased;
        (connection, stream) = stream => RareEvent::Stream(connection, stream),
        keyframe = keyframes.next() => RareEvent::Keyframe(keyframe),
        () = nudge.due() => RareEvent::Nudge,
    }
}

async fn next_datagram(connection: Connection) -> (Connection, Result<Bytes, ConnectionError>) {
    let received = connection.read_datagram().await;
    (connection, received)
}

async fn next_stream(connection: Connection) -> (Connection, Result<RecvStream, ConnectionError>) {
    let stream = connection.accept_uni().await;
    (connection, stream)
}
