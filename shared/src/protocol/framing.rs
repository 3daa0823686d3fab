//! Framing of control messages: two bytes of length (little-endian), then the message. Sans-I/O: bytes in, messages out; the caller
//! owns the stream.

/// The length of the length prefix, in bytes.
pub const LENGTH_BYTES: usize = 2;

/// Appends a frame whose body `write` appends. The body must stay under 64 KiB.
pub fn frame(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; LENGTH_BYTES]);
    write(out);
    let body = out.len() - start - LENGTH_BYTES;
    debug_assert!(body <= usize::from(u16::MAX), "a frame of {body} bytes");
    out[start..start + LENGTH_BYTES].copy_from_slice(&(body as u16).to_le_bytes());
}

/// The peer announced a message that exceeds the maximum length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message of {bytes} bytes was announced; the maximum is {max} bytes")]
pub struct FrameTooLong {
    /// The announced length.
    pub bytes: usize,
    /// The maximum length.
    pub max: usize,
}

/// Splits a stream into messages. It holds at most one frame and the bytes of one read, so the caller pops all messages before
/// the next push. After a frame that is too long it holds nothing and ignores further bytes.
#[derive(Debug)]
pub struct Deframer {
    max_bytes: usize,
    buffer: Vec<u8>,
    /// The offset of the next frame in `buffer`.
    start: usize,
    /// The error after which the stream has no more frame boundaries.
    failed: Option<FrameTooLong>,
}

impl Deframer {
    /// Creates a deframer for messages of at most `max_bytes` bytes.
    #[must_use]
    pub const fn new(max_bytes: usize) -> Self {
        Self { max_bytes, buffer: Vec::new(), start: 0, failed: None }
    }

    /// Appends bytes that were read from the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        // Moving the rest to the front keeps the buffer as small as one frame and one read.
        self.buffer.drain(..self.start);
        self.start = 0;
        debug_assert!(self.buffer.len() <= self.max_bytes + LENGTH_BYTES, "pop all messages before a push");
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next whole message; `None` until more bytes are pushed.
    ///
    /// # Errors
    /// When the peer announces more than the maximum length: the stream is then unusable, and each further call returns the same
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
        fn messages_are_whole_wherever_the_stream_is_cut(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..20),
            cut in 1..40usize,
        ) {
            let mut stream = Vec::new();
            for message in &messages {
                frame(&mut stream, |out| out.extend(message));
            }
            let mut deframer = Deframer::new(50);
            let mut got = Vec::new();
            for piece in stream.chunks(cut) {
                deframer.push(piece);
                prop_assert!(deframer.buffer.len() <= 50 + LENGTH_BYTES + cut, "one frame and one read");
                while let Some(message) = deframer.pop().unwrap() {
                    got.push(message.to_vec());
                }
            }
            prop_assert_eq!(got, messages);
        }
    }

    #[test]
    fn an_announced_length_over_the_maximum_is_refused_before_its_bytes_arrive() {
        let mut deframer = Deframer::new(100);
        deframer.push(&101u16.to_le_bytes());
        assert_eq!(deframer.pop(), Err(FrameTooLong { bytes: 101, max: 100 }));
    }

    #[test]
    fn after_a_frame_that_is_too_long_a_deframer_is_empty_and_ignores_bytes() {
        let mut deframer = Deframer::new(100);
        deframer.push(&[0xff; 50]);
        let refused = Err(FrameTooLong { bytes: 0xffff, max: 100 });
        assert_eq!(deframer.pop(), refused);
        for _ in 0..1000 {
            deframer.push(&[0; 50]);
            assert_eq!(deframer.pop(), refused, "further bytes do not change the error");
        }
        assert_eq!(deframer.buffer.capacity(), 0, "a failed deframer holds no bytes");
    }
}
