//! Inputs of a decoder: random bytes, or a valid sample with damage, which reaches deeper code.

use bolero::generator::{TypeGenerator, ValueGenerator, produce};

/// The damage to a valid sample.
#[derive(Clone, Debug, TypeGenerator)]
pub(crate) struct Damage {
    /// The number of the sample from 1; with 0, the input is `tail` alone.
    sample: u8,
    /// The positions of changed bytes, and the bits to flip.
    #[generator(produce::<Vec<(u16, u8)>>().with().len(0..6usize))]
    changes: Vec<(u16, u8)>,
    /// The length to truncate to, modulo the sample's length; used in one of four cases.
    cut: Option<u16>,
    /// The bytes after the sample.
    #[generator(produce::<Vec<u8>>().with().len(0..96usize))]
    tail: Vec<u8>,
    /// Whether to append `tail` to a sample.
    has_tail: bool,
}

impl Damage {
    /// A generator of any damage.
    pub(crate) fn any() -> impl ValueGenerator<Output = Self> {
        produce::<Self>()
    }

    /// Returns the damaged bytes of one of the samples.
    pub(crate) fn applied(&self, samples: &[Vec<u8>]) -> Vec<u8> {
        let choice = usize::from(self.sample) % (samples.len() + 1);
        let Some(sample) = choice.checked_sub(1).map(|index| &samples[index]) else {
            return self.tail.clone();
        };
        let mut bytes = sample.clone();
        for (place, bits) in &self.changes {
            let len = bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(usize::from(*place) % len) {
                *byte ^= bits;
            }
        }
        if let Some(cut) = self.cut.filter(|cut| cut % 4 == 0) {
            bytes.truncate(usize::from(cut) % (bytes.len() + 1));
        }
        if self.has_tail {
            bytes.extend(&self.tail);
        }
        bytes
    }
}
