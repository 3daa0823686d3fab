//! The binary encoding of control messages. This is the only file that names bincode, so that replacing bincode changes one file.
//!
//! Types derive bincode's own traits and not serde's, and decode with a limit: with serde, bincode does not bound its allocations (1 MiB
//! from 50 bytes), and without a limit an announced length of 2^40 aborts the process.

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
pub(super) use bincode::{
    BorrowDecode,
    de::{BorrowDecoder, Decoder},
    enc::Encoder,
    error::{DecodeError, EncodeError},
};
pub use bincode::{Decode, Encode};

use crate::{
    id::{PlayerId, RoomId, SeatId},
    tick::Tick,
};

/// The bincode configuration. Integers have a fixed size: they are 3 to 5 times as fast to decode as variable ones, and control messages
/// are few, so their size does not matter.
type Wire<const MAX: usize> = Configuration<LittleEndian, Fixint, Limit<MAX>>;

const fn wire<const MAX: usize>() -> Wire<MAX> {
    bincode::config::standard().with_little_endian().with_fixed_int_encoding().with_limit::<MAX>()
}

/// An error of decoding a peer's message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The message exceeds its maximum length.
    #[error("the message of {bytes} bytes is longer than the maximum of {max} bytes")]
    TooLong {
        /// The length of the message, in bytes.
        bytes: usize,
        /// The maximum length, in bytes.
        max: usize,
    },
    /// The bytes are not an encoded message; the text is bincode's reason.
    #[error("the message could not be decoded: {0}")]
    Malformed(String),
    /// This number of bytes follows the message.
    #[error("{0} bytes are left over after the message")]
    Trailing(usize),
}

/// Appends one value to `out`. `MAX` is the maximum length of its encoding in bytes.
///
/// # Panics
/// In debug builds if the value is longer; in release builds `out` then has a part of it.
pub(super) fn encode<const MAX: usize>(value: &impl Encode, out: &mut Vec<u8>) {
    let result = bincode::encode_into_std_write(value, out, wire::<MAX>());
    debug_assert!(result.is_ok(), "a message that its types bound was not encoded: {result:?}");
}

/// Decodes one value from a buffer of at most `MAX` bytes that contains nothing else.
pub(super) fn decode<M: Decode<()>, const MAX: usize>(bytes: &[u8]) -> Result<M, CodecError> {
    if bytes.len() > MAX {
        return Err(CodecError::TooLong { bytes: bytes.len(), max: MAX });
    }
    let (message, read) = bincode::decode_from_slice(bytes, wire::<MAX>())
        .map_err(|error| CodecError::Malformed(error.to_string()))?;
    match bytes.len() - read {
        0 => Ok(message),
        rest => Err(CodecError::Trailing(rest)),
    }
}

/// Returns the error of a type that rejects a decoded value for this reason.
pub(super) const fn refuse(reason: &'static str) -> DecodeError {
    DecodeError::Other(reason)
}

/// Implements `BorrowDecode`, which bincode's derive macros require, by `Decode`, because no type here borrows from the bytes.
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

/// Implements the encoding of ids and ticks as their numbers. It is here because their own modules do not know bincode.
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
