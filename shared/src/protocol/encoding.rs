//! The binary encoding of the types in control messages: the only file that names bincode, so that replacing it changes one file.
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

use crate::{
    id::{PlayerId, RoomId, SeatId},
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

/// Appends one value to `out`; `MAX` is the limit of its length in bytes.
pub(super) fn encode<const MAX: usize>(value: &impl Encode, out: &mut Vec<u8>) {
    let written = bincode::encode_into_std_write(value, out, wire::<MAX>());
    debug_assert!(written.is_ok(), "a bounded message was not encoded: {written:?}");
}

/// Decodes a whole buffer of at most `MAX` bytes as one value.
pub(super) fn decode<M: Decode<()>, const MAX: usize>(bytes: &[u8]) -> Result<M, CodecError> {
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
