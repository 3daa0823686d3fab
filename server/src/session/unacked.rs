//! The reliable messages of one seat that its client has not acknowledged, kept for retransmission after a resume. Has no I/O.
//!
//! Messages are kept in their encoded form. The connection of a client that never acknowledges is not closed: such a client harms no other
//! player, and loses only the ability to resume, because the oldest messages are evicted. Closing it would end the match of a player whose
//! only fault is an old client.

use std::collections::VecDeque;

use quarrel_shared::limits::MAX_UNACKED_MESSAGES;

/// The maximum number of message bytes kept for one seat: [`MAX_UNACKED_MESSAGES`] events of Arena, at 30 to 40 bytes each with their
/// length prefixes, or two minutes of chat by a player who types without a pause. Above the maximum, the oldest message is evicted. The
/// send queue of a control stream can hold this many bytes, so all kept messages can be retransmitted at once.
pub const MAX_UNACKED_BYTES: usize = 48 * 1024;

/// The unacknowledged messages of one seat, numbered from 0.
#[derive(Debug, Default)]
pub struct UnackedMessages {
    /// The encoded messages, one after the other, oldest first.
    encoded: VecDeque<u8>,
    /// The length of each message in bytes.
    lengths: VecDeque<usize>,
    /// The number of the oldest message that is kept.
    first: u32,
    /// The number of messages that the client has acknowledged.
    acked: u32,
}

/// A reason why an acknowledgement is invalid, or why the messages after it cannot be retransmitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AckError {
    /// The client has acknowledged more messages than were sent.
    #[error("{acked} messages were acknowledged, and only {sent} were sent")]
    Ahead {
        /// The number acknowledged.
        acked: u32,
        /// The number sent.
        sent: u32,
    },
    /// The client has acknowledged fewer messages than before.
    #[error("{acked} messages were acknowledged after {before} had been acknowledged")]
    Back {
        /// The number acknowledged now.
        acked: u32,
        /// The number acknowledged before.
        before: u32,
    },
    /// Some of the messages after the acknowledged ones were evicted.
    #[error("the messages after the acknowledged ones are not kept any more")]
    Evicted,
}

impl UnackedMessages {
    /// Adds a message that was sent. Evicts the oldest messages when more are kept than allowed.
    pub fn push(&mut self, encoded: &[u8]) {
        self.encoded.extend(encoded);
        self.lengths.push_back(encoded.len());
        while self.lengths.len() > MAX_UNACKED_MESSAGES || self.encoded.len() > MAX_UNACKED_BYTES {
            self.remove_oldest();
        }
    }

    /// Removes the first `acked` messages of the sequence, because the client has received them.
    ///
    /// # Errors
    /// When `acked` is more than the number of messages sent, or less than in an earlier call.
    pub fn ack(&mut self, acked: u32) -> Result<(), AckError> {
        self.check(acked)?;
        if acked < self.acked {
            return Err(AckError::Back { acked, before: self.acked });
        }
        self.acked = acked;
        while self.first < acked {
            self.remove_oldest();
        }
        Ok(())
    }

    /// Returns the encoded messages after the first `acked` ones, as two consecutive slices.
    ///
    /// # Errors
    /// When `acked` is more than the number of messages sent, or when some of the messages after the first `acked` ones were removed.
    pub fn since(&self, acked: u32) -> Result<(&[u8], &[u8]), AckError> {
        self.check(acked)?;
        let skipped = acked.checked_sub(self.first).ok_or(AckError::Evicted)? as usize;
        let skipped_bytes: usize = self.lengths.iter().take(skipped).sum();
        let (front, back) = self.encoded.as_slices();
        Ok(match skipped_bytes.checked_sub(front.len()) {
            None => (&front[skipped_bytes..], back),
            Some(skipped_bytes) => (&[], &back[skipped_bytes..]),
        })
    }

    fn check(&self, acked: u32) -> Result<(), AckError> {
        let sent = self.first + self.lengths.len() as u32;
        if acked > sent { Err(AckError::Ahead { acked, sent }) } else { Ok(()) }
    }

    fn remove_oldest(&mut self) {
        let Some(length) = self.lengths.pop_front() else { return };
        self.encoded.drain(..length);
        self.first += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns `count` sent messages, each of which contains its number.
    fn messages(count: u32) -> UnackedMessages {
        let mut messages = UnackedMessages::default();
        (0..count).for_each(|number| messages.push(&number.to_le_bytes()));
        messages
    }

    fn since(messages: &UnackedMessages, acked: u32) -> Result<Vec<u32>, AckError> {
        let (front, back) = messages.since(acked)?;
        let bytes = [front, back].concat();
        Ok(bytes.chunks(4).map(|number| u32::from_le_bytes(number.try_into().unwrap())).collect())
    }

    #[test]
    fn unacknowledged_messages_are_retransmitted_in_order() {
        let mut messages = messages(5);
        assert_eq!(since(&messages, 2), Ok(vec![2, 3, 4]));
        messages.ack(2).unwrap();
        assert_eq!(since(&messages, 2), Ok(vec![2, 3, 4]), "only acknowledged messages are removed");
        assert_eq!(since(&messages, 5), Ok(vec![]));
        assert_eq!(since(&messages, 1), Err(AckError::Evicted));
    }

    #[test]
    fn messages_are_complete_when_the_ring_buffer_has_wrapped() {
        let mut messages = messages(3);
        for number in 3..10_000_u32 {
            messages.push(&number.to_le_bytes());
            messages.ack(number - 1).unwrap();
            assert_eq!(since(&messages, number - 1), Ok(vec![number - 1, number]));
        }
    }

    #[test]
    fn an_impossible_acknowledgement_is_an_error() {
        let mut messages = messages(5);
        assert_eq!(messages.ack(6), Err(AckError::Ahead { acked: 6, sent: 5 }));
        assert_eq!(since(&messages, 6), Err(AckError::Ahead { acked: 6, sent: 5 }));
        messages.ack(4).unwrap();
        assert_eq!(messages.ack(3), Err(AckError::Back { acked: 3, before: 4 }));
        assert_eq!(messages.ack(4), Ok(()), "a repeated acknowledgement is allowed");
    }

    #[test]
    fn the_messages_kept_for_a_client_that_never_acknowledges_are_bounded() {
        let mut small = messages(5000);
        assert_eq!(since(&small, 5000 - MAX_UNACKED_MESSAGES as u32).unwrap().len(), MAX_UNACKED_MESSAGES);
        assert_eq!(since(&small, 0), Err(AckError::Evicted));
        assert_eq!(small.ack(10), Ok(()), "evicted messages may still be acknowledged");
        let mut large = UnackedMessages::default();
        (0..1000).for_each(|_| large.push(&[0; 600]));
        assert!(large.encoded.len() <= MAX_UNACKED_BYTES && large.lengths.len() == MAX_UNACKED_BYTES / 600);
    }
}
