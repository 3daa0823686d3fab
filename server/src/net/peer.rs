//! One player's connection. It hides the transport: only the layers below this type know that it is quinn.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use quarrel_shared::{limits::MAX_DATAGRAM_BYTES, protocol::CloseReason};
use quinn::{Connection, ConnectionError, SendDatagramError, VarInt};
use tokio::time::timeout;

use quarrel_transport::traffic::Traffic;

use super::stream::PlayerControlStream;

/// A connection whose handshake is complete.
#[derive(Clone, Debug)]
pub struct Peer {
    connection: Connection,
    /// The free space of the connection's datagram send buffer while no datagram is queued, in bytes.
    empty_buffer_bytes: usize,
}

/// A failure of the connection.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The connection ended; the source names the side that ended it.
    #[error("the connection ended: {0}")]
    Ended(#[from] ConnectionError),
    /// The peer does not support QUIC datagrams, so it cannot play.
    #[error("the peer does not support QUIC datagrams")]
    NoDatagrams,
}

impl Peer {
    /// Wraps an established connection.
    #[must_use]
    pub fn new(connection: Connection) -> Self {
        let empty_buffer_bytes = connection.datagram_send_buffer_space();
        Self { connection, empty_buffer_bytes }
    }

    /// The peer's current address, which changes when the connection migrates.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        let address = self.connection.remote_address();
        SocketAddr::new(address.ip().to_canonical(), address.port())
    }

    /// The current round-trip estimate.
    #[must_use]
    pub fn rtt(&self) -> Duration {
        self.connection.rtt()
    }

    /// The traffic so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.connection.stats().into()
    }

    /// Accepts the control stream, which the peer opens.
    ///
    /// # Errors
    /// When the connection ends first.
    pub async fn accept_control(&self) -> Result<PlayerControlStream, PeerError> {
        let (send, receive) = self.connection.accept_bi().await?;
        Ok(PlayerControlStream::new(send, receive))
    }

    /// Receives the next datagram. Cancel-safe.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn read_datagram(&self) -> Result<Bytes, PeerError> {
        Ok(self.connection.read_datagram().await?)
    }

    /// The largest datagram that may be sent now, in bytes.
    #[must_use]
    pub fn max_datagram_bytes(&self) -> usize {
        self.connection.max_datagram_size().unwrap_or(0).min(MAX_DATAGRAM_BYTES)
    }

    /// The datagram bytes queued for sending, including the connection's overhead per datagram; nearly always 0.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.empty_buffer_bytes.saturating_sub(self.connection.datagram_send_buffer_space())
    }

    /// Sends a datagram. When the send buffer is full, the oldest queued datagram is dropped for it, because the newest wins.
    ///
    /// # Errors
    /// When the connection has ended or the peer does not support datagrams.
    pub fn send_datagram(&self, datagram: Bytes) -> Result<(), PeerError> {
        match self.connection.send_datagram(datagram) {
            // The path MTU shrank after the limit was read: the same as a lost datagram.
            Ok(()) | Err(SendDatagramError::TooLarge) => Ok(()),
            Err(SendDatagramError::ConnectionLost(error)) => Err(error.into()),
            Err(_) => Err(PeerError::NoDatagrams),
        }
    }

    /// Sends bytes that do not fit into a datagram on a new unidirectional stream, and resets the stream when they have not arrived
    /// within `deadline`.
    pub async fn send_on_stream(&self, bytes: Bytes, deadline: Duration) {
        let Ok(Ok(mut stream)) = timeout(deadline, self.connection.open_uni()).await else { return };
        let sent = async {
            stream.write_chunk(bytes).await.ok()?;
            stream.finish().ok()?;
            stream.stopped().await.ok()
        };
        if timeout(deadline, sent).await.is_err() {
            // Late, and newer snapshots have been sent since.
            let _ = stream.reset(VarInt::from_u32(0));
        }
    }

    /// Closes the connection. The close frame may be lost, so send the reason on the control stream first.
    pub fn close(&self, reason: CloseReason) {
        self.connection.close(VarInt::from_u32(reason.code()), reason.sentence().as_bytes());
    }

    /// Waits until the connection has ended.
    pub async fn closed(&self) {
        self.connection.closed().await;
    }
}
