//! Reception of the snapshots that are too large for a datagram, most of them keyframes: each arrives on its own unidirectional
//! stream.

use std::{future::poll_fn, task::Poll};

use quarrel_shared::limits::MAX_KEYFRAME_BYTES;
use quinn::{ReadError, RecvStream, VarInt};

/// The streams from which keyframes are being received, at most four: QUIC allows the server no more at once
/// ([`transport_config`](super::transport::transport_config)). A keyframe that is reset or too long is dropped, because the server
/// sends a newer one.
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

    /// Waits for the next complete keyframe. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Vec<u8> {
        poll_fn(|context| {
            let mut index = 0;
            while let Some(keyframe) = self.incoming.get_mut(index) {
                match keyframe.poll(context) {
                    Poll::Pending => index += 1,
                    Poll::Ready(Ok(())) => return Poll::Ready(self.incoming.swap_remove(index).bytes),
                    Poll::Ready(Err(_)) => drop(self.incoming.swap_remove(index)),
                }
            }
            Poll::Pending
        })
        .await
    }
}

impl Keyframe {
    /// Reads the available bytes. Ready at the end of the stream, or with an error if the keyframe must be dropped.
    fn poll(&mut self, context: &mut std::task::Context<'_>) -> Poll<Result<(), ReadError>> {
        loop {
            let received = self.bytes.len();
            if received > MAX_KEYFRAME_BYTES {
                let _ = self.stream.stop(VarInt::from_u32(0));
                return Poll::Ready(Err(ReadError::ClosedStream));
            }
            self.bytes.resize(received + READ_BYTES, 0);
            let read = self.stream.poll_read(context, &mut self.bytes[received..]);
            self.bytes.truncate(received + if let Poll::Ready(Ok(read)) = read { read } else { 0 });
            match std::task::ready!(read)? {
                0 => return Poll::Ready(Ok(())),
                _ => continue,
            }
        }
    }
}
