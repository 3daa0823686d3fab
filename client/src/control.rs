//! The control stream: framed messages both ways, on one bidirectional stream that the client opens.

use quarrel_shared::{
    limits::MAX_SERVER_MESSAGE_BYTES,
    protocol::{
        ClientMessage, ServerMessage,
        codec::{self, CodecError},
        framing::{Deframer, FrameTooLong},
    },
};
use quinn::{ReadError, RecvStream, SendStream, WriteError};

/// How much one read may bring: a few messages of the usual size.
const READ_BYTES: usize = 4 * 1024;

/// Both halves of the stream, and what is not yet a message or not yet sent.
pub(crate) struct ControlStream {
    send: SendStream,
    recv: RecvStream,
    deframer: Deframer,
    /// Framed messages on their way out. A client says a handful of them in all, so this stays small.
    outgoing: Vec<u8>,
}

/// The control stream is of no more use, and with it the connection.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ControlError {
    /// The server's bytes are no message of this protocol.
    #[error(transparent)]
    Malformed(#[from] CodecError),
    /// The server announced a message that is longer than any.
    #[error(transparent)]
    TooLong(#[from] FrameTooLong),
    /// The server ended the stream and not the connection, which it never should.
    #[error("the server ended the control stream")]
    Finished,
    /// Reading failed, most often because the connection is gone.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Writing failed, most often because the connection is gone.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl ControlStream {
    pub(crate) const fn new(send: SendStream, recv: RecvStream) -> Self {
        Self { send, recv, deframer: Deframer::new(MAX_SERVER_MESSAGE_BYTES), outgoing: Vec::new() }
    }

    /// Says something. It goes out while [`Self::next`] is awaited.
    pub(crate) fn push(&mut self, message: &ClientMessage) {
        codec::encode(message, &mut self.outgoing);
    }

    /// Says anything, be it a message or not.
    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) {
        self.outgoing.extend_from_slice(bytes);
    }

    /// How many bytes wait to go out.
    pub(crate) const fn waiting_bytes(&self) -> usize {
        self.outgoing.len()
    }

    /// The server's next message; writes what was pushed meanwhile. Nothing is lost when it is dropped half-way.
    pub(crate) async fn next(&mut self) -> Result<ServerMessage, ControlError> {
        loop {
            if let Some(message) = self.deframer.pop()? {
                return Ok(codec::decode_server(message)?);
            }
            tokio::select! {
                biased;
                written = self.send.write(&self.outgoing), if !self.outgoing.is_empty() => {
                    self.outgoing.drain(..written?);
                }
                chunk = self.recv.read_chunk(READ_BYTES, true) => {
                    self.deframer.push(&chunk?.ok_or(ControlError::Finished)?.bytes);
                }
            }
        }
    }
}
