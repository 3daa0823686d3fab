//! A choice among several by shares: `hunt`, or `hunt:70,strafe:30`.

use std::str::FromStr;

/// What may be had, and how many parts of it; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares(Vec<(String, u32)>);

impl Shares {
    /// Each and its parts.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        self.0.iter().map(|(name, parts)| (name.as_str(), *parts))
    }
}

impl FromStr for Shares {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let piece = |piece: &str| {
            let wrong =
                || format!("'{piece}' is no share: write a name, or names and parts, as in one:70,other:30");
            let (name, parts) = piece.trim().split_once(':').unwrap_or_else(|| (piece.trim(), "1"));
            let parts = parts.parse::<u32>().ok().filter(|parts| *parts > 0).ok_or_else(wrong)?;
            if name.is_empty() { Err(wrong()) } else { Ok((name.to_owned(), parts)) }
        };
        text.split(',').map(piece).collect::<Result<_, _>>().map(Self)
    }
}

/// Deals things out by parts, so that after any number of them each has had its share to within one.
#[derive(Clone, Debug)]
pub(crate) struct Dealer {
    parts: Vec<u64>,
    dealt: Vec<u64>,
    total: u64,
}

impl Dealer {
    /// For these parts.
    pub(crate) fn new(parts: impl IntoIterator<Item = u32>) -> Self {
        let parts: Vec<u64> = parts.into_iter().map(u64::from).collect();
        Self { dealt: vec![0; parts.len()], parts, total: 0 }
    }

    /// Who is next: whoever lags farthest behind their share; 0 when there is nobody.
    pub(crate) fn deal(&mut self) -> usize {
        self.total += 1;
        let sum: u64 = self.parts.iter().sum();
        // What is due is `total * parts / sum`; compared without division.
        let lag = |n: &usize| i128::from(self.total * self.parts[*n]) - i128::from(self.dealt[*n] * sum);
        let next = (0..self.parts.len()).rev().max_by_key(lag).unwrap_or(0);
        if let Some(dealt) = self.dealt.get_mut(next) {
            *dealt += 1;
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_alone_is_all_of_it() {
        assert_eq!("wifi".parse::<Shares>().unwrap().0, [("wifi".to_owned(), 1)]);
        assert_eq!(
            "a:70, b:30".parse::<Shares>().unwrap().iter().collect::<Vec<_>>(),
            [("a", 70), ("b", 30)]
        );
        for text in ["", "a:", "a:0", ":3", "a:x", "a,,b"] {
            assert!(text.parse::<Shares>().is_err(), "{text}");
        }
    }

    #[test]
    fn everybody_has_their_share_at_any_time() {
        let mut dealer = Dealer::new([70, 20, 10]);
        let mut counts = [0_i64; 3];
        for n in 1..=1000_i64 {
            counts[dealer.deal()] += 1;
            for (count, parts) in counts.iter().zip([70, 20, 10]) {
                assert!((count * 100 - n * parts).abs() <= 100, "{counts:?} of {n}");
            }
        }
        assert_eq!(counts, [700, 200, 100]);
    }
}
