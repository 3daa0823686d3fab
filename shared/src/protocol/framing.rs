//! Framing of control messages: each message follows its length in two bytes (little-endian). Has no I/O: the caller reads and writes
//! the stream.

/// The size of the length prefix, in bytes.
pub const LENGTH_BYTES: usize = 2;

/// Appends a frame to `out`: a length prefix and the message that `write` appends, of at most 65,535 bytes.
///
/// # Panics
/// In debug builds if the message is longer; in release builds its length prefix is then wrong.
pub fn frame(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; LENGTH_BYTES]);
    write(out);
    let body = out.len() - start - LENGTH_BYTES;
    debug_assert!(body <= usize::from(u16::MAX), "a message of {body} bytes does not fit a frame");
    out[start..start + LENGTH_BYTES].copy_from_slice(&(body as u16).to_le_bytes());
}

/// The peer announced a message that exceeds the maximum length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the peer announced a message of {bytes} bytes; the maximum is {max} bytes")]
pub struct FrameTooLong {
    /// The announced length, in bytes.
    pub bytes: usize,
    /// The maximum length, in bytes.
    pub max: usize,
}

/// Splits the bytes of a stream into messages. The caller pops all messages before each push, so that a deframer holds at most one
/// incomplete frame and the bytes of one push. After a frame that is too long a deframer holds nothing and ignores further bytes.
#[derive(Debug)]
pub struct Deframer {
    max_bytes: usize,
    buffer: Vec<u8>,
    /// The offset of the next frame in `buffer`.
    start: usize,
    /// The frame that was too long. After it the boundaries of frames are unknown.
    failed: Option<FrameTooLong>,
}

impl Deframer {
    /// Creates a deframer for messages of at most `max_bytes` bytes.
    #[must_use]
    pub const fn new(max_bytes: usize) -> Self {
        Self { max_bytes, buffer: Vec::new(), start: 0, failed: None }
    }

    /// Adds bytes that were read from the stream.
    ///
    /// # Panics
    /// In debug builds if a complete message has not been popped and the buffer is longer than one frame.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        // Removing the popped messages bounds the buffer by one frame and one push.
        self.buffer.drain(..self.start);
        self.start = 0;
        debug_assert!(
            self.buffer.len() <= self.max_bytes + LENGTH_BYTES,
            "all messages are popped before a push"
        );
        self.buffer.extend_from_slice(bytes);
    }

    /// Removes and returns the next message, without its length; `None` if it is not complete yet.
    ///
    /// # Errors
    /// When the peer announces a message over the maximum length. The stream is then unusable, and each further call returns the same
    /// error.
    pub fn pop(&mut self) -> Result<Option<&[u8]>, FrameTooLong> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let rest = &self.buffer[self.start..];
        let Some((length, body)) = rest.split_first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let bytes = usize::from(u16::from_le_bytes(*length));
        if bytes > self.max_bytes {
            let error = FrameTooLong { bytes, max: self.max_bytes };
            self.failed = Some(error);
            self.buffer = Vec::new();
            return Err(error);
        }
        if body.len() < bytes {
            return Ok(None);
        }
        let begin = self.start + LENGTH_BYTES;
        self.start = begin + bytes;
        Ok(Some(&self.buffer[begin..self.start]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn messages_are_complete_wherever_the_stream_is_cut(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..20),
            cut in 1..40usize,
        ) {
            let mut stream = Vec::new();
            for message in &messages {
                frame(&mut stream, |out| out.extend(message));
            }
            let mut deframer = Deframer::new(50);
            let mut received = Vec::new();
            for bytes in stream.chunks(cut) {
                deframer.push(bytes);
                prop_assert!(deframer.buffer.len() <= 50 + LENGTH_BYTES + cut, "at most one frame and one push are held");
                while let Some(message) = deframer.pop().unwrap() {
                    received.push(message.to_vec());
                }
            }
            prop_assert_eq!(received, messages);
        }
    }

    #[test]
    fn an_announced_length_over_the_maximum_is_an_error_before_the_message_arrives() {
        let mut deframer = Deframer::new(100);
        deframer.push(&101u16.to_le_bytes());
        assert_eq!(deframer.pop(), Err(FrameTooLong { bytes: 101, max: 100 }));
    }

    #[test]
    fn after_a_frame_that_is_too_long_a_deframer_is_empty_and_ignores_bytes() {
        let mut deframer = Deframer::new(100);
        deframer.push(&[0xff; 50]);
        let error = Err(FrameTooLong { bytes: 0xffff, max: 100 });
        assert_eq!(deframer.pop(), error);
        for _ in 0..1000 {
            deframer.push(&[0; 50]);
            assert_eq!(deframer.pop(), error, "further bytes do not change the error");
        }
        assert_eq!(deframer.buffer.capacity(), 0, "a failed deframer holds no bytes");
    }
}
