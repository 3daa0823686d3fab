//! The channel between a coordinator and an agent: a QUIC connection with one stream, which carries first the proofs of the key, then
//! messages.

use std::time::Duration;

use quinn::{Connection, ConnectionError, ReadError, ReadExactError, RecvStream, SendStream, WriteError};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use super::{
    key::{KeyMismatch, PROOF_BYTES, Proof},
    peer_text::printable,
    quic::{CloseCode, IDLE_TIMEOUT},
    wire::{self, Decoder, FrameError},
};

/// Maximum number of bytes of one read.
const CHUNK_BYTES: usize = 64 * 1024;

/// Time limit for one send.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// The reason for the end of a channel. Each text reads well after the name of an agent and a colon.
#[derive(Debug, thiserror::Error)]
pub(super) enum ChannelError {
    /// The keys of the two sides differ.
    #[error("{}: give both sides the same key, by --key-file or QUARREL_SWARM_KEY", .0.sentence())]
    WrongKey(KeyMismatch),
    /// The peer closed the connection, with this reason.
    #[error("{0}")]
    Closed(String),
    /// The connection timed out.
    #[error("no packet arrived from the peer for {} s", IDLE_TIMEOUT.as_secs())]
    Silent,
    /// The peer is connected but does not read.
    #[error("the peer has read nothing for {} s", SEND_TIMEOUT.as_secs())]
    Stalled,
    /// The peer did not send an expected message in time.
    #[error("the peer has not answered for {} s", .0.as_secs())]
    Late(Duration),
    /// The peer sent an invalid message, or this side has a message that is too long.
    #[error("the connection was closed because of {0}")]
    Frame(#[from] FrameError),
    /// Any other failure of the connection.
    #[error("the connection was lost: {0}")]
    Lost(String),
}

impl ChannelError {
    /// Creates the error of a valid message that the peer may not send in the protocol's current state.
    pub(super) fn out_of_turn() -> Self {
        FrameError::Invalid("the protocol does not allow it at this point".to_owned()).into()
    }
}

impl From<ConnectionError> for ChannelError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::ApplicationClosed(close) if close.error_code == CloseCode::WrongKey.code() => {
                Self::WrongKey(KeyMismatch::from_reason(&close.reason))
            }
            ConnectionError::ApplicationClosed(close) if close.reason.is_empty() => {
                Self::Closed("the peer closed the connection".to_owned())
            }
            ConnectionError::ApplicationClosed(close) => {
                Self::Closed(printable(&String::from_utf8_lossy(&close.reason)))
            }
            ConnectionError::LocallyClosed => Self::Closed("this side closed the connection".to_owned()),
            ConnectionError::TimedOut => Self::Silent,
            error => Self::Lost(printable(&error.to_string())),
        }
    }
}

impl From<ReadError> for ChannelError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::ConnectionLost(error) => error.into(),
            error => Self::Lost(error.to_string()),
        }
    }
}

impl From<WriteError> for ChannelError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::ConnectionLost(error) => error.into(),
            error => Self::Lost(error.to_string()),
        }
    }
}

/// The two halves of one QUIC stream.
pub(super) struct BidiStream {
    pub(super) send: SendStream,
    pub(super) receive: RecvStream,
}

impl From<(SendStream, RecvStream)> for BidiStream {
    fn from((send, receive): (SendStream, RecvStream)) -> Self {
        Self { send, receive }
    }
}

/// A connection to the peer, with its one stream.
pub(super) struct Channel {
    pub(super) connection: Connection,
    pub(super) sender: Sender,
    pub(super) receiver: Receiver,
}

impl Channel {
    /// Creates a channel over this stream; `max_bytes` limits the length of the peer's frames.
    pub(super) fn new(connection: Connection, stream: BidiStream, max_bytes: usize) -> Self {
        let receiver = Receiver { stream: stream.receive, decoder: Decoder::new(max_bytes) };
        Self { connection, sender: Sender { stream: stream.send }, receiver }
    }
}

/// The sending half of a channel.
pub(super) struct Sender {
    stream: SendStream,
}

impl Sender {
    /// Sends a proof of the key.
    pub(super) async fn send_proof(&mut self, proof: &Proof) -> Result<(), ChannelError> {
        self.send_frame(proof).await
    }

    /// Sends a message in a frame of at most `max_bytes`.
    pub(super) async fn send(
        &mut self,
        message: &impl Serialize,
        max_bytes: usize,
    ) -> Result<(), ChannelError> {
        self.send_frame(&wire::encode(message, max_bytes)?).await
    }

    /// Sends an encoded frame, within [`SEND_TIMEOUT`].
    pub(super) async fn send_frame(&mut self, frame: &[u8]) -> Result<(), ChannelError> {
        timeout(SEND_TIMEOUT, self.stream.write_all(frame))
            .await
            .map_err(|_| ChannelError::Stalled)?
            .map_err(Into::into)
    }
}

/// The receiving half of a channel.
pub(super) struct Receiver {
    stream: RecvStream,
    decoder: Decoder,
}

impl Receiver {
    /// Waits for a proof of the key, without a time limit.
    pub(super) async fn receive_proof(&mut self) -> Result<Proof, ChannelError> {
        let mut proof = [0; PROOF_BYTES];
        match self.stream.read_exact(&mut proof).await {
            Ok(()) => Ok(proof),
            Err(ReadExactError::ReadError(error)) => Err(error.into()),
            Err(error @ ReadExactError::FinishedEarly(_)) => Err(ChannelError::Lost(error.to_string())),
        }
    }

    /// Waits for a message, at most for `limit`.
    pub(super) async fn receive_within<M: DeserializeOwned>(
        &mut self,
        limit: Duration,
    ) -> Result<M, ChannelError> {
        timeout(limit, self.receive()).await.map_err(|_| ChannelError::Late(limit))?
    }

    /// Waits for a message, without a time limit. Cancel-safe.
    pub(super) async fn receive<M: DeserializeOwned>(&mut self) -> Result<M, ChannelError> {
        loop {
            if let Some(message) = self.decoder.pop()? {
                return Ok(message);
            }
            match self.stream.read_chunk(CHUNK_BYTES, true).await? {
                Some(chunk) => self.decoder.push(&chunk.bytes),
                None => return Err(ChannelError::Lost("the peer ended the stream".to_owned())),
            }
        }
    }
}
