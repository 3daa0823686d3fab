//! Which load to try next: steps up, halves in between, and the same again to be sure.
//!
//! 1. The load is doubled until one does not hold, or the most has held.
//! 2. The bracket between what held and what did not is halved until it is narrow enough.
//! 3. What held best has to hold twice more. A server near its knee holds at times and at times does not, and one lucky run is no capacity.
//!    When a repeat fails, the load goes down by the precision and has to hold three times there.
//!
//! The number of tries is bounded: by the doublings, the halvings, and [`DESCENTS`] ways down.

/// How often the knee has to hold after it was found.
const REPEATS: u32 = 2;

/// How often a failed repeat may lower the knee. A server that is still unsure then has no knee that is worth a number.
const DESCENTS: u32 = 8;

/// A search for the greatest load that holds.
#[derive(Clone, Debug)]
pub struct Search {
    most: u32,
    precision: f64,
    /// What is to be tried next; none when the search is over.
    next: Option<u32>,
    /// What held last, and is not known to break.
    holds: u32,
    /// The least that broke.
    breaks: Option<u32>,
    /// What is being made sure of, how often it still has to hold.
    repeats_left: Option<u32>,
    descents_left: u32,
}

/// What a search found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Knee {
    /// The greatest load that held whenever it was tried; 0 when none did.
    pub holds: u32,
    /// The least load that did not; none when even the most held.
    pub breaks: Option<u32>,
}

impl Search {
    /// One that begins with `from` players and tries no more than `most`. The precision is a share: with 0.05, what holds and what breaks
    /// lie no further apart than 5 % (or a single player) in the end.
    #[must_use]
    pub fn new(from: u32, most: u32, precision: f64) -> Self {
        let most = most.max(1);
        Self {
            most,
            precision: precision.clamp(0.001, 1.0),
            next: Some(from.clamp(1, most)),
            holds: 0,
            breaks: None,
            repeats_left: None,
            descents_left: DESCENTS,
        }
    }

    /// How many players to try next; none when the search is over.
    #[must_use]
    pub const fn next(&self) -> Option<u32> {
        self.next
    }

    /// What was found, once the search is over.
    #[must_use]
    pub fn knee(&self) -> Option<Knee> {
        self.next.is_none().then_some(Knee { holds: self.holds, breaks: self.breaks })
    }

    /// Takes in whether a load held. One that was not asked for is not counted.
    pub fn push(&mut self, load: u32, held: bool) {
        if self.next != Some(load) {
            return;
        }
        match (self.repeats_left, held) {
            (Some(left), true) => {
                self.holds = load;
                self.repeats_left = Some(left.saturating_sub(1));
            }
            (Some(_), false) => {
                self.breaks = Some(load);
                // What held below it while it was looked for may be as lucky, so it too is tried again.
                self.holds = 0;
                self.descents_left = self.descents_left.saturating_sub(1);
                self.repeats_left = Some(REPEATS + 1);
            }
            (None, true) => self.holds = load,
            (None, false) => self.breaks = Some(load),
        }
        self.next = self.choose(load);
    }

    fn choose(&mut self, last: u32) -> Option<u32> {
        if let Some(left) = self.repeats_left {
            return match (left, self.holds) {
                (0, _) => None,
                // It broke: a step down, unless there is nothing left to step to.
                (_, 0) if self.descents_left == 0 || last <= 1 => None,
                (_, 0) => Some((last - self.step(last)).max(1)),
                _ => Some(last),
            };
        }
        let next = match self.breaks {
            None if self.holds == self.most => None,
            None => Some(self.holds.saturating_mul(2).min(self.most)),
            Some(breaks) if breaks - self.holds <= self.step(breaks) => None,
            Some(breaks) => Some(self.holds + (breaks - self.holds) / 2),
        };
        if next.is_none() && self.holds > 0 {
            self.repeats_left = Some(REPEATS);
            return Some(self.holds);
        }
        next
    }

