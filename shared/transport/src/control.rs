//! The control stream: framed messages (a length, then the message) in both directions on one bidirectional QUIC stream, which the
//! client opens.

use quarrel_shared::{
    limits::{MAX_CLIENT_MESSAGE_BYTES, MAX_SERVER_MESSAGE_BYTES},
    protocol::{
        ClientMessage, ServerMessage,
        codec::{self, CodecError},
        framing::{Deframer, FrameTooLong},
    },
};
use quinn::{ReadError, RecvStream, SendStream, VarInt, WriteError};

use crate::wake::WakeFlag;

/// The maximum size of one read, in bytes: a few messages of the usual size.
const READ_BYTES: usize = 4 * 1024;

/// One side of the protocol: the messages that it sends and the messages that it receives.
pub trait Side {
    /// The messages that this side sends.
    type Sent;
    /// The messages that this side receives.
    type Received;
    /// The maximum size of a received message, in bytes.
    const MAX_RECEIVED_BYTES: usize;
    /// Appends a framed message to `out`.
    fn encode(message: &Self::Sent, out: &mut Vec<u8>);
    /// Decodes the body of a received frame.
    ///
    /// # Errors
    /// When the bytes are not a message of this protocol.
    fn decode(bytes: &[u8]) -> Result<Self::Received, CodecError>;
}

/// The client's side.
#[derive(Debug)]
pub enum ClientSide {}

/// The server's side.
#[derive(Debug)]
pub enum ServerSide {}

impl Side for ClientSide {
    type Sent = ClientMessage;
    type Received = ServerMessage;
    const MAX_RECEIVED_BYTES: usize = MAX_SERVER_MESSAGE_BYTES;

    fn encode(message: &ClientMessage, out: &mut Vec<u8>) {
        codec::encode(message, out);
    }

    fn decode(bytes: &[u8]) -> Result<ServerMessage, CodecError> {
        codec::decode_server(bytes)
    }
}

impl Side for ServerSide {
    type Sent = ServerMessage;
    type Received = ClientMessage;
    const MAX_RECEIVED_BYTES: usize = MAX_CLIENT_MESSAGE_BYTES;

    fn encode(message: &ServerMessage, out: &mut Vec<u8>) {
        codec::encode(message, out);
    }

    fn decode(bytes: &[u8]) -> Result<ClientMessage, CodecError> {
        codec::decode_client(bytes)
    }
}

/// One end of a control stream. It sends and receives only while [`Self::drive`] or [`Self::next`] is awaited.
#[derive(Debug)]
pub struct ControlStream<S> {
    send: SendStream,
    receive: RecvStream,
    deframer: Deframer,
    /// Framed messages that wait to be sent. The owner of the stream must bound them: see [`Self::waiting_bytes`].
    outgoing: Vec<u8>,
    /// Set when the stream may be readable or writable, and when messages were queued.
    flag: WakeFlag,
    side: std::marker::PhantomData<S>,
}

/// Errors after which the control stream, and with it the connection, can no longer be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ControlError {
    /// The peer's bytes are not a message of this protocol.
    #[error(transparent)]
    Malformed(#[from] CodecError),
    /// The peer announced a message that is longer than the maximum.
    #[error(transparent)]
    TooLong(#[from] FrameTooLong),
    /// The peer finished its half of the stream. A client leaves this way; a server never does.
    #[error("the peer ended the control stream")]
    Finished,
    /// Reading failed, usually because the connection is lost.
    #[error("the control stream cannot be read: {0}")]
    Read(#[from] ReadError),
    /// Writing failed, usually because the connection is lost.
    #[error("the control stream cannot be written: {0}")]
    Write(#[from] WriteError),
}

/// The result of [`ControlStream::drive`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriveOutcome {
    /// Bytes arrived; [`ControlStream::pop`] may return messages.
    Received,
    /// Some of the waiting bytes were passed to the connection.
    Sent,
}

impl<S: Side> ControlStream<S> {
    /// Creates a control stream on the two halves of a bidirectional stream.
    #[must_use]
    pub fn new(send: SendStream, receive: RecvStream) -> Self {
        Self {
            send,
            receive,
            deframer: Deframer::new(S::MAX_RECEIVED_BYTES),
            outgoing: Vec::new(),
            flag: WakeFlag::new(),
            side: std::marker::PhantomData,
        }
    }

    /// Queues a message and returns its frame.
    pub fn push(&mut self, message: &S::Sent) -> &[u8] {
        let start = self.outgoing.len();
        S::encode(message, &mut self.outgoing);
        self.flag.set();
        &self.outgoing[start..]
    }

    /// Queues bytes as they are: a message that is framed already, or invalid bytes of a hostile bot.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        self.outgoing.extend_from_slice(bytes);
        self.flag.set();
    }

    /// Returns the number of bytes that wait to be sent.
    #[must_use]
    pub const fn waiting_bytes(&self) -> usize {
        self.outgoing.len()
    }

    /// Returns the next received message, if a complete one has arrived.
    ///
    /// # Errors
    /// When the bytes are not a message of this protocol, or announce a message that is too long.
    pub fn pop(&mut self) -> Result<Option<S::Received>, ControlError> {
        let Some(bytes) = self.deframer.pop()? else { return Ok(None) };
        Ok(Some(S::decode(bytes)?))
    }

    /// Writes queued bytes or reads, as soon as one of them is possible. Cancel-safe.
    ///
    /// # Errors
    /// When the peer finished the stream, or it can no longer be read or written.
    pub async fn drive(&mut self) -> Result<DriveOutcome, ControlError> {
        let Self { send, receive, deframer, outgoing, flag, .. } = self;
        flag.until(async {
            tokio::select! {
                biased;
                written = send.write(outgoing), if !outgoing.is_empty() => {
                    outgoing.drain(..written?);
                    Ok(DriveOutcome::Sent)
                }
                chunk = receive.read_chunk(READ_BYTES, true) => {
                    deframer.push(&chunk?.ok_or(ControlError::Finished)?.bytes);
                    Ok(DriveOutcome::Received)
                }
            }
        })
        .await
    }

    /// Returns the next message. While it waits, it sends queued messages. Cancel-safe.
    ///
    /// # Errors
    /// As [`Self::pop`] and [`Self::drive`].
    pub async fn next(&mut self) -> Result<S::Received, ControlError> {
        loop {
            if let Some(message) = self.pop()? {
                return Ok(message);
            }
            self.drive().await?;
        }
    }

    /// Sends all queued bytes, finishes this half of the stream, and waits until the peer's QUIC stack has acknowledged the bytes.
    /// Reads nothing more: for a peer that breaks the protocol and so may never acknowledge a message itself. The caller bounds the
    /// wait.
    ///
    /// # Errors
    /// When the stream cannot be written.
    pub async fn send_rest(&mut self) -> Result<(), ControlError> {
        // `stop` and `finish` fail only on a stream that has ended already.
        let _ = self.receive.stop(VarInt::from_u32(0));
        while !self.outgoing.is_empty() {
            let written = self.send.write(&self.outgoing).await?;
            self.outgoing.drain(..written);
        }
        let _ = self.send.finish();
        // `stopped` fails only when the connection ends, and then there is nothing to wait for.
        let _ = self.send.stopped().await;
        Ok(())
    }
}
