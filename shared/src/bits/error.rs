//! The error of the bit codec. Only reading can fail.

/// An error of decoding bits: the sender encoded them wrongly, or they were cut or damaged on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BitsError {
    /// The bits end inside of a value.
    #[error("the bits end in the middle of a value")]
    Truncated,
    /// A value is outside of the range that its field allows.
    #[error("a value lies outside the range of its field")]
    OutOfRange,
    /// More follows the last value than the zero bits that pad its byte.
    #[error("bytes are left over after the last value")]
    Trailing,
}
