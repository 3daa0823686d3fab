//! The server's end of a player's control stream, with a bound on the bytes that are queued for a peer that does not read.

use quarrel_shared::{
    limits::MAX_SERVER_MESSAGE_BYTES,
    protocol::{ClientMessage, CloseReason, ServerMessage, bounded::Text},
};
use quarrel_transport::control::{self, ControlError, DriveOutcome, ServerSide};
use quinn::{RecvStream, SendStream};

/// The number of queued bytes above which no message is accepted any more: four of the largest messages. A peer that reads so slowly cannot
/// play.
const MAX_WAITING_BYTES: usize = 4 * MAX_SERVER_MESSAGE_BYTES;

/// The server's end of a player's control stream, which sends and receives messages.
#[derive(Debug)]
pub struct PlayerControlStream(control::ControlStream<ServerSide>);

/// An error that ends the control stream, and with it the session.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The stream ended, or the peer broke the protocol.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The peer does not read, or reads too slowly.
    #[error("more than {MAX_WAITING_BYTES} bytes are queued because the peer does not read them")]
    QueueFull,
}

impl PlayerControlStream {
    pub(super) fn new(send: SendStream, receive: RecvStream) -> Self {
        Self(control::ControlStream::new(send, receive))
    }

    /// Queues a message for [`Self::drive`] to send, and returns its encoded form.
    ///
    /// # Errors
    /// [`StreamError::QueueFull`] when more than `MAX_WAITING_BYTES` are queued already.
    pub fn push(&mut self, message: &ServerMessage) -> Result<&[u8], StreamError> {
        if self.0.waiting_bytes() > MAX_WAITING_BYTES {
            return Err(StreamError::QueueFull);
        }
        Ok(self.0.push(message))
    }

    /// Queues messages that were encoded by an earlier [`Self::push`], without a limit. The caller bounds them.
    pub fn push_encoded(&mut self, encoded: &[u8]) {
        self.0.push_bytes(encoded);
    }

    /// Returns true if at most half of `MAX_WAITING_BYTES` are queued. Messages that can stay elsewhere are queued only then.
    #[must_use]
    pub const fn has_capacity(&self) -> bool {
        self.0.waiting_bytes() <= MAX_WAITING_BYTES / 2
    }

    /// Reads or writes bytes, as soon as one of them is possible. Cancel-safe.
    ///
    /// # Errors
    /// When the stream or the connection has ended.
    pub async fn drive(&mut self) -> Result<DriveOutcome, StreamError> {
        Ok(self.0.drive().await?)
    }

    /// Returns the next received message, if a complete one has arrived.
    ///
    /// # Errors
    /// When the received bytes are not a message of this protocol.
    pub fn pop(&mut self) -> Result<Option<ClientMessage>, StreamError> {
        Ok(self.0.pop()?)
    }

    /// Sends the reason of a close, and waits until the peer has confirmed it. The reason is sent as a message because quinn may not send a
    /// close frame while its window is full. Has no timeout of its own; the caller sets one.
    ///
    /// # Errors
    /// When the stream ends first, or when more than `MAX_WAITING_BYTES` are queued already.
    pub async fn send_closing(&mut self, reason: CloseReason, sentence: &str) -> Result<(), StreamError> {
        self.push(&ServerMessage::Closing { reason, sentence: Text::lossy(sentence) })?;
        loop {
            match self.pop() {
                Ok(Some(ClientMessage::ClosingAck)) => return Ok(()),
                // Other messages no longer matter.
                Ok(Some(_)) => {}
                Ok(None) => {
                    self.drive().await?;
                }
                // A peer that breaks the protocol may never send the confirmation, so the acknowledgement of its QUIC stack counts instead.
                // Reading has stopped, so the peer can send no more than its flow-control window.
                Err(_) => return Ok(self.0.send_rest().await?),
            }
        }
    }
}
