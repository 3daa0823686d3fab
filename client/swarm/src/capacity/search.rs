//! The search for the largest load that holds: doubling, halving, and confirmation by repeats.
//!
//! 1. The load (number of players) is doubled until one breaks, or the maximum load has held.
//! 2. The interval between the largest load that held and the smallest that broke is halved until it is within the precision.
//! 3. The largest load that held (the knee) has to hold twice more, because a server near its limit holds by chance, and one lucky run is
//!    not a capacity. When a repeat fails, the load is lowered by the precision, and has to hold three times there.
//!
//! The number of tries is bounded by the doublings, the halvings, and the [`MAX_DESCENTS`] times that a failed repeat may lower the load.

/// Number of times that the knee has to hold again after it was found.
const REPEATS: u32 = 2;

/// Number of times that a failed repeat may lower the load. A server that still holds and breaks by turns has no meaningful capacity.
const MAX_DESCENTS: u32 = 8;

/// A search for the largest load that holds.
#[derive(Clone, Debug)]
pub struct LoadSearch {
    max_load: u32,
    precision: f64,
    /// The load to try next; `None` when the search is over.
    next: Option<u32>,
    /// The largest load that held and has not broken since; 0 when no load has.
    holds: u32,
    /// The smallest load that broke; `None` while none has.
    breaks: Option<u32>,
    /// Number of repeats that still have to hold; `None` before step 3.
    repeats_left: Option<u32>,
    /// Number of times that a failed repeat may still lower the load.
    descents_left: u32,
}

/// The result of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Knee {
    /// The largest load that held each time it was tried; 0 when no load did, although some may have held once.
    pub holds: u32,
    /// The smallest load that did not hold; `None` when the maximum load held.
    pub breaks: Option<u32>,
}

impl LoadSearch {
    /// Creates a search that begins with `from` players and tries at most `max_load`. The precision is a share (0.001 to 1): with 0.05, the
    /// loads that hold and break differ by at most 5 % or a single player at the end.
    #[must_use]
    pub fn new(from: u32, max_load: u32, precision: f64) -> Self {
        let max_load = max_load.max(1);
        Self {
            max_load,
            precision: precision.clamp(0.001, 1.0),
            next: Some(from.clamp(1, max_load)),
            holds: 0,
            breaks: None,
            repeats_left: None,
            descents_left: MAX_DESCENTS,
        }
    }

    /// Returns the load to try next, in players; `None` when the search is over.
    #[must_use]
    pub const fn next(&self) -> Option<u32> {
        self.next
    }

    /// Returns the result; `None` before the search is over.
    #[must_use]
    pub fn knee(&self) -> Option<Knee> {
        self.next.is_none().then_some(Knee { holds: self.holds, breaks: self.breaks })
    }

