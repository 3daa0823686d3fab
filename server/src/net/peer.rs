//! One player's connection. Sessions send and receive through [`Peer`], and use quinn's types only to classify the end of a connection.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use quarrel_shared::{limits::MAX_DATAGRAM_BYTES, protocol::CloseReason};
use quinn::{Connection, ConnectionError, SendDatagramError, VarInt};
use tokio::time::timeout;

use super::stream::PlayerControlStream;

/// A QUIC connection to a client, whose handshake is complete. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Peer {
    connection: Connection,
    /// The space in the connection's datagram send buffer when no datagram is queued, in bytes.
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

    /// The current estimate of the round-trip time.
    #[must_use]
    pub fn rtt(&self) -> Duration {
        self.connection.rtt()
    }

    /// The number of UDP payload bytes received from the peer.
    #[must_use]
    pub fn received_bytes(&self) -> u64 {
        self.connection.stats().udp_rx.bytes
    }

    /// Waits for the peer to open the control stream, and accepts it.
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

    /// The maximum size of a datagram that may be sent now, in bytes; 0 if the peer does not support datagrams.
    #[must_use]
    pub fn max_datagram_bytes(&self) -> usize {
        self.connection.max_datagram_size().unwrap_or(0).min(MAX_DATAGRAM_BYTES)
    }

    /// The number of datagram bytes that are queued for sending, including the connection's overhead per datagram. Nearly always 0.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.empty_buffer_bytes.saturating_sub(self.connection.datagram_send_buffer_space())
    }

    /// Queues a datagram for sending. Returns false if it exceeds the current maximum and was dropped: the path MTU has shrunk after the
    /// caller read the maximum. The send buffer has room for two of the largest datagrams; a third would replace the oldest one unsent,
    /// so the caller checks [`Self::queued_bytes`] before.
    ///
    /// # Errors
    /// When the connection has ended, or when the peer does not support datagrams.
    pub fn send_datagram(&self, datagram: Bytes) -> Result<bool, PeerError> {
        match self.connection.send_datagram(datagram) {
            Ok(()) => Ok(true),
            Err(SendDatagramError::TooLarge) => Ok(false),
            Err(SendDatagramError::ConnectionLost(error)) => Err(error.into()),
            Err(_) => Err(PeerError::NoDatagrams),
        }
    }

    /// Sends bytes on a new unidirectional stream, and waits until the peer has received them. Waits for at most `step_timeout` until the
    /// stream opens, and again for at most `step_timeout` until the bytes have arrived; then resets the stream.
    pub async fn send_on_stream(&self, bytes: Bytes, step_timeout: Duration) {
        let Ok(Ok(mut stream)) = timeout(step_timeout, self.connection.open_uni()).await else { return };
        let sent = async {
            stream.write_chunk(bytes).await.ok()?;
            stream.finish().ok()?;
            stream.stopped().await.ok()
        };
        if timeout(step_timeout, sent).await.is_err() {
            // The bytes are of no use any more: newer snapshots have been sent since.
            let _ = stream.reset(VarInt::from_u32(0));
        }
    }

    /// Closes the connection. The close frame may be lost, so the caller sends the reason on the control stream before.
    pub fn close(&self, reason: CloseReason) {
        self.connection.close(VarInt::from_u32(reason.code()), reason.sentence().as_bytes());
    }

    /// Waits until the connection has ended.
    pub async fn closed(&self) {
        self.connection.closed().await;
    }
}
