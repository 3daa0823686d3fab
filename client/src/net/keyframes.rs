//! Snapshots too large for a datagram: each comes alone on a unidirectional stream of its own.

use std::{future::poll_fn, task::Poll};

use quarrel_shared::limits::MAX_KEYFRAME_BYTES;
use quinn::{ReadError, RecvStream, VarInt};

/// Keyframes that are arriving. The server may have four streams open, so there are never more; one that is reset or
/// too long is forgotten, for a newer one is on its way.
#[derive(Default)]
pub(crate) struct Keyframes {
    arriving: Vec<Keyframe>,
}

struct Keyframe {
    stream: RecvStream,
    bytes: Vec<u8>,
}

/// How much is asked of a stream at once, in bytes: what some packets bring.
const READ_BYTES: usize = 8 * 1024;

impl Keyframes {
    /// A stream was opened.
    pub(crate) fn push(&mut self, stream: RecvStream) {
        self.arriving.push(Keyframe { stream, bytes: Vec::new() });
    }

    /// The next whole keyframe; waits for ever while none arrives. Nothing is lost when it is dropped half-way.
    pub(crate) async fn next(&mut self) -> Vec<u8> {
        poll_fn(|context| {
            let mut at = 0;
            while let Some(keyframe) = self.arriving.get_mut(at) {
                match keyframe.poll(context) {
                    Poll::Pending => at += 1,
                    Poll::Ready(Ok(())) => return Poll::Ready(self.arriving.swap_remove(at).bytes),
                    Poll::Ready(Err(_)) => drop(self.arriving.swap_remove(at)),
                }
            }
            Poll::Pending
        })
        .await
    }
}

impl Keyframe {
    /// Reads what is there; ready at the stream's end.
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
