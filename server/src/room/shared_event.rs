//! A game event that is shared by all seats that receive it, and is encoded at most once.
//!
//! The first session that needs the encoded event encodes it, and the others reuse the bytes. An event that only bots receive is never
//! encoded. Encoding runs in a session and not in the room's tick, because a panic in the game's encoder must end one player's seat and
//! not the room.

use std::sync::OnceLock;

use quarrel_shared::{
    bits::{BitWriter, Bits},
    limits::MAX_EVENT_BYTES,
    protocol::bounded::List,
};

/// An encoded game event.
pub type EventPayload = List<u8, MAX_EVENT_BYTES>;

/// A game event together with its encoded form.
#[derive(Debug)]
pub struct SharedEvent<E> {
    event: E,
    /// The encoded event, set at the first use; `None` if it is longer than [`MAX_EVENT_BYTES`].
    payload: OnceLock<Option<EventPayload>>,
}

impl<E: Bits> SharedEvent<E> {
    /// Wraps an event, without encoding it yet.
    pub const fn new(event: E) -> Self {
        Self { event, payload: OnceLock::new() }
    }

    /// The event itself.
    pub const fn get(&self) -> &E {
        &self.event
    }

    /// Returns the encoded event, and encodes it at the first call. Returns `None` if it is longer than [`MAX_EVENT_BYTES`], which is a
    /// defect of the game.
    ///
    /// # Panics
    /// When the game's encoder panics.
    pub fn payload(&self) -> Option<&EventPayload> {
        let encode = || {
            let mut out = BitWriter::new();
            self.event.encode(&mut out);
            List::new(out.finish().to_vec())
        };
        self.payload.get_or_init(encode).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use quarrel_shared::bits::{BitReader, BitsError};

    use super::*;

    /// An event that takes this many bytes and counts how often it is encoded.
    #[derive(Debug)]
    struct Counted {
        bytes: usize,
        encoded: AtomicU32,
    }

    impl Bits for Counted {
        fn encode(&self, out: &mut BitWriter) {
            self.encoded.fetch_add(1, Relaxed);
            (0..self.bytes).for_each(|byte| out.write_bits(byte as u32 % 256, 8));
        }

        fn decode(_: &mut BitReader<'_>) -> Result<Self, BitsError> {
            Err(BitsError::Truncated)
        }
    }

    fn event(bytes: usize) -> SharedEvent<Counted> {
        SharedEvent::new(Counted { bytes, encoded: AtomicU32::new(0) })
    }

    #[test]
    fn an_event_is_encoded_once_for_all_seats() {
        let event = event(3);
        assert_eq!(event.get().encoded.load(Relaxed), 0, "an event is not encoded before its first use");
        for _ in 0..16 {
            assert_eq!(event.payload().map(|payload| payload.to_vec()), Some(vec![0, 1, 2]));
        }
        assert_eq!(event.get().encoded.load(Relaxed), 1);
    }

    #[test]
    fn an_event_longer_than_the_limit_has_no_payload() {
        assert!(event(MAX_EVENT_BYTES).payload().is_some());
        assert!(event(MAX_EVENT_BYTES + 1).payload().is_none());
    }
}
