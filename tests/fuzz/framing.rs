//! The deframer of the control stream: any bytes, split at any positions.

use bolero::{check, generator::produce};
use quarrel_shared::{
    limits::MAX_CLIENT_MESSAGE_BYTES,
    protocol::framing::{Deframer, LENGTH_BYTES},
};

use crate::heap;

#[test]
fn any_stream_gives_bounded_messages_or_an_error_within_bounded_heap() {
    check!().with_iterations(10_000).with_generator(produce::<Vec<Vec<u8>>>()).for_each(|reads| {
        let longest = reads.iter().map(Vec::len).max().unwrap_or_default();
        // The buffer holds one frame and one read. It grows by doubling, and the old buffer exists while it is copied.
        let max_heap = 3 * (MAX_CLIENT_MESSAGE_BYTES + LENGTH_BYTES + longest) as u64;
        heap::within(max_heap, || {
            let mut deframer = Deframer::new(MAX_CLIENT_MESSAGE_BYTES);
            for read in reads {
                deframer.push(read);
                loop {
                    match deframer.pop() {
                        Ok(Some(message)) => {
                            assert!(
                                message.len() <= MAX_CLIENT_MESSAGE_BYTES,
                                "a message must keep to its maximum size"
                            );
                        }
                        Ok(None) => break,
                        Err(_) => return,
                    }
                }
            }
        });
    });
}