    /// Records whether a load held. A load other than the one to try next is ignored.
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
                // A lower load that held in step 1 or 2 may have held by luck too, so it does not count as held.
                self.holds = 0;
                self.descents_left = self.descents_left.saturating_sub(1);
                self.repeats_left = Some(REPEATS + 1);
            }
            (None, true) => self.holds = load,
            (None, false) => self.breaks = Some(load),
        }
        self.next = self.choose(load);
    }

    /// Chooses the load to try after the result of `last` is recorded; `None` ends the search.
    fn choose(&mut self, last: u32) -> Option<u32> {
        if let Some(left) = self.repeats_left {
            return match (left, self.holds) {
                (0, _) => None,
                // The last load broke: step down, unless no lower load or no descent is left.
                (_, 0) if self.descents_left == 0 || last <= 1 => None,
                (_, 0) => Some((last - self.step(last)).max(1)),
                _ => Some(last),
            };
        }
        let next = match self.breaks {
            None if self.holds == self.max_load => None,
            None => Some(self.holds.saturating_mul(2).min(self.max_load)),
            Some(breaks) if breaks - self.holds <= self.step(breaks) => None,
            Some(breaks) => Some(self.holds + (breaks - self.holds) / 2),
        };
        if next.is_none() && self.holds > 0 {
            self.repeats_left = Some(REPEATS);
            return Some(self.holds);
        }
        next
    }

    /// Returns the smallest difference from this load to another one to try, in players.
    fn step(&self, load: u32) -> u32 {
        ((f64::from(load) * self.precision) as u32).max(1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Runs a search to its end.
    fn search(mut search: LoadSearch, mut holds: impl FnMut(u32) -> bool) -> (Knee, Vec<u32>) {
        let mut tries = Vec::new();
        while let Some(load) = search.next() {
            tries.push(load);
            assert!(tries.len() < 200, "every search ends: {tries:?}");
            let held = holds(load);
            search.push(load, held);
        }
        (search.knee().unwrap(), tries)
    }

    #[test]
    fn a_search_doubles_then_halves_then_confirms() {
        let (knee, tries) = search(LoadSearch::new(100, 10_000, 0.1), |load| load <= 700);
        assert_eq!(tries, [100, 200, 400, 800, 600, 700, 750, 700, 700]);
        assert_eq!(knee, Knee { holds: 700, breaks: Some(750) });
    }

    #[test]
    fn the_maximum_load_may_hold() {
        let (knee, tries) = search(LoadSearch::new(100, 300, 0.05), |_| true);
        assert_eq!((knee, tries), (Knee { holds: 300, breaks: None }, vec![100, 200, 300, 300, 300]));
    }

    #[test]
    fn no_load_may_hold() {
        let (knee, tries) = search(LoadSearch::new(8, 100, 0.05), |_| false);
        assert_eq!((knee, tries), (Knee { holds: 0, breaks: Some(1) }, vec![8, 4, 2, 1]));
    }

    #[test]
    fn a_single_lucky_run_is_not_a_capacity() {
        let mut lucky = 1;
        let (knee, _) =
            search(LoadSearch::new(100, 100, 0.1), |load| load < 100 || std::mem::take(&mut lucky) == 1);
        assert_eq!(knee, Knee { holds: 90, breaks: Some(100) });
    }

    #[test]
    fn a_server_that_never_holds_twice_ends_the_search() {
        let mut turn = false;
        let (knee, tries) = search(LoadSearch::new(64, 1000, 0.05), |_| {
            turn = !turn;
            turn
        });
        assert!(knee.holds == 0 && tries.len() < 60, "{knee:?} after {}", tries.len());
    }

    #[test]
    fn a_load_that_was_not_due_is_ignored() {
        let mut search = LoadSearch::new(10, 100, 0.05);
        search.push(99, false);
        assert_eq!(search.next(), Some(10));
    }

    proptest! {
        #[test]
        fn the_knee_of_a_steady_server_is_found_to_the_precision(
            capacity in 1_u32..200_000,
            from in 1_u32..2000,
            max_load in 1_u32..200_000,
        ) {
            let (knee, tries) = search(LoadSearch::new(from, max_load, 0.05), |load| load <= capacity);
            prop_assert!(tries.len() <= 48, "{} tries", tries.len());
            prop_assert!(knee.holds <= capacity && tries.iter().all(|load| *load <= max_load));
            match knee.breaks {
                None => prop_assert_eq!(knee.holds, max_load),
                Some(breaks) => {
                    prop_assert!(breaks > capacity);
                    prop_assert!(f64::from(breaks - knee.holds) <= (f64::from(breaks) * 0.05).max(1.0));
                }
            }
        }

        #[test]
        fn the_knee_of_a_noisy_server_is_near_its_capacity(
            capacity in 50_u32..50_000,
            seed in any::<u64>(),
        ) {
            // Within 10 % of its capacity it holds or breaks by chance.
            let mut state = seed | 1;
            let (knee, tries) = search(LoadSearch::new(100, 100_000, 0.05), |load| {
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
