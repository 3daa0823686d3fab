//! Weighted choices as text, such as `hunt` or `hunt:70,wander:30`, and their even distribution over the bots.

use std::str::FromStr;

/// Names with their weights, called parts; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shares(Vec<(String, u32)>);

impl Shares {
    /// Iterates over the names, each with its number of parts.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        self.0.iter().map(|(name, parts)| (name.as_str(), *parts))
    }
}

impl FromStr for Shares {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let piece = |piece: &str| {
            let wrong = || {
                format!("'{piece}' is not a share: write a name, or names and parts, as in one:70,other:30")
            };
            let (name, parts) = piece.trim().split_once(':').unwrap_or_else(|| (piece.trim(), "1"));
            let parts = parts.parse::<u32>().ok().filter(|parts| *parts > 0).ok_or_else(wrong)?;
            if name.is_empty() { Err(wrong()) } else { Ok((name.to_owned(), parts)) }
        };
        text.split(',').map(piece).collect::<Result<_, _>>().map(Self)
    }
}

/// A weighted round robin: after any number of turns, each index has had about its share of them.
#[derive(Clone, Debug)]
pub(crate) struct WeightedRoundRobin {
    parts: Vec<u64>,
    /// The number of turns that each index has had.
    turns: Vec<u64>,
    /// The number of all turns.
    total: u64,
}

impl WeightedRoundRobin {
    /// Creates a round robin over indices with these parts.
    pub(crate) fn new(parts: impl IntoIterator<Item = u32>) -> Self {
        let parts: Vec<u64> = parts.into_iter().map(u64::from).collect();
        Self { turns: vec![0; parts.len()], parts, total: 0 }
    }

    /// Returns the index whose number of turns is the furthest below its share, and counts the turn; of several such indices the first.
    /// Returns 0 when there are no parts.
    pub(crate) fn next_index(&mut self) -> usize {
        self.total += 1;
        let sum: u64 = self.parts.iter().sum();
        // An index is due `total * parts / sum` turns; compared without the division.
        let lag = |n: &usize| i128::from(self.total * self.parts[*n]) - i128::from(self.turns[*n] * sum);
        let next = (0..self.parts.len()).rev().max_by_key(lag).unwrap_or(0);
        if let Some(turns) = self.turns.get_mut(next) {
            *turns += 1;
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_name_is_the_whole() {
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
    fn each_index_has_its_share_after_any_number_of_turns() {
        let mut robin = WeightedRoundRobin::new([70, 20, 10]);
        let mut counts = [0_i64; 3];
        for n in 1..=1000_i64 {
            counts[robin.next_index()] += 1;
            for (count, parts) in counts.iter().zip([70, 20, 10]) {
                assert!((count * 100 - n * parts).abs() <= 100, "{counts:?} of {n}");
            }
        }
        assert_eq!(counts, [700, 200, 100]);
    }
}
