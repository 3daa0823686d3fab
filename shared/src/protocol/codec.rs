//! Encoding of control messages: the only file that names bincode, so that replacing it changes one file.
//!
//! It always uses bincode's native encoding with a limit. Its serde path does not bound its allocations (1 MiB from 50 bytes), and
//! without a limit a length of 2^40 aborts the process.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
pub(super) use bincode::{
    BorrowDecode,
    de::{BorrowDecoder, Decoder},
    enc::Encoder,
    error::{DecodeError, EncodeError},
};
pub use bincode::{Decode, Encode};

use super::{
    framing,
    messages::{ClientMessage, ServerMessage},
};
use crate::{
    id::{PlayerId, RoomId, SeatId},
    limits::{MAX_CLIENT_MESSAGE_BYTES, MAX_SERVER_MESSAGE_BYTES},
    tick::Tick,
};

/// The bincode configuration. Fixed-size integers are 3 to 5 times as fast as variable ones, and these messages are few.
type Wire<const MAX: usize> = Configuration<LittleEndian, Fixint, Limit<MAX>>;

const fn wire<const MAX: usize>() -> Wire<MAX> {
    bincode::config::standard().with_little_endian().with_fixed_int_encoding().with_limit::<MAX>()
}

/// An error of decoding a peer's message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The message exceeds its maximum length.
    #[error("a message of {bytes} bytes is longer than the maximum of {max} bytes")]
    TooLong {
        /// The length of the message.
        bytes: usize,
        /// The maximum length.
        max: usize,
    },
    /// The bytes are not an encoded message.
    #[error("a message could not be decoded: {0}")]
    Malformed(String),
    /// Bytes follow the message.
    #[error("{0} bytes are left over after a message")]
    Trailing(usize),
}

/// Appends one framed message to `out`. The types bound the length of outgoing messages, so this cannot fail.
pub fn encode(message: &impl Encode, out: &mut Vec<u8>) {
    framing::frame(out, |out| {
        let written = bincode::encode_into_std_write(message, out, wire::<MAX_SERVER_MESSAGE_BYTES>());
        debug_assert!(written.is_ok(), "a bounded message was not encoded: {written:?}");
    });
}

/// Decodes one message of a client, without its frame.
///
/// # Errors
/// When it is too long, malformed, or followed by more.
pub fn decode_client(bytes: &[u8]) -> Result<ClientMessage, CodecError> {
    decode::<ClientMessage, MAX_CLIENT_MESSAGE_BYTES>(bytes)
}

/// Decodes one message of a server, without its frame.
///
/// # Errors
/// When it is too long, malformed, or followed by more.
pub fn decode_server(bytes: &[u8]) -> Result<ServerMessage, CodecError> {
    decode::<ServerMessage, MAX_SERVER_MESSAGE_BYTES>(bytes)
}

fn decode<M: Decode<()>, const MAX: usize>(bytes: &[u8]) -> Result<M, CodecError> {
    if bytes.len() > MAX {
        return Err(CodecError::TooLong { bytes: bytes.len(), max: MAX });
    }
    let (message, read) = bincode::decode_from_slice(bytes, wire::<MAX>())
        .map_err(|error| CodecError::Malformed(error.to_string()))?;
    match bytes.len() - read {
        0 => Ok(message),
        left => Err(CodecError::Trailing(left)),
    }
}

/// The error of a type that rejects a decoded value.
pub(super) const fn refuse(why: &'static str) -> DecodeError {
    DecodeError::Other(why)
}

/// Implements `BorrowDecode`, which bincode's derive macros require, by decoding: no type here borrows from the bytes.
macro_rules! owned_when_borrowed {
    ([$($generics:tt)*], $name:ty) => {
        impl<'de, Context, $($generics)*> BorrowDecode<'de, Context> for $name {
            fn borrow_decode<D: BorrowDecoder<'de, Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
                Decode::decode(decoder)
            }
        }
    };
}
pub(super) use owned_when_borrowed;

/// Implements the encoding of ids and ticks, which are defined outside of this module, as their number.
macro_rules! encode_as_number {
    ($($name:ident),*) => {$(
        impl Encode for $name {
            fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
                self.0.encode(encoder)
            }
        }

        impl<C> Decode<C> for $name {
            fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
                Decode::decode(decoder).map(Self)
            }
        }

        owned_when_borrowed!([], $name);
    )*};
}

encode_as_number!(PlayerId, RoomId, SeatId, Tick);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::{
        CloseReason, Fingerprint, Hello, JoinTarget, Resume, Ticket,
        bounded::{List, Text},
    };

    fn unframed(message: &impl Encode) -> Vec<u8> {
        let mut out = Vec::new();
        encode(message, &mut out);
        out.split_off(framing::LENGTH_BYTES)
    }

    #[test]
    fn every_message_decodes_to_itself() {
        let hello = Hello {
            protocol: 1,
            game: Text::new("arena").unwrap(),
            revision: 3,
            fingerprint: Fingerprint(u64::MAX),
            name: Text::new("Ada ♞").unwrap(),
            resume: Some(Resume { ticket: Ticket::new([9; Ticket::BYTES]), acked: 77 }),
        };
        for message in [
            ClientMessage::Hello(hello),
            ClientMessage::ListRooms,
            ClientMessage::Ack(5),
            ClientMessage::Join(JoinTarget::Room(RoomId(7))),
            ClientMessage::Chat(Text::new("well met").unwrap()),
        ] {
            assert_eq!(decode_client(&unframed(&message)), Ok(message));
        }
        let event =
            ServerMessage::Event { sequence: 9, tick: Tick(5), payload: List::new(vec![1, 2, 3]).unwrap() };
        assert_eq!(decode_server(&unframed(&event)), Ok(event));
        let closing =
            ServerMessage::Closing { reason: CloseReason::ServerStopping, sentence: Text::lossy("later") };
        assert_eq!(decode_server(&unframed(&closing)), Ok(closing));
    }

    #[test]
    fn a_list_longer_than_its_maximum_is_refused_before_it_is_allocated() {
        let mut bytes = 4u32.to_le_bytes().to_vec(); // ClientMessage::Chat
        bytes.extend(u64::MAX.to_le_bytes());
        assert!(matches!(decode_client(&bytes), Err(CodecError::Malformed(_))));
    }

    #[test]
    fn bytes_left_over_are_an_error() {
        let mut bytes = unframed(&ClientMessage::Leave);
        bytes.push(0);
        assert_eq!(decode_client(&bytes), Err(CodecError::Trailing(1)));
    }

    #[test]
    fn a_name_with_control_characters_is_refused() {
        let mut bytes = 4u32.to_le_bytes().to_vec();
        bytes.extend(3u64.to_le_bytes());
        bytes.extend(b"a\x1bb");
        assert!(decode_client(&bytes).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_decode_to_a_message_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_client(&bytes);
            let _ = decode_server(&bytes);
        }
    }
}
