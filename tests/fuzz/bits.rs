//! The bit reader: any sequence of reads from any bytes.

use bolero::{check, generator::TypeGenerator, generator::produce};
use quarrel_shared::bits::{BitReader, BitWriter};

/// A read operation.
#[derive(Clone, Copy, Debug, TypeGenerator)]
enum Read {
    Bits(#[generator(0..=32u32)] u32),
    Var(#[generator(0..32u32)] u32),
    Signed(#[generator(0..32u32)] u32),
    Bool,
    Word,
}

#[test]
fn any_reads_from_any_bytes_return_values_or_an_error() {
    let inputs = (produce::<Vec<u8>>(), produce::<Vec<Read>>());
    check!().with_iterations(20_000).with_generator(inputs).for_each(|(bytes, reads)| {
        let mut from = BitReader::new(bytes);
        let mut left = from.remaining_bits();
        for read in reads {
            let is_read = match *read {
                Read::Bits(count) => from.read_bits(count).is_ok(),
                Read::Var(k) => from.read_var(k).is_ok(),
                Read::Signed(k) => from.read_signed(k).is_ok(),
                Read::Bool => from.read_bool().is_ok(),
                Read::Word => from.read_u64().is_ok(),
            };
            assert!(from.remaining_bits() <= left, "a read must not move back");
            left = from.remaining_bits();
            if !is_read {
                break;
            }
        }
        // It may return an error for bits that are left, but must not panic.
        let _ = from.finish();
    });
}

#[test]
fn any_number_is_read_as_it_was_written_in_a_code_of_any_order() {
    let inputs = (produce::<u32>(), 0..32u32);
    check!().with_iterations(20_000).with_generator(inputs).for_each(|(value, order)| {
        let mut out = BitWriter::new();
        out.write_var(*value, *order);
        out.write_signed(*value as i32, *order);
        let bytes = out.finish();
        let mut from = BitReader::new(bytes);
        assert_eq!(from.read_var(*order), Ok(*value));
        assert_eq!(from.read_signed(*order), Ok(*value as i32));
        assert_eq!(from.finish(), Ok(()), "no bits may be left");
    });
}
