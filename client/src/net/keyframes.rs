//! Keyframes: snapshots too large for a datagram, each on its own unidirectional stream.

use std::{future::poll_fn, task::Poll};

use quarrel_shared::limits::MAX_KEYFRAME_BYTES;
use quinn::{ReadError, RecvStream, VarInt};

/// Keyframes that are being received. The server may open four streams at once, so there are never more. One that is reset or too
/// long is dropped, because the server sends a newer one.
#[derive(Default)]
pub(crate) struct Keyframes {
    incoming: Vec<Keyframe>,
}

struct Keyframe {
    stream: RecvStream,
    bytes: Vec<u8>,
}

/// The maximum size of one read, in bytes: the payload of several packets.
const READ_BYTES: usize = 8 * 1024;

impl Keyframes {
    /// Adds a stream that the server opened.
    pub(crate) fn push(&mut self, stream: RecvStream) {
        self.incoming.push(Keyframe { stream, bytes: Vec::new() });
    }

    /// Returns the next complete keyframe. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Vec<u8> {
        poll_fn(|context| {
            let mut at = 0;
            while let Some(keyframe) = self.incoming.get_mut(at) {
                match keyframe.poll(context) {
                    Poll::Pending => at += 1,
                    Poll::Ready(Ok(())) => return Poll::Ready(self.incoming.swap_remove(at).bytes),
                    Poll::Ready(Err(_)) => drop(self.incoming.swap_remove(at)),
                }
            }
            Poll::Pending
        })
        .await
    }
}

impl Keyframe {
    /// Reads the available bytes. Ready at the end of the stream.
    fn poll(&mut self, context: &mut std::task::Context<'_>) -> Poll<Result<(), ReadError>> {
        loop {
            let held = self.bytes.len();
            if held > MAX_KEYFRAME_BYTES {
                let _ = self.stream.stop(VarInt::from_u32(0));
                return Poll::Ready(Err(ReadError::ClosedStream));
            }
            self.bytes.resize(held + READ_BYTES, 0);
            let read = self.stream.poll_read(context, &mut self.bytes[held..]);
            self.bytes.truncate(held + if let Poll::Ready(Ok(read)) = read { read } else { 0 });
            match std::task::ready!(read)? {
                0 => return Poll::Ready(Ok(())),
                _ => continue,
            }
        }
    }
}
