//! A player's control stream, with a bound on what may wait for a peer that does not read.

use quarrel_shared::{
    limits::MAX_SERVER_MESSAGE_BYTES,
    protocol::{ClientMessage, CloseReason, ServerMessage, bounded::Text},
};
use quarrel_transport::control::{self, ControlError, Progress, ServerSide};
use quinn::{RecvStream, SendStream};

/// The number of bytes that may wait for a peer that does not read: four of the largest messages. A peer with more is too slow to
/// play.
const MAX_WAITING_BYTES: usize = 4 * MAX_SERVER_MESSAGE_BYTES;

/// The server's end of a control stream.
#[derive(Debug)]
pub struct PlayerControlStream(control::ControlStream<ServerSide>);

/// An error that ends the control stream, and with it the session.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The stream ended, or the peer broke the protocol.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The peer does not read.
    #[error("{MAX_WAITING_BYTES} bytes wait and the peer does not read them")]
    QueueFull,
}

impl PlayerControlStream {
    pub(super) fn new(send: SendStream, receive: RecvStream) -> Self {
        Self(control::ControlStream::new(send, receive))
    }

    /// Queues a message and returns its frame; [`Self::drive`] sends it.
    ///
    /// # Errors
    /// [`StreamError::QueueFull`] when too much waits already.
    pub fn push(&mut self, message: &ServerMessage) -> Result<&[u8], StreamError> {
        if self.0.waiting_bytes() > MAX_WAITING_BYTES {
            return Err(StreamError::QueueFull);
        }
        Ok(self.0.push(message))
    }

    /// Queues frames that were encoded before. The caller bounds them, by [`Self::has_capacity`].
    pub fn push_encoded(&mut self, frames: &[u8]) {
        self.0.push_bytes(frames);
    }

    /// Returns true while less than half of the bound waits. Messages that can wait elsewhere are queued only then.
    #[must_use]
    pub const fn has_capacity(&self) -> bool {
        self.0.waiting_bytes() <= MAX_WAITING_BYTES / 2
    }

    /// Reads or writes, whichever is possible first. Cancel-safe.
    ///
    /// # Errors
    /// When the stream has ended.
    pub async fn drive(&mut self) -> Result<Progress, StreamError> {
        Ok(self.0.drive().await?)
    }

    /// Returns the next received message, if a whole one has arrived.
    ///
    /// # Errors
    /// When the bytes are not a message of this protocol.
    pub fn pop(&mut self) -> Result<Option<ClientMessage>, StreamError> {
        Ok(self.0.pop()?)
    }

    /// Sends the reason of the close and waits until the peer has confirmed it. The reason travels here because quinn may not send
    /// a close frame while its window is full. The wait has no bound; the caller sets one.
    ///
    /// # Errors
    /// When the stream ends first.
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
                // A peer that breaks the protocol may never confirm: the acknowledgement of its QUIC stack must do. Reading has
                // stopped, so it can cost no more than its flow-control window.
                Err(_) => return Ok(self.0.send_rest().await?),
            }
        }
    }
}
