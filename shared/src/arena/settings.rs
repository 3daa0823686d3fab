//! What an operator may set about a room of Arena, and the bounds of each.

use serde::{Deserialize, Serialize};

/// How a room of Arena is played. A number outside its range counts as the nearest one inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "snake_case")]
pub struct Settings {
    /// Who fights whom.
    pub mode: Mode,
    /// Eliminations that win a match, a fighter's own or a team's together: 1 to 1,000.
    pub score_to_win: u16,
    /// How long a match lasts at most, in seconds: 10 to 3,600.
    pub time_limit_s: u16,
    /// How long a result is shown before the next match, in seconds: 1 to 60.
    pub result_s: u16,
}

/// Who fights whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Everybody fights everybody.
    #[default]
    FreeForAll,
    /// Red against blue; nobody harms a friend.
    Teams,
}

impl Settings {
    /// The same settings with every number inside its range.
    #[must_use]
    pub fn bounded(&self) -> Self {
        Self {
            mode: self.mode,
            score_to_win: self.score_to_win.clamp(1, 1000),
            time_limit_s: self.time_limit_s.clamp(10, 3600),
            result_s: self.result_s.clamp(1, 60),
        }
    }
}

impl Default for Settings {
    /// A match among sixteen lasts about twelve seconds: a load test of twenty sees several end.
    fn default() -> Self {
        Self { mode: Mode::FreeForAll, score_to_win: 4, time_limit_s: 180, result_s: 5 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_count_as_the_nearest_inside() {
        let wild = Settings { score_to_win: 0, time_limit_s: 1, result_s: 999, ..Settings::default() };
        let bounded = wild.bounded();
        assert_eq!((bounded.score_to_win, bounded.time_limit_s, bounded.result_s), (1, 10, 60));
    }

    #[test]
    fn the_defaults_lie_within_their_ranges() {
        assert_eq!(Settings::default().bounded(), Settings::default());
    }
}
