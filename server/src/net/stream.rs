//! The control stream as messages: framed both ways, with a bound on what may wait to be sent.

use std::future::poll_fn;

use quarrel_shared::{
    limits::{MAX_CLIENT_MESSAGE_BYTES, MAX_SERVER_MESSAGE_BYTES},
    protocol::{
        ClientMessage, CloseReason, ServerMessage,
        bounded::Text,
        codec::{self, CodecError},
        framing::{Deframer, FrameTooLong},
    },
};
use quinn::{ReadError, RecvStream, SendStream, VarInt, WriteError};

use crate::gate::Gate;

/// How many bytes may wait for a peer that does not read: four of the largest messages. More, and it is too slow to play.
const WAITING_BYTES: usize = 4 * MAX_SERVER_MESSAGE_BYTES;

/// How much is read at once.
const READ_BYTES: usize = 2 * MAX_CLIENT_MESSAGE_BYTES;

/// A peer's control stream.
#[derive(Debug)]
pub struct ControlStream {
    send: SendStream,
    receive: RecvStream,
    deframer: Deframer,
    waiting: Vec<u8>,
    read: Box<[u8; READ_BYTES]>,
    reading: Gate,
}

/// What became of the stream.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The peer finished its half: it leaves.
    #[error("the peer finished the control stream")]
    Finished,
    /// The connection ended, or the peer tore the stream down.
    #[error("the control stream cannot be read: {0}")]
    Read(#[from] ReadError),
    /// The peer does not want to hear any more.
    #[error("the control stream cannot be written: {0}")]
    Write(#[from] WriteError),
    /// The peer announced more than any message has.
    #[error(transparent)]
    TooLong(#[from] FrameTooLong),
    /// The peer sent what is no message.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// The peer does not read.
    #[error("{WAITING_BYTES} bytes wait and the peer does not read them")]
    Stuffed,
}

/// What [`ControlStream::drive`] got done.
#[derive(Debug)]
pub enum Driven {
    /// Bytes came; [`ControlStream::pop`] may have messages.
    Received,
    /// Some of what waited was handed to the connection.
    Sent,
}

impl ControlStream {
    pub(super) fn new(send: SendStream, receive: RecvStream) -> Self {
        let deframer = Deframer::new(MAX_CLIENT_MESSAGE_BYTES);
        Self {
            send,
            receive,
            deframer,
            waiting: Vec::new(),
            read: Box::new([0; READ_BYTES]),
            reading: Gate::new(),
        }
    }

    /// Puts a message in the queue, and gives it as it is coded; [`Self::drive`] sends it.
    ///
    /// # Errors
    /// [`StreamError::Stuffed`] when too much waits already.
    pub fn push(&mut self, message: &ServerMessage) -> Result<&[u8], StreamError> {
        let before = self.waiting.len();
        if before > WAITING_BYTES {
            return Err(StreamError::Stuffed);
        }
        codec::encode(message, &mut self.waiting);
        Ok(&self.waiting[before..])
    }

    /// Puts messages in the queue that are coded already; the caller bounds how many.
    pub fn push_coded(&mut self, coded: &[u8]) {
        self.waiting.extend_from_slice(coded);
    }

    /// Whether so little waits that what can wait elsewhere may come here.
    #[must_use]
    pub const fn is_flowing(&self) -> bool {
        self.waiting.len() <= WAITING_BYTES / 2
    }

    /// Reads or writes, whichever can be done first. Cancel-safe.
    ///
    /// # Errors
    /// When the stream is over.
    pub async fn drive(&mut self) -> Result<Driven, StreamError> {
        let Self { send, receive, waiting, read, reading, .. } = self;
        let bytes = tokio::select! {
            biased;
            written = send.write(waiting), if !waiting.is_empty() => {
                waiting.drain(..written?);
                return Ok(Driven::Sent);
            }
            bytes = poll_fn(|cx| reading.poll(cx, |cx| receive.poll_read(cx, &mut read[..]))) => bytes?,
        };
        if bytes == 0 {
            return Err(StreamError::Finished);
        }
        self.deframer.push(&self.read[..bytes]);
        Ok(Driven::Received)
    }

    /// Says why the connection ends, and waits until the peer has heard it. quinn may not send a close code while its window is
    /// full, so the reason goes ahead here. The wait has no bound of its own: the caller's patience is it.
    ///
    /// # Errors
    /// When the stream is over before.
    pub async fn say_closing(&mut self, reason: CloseReason, sentence: &str) -> Result<(), StreamError> {
        self.push(&ServerMessage::Closing { reason, sentence: Text::lossy(sentence) })?;
        loop {
            match self.pop() {
                Ok(Some(ClientMessage::ClosingAck)) => return Ok(()),
                // Whatever else the peer still says is of no interest any more.
                Ok(Some(_)) => {}
                Ok(None) => {
                    self.drive().await?;
                }
                Err(_) => return self.say_the_rest().await,
            }
        }
    }

    /// Hands over what waits to a peer that does not keep to the protocol, and so may never say that it has heard it: that its
    /// QUIC stack has it must do. Nothing more is read, so it can spend no more than its window on us.
    async fn say_the_rest(&mut self) -> Result<(), StreamError> {
        // Either fails only on a stream that is over already, and then there is nothing to stop.
        let _ = self.receive.stop(VarInt::from_u32(0));
        while !self.waiting.is_empty() {
            let written = self.send.write(&self.waiting).await?;
            self.waiting.drain(..written);
        }
        let _ = self.send.finish();
        // An error is the connection's end, which is as good a reason not to wait.
        let _ = self.send.stopped().await;
        Ok(())
    }

    /// The next whole message that has come.
    ///
    /// # Errors
    /// When it is no message of this protocol.
    pub fn pop(&mut self) -> Result<Option<ClientMessage>, StreamError> {
        let Some(bytes) = self.deframer.pop()? else { return Ok(None) };
        Ok(Some(codec::decode_client(bytes)?))
    }
}