    /// How far apart two loads may lie, in players.
    fn step(&self, load: u32) -> u32 {
        ((f64::from(load) * self.precision) as u32).max(1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Searches until it is over.
    fn search(mut search: Search, mut holds: impl FnMut(u32) -> bool) -> (Knee, Vec<u32>) {
        let mut tries = Vec::new();
        while let Some(load) = search.next() {
            tries.push(load);
            assert!(tries.len() < 200, "a search ends: {tries:?}");
            let held = holds(load);
            search.push(load, held);
        }
        (search.knee().unwrap(), tries)
    }

    #[test]
    fn it_doubles_then_halves_then_makes_sure() {
        let (knee, tries) = search(Search::new(100, 10_000, 0.1), |load| load <= 700);
        assert_eq!(tries, [100, 200, 400, 800, 600, 700, 750, 700, 700]);
        assert_eq!(knee, Knee { holds: 700, breaks: Some(750) });
    }

    #[test]
    fn the_most_may_hold() {
        let (knee, tries) = search(Search::new(100, 300, 0.05), |_| true);
        assert_eq!((knee, tries), (Knee { holds: 300, breaks: None }, vec![100, 200, 300, 300, 300]));
    }

    #[test]
    fn nothing_may_hold() {
        let (knee, tries) = search(Search::new(8, 100, 0.05), |_| false);
        assert_eq!((knee, tries), (Knee { holds: 0, breaks: Some(1) }, vec![8, 4, 2, 1]));
    }

    #[test]
    fn a_lucky_run_is_no_capacity() {
        let mut lucky = 1;
        let (knee, _) =
            search(Search::new(100, 100, 0.1), |load| load < 100 || std::mem::take(&mut lucky) == 1);
        assert_eq!(knee, Knee { holds: 90, breaks: Some(100) });
    }

    #[test]
    fn a_server_that_never_holds_twice_ends_the_search() {
        let mut turn = false;
        let (knee, tries) = search(Search::new(64, 1000, 0.05), |_| {
            turn = !turn;
            turn
        });
        assert!(knee.holds == 0 && tries.len() < 60, "{knee:?} after {}", tries.len());
    }

    #[test]
    fn what_was_not_asked_for_is_not_counted() {
        let mut search = Search::new(10, 100, 0.05);
        search.push(99, false);
        assert_eq!(search.next(), Some(10));
    }

    proptest! {
        #[test]
        fn a_steady_server_s_knee_is_found_to_the_precision(
            capacity in 1_u32..200_000,
            from in 1_u32..2000,
            most in 1_u32..200_000,
        ) {
            let (knee, tries) = search(Search::new(from, most, 0.05), |load| load <= capacity);
            prop_assert!(tries.len() <= 48, "{} tries", tries.len());
            prop_assert!(knee.holds <= capacity && tries.iter().all(|load| *load <= most));
            match knee.breaks {
                None => prop_assert_eq!(knee.holds, most),
                Some(breaks) => {
                    prop_assert!(breaks > capacity);
                    prop_assert!(f64::from(breaks - knee.holds) <= (f64::from(breaks) * 0.05).max(1.0));
                }
            }
        }

        #[test]
        fn a_noisy_server_is_never_said_to_hold_what_it_seldom_holds(
            capacity in 50_u32..50_000,
            seed in any::<u64>(),
        ) {
            // Within 10 % of its capacity it holds or breaks by chance.
            let mut state = seed | 1;
            let (knee, tries) = search(Search::new(100, 100_000, 0.05), |load| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let noise = (state >> 40) as f64 / f64::from(1_u32 << 24) * 0.2 - 0.1;
                f64::from(load) <= f64::from(capacity) * (1.0 + noise)
            });
            prop_assert!(tries.len() <= 80, "{} tries", tries.len());
            prop_assert!(f64::from(knee.holds) <= f64::from(capacity) * 1.1);
            prop_assert!(knee.holds == 0 || f64::from(knee.holds) >= f64::from(capacity) * 0.5, "{:?} of {}", knee, capacity);
            if knee.holds > 0 {
                let times = tries.iter().filter(|load| **load == knee.holds).count();
                prop_assert!(times > REPEATS as usize, "{} was tried {} times", knee.holds, times);
            }
        }
    }
}
