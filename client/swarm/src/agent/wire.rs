//! Encoding of messages as JSON in frames: a prefix of four bytes with the length, and a body. All limits are for the body. Has no I/O.
//!
//! JSON is fast enough, because an agent sends its counts only once a second, and plans and counts are serde types anyway. QUIC delivers
//! the bytes complete and in order. The decoder checks a frame's length as soon as the prefix has arrived, so a peer can make this side buffer at
//! most one incomplete frame and one read.

use bytes::{Buf, BytesMut};
use serde::{Serialize, de::DeserializeOwned};

/// The length of each frame's length prefix, which is in big-endian order.
const LENGTH_BYTES: usize = 4;

/// The maximum length of a frame to an agent; the longest has the plan and the server's root certificates. A plan's file has at most 1 MiB,
/// and escapes may nearly double text in JSON. A longer assignment is an error before the run.
pub(super) const MAX_COORDINATOR_FRAME_BYTES: usize = 2 * 1024 * 1024;

/// The maximum length of a frame from an agent. A row (the counts of one group of bots in one second) is never split. Its six histograms have
/// at most 23,552 buckets each (three digits, values up to one hour in microseconds: 2048 + 21 x 1024) of up to 35 bytes in JSON
/// (`"3600000000":18446744073709551615,`): 4.9 MB. The rest is room for close reasons and match ends.
pub(super) const MAX_AGENT_FRAME_BYTES: usize = 16 * 1024 * 1024;

/// The error of bytes that are not a message, or of a message that does not fit into a frame. The texts are noun phrases that follow "because
/// of".
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    /// The frame exceeds the limit of its direction.
    #[error("a message of {bytes} bytes, and at most {max} are allowed")]
    TooLong {
        /// The length of the body.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The message cannot be encoded or decoded. Callers also use it for a valid message that is not allowed at this point.
    #[error("an invalid message: {0}")]
    Invalid(String),
}

/// Encodes a message as a frame whose body has at most `max_bytes`.
pub(super) fn encode(message: &impl Serialize, max_bytes: usize) -> Result<Vec<u8>, FrameError> {
    let mut frame = vec![0; LENGTH_BYTES];
    serde_json::to_writer(&mut frame, message).map_err(|error| FrameError::Invalid(error.to_string()))?;
    let bytes = frame.len() - LENGTH_BYTES;
    let length = u32::try_from(bytes).ok().filter(|_| bytes <= max_bytes);
    let length = length.ok_or(FrameError::TooLong { bytes, max: max_bytes })?;
    frame[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

/// Decodes messages from received bytes, and buffers the bytes of incomplete ones.
#[derive(Debug)]
pub(super) struct Decoder {
    max_bytes: usize,
    buffer: BytesMut,
}

impl Decoder {
    /// Creates a decoder of frames whose bodies have at most `max_bytes`.
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, buffer: BytesMut::new() }
    }

    /// Adds received bytes. The caller must then call [`Self::pop`] until it returns `None`, otherwise the buffer is not bounded.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Removes and returns the next complete message; `None` if none is complete. After an error the caller must close the connection.
    pub(super) fn pop<M: DeserializeOwned>(&mut self) -> Result<Option<M>, FrameError> {
        let Some(length) = self.buffer.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let bytes = u32::from_be_bytes(*length) as usize;
        if bytes > self.max_bytes {
            return Err(FrameError::TooLong { bytes, max: self.max_bytes });
        }
        if self.buffer.len() < LENGTH_BYTES + bytes {
            return Ok(None);
        }
        self.buffer.advance(LENGTH_BYTES);
        let frame = self.buffer.split_to(bytes);
        serde_json::from_slice(&frame).map(Some).map_err(|error| FrameError::Invalid(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(pieces: &[&[u8]], max_bytes: usize) -> Result<Vec<String>, FrameError> {
        let mut decoder = Decoder::new(max_bytes);
        let mut messages = Vec::new();
        for piece in pieces {
            decoder.push(piece);
            while let Some(message) = decoder.pop()? {
                messages.push(message);
            }
        }
        Ok(messages)
    }

    proptest! {
        #[test]
        fn messages_survive_a_cut_at_any_byte(
            messages in prop::collection::vec(".{0,40}", 0..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let bytes: Vec<u8> = messages.iter().flat_map(|message| encode(message, 1000).unwrap()).collect();
            let (one, other) = bytes.split_at(cut.index(bytes.len() + 1));
            prop_assert_eq!(decode(&[one, other], 1000).unwrap(), messages);
        }

        #[test]
        fn hostile_bytes_are_an_error_and_at_most_a_frame_is_buffered(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            piece_bytes in 1..40_usize,
        ) {
            let mut decoder = Decoder::new(64);
            for piece in bytes.chunks(piece_bytes) {
                decoder.push(piece);
                loop {
                    match decoder.pop::<String>() {
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(_) => return Ok(()),
                    }
                }
                prop_assert!(decoder.buffer.len() < LENGTH_BYTES + 64);
            }
        }
    }

    #[test]
    fn an_excessive_length_is_refused_before_its_bytes_arrive() {
        assert_eq!(decode(&[&[0, 0, 0, 65]], 64), Err(FrameError::TooLong { bytes: 65, max: 64 }));
        assert_eq!(encode(&"x".repeat(63), 64), Err(FrameError::TooLong { bytes: 65, max: 64 }));
        assert!(encode(&"x".repeat(62), 64).is_ok());
    }

    #[test]
    fn an_empty_frame_and_deeply_nested_json_are_errors() {
        assert!(matches!(decode(&[&[0, 0, 0, 0]], 64), Err(FrameError::Invalid(_))));
        let mut decoder = Decoder::new(400);
        decoder.push(&400u32.to_be_bytes());
        decoder.push(&[[b'['; 200], [b']'; 200]].concat());
        // The JSON parser itself bounds the depth: by default to 128.
        assert!(matches!(decoder.pop::<serde_json::Value>(), Err(FrameError::Invalid(_))));
    }
}
