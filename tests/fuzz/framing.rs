//! Where one message ends: any stream, cut anywhere.

use bolero::{check, generator::produce};
use quarrel_shared::{
    limits::MAX_CLIENT_MESSAGE_BYTES,
    protocol::framing::{Deframer, LENGTH_BYTES},
};

use crate::heap;

#[test]
fn any_stream_gives_bounded_messages_or_an_error_and_is_not_hoarded() {
    check!().with_iterations(10_000).with_generator(produce::<Vec<Vec<u8>>>()).for_each(|reads| {
        let longest = reads.iter().map(Vec::len).max().unwrap_or_default();
        // One frame and one read are held, in a buffer that doubles, with the old one still there while it moves.
        let most = 3 * (MAX_CLIENT_MESSAGE_BYTES + LENGTH_BYTES + longest) as u64;
        heap::within(most, || {
            let mut deframer = Deframer::new(MAX_CLIENT_MESSAGE_BYTES);
            for read in reads {
                deframer.push(read);
                loop {
                    match deframer.pop() {
                        Ok(Some(message)) => {
                            assert!(message.len() <= MAX_CLIENT_MESSAGE_BYTES, "never more than agreed")
                        }
                        Ok(None) => break,
                        Err(_) => return,
                    }
                }
            }
        });
    });
}
