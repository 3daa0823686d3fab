//! The lags of a link over the last few seconds: the least, and what nine tenths of them stay within.

/// Longer lags count as this one: two seconds at the fastest rate are no link to play on, and the room rewinds far less.
const LAG_MOST: u32 = 255;

/// How many of ten lags lie within what is called the most: a lone late snapshot moves nothing.
const TENTHS: usize = 9;

/// A window over lags, in ticks. Holds one byte a sample and a count for each lag, whatever a peer says.
#[derive(Clone, Debug)]
pub(super) struct Lags {
    window: Vec<u8>,
    /// Where the next one goes, over the oldest.
    next: usize,
    most: usize,
    /// How many there are of each lag.
    counts: Vec<u16>,
}

impl Lags {
    /// None yet; keeps the last `most`.
    pub(super) const fn new(most: u32) -> Self {
        Self { window: Vec::new(), next: 0, most: most as usize, counts: Vec::new() }
    }

    pub(super) fn push(&mut self, lag: u32) {
        let lag = lag.min(LAG_MOST);
        if self.counts.is_empty() {
            self.counts.resize(LAG_MOST as usize + 1, 0);
        }
        if self.window.len() < self.most {
            self.window.push(lag as u8);
        } else {
            let old = std::mem::replace(&mut self.window[self.next], lag as u8);
            self.counts[usize::from(old)] -= 1;
            self.next = (self.next + 1) % self.most;
        }
        self.counts[lag as usize] += 1;
    }

    /// The least, and the most of all but the worst tenth. Nothing is the longest lag of a link that was never heard.
    pub(super) fn least_and_most(&self) -> (u32, u32) {
        let wanted = (self.window.len() * TENTHS).div_ceil(10);
        let mut least = None;
        let mut within = 0;
        for (lag, count) in (0..).zip(&self.counts) {
            if *count > 0 {
                least.get_or_insert(lag);
                within += usize::from(*count);
            }
            if within >= wanted {
                return (least.unwrap_or(lag), lag);
            }
        }
        (0, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_late_one_counts_for_nothing_and_all_are_forgotten_in_time() {
        let mut lags = Lags::new(20);
        assert_eq!(lags.least_and_most(), (0, 0));
        (0..19).for_each(|n| lags.push(4 + n % 2));
        lags.push(900);
        assert_eq!(lags.least_and_most(), (4, 5));
        (0..20).for_each(|_| lags.push(9));
        assert_eq!(lags.least_and_most(), (9, 9));
        assert_eq!(lags.window.len(), 20, "a window does not grow");
    }
}
