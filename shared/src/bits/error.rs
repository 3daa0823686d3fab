//! The error of the bit codec: only reading fails.

/// An error of decoding bits. The sender of the bits is at fault in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BitsError {
    /// The bytes ended inside a value.
    #[error("the bits end in the middle of a value")]
    Truncated,
    /// A value lies outside what its field can hold.
    #[error("a value lies outside the range of its field")]
    OutOfRange,
    /// The value is complete and more bytes follow it.
    #[error("bytes are left over after the last value")]
    Trailing,
}
