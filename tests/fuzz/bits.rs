//! The bit reader: any sequence of reads of any bytes.

use bolero::{check, generator::TypeGenerator, generator::produce};
use quarrel_shared::bits::{BitReader, BitWriter};

/// One thing to read.
#[derive(Clone, Copy, Debug, TypeGenerator)]
enum Read {
    Bits(#[generator(0..=32u32)] u32),
    Var(#[generator(0..32u32)] u32),
    Signed(#[generator(0..32u32)] u32),
    Bool,
    Word,
}

#[test]
fn any_reads_of_any_bytes_end_in_values_or_an_error() {
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
            assert!(from.remaining_bits() <= left, "reading never goes back");
            left = from.remaining_bits();
            if !is_read {
                break;
            }
        }
        // Whatever is left, saying that it is the end is no panic.
        let _ = from.finish();
    });
}

#[test]
fn any_number_comes_back_from_a_code_of_any_order() {
    let inputs = (produce::<u32>(), 0..32u32);
    check!().with_iterations(20_000).with_generator(inputs).for_each(|(value, order)| {
        let mut out = BitWriter::new();
        out.write_var(*value, *order);
        out.write_signed(*value as i32, *order);
        let bytes = out.finish();
        let mut from = BitReader::new(bytes);
        assert_eq!(from.read_var(*order), Ok(*value));
        assert_eq!(from.read_signed(*order), Ok(*value as i32));
        assert_eq!(from.finish(), Ok(()), "nothing is left over");
    });
}
