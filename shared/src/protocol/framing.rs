//! Where one message ends and the next begins: two bytes of length (little-endian), then the message. Sans-I/O: bytes go in,
//! messages come out, whoever owns the stream.

/// The length prefix.
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

/// The peer announced a message that is longer than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message of {bytes} bytes was announced; {most} are allowed")]
pub struct FrameTooLong {
    /// What was announced.
    pub bytes: usize,
    /// What is allowed.
    pub most: usize,
}

/// Cuts a stream into messages. Holds at most one frame and whatever one read brought with it, so whoever owns it pops until
/// there is none before the next read. After a frame that is too long it holds nothing and takes nothing more.
#[derive(Debug)]
pub struct Deframer {
    most: usize,
    buffer: Vec<u8>,
    /// Where the next frame begins in `buffer`.
    start: usize,
    /// Why nothing that still comes can be cut any more.
    lost: Option<FrameTooLong>,
}

impl Deframer {
    /// For messages of at most `most` bytes.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        Self { most, buffer: Vec::new(), start: 0, lost: None }
    }

    /// Takes what the stream gave.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.lost.is_some() {
            return;
        }
        // Moving the rest to the front keeps the buffer as small as one frame and one read.
        self.buffer.drain(..self.start);
        self.start = 0;
        debug_assert!(self.buffer.len() <= self.most + LENGTH_BYTES, "pop until there is none, then push");
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message, `None` until more bytes came.
    ///
    /// # Errors
    /// When the peer announces more than the most: the stream is of no use after that, and each further pop says so again.
    pub fn pop(&mut self) -> Result<Option<&[u8]>, FrameTooLong> {
        if let Some(error) = self.lost {
            return Err(error);
        }
        let rest = &self.buffer[self.start..];
        let Some((length, body)) = rest.split_first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let bytes = usize::from(u16::from_le_bytes(*length));
        if bytes > self.most {
            let error = FrameTooLong { bytes, most: self.most };
            self.lost = Some(error);
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
        fn messages_come_out_whole_however_the_stream_was_cut(
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
    fn an_announced_length_over_the_most_is_refused_before_its_bytes_come() {
        let mut deframer = Deframer::new(100);
        deframer.push(&101u16.to_le_bytes());
        assert_eq!(deframer.pop(), Err(FrameTooLong { bytes: 101, most: 100 }));
    }
    #[test]
    fn after_a_frame_that_is_too_long_nothing_is_held_and_nothing_is_taken() {
        let mut deframer = Deframer::new(100);
        deframer.push(&[0xff; 50]);
        let refused = Err(FrameTooLong { bytes: 0xffff, most: 100 });
        assert_eq!(deframer.pop(), refused);
        for _ in 0..1000 {
            deframer.push(&[0; 50]);
            assert_eq!(deframer.pop(), refused, "it stays refused, whatever still comes");
        }
        assert_eq!(deframer.buffer.capacity(), 0, "no byte of it is kept");
    }
}
