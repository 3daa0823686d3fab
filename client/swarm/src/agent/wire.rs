//! Messages as bytes: JSON in frames, each with its length before it. Pure: bytes are pushed, messages popped.
//!
//! JSON, because a plan and what was counted are serde types anyway and a batch is sent once a second; QUIC under it keeps bytes whole
//! and in order. A length is looked at before anything of its frame is kept, so nobody makes the other side hold more than one frame.

use bytes::{Buf, BytesMut};
use serde::{Serialize, de::DeserializeOwned};

/// Before each frame, in big-endian order.
const LENGTH_BYTES: usize = 4;

/// The largest frame to an agent: a plan and the roots of its server. A plan's file is 1 MiB at most, and so may both be together; JSON
/// writes quotes and line ends with a byte more, at most twice as many.
pub(super) const ORDER_BYTES: usize = 2 * 1024 * 1024;

/// The largest frame from an agent: one row whatever it holds. Six distributions of at most 23,552 buckets (2048 and 21 times 1024, to an
/// hour of microseconds), 35 bytes each (`"3600000000":18446744073709551615,`), are 4.9 MB; ends of connections and matches come on top.
pub(super) const COUNTS_BYTES: usize = 16 * 1024 * 1024;

/// Why bytes are no message.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    /// It is longer than anything that is meant.
    #[error("a message of {bytes} bytes, where {most} are the most")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// What would do.
        most: usize,
    },
    /// It is not what is spoken here.
    #[error("a message that makes no sense: {0}")]
    Senseless(String),
}

/// A message as a frame of at most so many bytes.
pub(super) fn encode(message: &impl Serialize, most: usize) -> Result<Vec<u8>, FrameError> {
    let mut frame = vec![0; LENGTH_BYTES];
    serde_json::to_writer(&mut frame, message).map_err(|error| FrameError::Senseless(error.to_string()))?;
    let bytes = frame.len() - LENGTH_BYTES;
    let length = u32::try_from(bytes).ok().filter(|_| bytes <= most);
    let length = length.ok_or(FrameError::TooLong { bytes, most })?;
    frame[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

/// Bytes as they come, until they are messages.
#[derive(Debug)]
pub(super) struct Decoder {
    most: usize,
    buffer: BytesMut,
}

impl Decoder {
    /// Of frames of at most so many bytes.
    pub(super) fn new(most: usize) -> Self {
        Self { most, buffer: BytesMut::new() }
    }

    /// Bytes came.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message that is there whole. An error is for good: nobody knows where the next frame begins.
    pub(super) fn pop<M: DeserializeOwned>(&mut self) -> Result<Option<M>, FrameError> {
        let Some(length) = self.buffer.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let bytes = u32::from_be_bytes(*length) as usize;
        if bytes > self.most {
            return Err(FrameError::TooLong { bytes, most: self.most });
        }
        if self.buffer.len() < LENGTH_BYTES + bytes {
            return Ok(None);
        }
        self.buffer.advance(LENGTH_BYTES);
        let frame = self.buffer.split_to(bytes);
        serde_json::from_slice(&frame).map(Some).map_err(|error| FrameError::Senseless(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(pieces: &[&[u8]], most: usize) -> Result<Vec<String>, FrameError> {
        let mut decoder = Decoder::new(most);
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
        fn messages_come_out_as_they_went_in_wherever_the_network_cuts_them(
            messages in prop::collection::vec(".{0,40}", 0..8),
            cut in any::<prop::sample::Index>(),
        ) {
            let bytes: Vec<u8> = messages.iter().flat_map(|message| encode(message, 1000).unwrap()).collect();
            let (one, other) = bytes.split_at(cut.index(bytes.len() + 1));
            prop_assert_eq!(decode(&[one, other], 1000).unwrap(), messages);
        }

        #[test]
        fn hostile_bytes_are_an_error_and_never_more_than_a_frame_is_kept(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            pieces in 1..40_usize,
        ) {
            let mut decoder = Decoder::new(64);
            for piece in bytes.chunks(pieces) {
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
    fn a_length_is_refused_before_any_of_its_bytes_came() {
        assert_eq!(decode(&[&[0, 0, 0, 65]], 64), Err(FrameError::TooLong { bytes: 65, most: 64 }));
        assert_eq!(encode(&"x".repeat(63), 64), Err(FrameError::TooLong { bytes: 65, most: 64 }));
        assert!(encode(&"x".repeat(62), 64).is_ok());
    }

    #[test]
    fn an_empty_frame_and_json_without_an_end_are_no_messages() {
        assert!(matches!(decode(&[&[0, 0, 0, 0]], 64), Err(FrameError::Senseless(_))));
        let deep = [&[0, 0, 1, 0][..], &[b'['; 256]].concat();
        assert!(matches!(decode(&[&deep], 256), Err(FrameError::Senseless(_))), "depth is bounded too");
    }
}
