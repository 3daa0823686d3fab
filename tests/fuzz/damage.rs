//! Bytes to feed a decoder: anything at all, or something real with damage done to it. The latter gets deeper.

use bolero::generator::{TypeGenerator, ValueGenerator, produce};

/// What is done to a real message before it is read.
#[derive(Clone, Debug, TypeGenerator)]
pub(crate) struct Damage {
    /// Which sample; 0 stands for none, and then `tail` is all there is.
    sample: u8,
    /// Bytes to change: where, and by which bits.
    #[generator(produce::<Vec<(u16, u8)>>().with().len(0..6usize))]
    changes: Vec<(u16, u8)>,
    /// Where to cut, counted round the length; most messages stay whole.
    cut: Option<u16>,
    /// What follows.
    #[generator(produce::<Vec<u8>>().with().len(0..96usize))]
    tail: Vec<u8>,
    /// Whether anything follows a sample.
    has_tail: bool,
}

impl Damage {
    /// Any damage.
    pub(crate) fn any() -> impl ValueGenerator<Output = Self> {
        produce::<Self>()
    }

    /// The damaged bytes.
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
