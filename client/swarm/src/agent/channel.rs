//! The one stream between a coordinator and an agent: proofs, then messages.

use std::time::Duration;

use quinn::{Connection, ConnectionError, ReadError, ReadExactError, RecvStream, SendStream, WriteError};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use super::{
    key::{Mismatch, PROOF_BYTES, Proof},
    message::sentence,
    quic::{Close, SILENCE},
    wire::{self, Decoder, FrameError},
};

/// How much is read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// How long a peer may take to take what is sent to it.
const TAKEN: Duration = Duration::from_secs(10);

/// Why nothing more is heard of a peer: the end of a sentence that begins with who it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum ChannelError {
    /// It does not have our key.
    #[error("{}: give both sides the same one, by --key-file or QUARREL_SWARM_KEY", .0.said())]
    WrongKey(Mismatch),
    /// It closed the connection, and said why.
    #[error("{0}")]
    Closed(String),
    /// It went without a word.
    #[error("nothing was heard of it for {} s", SILENCE.as_secs())]
    Silent,
    /// It is there and takes nothing.
    #[error("it has taken nothing for {} s", TAKEN.as_secs())]
    Stalled,
    /// It says nothing, though it is its turn.
    #[error("it has not answered for {} s", .0.as_secs())]
    Late(Duration),
    /// It says what nobody understands.
    #[error("it sent {0}")]
    Frame(#[from] FrameError),
    /// Whatever else can happen to a connection.
    #[error("the connection was lost: {0}")]
    Lost(String),
}

impl ChannelError {
    /// It says what does not follow from what was said before.
    pub(super) fn out_of_turn() -> Self {
        FrameError::Senseless("it was not its turn to say that".to_owned()).into()
    }
}

impl From<ConnectionError> for ChannelError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::ApplicationClosed(close) if close.error_code == Close::WrongKey.code() => {
                Self::WrongKey(Mismatch::told(&close.reason))
            }
            ConnectionError::ApplicationClosed(close) if close.reason.is_empty() => {
                Self::Closed("it went away".to_owned())
            }
            ConnectionError::ApplicationClosed(close) => {
                Self::Closed(sentence(&String::from_utf8_lossy(&close.reason)))
            }
            ConnectionError::LocallyClosed => Self::Closed("this side ended".to_owned()),
            ConnectionError::TimedOut => Self::Silent,
            error => Self::Lost(sentence(&error.to_string())),
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

/// Both directions.
pub(super) struct Channel {
    pub(super) connection: Connection,
    pub(super) sender: Sender,
    pub(super) receiver: Receiver,
}

impl Channel {
    /// Over this stream; `most` is how long a frame of the other side may be.
    pub(super) fn new(
        connection: Connection,
        (send, receive): (SendStream, RecvStream),
        most: usize,
    ) -> Self {
        let receiver = Receiver { stream: receive, decoder: Decoder::new(most) };
        Self { connection, sender: Sender { stream: send }, receiver }
    }
}

/// To the other side.
pub(super) struct Sender {
    stream: SendStream,
}

impl Sender {
    /// Sends a proof.
    pub(super) async fn send_proof(&mut self, proof: &Proof) -> Result<(), ChannelError> {
        self.send_frame(proof).await
    }

    /// Sends a message whose frame takes at most so many bytes.
    pub(super) async fn send(&mut self, message: &impl Serialize, most: usize) -> Result<(), ChannelError> {
        self.send_frame(&wire::encode(message, most)?).await
    }

    /// Sends a frame that was made before.
    pub(super) async fn send_frame(&mut self, frame: &[u8]) -> Result<(), ChannelError> {
        timeout(TAKEN, self.stream.write_all(frame))
            .await
            .map_err(|_| ChannelError::Stalled)?
            .map_err(Into::into)
    }
}

/// From the other side.
pub(super) struct Receiver {
    stream: RecvStream,
    decoder: Decoder,
}

impl Receiver {
    /// Waits for a proof.
    pub(super) async fn receive_proof(&mut self) -> Result<Proof, ChannelError> {
        let mut proof = [0; PROOF_BYTES];
        match self.stream.read_exact(&mut proof).await {
            Ok(()) => Ok(proof),
            Err(ReadExactError::ReadError(error)) => Err(error.into()),
            Err(error @ ReadExactError::FinishedEarly(_)) => Err(ChannelError::Lost(error.to_string())),
        }
    }

    /// Waits for a message for so long.
    pub(super) async fn receive_within<M: DeserializeOwned>(
        &mut self,
        patience: Duration,
    ) -> Result<M, ChannelError> {
        timeout(patience, self.receive()).await.map_err(|_| ChannelError::Late(patience))?
    }

    /// Waits for a message. May be given up and called again: nothing is lost by it.
    pub(super) async fn receive<M: DeserializeOwned>(&mut self) -> Result<M, ChannelError> {
        loop {
            if let Some(message) = self.decoder.pop()? {
                return Ok(message);
            }
            match self.stream.read_chunk(CHUNK_BYTES, true).await? {
                Some(chunk) => self.decoder.push(&chunk.bytes),
                None => return Err(ChannelError::Lost("it ended the stream".to_owned())),
            }
        }
    }
}
