//! One player's connection: the only type above which nobody knows that it is quinn underneath, or which driver runs it.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use quarrel_shared::{limits::MAX_DATAGRAM_BYTES, protocol::CloseReason};
use quinn::{Connection, ConnectionError, SendDatagramError, VarInt};
use tokio::time::timeout;

use super::stream::ControlStream;

/// A connection that has shaken hands.
#[derive(Clone, Debug)]
pub struct Peer {
    connection: Connection,
    /// The room for datagrams when none waits, as the connection counts it.
    empty_bytes: usize,
}

/// UDP traffic of a connection since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams from the peer.
    pub datagrams_received: u64,
    /// Payload bytes from the peer.
    pub bytes_received: u64,
    /// Datagrams to the peer.
    pub datagrams_sent: u64,
    /// Payload bytes to the peer.
    pub bytes_sent: u64,
}

/// The connection is gone, or was never good.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// It ended; whose doing it was is in the error.
    #[error("the connection ended: {0}")]
    Ended(#[from] ConnectionError),
    /// The peer takes no datagrams, so it cannot play.
    #[error("the peer takes no datagrams")]
    NoDatagrams,
}

impl Peer {
    /// Around an established connection.
    #[must_use]
    pub fn new(connection: Connection) -> Self {
        let empty_bytes = connection.datagram_send_buffer_space();
        Self { connection, empty_bytes }
    }

    /// Where it is now; this may change while it lives.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        let address = self.connection.remote_address();
        SocketAddr::new(address.ip().to_canonical(), address.port())
    }

    /// The round trip as measured now.
    #[must_use]
    pub fn rtt(&self) -> Duration {
        self.connection.rtt()
    }

    /// What went over the wire so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let stats = self.connection.stats();
        Traffic {
            datagrams_received: stats.udp_rx.datagrams,
            bytes_received: stats.udp_rx.bytes,
            datagrams_sent: stats.udp_tx.datagrams,
            bytes_sent: stats.udp_tx.bytes,
        }
    }

    /// The control stream, which the peer opens.
    ///
    /// # Errors
    /// When the connection ends before.
    pub async fn control(&self) -> Result<ControlStream, PeerError> {
        let (send, receive) = self.connection.accept_bi().await?;
        Ok(ControlStream::new(send, receive))
    }

    /// The next datagram. Cancel-safe.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn datagram(&self) -> Result<Bytes, PeerError> {
        Ok(self.connection.read_datagram().await?)
    }

    /// The largest datagram that may be sent now, in bytes.
    #[must_use]
    pub fn datagram_limit(&self) -> usize {
        self.connection.max_datagram_size().unwrap_or(0).min(MAX_DATAGRAM_BYTES)
    }

    /// How many bytes of datagrams wait to be sent, with what the connection adds to each; nearly always none.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.empty_bytes.saturating_sub(self.connection.datagram_send_buffer_space())
    }

    /// Sends a datagram; one that still waits is dropped for it, since newest wins.
    ///
    /// # Errors
    /// When the connection has ended or the peer takes none.
    pub fn send(&self, datagram: Bytes) -> Result<(), PeerError> {
        match self.connection.send_datagram(datagram) {
            // The path shrank since the limit was asked: the same as a lost one.
            Ok(()) | Err(SendDatagramError::TooLarge) => Ok(()),
            Err(SendDatagramError::ConnectionLost(error)) => Err(error.into()),
            Err(_) => Err(PeerError::NoDatagrams),
        }
    }

    /// Sends what no datagram holds on a stream of its own, and gives it up when it has not arrived within `patience`.
    pub async fn send_large(&self, bytes: Bytes, patience: Duration) {
        let Ok(Ok(mut stream)) = timeout(patience, self.connection.open_uni()).await else { return };
        let sent = async {
            stream.write_chunk(bytes).await.ok()?;
            stream.finish().ok()?;
            stream.stopped().await.ok()
        };
        if timeout(patience, sent).await.is_err() {
            // Late: whatever is in it, newer snapshots are on their way.
            let _ = stream.reset(VarInt::from_u32(0));
        }
    }

    /// Ends the connection. Say why on the control stream first: this may not arrive.
    pub fn close(&self, reason: CloseReason) {
        self.connection.close(VarInt::from_u32(reason.code()), reason.sentence().as_bytes());
    }

    /// Waits until the peer has ended the connection.
    pub async fn closed(&self) {
        self.connection.closed().await;
    }
}
