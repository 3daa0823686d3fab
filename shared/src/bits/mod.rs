//! The bit codec of games, snapshots and datagrams: values that take as many bits as they need, without alignment to bytes.
//!
//! A writer appends to a buffer that is reused, and returns no errors; a reader checks its bounds, and returns an error for bytes that
//! are not valid. Each byte is filled from its least significant bit on, and a value's least significant bit comes first.
//! Variable-length numbers are Exp-Golomb codes of an order `k`, which are shortest (`k + 1` bits) for values below `2^k`
//! (<https://en.wikipedia.org/wiki/Exponential-Golomb_coding>; here the prefix counts ones up to a zero).

mod error;
mod reader;
mod writer;

pub use self::{error::BitsError, reader::BitReader, writer::BitWriter};

/// A value with a lossless bit encoding.
pub trait Bits: Sized {
    /// Appends this value to `out`.
    fn encode(&self, out: &mut BitWriter);

    /// Decodes a value that [`Self::encode`] wrote. The bits may come from a peer that is not trusted: an implementation must check or
    /// clamp every range and bound every loop, and must not panic.
    ///
    /// # Errors
    /// When the bits end inside of the value, or are not an encoded value.
    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError>;
}

/// Returns the canonical form of a value: the value that a reader decodes from its encoding. It differs from the value if the encoding
/// loses something, or the decoder clamps a range. `scratch` is overwritten.
///
/// # Errors
/// When the decoder refuses the encoded value.
pub fn canonical<T: Bits>(value: &T, scratch: &mut BitWriter) -> Result<T, BitsError> {
    scratch.clear();
    value.encode(scratch);
    let mut from = BitReader::new(scratch.finish());
    let decoded = T::decode(&mut from)?;
    from.finish()?;
    Ok(decoded)
}

/// One bit that is set if there is a value, then the value.
impl<T: Bits> Bits for Option<T> {
    fn encode(&self, out: &mut BitWriter) {
        out.write_bool(self.is_some());
        if let Some(value) = self {
            value.encode(out);
        }
    }

    fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
        if from.read_bool()? { T::decode(from).map(Some) } else { Ok(None) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Op {
        Fixed(u32, u32),
        Var(u32, u32),
        Signed(i32, u32),
        Flag(bool),
        Long(u64),
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            (any::<u32>(), 1..=32u32)
                .prop_map(|(v, n)| Op::Fixed(if n == 32 { v } else { v & ((1 << n) - 1) }, n)),
            (any::<u32>(), 0..16u32, 0..32u32).prop_map(|(v, k, s)| Op::Var(v >> s, k)),
            (any::<i32>(), 0..16u32, 0..32u32).prop_map(|(v, k, s)| Op::Signed(v >> s, k)),
            any::<bool>().prop_map(Op::Flag),
            any::<u64>().prop_map(Op::Long),
        ]
    }

    proptest! {
        #[test]
        fn a_reader_returns_the_values_that_the_writer_wrote(ops in proptest::collection::vec(op(), 0..64)) {
            let mut out = BitWriter::new();
            for op in &ops {
                match *op {
                    Op::Fixed(v, n) => out.write_bits(v, n),
                    Op::Var(v, k) => out.write_var(v, k),
                    Op::Signed(v, k) => out.write_signed(v, k),
                    Op::Flag(v) => out.write_bool(v),
                    Op::Long(v) => out.write_u64(v),
                }
            }
            let bytes = out.finish().to_vec();
            let mut from = BitReader::new(&bytes);
            for op in &ops {
                match *op {
                    Op::Fixed(v, n) => prop_assert_eq!(from.read_bits(n), Ok(v)),
                    Op::Var(v, k) => prop_assert_eq!(from.read_var(k), Ok(v)),
                    Op::Signed(v, k) => prop_assert_eq!(from.read_signed(k), Ok(v)),
                    Op::Flag(v) => prop_assert_eq!(from.read_bool(), Ok(v)),
                    Op::Long(v) => prop_assert_eq!(from.read_u64(), Ok(v)),
                }
            }
            prop_assert_eq!(from.finish(), Ok(()));
        }

        #[test]
        fn any_bytes_are_read_as_numbers_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..32), k in 0..20u32) {
            let mut from = BitReader::new(&bytes);
            while from.read_var(k).is_ok() {}
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_cut_and_changes_no_other_value() {
        let mut out = BitWriter::new();
        out.write_bits(0b1_0110, 4);
        out.write_bits(u32::MAX, 0);
        out.write_bits(0b01, 2);
        let mut from = BitReader::new(out.finish());
        assert_eq!((from.read_bits(4), from.read_bits(2)), (Ok(0b0110), Ok(0b01)));
    }

    #[test]
    fn the_canonical_form_is_the_decoded_value() {
        /// A number that is written in 4 bits, and read as at most 9.
        #[derive(Debug, PartialEq)]
        struct Clamped(u32);

        impl Bits for Clamped {
            fn encode(&self, out: &mut BitWriter) {
                out.write_bits(self.0, 4);
            }

            fn decode(from: &mut BitReader<'_>) -> Result<Self, BitsError> {
                let value = from.read_bits(4)?;
                if value == 15 { Err(BitsError::OutOfRange) } else { Ok(Self(value.min(9))) }
            }
        }

        let mut scratch = BitWriter::new();
        let forms = [3, 12, 0x13, 15].map(|value| canonical(&Clamped(value), &mut scratch));
        assert_eq!(forms, [Ok(Clamped(3)), Ok(Clamped(9)), Ok(Clamped(3)), Err(BitsError::OutOfRange)]);
    }

    #[test]
    fn zero_in_order_0_takes_one_bit() {
        let mut out = BitWriter::new();
        out.write_var(0, 0);
        assert_eq!(out.len_bits(), 1);
    }
}
